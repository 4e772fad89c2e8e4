/**
 * A tax name in the form in which names are compared: NFKC, without characters that are not seen, single blanks inside and
 * none around it, case-folded. `"VAT "`, `vat` and `ＶＡＴ` are one name. Empty for a name that shows nothing.
 */
export function taxNameKey(name: string): string {
  // Upper and then lower case is the full case folding of every letter but the dotless and dotted i.
  const folded = name.normalize('NFKC').toUpperCase().toLowerCase();
  return folded
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
    .normalize('NFKC');
}
