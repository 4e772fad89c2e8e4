import { objectionTo } from '#e-invoice';
import type { DraftInvoice } from '#invoicing';
import { held, type Held } from './holds.js';

/**
 * Holds a draft that could not be written in the electronic form that its customer wants: with a number it would only be
 * refused at the customer's. Notes are not held: what they correct is issued, and its parties can no longer be mended. Nor
 * is it looked at by a recomputation, which must follow what an earlier version issued.
 */
export function eInvoiceHold(draft: Omit<DraftInvoice, 'inputs_hash'>): Held | undefined {
  const objection = objectionTo(draft);
  if (!objection) return undefined;
  const { code, message } = objection;
  const profile = draft.customer.e_invoice?.profile ?? '';
  return code === 'e_invoice_incomplete'
    ? held(code, `${message}; fill them in`)
    : held('e_invoice_impossible', `there is no ${profile} of this invoice (${code}): ${message}`);
}
