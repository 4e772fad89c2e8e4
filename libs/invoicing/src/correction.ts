import { Decimal, decimal, formatAmount, minus } from '#money';
import type { RatedLine } from '#rating';
import { assertConserved, gstOfNote, notesOn } from './documents.js';
import type { DraftInvoice, InvoiceLine, IssuedInvoice, TaxGroup, Totals } from './invoice.js';
import { DEFAULT_LANGUAGE } from './language.js';
import { InvoicingError } from './invoicing-error.js';
import { asRated, byKey, type KeptByHand, keptByHand, withNotes, lineKey, type Taxing, totalOf } from './standing.js';
import { totalsOf } from './totals.js';

export interface CorrectionInput {
  /** The document that the correction cites. */
  readonly original: IssuedInvoice;
  /** Every document issued for the account and period, the original among them. */
  readonly issued: readonly IssuedInvoice[];
  /** The whole period rated again, with the versions, taxes, discounts and ranges of the original. */
  readonly rerated: { readonly lines: readonly RatedLine[]; readonly totals: Totals };
  /** What the period was rated again with; null: it is taken back, and notes by hand with it. */
  readonly taxing: Taxing | null;
  /** The report dialect the new usage was read with. */
  readonly dialectSha256: string | null;
  readonly layoutVersion: number;
}

/**
 * What the documents of a period must be corrected by: the period rated again minus everything already issued for it, per
 * line and per tax group. Below 0 in total it is a credit note, else a debit note; null when no line and no tax group
 * differs. The documents and the correction together always come to the re-rated totals, with what operators have credited and
 * charged by notes of their own: such a note stays, a credit as far as there still is something to credit (`keptByHand`).
 *
 * Lines are the same when charge, entity, segment, tax category and named tax are. A line that does not differ is left out. Parties
 * and payment terms are those of the original.
 *
 * @throws InvoicingError `foreign_document` when the documents are not of one account, period and currency,
 * `original_missing` when the original is not among them, `not_conserved` when one of them does not add up; as `taxesOn` where
 * something was credited by hand
 */
export function correctionOf(input: CorrectionInput): Omit<DraftInvoice, 'inputs_hash'> | null {
  const { original, issued, rerated } = input;
  assertSamePeriod(original, issued);
  assertConserved({ ...rerated.totals, lines: rerated.lines });
  const format = (amount: Decimal) => formatAmount(amount, original.currency);

  const { taxing } = input;
  const kept = taxing === null ? new Map<string, never>() : keptByHand(rerated.lines, original, issued, taxing);
  const target =
    taxing === null || kept.size === 0
      ? rerated.totals
      : totalsOf(withNotes(rerated.lines, kept), taxing.taxes, taxing.options);
  const lines = lineDeltas(rerated.lines, kept, issued, format);
  const taxes = taxDeltas(target.taxes, issued, format);
  if (lines.length === 0 && taxes.length === 0) return null;

  const still = (of: 'net' | 'tax' | 'gross' | 'rounding' | 'payable') =>
    issued.reduce((left, document) => minus(left, decimal(document[of])), decimal(target[of]));
  const gross = still('gross');
  const correction: Omit<DraftInvoice, 'inputs_hash'> = {
    status: 'draft',
    kind: gross.lessThan(0) ? 'credit_note' : 'debit_note',
    language: original.language ?? DEFAULT_LANGUAGE,
    seller: original.seller,
    account: original.account,
    supplier: original.supplier,
    customer: original.customer,
    period: original.period,
    currency: original.currency,
    lines,
    taxes,
    net: format(still('net')),
    tax: format(still('tax')),
    gross: format(gross),
    rounding: format(still('rounding')),
    payable: format(still('payable')),
    revision: Math.max(...issued.map(({ revision }) => revision)) + 1,
    payment_terms_days: original.payment_terms_days,
    ...gstOfNote(original),
    notes: [{ code: 'corrects', number: original.number, date: original.issue_date }, ...notesOn(lines, taxes)],
    dialect_sha256: input.dialectSha256,
    layout_version: input.layoutVersion,
  };
  assertConserved(correction);
  return correction;
}

export function assertSamePeriod(original: IssuedInvoice, issued: readonly IssuedInvoice[]): void {
  for (const document of issued) {
    const same =
      document.seller === original.seller &&
      document.account === original.account &&
      document.currency === original.currency &&
      document.period.start === original.period.start &&
      document.period.end === original.period.end;
    if (!same) {
      throw new InvoicingError(
        'foreign_document',
        `${document.number} is not of the same seller, account, period and currency as ${original.number}`,
      );
    }
    assertConserved(document);
  }
  if (!issued.some(({ id }) => id === original.id)) {
    throw new InvoicingError('original_missing', `${original.number} is not among the documents of its period`);
  }
}

type Amounts = Pick<RatedLine, 'amount' | 'quantity' | 'unrounded_amount'>;

function lineDeltas(
  rerated: readonly RatedLine[],
  kept: ReadonlyMap<string, KeptByHand>,
  issued: readonly IssuedInvoice[],
  format: (amount: Decimal) => string,
): InvoiceLine[] {
  const now = byKey(rerated, lineKey);
  const earlier = byKey(
    issued.flatMap((document) => document.lines),
    lineKey,
  );
  const deltas: InvoiceLine[] = [];
  for (const key of new Set([...now.keys(), ...earlier.keys()])) {
    const [after, before] = [now.get(key) ?? [], earlier.get(key) ?? []];
    const shown = after[0] ?? before.findLast(({ credit }) => credit === undefined) ?? before.at(-1);
    // What was noted by hand and stays is no part of what was billed too much or too little.
    const byHand = kept.get(key);
    const billed = (of: keyof Amounts) =>
      minus(totalOf(before, of), (of === 'quantity' ? byHand?.quantity : byHand?.amount) ?? new Decimal(0));
    const total = (of: keyof Amounts) => minus(totalOf(after, of), billed(of));
    const amount = total('amount');
    if (shown === undefined || amount.isZero()) continue;
    deltas.push({
      ...asRated(shown),
      position: deltas.length + 1,
      quantity: total('quantity').toFixed(),
      amount: format(amount),
      unrounded_amount: total('unrounded_amount').toFixed(),
      correction: { rerated: format(totalOf(after, 'amount')), billed: format(billed('amount')) },
    });
  }
  return deltas;
}

/** What tax groups of documents must be changed by, to come to those of `rerated`. */
export function taxDeltas(
  rerated: readonly TaxGroup[],
  issued: readonly IssuedInvoice[],
  format: (amount: Decimal) => string,
): TaxGroup[] {
  const groupKey = ({ name, category, rate }: TaxGroup) => JSON.stringify([name, category, rate]);
  const now = byKey(rerated, groupKey);
  const billed = byKey(
    issued.flatMap((document) => document.taxes),
    groupKey,
  );
  const deltas: TaxGroup[] = [];
  for (const key of new Set([...now.keys(), ...billed.keys()])) {
    const [after, before] = [now.get(key) ?? [], billed.get(key) ?? []];
    const shown = after[0] ?? before.at(-1);
    const base = minus(totalOf(after, 'base'), totalOf(before, 'base'));
    const amount = minus(totalOf(after, 'amount'), totalOf(before, 'amount'));
    if (shown === undefined || (base.isZero() && amount.isZero())) continue;
    deltas.push({ ...shown, base: format(base), amount: format(amount) });
  }
  return deltas;
}
