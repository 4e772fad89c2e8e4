import type { PrintableInvoice } from './printable-invoice.js';
import { codePointOf, undrawable } from './printable.js';

/** A text of a document with characters that no typeface has. */
export interface UnprintableText {
  /** RFC 6901, such as `/customer/name`. */
  readonly member: string;
  /** Each once, in the order of the text: `U+6771`. */
  readonly characters: readonly string[];
}

/**
 * The texts of a document that cannot be drawn as they are written. Every text counts, whether this layout prints it or the
 * next one does. Costs one look at each text where all are ASCII.
 */
export function unprintableTexts(document: Omit<PrintableInvoice, 'inputs_hash'>): UnprintableText[] {
  const found: UnprintableText[] = [];
  const look = (value: unknown, member: string): void => {
    if (typeof value === 'string') {
      const characters = undrawable(value);
      if (characters.length > 0) found.push({ member, characters: characters.map(codePointOf) });
    } else if (typeof value === 'object' && value !== null) {
      // Members of documents are named by this service: none has a name that a pointer would have to escape.
      for (const [name, part] of Object.entries(value)) look(part, `${member}/${name}`);
    }
  };
  look(document, '');
  return found;
}
