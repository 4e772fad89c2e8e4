import { type BillingPeriod, toStamp } from '#calendar';
import { decimal, minorUnits } from '#money';
import { derive } from './derivation.js';
import type { RatedLine } from './rated-line.js';

/** What an operator credits (below 0) or charges an account once, beside its plan. */
export interface Adjustment {
  readonly id: string;
  /** With the decimals of the account's currency; never 0. */
  readonly amount: string;
  /** Why, as it is printed. */
  readonly reason: string;
  /** The name of the tax of the account that it bears, or the category of it; both null: the account's own. */
  readonly tax: string | null;
  readonly taxCategory: string | null;
  /** Who made it. */
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
}

/** The line that an adjustment is billed with. No discount and no minimum spend of a plan counts it. */
export function adjustmentLine(adjustment: Adjustment, period: BillingPeriod, currency: string): RatedLine {
  const { id, amount, reason, tax, taxCategory, by, at } = adjustment;
  const basis = { kind: 'adjustment' as const, adjustment: id, amount, by, at };
  const { derivation } = derive(null, basis, { mode: 'half_up', digits: minorUnits(currency) });
  return {
    charge: `adjustment:${id}`,
    kind: 'adjustment',
    description: reason,
    entity: null,
    segment: {
      start: toStamp(period.start),
      end: toStamp(period.end),
      start_date: period.startDate,
      end_date: period.endDate,
    },
    quantity: '1',
    unit: 'item',
    amount,
    unrounded_amount: decimal(amount).toFixed(),
    tax_category: tax === null ? taxCategory : null,
    ...(tax !== null && { tax }),
    commodity_code: null,
    derivation,
  };
}
