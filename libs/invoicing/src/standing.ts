import { allocate, Decimal, decimal, minorUnits, plus, Ratio, sum } from '#money';
import { type RatedLine, taxNameKey } from '#rating';
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

/** What an operator has credited of a line, as far as it stays: below 0. */
export interface KeptCredit {
  readonly line: RatedLine;
  readonly amount: Decimal;
  readonly quantity: Decimal;
}

/**
 * What stays of the credits that operators gave on a period once it is rated again, by line. A credit is a decision about
 * what was billed and survives a correction of the usage; but no line, no tax and no period is credited more than it comes
 * to, so what a line, the lines of one tax class or the period come to now bounds what stays of it. What is too much is
 * taken from the credits by largest remainder.
 *
 * @param original credits of the documents that it corrects count; those before it were taken back with everything else
 */
export function keptCredits(
  rerated: readonly RatedLine[],
  original: IssuedInvoice,
  issued: readonly IssuedInvoice[],
  { taxes, options }: Taxing,
): Map<string, KeptCredit> {
  const given = byKey(
    issued
      .filter(({ corrects }) => corrects?.id === original.id)
      .flatMap(({ lines }) => lines.filter(({ credit }) => credit !== undefined)),
    lineKey,
  );
  if (given.size === 0) return new Map();
  const lines = byKey(rerated, lineKey);
  const credits = [...given].flatMap(([key, parts]) => {
    const [line] = lines.get(key) ?? [];
    const left = Decimal.max(0, totalOf(lines.get(key) ?? [], 'amount'));
    const credited = totalOf(parts, 'amount').negated();
    if (line === undefined || left.isZero()) return [];
    const quantity = totalOf(parts, 'quantity');
    return [{ key, line, credited, quantity, kept: Decimal.min(credited, left), of: taxClass(line, taxes) }];
  });
  const digits = minorUnits(options.currency);
  const bound = (some: typeof credits, most: Decimal) => {
    const room = Decimal.max(0, most);
    const wanted = sum(some.map(({ kept }) => kept));
    if (wanted.lessThanOrEqualTo(room)) return;
    const weights = some.map(({ kept }) => kept);
    allocate(room, weights, digits).forEach((part, at) => {
      const credit = some[at];
      if (credit) credit.kept = part;
    });
  };
  const bases = byKey(rerated, (line) => taxClass(line, taxes));
  for (const [of, some] of byKey(credits, (credit) => credit.of)) bound(some, totalOf(bases.get(of) ?? [], 'amount'));
  bound(credits, totalOf(rerated, 'amount'));
  return new Map(
    credits
      .filter(({ kept }) => !kept.isZero())
      .map(({ key, line, credited, quantity, kept }) => [
        key,
        {
          line,
          amount: kept.negated(),
          quantity: kept.equals(credited)
            ? quantity
            : decimal(Ratio.of(quantity).times(Ratio.of(kept, credited)).toTruncated()),
        },
      ]),
  );
}

/** The lines of a period as they stand: rated again, less the credits that stay. For totals, not for a document. */
export function lessCredits(
  rerated: readonly RatedLine[],
  kept: ReadonlyMap<string, KeptCredit>,
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
  return rated;
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
