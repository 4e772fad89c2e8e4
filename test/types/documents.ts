import {
  type AccountTax,
  type DraftInvoice,
  draftInvoice,
  type DraftInput,
  type IssuedInvoice,
  issueInvoice,
  type TaxGroup,
} from '#invoicing';
import {
  type BandwidthMeasure,
  type BytesMeasure,
  measure,
  type MeasureOutcome,
  type Unit,
  unitFactor,
} from '#metering';
import { Ratio, type RoundingMode } from '#money';

/**
 * What must not compile; `npm run types` is the test. Only an issued document has a number, nothing issued changes back,
 * and a quantity exists only where it was measured.
 */
declare const draft: DraftInvoice;
declare const issued: IssuedInvoice;
declare const input: DraftInput;
declare const outcome: MeasureOutcome;
declare function store(document: IssuedInvoice): void;

const of = { id: 'an-id', number: 'INV-2026-000001', issuedAt: 0, sellerTimeZone: 'UTC' };

export function onlyIssuedDocumentsHaveNumbers(): void {
  store(issueInvoice(draft, of));
  // @ts-expect-error a draft is not issued
  store(draft);
  // @ts-expect-error nor does a number alone issue it
  store({ ...draft, number: of.number });
  // @ts-expect-error a draft has no number
  void draft.number;
  // @ts-expect-error an issued document is not issued again
  issueInvoice(issued, of);
  // @ts-expect-error there is no issuing without a number
  issueInvoice(draft, { id: of.id, issuedAt: of.issuedAt, sellerTimeZone: of.sellerTimeZone });
  // @ts-expect-error nor without the seller's zone, which dates it
  issueInvoice(draft, { id: of.id, number: of.number, issuedAt: of.issuedAt });
  // @ts-expect-error what was drafted pins the hash of its inputs before it is issued
  issueInvoice(draftInvoice(input), of);
}

export function amountsAndRatesAreText(): void {
  // @ts-expect-error a rate is not a binary float
  const tax: AccountTax = { name: 'VAT', category: 'S', rate: 19 };
  // @ts-expect-error nor is an amount
  const group: Pick<TaxGroup, 'base' | 'amount'> = { base: '1.00', amount: 0.19 };
  // @ts-expect-error UNCL5305 has no such category here
  const category: AccountTax['category'] = 'B';
  // @ts-expect-error amounts are rounded half-up or half-even
  const mode: RoundingMode = 'down';
  void [tax, group, category, mode];
}

export function quantitiesAreMeasured(): Ratio | undefined {
  // @ts-expect-error usage that is held has no quantity
  void outcome.quantity;
  // @ts-expect-error a rate has no total
  const rate: Pick<BandwidthMeasure, 'direction'> = { direction: 'total' };
  // @ts-expect-error bytes have no percentile
  const bytes: Pick<BytesMeasure, 'direction'> = { direction: 'percentile_of_sum' };
  // @ts-expect-error whether a missing slot counts is never left open
  const open: BandwidthMeasure = { ...percentile, missing: undefined };
  // @ts-expect-error powers of ten and of two are told apart by their names
  const unit: Unit = 'gb';
  // @ts-expect-error a unit is not any text
  unitFactor('parsec');
  // @ts-expect-error evidence is recomputed, never handed in
  measure(percentile, { start: 0, end: 300 }, [], [], { quantity: '1' });
  // @ts-expect-error a ratio is made by of, which refuses floats and zero denominators
  new Ratio(1, 3);
  void [rate, bytes, open, unit];
  return outcome.outcome === 'measured' ? outcome.quantity : undefined;
}

const percentile: BandwidthMeasure = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'percentile_of_greater',
  sites: 'pooled',
  missing: 'zero',
  min_coverage: '0',
};
