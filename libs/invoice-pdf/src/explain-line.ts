import type { InvoiceLine } from '#invoicing';
import { grouped } from './wording.js';

/** The steps of a line's derivation that multiply a quantity by a price, one sentence each. */
export function explainLine(line: InvoiceLine): string[] {
  return line.derivation.steps.flatMap(({ kind, quantity, unit_price: unitPrice }) =>
    quantity === null || unitPrice === null ? [] : [`${kind}: ${grouped(quantity)} × ${grouped(unitPrice)}`],
  );
}
