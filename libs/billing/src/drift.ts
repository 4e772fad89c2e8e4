import { Decimal, decimal, formatAmount, minus, Ratio, sum, times } from '#money';
import type { IssuedInvoice } from '#invoicing';
import type { RatedLine } from '#rating';
import type { Notice } from './holds.js';

/** What an account was billed for the month before a period, and how much its seller lets a month differ. */
export interface MonthBilled {
  /** `YYYY-MM`. */
  readonly label: string;
  /** Over all documents of the month; null when there is none. */
  readonly net: string | null;
  /** Percent; null: however much. */
  readonly driftPercent: string | null;
}

/**
 * A warning when this month's net differs from last month's by more than the seller lets pass: a meter that stopped, a
 * price with a digit too many. Only a warning: a month may really be unlike the one before. Pure.
 *
 * @param net this month's; "0.00" when there is nothing to bill
 */
export function driftWarning(net: string, currency: string, before: MonthBilled): Notice<'drift'> | undefined {
  if (before.net === null || before.driftPercent === null) return undefined;
  const [now, then] = [decimal(net), decimal(before.net)];
  const difference = minus(now, then);
  const limit = times(then.abs(), decimal(before.driftPercent));
  if (difference.isZero() || times(difference.abs(), HUNDRED).lessThanOrEqualTo(limit)) return undefined;
  const share = then.isZero() ? '' : `, ${percentOf(difference, then)} %`;
  const message =
    `net ${net} ${currency} against ${before.net} ${currency} for ${before.label}${share} ` +
    `(more than the ${before.driftPercent} % that the seller lets pass without a warning)`;
  return { code: 'drift', message };
}

const HUNDRED = new Decimal(100);

function percentOf(difference: Decimal, then: Decimal): string {
  const percent = Ratio.of(times(difference, HUNDRED), then.abs()).round(1).toFixed(1);
  return percent.startsWith('-') ? percent : `+${percent}`;
}

/** What a charge came to in one month, over all its lines. */
export interface ChargeTotal {
  /** Null where the lines do not add up to one quantity: other units, or levels of several sites or parts of the month. */
  quantity: string | null;
  unit: string | null;
  amount: string;
}

/** A charge this month and the month before. */
export interface ChargeChange {
  /** As on the lines: the plan's code, `discount:<n>` or `minimum_spend`. */
  charge: string;
  description: string;
  change: 'new' | 'gone' | 'changed' | 'same';
  /** Null when it is gone. */
  current: ChargeTotal | null;
  /** Null when it is new. */
  previous: ChargeTotal | null;
  /** Current less previous; the quantity is null where it is unknown or its unit was another. */
  difference: { quantity: string | null; amount: string };
}

/** An account of a close against what it was billed for the month before. */
export interface MonthOnMonth {
  /** The month before, `YYYY-MM`. */
  period: string;
  /** All that was issued for it, in the order of revisions; what is compared with is their sum. */
  documents: { id: string; number: string }[];
  currency: string;
  charges: ChargeChange[];
}

/**
 * Compares what an account comes to with its month before, charge by charge. Null where there is nothing to compare: the
 * month before has no document, or it was billed in another currency.
 *
 * @param current `currency` null where the account came to nothing
 * @param before the month, and all documents of it
 */
export function compareMonths(
  current: { readonly currency: string | null; readonly lines: readonly ChargedLine[] },
  before: { readonly period: string; readonly documents: readonly IssuedInvoice[] },
): MonthOnMonth | null {
  const [first] = before.documents;
  if (!first || (current.currency ?? first.currency) !== first.currency) return null;
  return {
    period: before.period,
    documents: before.documents.map(({ id, number }) => ({ id, number })),
    currency: first.currency,
    charges: chargeChanges(
      current.lines,
      before.documents.flatMap((document) => document.lines),
      first.currency,
    ),
  };
}

type ChargedLine = Pick<RatedLine, 'charge' | 'description' | 'entity' | 'segment' | 'quantity' | 'unit' | 'amount'> & {
  readonly derivation: Pick<RatedLine['derivation'], 'basis'>;
};

/**
 * Compares two months of one account charge by charge. Exact: sums of what the lines say. Pure.
 *
 * @param current this month's lines
 * @param previous the lines of all documents of the month before: notes bring the differences that they are about
 * @param currency of both
 * @returns this month's charges in the order of their lines, then those that are gone in theirs
 */
export function chargeChanges(
  current: readonly ChargedLine[],
  previous: readonly ChargedLine[],
  currency: string,
): ChargeChange[] {
  const [now, then] = [byCharge(current), byCharge(previous)];
  return [...new Set([...now.keys(), ...then.keys()])].map((charge) => {
    const [after, before] = [now.get(charge), then.get(charge)];
    const [a, b] = [after && chargeTotal(after, currency), before && chargeTotal(before, currency)];
    const quantity = difference(a?.quantity, b?.quantity);
    const amount = minus(decimal(a?.amount ?? '0'), decimal(b?.amount ?? '0'));
    const same = amount.isZero() && a?.quantity === b?.quantity && a?.unit === b?.unit;
    return {
      charge,
      description: (after ?? before)?.[0]?.description ?? charge,
      change: b === undefined ? 'new' : a === undefined ? 'gone' : same ? 'same' : 'changed',
      current: a ?? null,
      previous: b ?? null,
      difference: {
        quantity: a && b && a.unit !== b.unit ? null : quantity,
        amount: formatAmount(amount, currency),
      },
    };
  });
}

function byCharge(lines: readonly ChargedLine[]): Map<string, ChargedLine[]> {
  const charges = new Map<string, ChargedLine[]>();
  for (const line of lines) {
    const own = charges.get(line.charge);
    if (own) own.push(line);
    else charges.set(line.charge, [line]);
  }
  return charges;
}

function chargeTotal(lines: readonly ChargedLine[], currency: string): ChargeTotal {
  const units = new Set(lines.map(({ unit }) => unit));
  // Levels do not add up over sites or over parts of a month; a note's line is of the same site and part as the line it corrects.
  const levels = lines.filter(({ derivation: { basis } }) => basis.kind === 'usage' && basis.scaled_by === 'rate');
  const places = new Set(
    levels.map(({ entity, segment }) => JSON.stringify([entity?.value, segment.start, segment.end])),
  );
  const adds = units.size === 1 && places.size <= 1;
  return {
    quantity: adds ? sum(lines.map(({ quantity }) => decimal(quantity))).toFixed() : null,
    unit: units.size === 1 ? ([...units][0] ?? null) : null,
    amount: formatAmount(sum(lines.map(({ amount }) => decimal(amount))), currency),
  };
}

/** Undefined: there was none. Null: it is not known. */
function difference(now: string | null | undefined, then: string | null | undefined): string | null {
  return now === null || then === null ? null : minus(decimal(now ?? '0'), decimal(then ?? '0')).toFixed();
}
