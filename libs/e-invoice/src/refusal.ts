/** Why a document has no electronic form in some format. Nothing is bent to make it fit: its PDF stands alone then. */
export interface Refusal {
  readonly outcome: 'refused';
  readonly code: RefusalCode;
  /** What is wrong with which part of the document, and what would mend it. */
  readonly message: string;
  /** With `e_invoice_incomplete`: what is missing, by the paths of members of the account and (below `/seller`) the seller. */
  readonly members?: readonly string[];
}

export type RefusalCode =
  /** EN 16931 has two decimals at most, and a list of currencies. */
  | 'currency_not_in_e_invoices'
  /** The parties lack what the format requires. */
  | 'e_invoice_incomplete'
  /** INV-01 has the components of India's goods and services tax, and no reverse charge. */
  | 'tax_not_in_inv01'
  /** Two taxes on one supply (CGST and SGST); EN 16931 knows one. */
  | 'several_taxes_on_a_line'
  /** The groups of the document do not say which of two rates a line bears. */
  | 'tax_of_a_line_unclear'
  /** A document with lines outside the scope of VAT has no others (BR-O-11 to BR-O-14). */
  | 'outside_scope_beside_taxed'
  /** An amount is not what EN 16931 makes of the others. */
  | 'amounts_not_exact'
  /** A character that XML 1.0 cannot carry. */
  | 'character_not_in_xml';

export function refused(code: RefusalCode, message: string, members?: readonly string[]): Refusal {
  return members === undefined ? { outcome: 'refused', code, message } : { outcome: 'refused', code, message, members };
}

export function isRefusal(value: object): value is Refusal {
  return 'outcome' in value && value.outcome === 'refused';
}
