import { type DraftInvoice, gstContradiction, gstSupplyOf, isUnclear } from '#invoicing';
import type { BillingTerms } from './facts.js';
import { held, type Held } from './holds.js';

/**
 * Holds a draft of a seller with a GSTIN whose place of supply is not clear, or whose taxes, as an operator wrote them for the
 * account, are those of another one. Like the form that a customer wants it is looked at before a document is issued and not
 * by a recomputation, which must follow what an earlier version issued.
 */
export function gstHold(
  { seller, account }: Pick<BillingTerms, 'seller' | 'account'>,
  draft: Pick<DraftInvoice, 'taxes'>,
): Held | undefined {
  const supply = gstSupplyOf(seller, account);
  if (supply === undefined) return undefined;
  if (isUnclear(supply)) {
    return held('place_of_supply_unclear', `${supply.message}; mend ${supply.members.join(', ')}`);
  }
  const contradiction = gstContradiction(supply, draft.taxes);
  if (contradiction === undefined) return undefined;
  return held('taxes_contradict_place_of_supply', `${contradiction}; mend ${MEMBERS.join(', ')}`);
}

/** What decides the taxes of a supply in India; the seller's below `/seller`. */
const MEMBERS = ['/taxes', '/tax_id', '/gst', '/seller/tax_id'];
