import { allocate, Decimal, decimal, minorUnits, minus, plus, Ratio, sum } from '#money';
import { type RatedLine, taxNameKey, withoutCharts } from '#rating';
import { type TaxedLine, taxesOn } from './account-taxes.js';
import type { AccountTax, InvoiceLine, IssuedInvoice } from './invoice.js';
import type { TotalsOptions } from './totals.js';

/** What taxes the lines of a period: those of the account and the seller's rounding, as the original was issued by them. */
export interface Taxing {
  readonly taxes: readonly AccountTax[];
  readonly options: TotalsOptions;
}

/** A correction leaves lines out, so a line is known by what it is for and never by its place on a document. */
export function lineKey({ charge, kind, entity, segment, tax_category, tax, commodity_code }: RatedLine): string {
  const of = entity && [entity.dimension, entity.value];
  const named = tax === undefined ? null : taxNameKey(tax);
  return JSON.stringify([charge, kind, of, segment.start, segment.end, tax_category, named, commodity_code]);
}

export function byKey<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

export function totalOf<K extends string>(items: readonly Record<K, string>[], of: K): Decimal {
  return items.reduce((total, item) => plus(total, decimal(item[of])), new Decimal(0));
}

/** Lines that bear the same taxes have the same class: what is credited in one is never taken from another. */
export function taxClass(line: TaxedLine, taxes: readonly AccountTax[]): string {
  return JSON.stringify(
    taxesOn(line, taxes).map(({ name, category, rate }) => [taxNameKey(name), category, decimal(rate).toFixed()]),
  );
}

/** What operators credited of a line or noted as a line of its own, as far as it stays. */
export interface KeptByHand {
  readonly line: RatedLine;
  readonly amount: Decimal;
  readonly quantity: Decimal;
}

/**
 * What stays of what operators credited and charged by notes on a period once it is rated again, by line. Such a note is a
 * decision and survives a correction of the usage; but no line, no tax and no period is credited more than it comes to, so
 * what a line, the lines of one tax class or the period come to now bounds what stays of credits. What is too much is taken
 * from the credits by largest remainder.
 *
 * @param original notes on it count; those on what it replaces were taken back with everything else
 */
export function keptByHand(
  rerated: readonly RatedLine[],
  original: IssuedInvoice,
  issued: readonly IssuedInvoice[],
  { taxes, options }: Taxing,
): Map<string, KeptByHand> {
  const noted = issued.filter(({ corrects }) => corrects?.id === original.id).flatMap(({ lines }) => lines);
  const given = byKey(
    noted.filter(({ credit }) => credit !== undefined),
    lineKey,
  );
  const own = byKey(noted.filter(isOfItsOwn), lineKey);
  if (given.size === 0 && own.size === 0) return new Map();
  const charged = [...own.values()].flatMap((parts) => (totalOf(parts, 'amount').greaterThan(0) ? parts : []));
  const base = [...rerated, ...charged];
  const lines = byKey(base, lineKey);
  const creditOf = (key: string, parts: readonly InvoiceLine[], line: RatedLine | undefined, most: Decimal) => {
    const credited = totalOf(parts, 'amount').negated();
    if (line === undefined || !most.greaterThan(0) || !credited.greaterThan(0)) return [];
    const kept = Decimal.min(credited, most);
    return [{ key, line, credited, quantity: totalOf(parts, 'quantity'), kept, of: taxClass(line, taxes) }];
  };
  const credits = [
    ...[...given].flatMap(([key, parts]) =>
      creditOf(key, parts, lines.get(key)?.[0], totalOf(lines.get(key) ?? [], 'amount')),
    ),
    ...[...own].flatMap(([key, parts]) => creditOf(key, parts, parts[0], totalOf(parts, 'amount').negated())),
  ];
  const digits = minorUnits(options.currency);
  const bound = (some: typeof credits, most: Decimal) => {
    const room = Decimal.max(0, most);
    const weights = some.map(({ kept }) => kept);
    if (sum(weights).lessThanOrEqualTo(room)) return;
    allocate(room, weights, digits).forEach((part, at) => {
      const credit = some[at];
      if (credit) credit.kept = part;
    });
  };
  const bases = byKey(base, (line) => taxClass(line, taxes));
  for (const [of, some] of byKey(credits, (credit) => credit.of)) bound(some, totalOf(bases.get(of) ?? [], 'amount'));
  bound(credits, totalOf(base, 'amount'));
  const kept = new Map<string, KeptByHand>(
    charged.map((line) => [
      lineKey(line),
      { line: asRated(line), amount: decimal(line.amount), quantity: decimal(line.quantity) },
    ]),
  );
  for (const { key, line, credited, quantity, kept: stays } of credits) {
    if (stays.isZero()) continue;
    const before = kept.get(key);
    const part = stays.equals(credited)
      ? quantity
      : decimal(Ratio.of(quantity).times(Ratio.of(stays, credited)).toTruncated());
    kept.set(key, {
      line: asRated(line),
      amount: minus(before?.amount ?? new Decimal(0), stays),
      quantity: plus(before?.quantity ?? new Decimal(0), part),
    });
  }
  return kept;
}

/** Whether a line of a note is no part of another line: an adjustment that was noted at once. */
function isOfItsOwn({ kind, correction, credit }: InvoiceLine): boolean {
  return kind === 'adjustment' && correction === undefined && credit === undefined;
}

/** The lines of a period as they stand: rated again, with what stays of notes by hand. For totals, not for a document. */
export function withNotes(
  rerated: readonly RatedLine[],
  kept: ReadonlyMap<string, KeptByHand>,
): (TaxedLine & Pick<RatedLine, 'amount'>)[] {
  return [...rerated, ...[...kept.values()].map(({ line, amount }) => ({ ...line, amount: amount.toFixed() }))];
}

/** What documents come to per line, the lines in the order in which they were first billed. */
export interface StandingLine {
  /** As it was billed or corrected last: what a note that takes some of it back says of it. */
  readonly line: RatedLine;
  readonly amount: Decimal;
  readonly quantity: Decimal;
}

/** A line as it was rated, without its place on a document and what the document says of it. */
export function asRated(line: RatedLine | InvoiceLine): RatedLine {
  const rated: RatedLine & Partial<Pick<InvoiceLine, 'position' | 'correction' | 'credit'>> = { ...line };
  delete rated.position;
  delete rated.correction;
  delete rated.credit;
  return withoutCharts(rated);
}

/** The lines of the documents of a period, each with what all of them come to for it. */
export function standingLines(issued: readonly IssuedInvoice[]): Map<string, StandingLine> {
  const lines = byKey(
    issued.flatMap((document) => document.lines),
    lineKey,
  );
  return new Map(
    [...lines].flatMap(([key, parts]) => {
      const last = parts.findLast(({ credit }) => credit === undefined) ?? parts.at(-1);
      if (last === undefined) return [];
      const line = asRated(last);
      return [[key, { line, amount: totalOf(parts, 'amount'), quantity: totalOf(parts, 'quantity') }] as const];
    }),
  );
}
