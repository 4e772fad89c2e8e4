import { allocate, Decimal, decimal, formatAmount, minorUnits, minus, plus, Ratio, sum } from '#money';
import type { RatedLine } from '#rating';
import { assertSamePeriod, taxDeltas } from './correction.js';
import { assertConserved, gstOfNote, notesOn } from './documents.js';
import type { DraftInvoice, InvoiceLine, IssuedInvoice, TaxGroup } from './invoice.js';
import { DEFAULT_LANGUAGE } from './language.js';
import { byKey, lineKey, type StandingLine, standingLines, taxClass, type Taxing } from './standing.js';
import { totalsOf } from './totals.js';

/** What of the original a credit is about: a line by its position, and an amount or a quantity of it. */
export type LineToCredit =
  { readonly position: number; readonly amount: string } | { readonly position: number; readonly quantity: string };

/** What an operator wants credited of what was billed. Amounts are net, positive decimal strings. */
export type CreditRequest = { readonly reason: string } & (
  { readonly amount: string } | { readonly lines: readonly LineToCredit[] }
);

export type CreditRefusalCode =
  | 'credit_exceeds_what_stands'
  | 'credit_of_nothing'
  | 'line_not_found'
  | 'quantity_not_creditable'
  | 'too_many_decimals'
  | 'credit_not_computable';

/** Why a credit cannot be given as it was asked for; a value, because a clerk mends the request. */
export interface CreditRefusal {
  readonly outcome: 'refused';
  readonly code: CreditRefusalCode;
  readonly message: string;
  /** JSON pointer (RFC 6901) into the request. */
  readonly pointer: string;
}

/** What every note by hand is made from. */
export interface NoteInput {
  /** The document that billed the period and that the credit note names. */
  readonly original: IssuedInvoice;
  /** Every document issued for the account and period, the original among them, in the order of their revisions. */
  readonly issued: readonly IssuedInvoice[];
  /** As the original was issued by it. */
  readonly taxing: Taxing;
  readonly layoutVersion: number;
}

export interface CreditInput extends NoteInput {
  readonly request: CreditRequest;
}

/**
 * The credit note over a part of what the documents of a period come to. Pure.
 *
 * An amount of a line stands in the taxes of that line. A quantity is worth its share of what the line comes to, rounded once;
 * all of the quantity is all of the amount. An amount without lines is spread over what stands by largest remainder: over the
 * tax classes (lines that bear the same taxes) in proportion to what each comes to, and within each over its lines that come to
 * more than 0.
 *
 * The tax of a group is the tax on what stood less the tax on what is left, each rounded once: so the last credit takes the
 * last cent, and the documents of a period always come to the tax on what they come to.
 *
 * Never more than what stands is credited: per line, per tax class (hence per tax group), and in total, net and gross.
 *
 * @throws InvoicingError as `correctionOf`
 */
export function creditOf(input: CreditInput): Omit<DraftInvoice, 'inputs_hash'> | CreditRefusal {
  const { original, request, taxing } = input;
  const period = standingPeriod(input);
  if ('outcome' in period) return period;
  const { standing, rooms, room } = period;
  const parts =
    'amount' in request
      ? spread(request.amount, rooms, room, original.currency)
      : partsOfLines(request.lines, original, standing, taxing);
  if ('outcome' in parts) return parts;
  const pointer = 'amount' in request ? '/amount' : '/lines';
  for (const { base, keys } of rooms.values()) {
    const of = sum(keys.map((key) => parts.get(key)?.amount ?? new Decimal(0)));
    if (of.greaterThan(base)) {
      return exceeds(`${period.format(base)} net under the taxes of one of its lines`, pointer);
    }
  }
  const lines = [...standing].flatMap(([key, { line, amount: billed }]): Omit<InvoiceLine, 'position'>[] => {
    const part = parts.get(key);
    if (part === undefined || part.amount.isZero()) return [];
    const amount = part.amount.negated();
    return [
      {
        ...line,
        quantity: part.quantity.isZero() ? '0' : part.quantity.negated().toFixed(),
        amount: period.format(amount),
        unrounded_amount: amount.toFixed(),
        credit: { billed: period.format(billed), left: period.format(plus(billed, amount)) },
      },
    ];
  });
  return noteOf(input, period, lines, { reason: request.reason, pointer });
}

export interface AdjustmentNoteInput extends NoteInput {
  /** The line of an adjustment (`adjustmentLine`). */
  readonly line: RatedLine;
}

/**
 * The note that says an adjustment at once, as one more line of a period that was billed: below 0 a credit note, which is
 * bounded by what stands under the taxes of the line and in all, else a debit note. Pure.
 *
 * @throws InvoicingError as `correctionOf`
 */
export function adjustmentNoteOf(input: AdjustmentNoteInput): Omit<DraftInvoice, 'inputs_hash'> | CreditRefusal {
  const { line, taxing } = input;
  const period = standingPeriod(input);
  if ('outcome' in period) return period;
  const credited = decimal(line.amount).negated();
  const base = period.rooms.get(taxClass(line, taxing.taxes))?.base ?? new Decimal(0);
  if (credited.greaterThan(base)) {
    return exceeds(`${period.format(base)} net of what stands under the same taxes`, '/amount');
  }
  return noteOf(input, period, [line], { reason: line.description, pointer: '/amount' });
}

type Total = 'net' | 'tax' | 'gross' | 'rounding' | 'payable';

/** What the documents of a period come to. */
interface StandingPeriod {
  readonly standing: ReadonlyMap<string, StandingLine>;
  readonly rooms: ReadonlyMap<string, Room>;
  /** What can be credited in all, net. */
  readonly room: Decimal;
  readonly total: (of: Total) => Decimal;
  readonly format: (amount: Decimal) => string;
}

function standingPeriod({ original, issued, taxing }: NoteInput): StandingPeriod | CreditRefusal {
  assertSamePeriod(original, issued);
  const standing = standingLines(issued);
  const stood = totalsOf(linesOf(standing), taxing.taxes, taxing.options);
  const total = (of: Total) => sum(issued.map((document) => decimal(document[of])));
  const parted = (['net', 'tax', 'gross', 'rounding', 'payable'] as const).some(
    (part) => !total(part).equals(decimal(stood[part])),
  );
  if (parted) return notComputable(original);
  const rooms = roomsOf(standing, taxing);
  return {
    standing,
    rooms,
    room: Decimal.max(0, Decimal.min(total('net'), sum([...rooms.values()].map(({ base }) => base)))),
    total,
    format: (amount) => formatAmount(amount, original.currency),
  };
}

/** The document that brings what stands to what is left once its lines are added. */
function noteOf(
  { original, issued, taxing, layoutVersion }: NoteInput,
  { standing, room, total, format }: StandingPeriod,
  lines: readonly Omit<InvoiceLine, 'position'>[],
  { reason, pointer }: { reason: string; pointer: string },
): Omit<DraftInvoice, 'inputs_hash'> | CreditRefusal {
  const { taxes: accountTaxes, options } = taxing;
  const credited = sum(lines.map(({ amount }) => decimal(amount))).negated();
  if (credited.greaterThan(room)) return exceeds(`${format(room)} net of ${original.number} in all`, pointer);
  const left = totalsOf([...linesOf(standing), ...lines], accountTaxes, options);
  if (credited.greaterThan(0) && decimal(left.gross).isNegative() && !total('gross').isNegative()) {
    return exceeds(`${format(total('gross'))} gross of ${original.number} in all`, pointer);
  }
  const groupKey = ({ name, category, rate }: TaxGroup) => JSON.stringify([name, category, rate]);
  // Groups stand in the order in which the lines of the note first bear them.
  const order = totalsOf(lines, accountTaxes, options).taxes.map(groupKey);
  const taxes = taxDeltas(left.taxes, issued, format).sort(
    (a, b) => order.indexOf(groupKey(a)) - order.indexOf(groupKey(b)),
  );
  const still = (of: Total) => format(minus(decimal(left[of]), total(of)));
  const note: Omit<DraftInvoice, 'inputs_hash'> = {
    status: 'draft',
    kind: credited.greaterThan(0) ? 'credit_note' : 'debit_note',
    language: original.language ?? DEFAULT_LANGUAGE,
    seller: original.seller,
    account: original.account,
    supplier: original.supplier,
    customer: original.customer,
    period: original.period,
    currency: original.currency,
    lines: lines.map((line, index) => ({ position: index + 1, ...line })),
    taxes,
    net: still('net'),
    tax: still('tax'),
    gross: still('gross'),
    rounding: still('rounding'),
    payable: still('payable'),
    revision: Math.max(...issued.map(({ revision }) => revision)) + 1,
    payment_terms_days: original.payment_terms_days,
    ...gstOfNote(original),
    ...(credited.greaterThan(0) && { credit: { reason, billed: format(total('gross')), left: left.gross } }),
    notes: [{ code: 'corrects', number: original.number, date: original.issue_date }, ...notesOn(lines, taxes)],
    dialect_sha256: original.dialect_sha256,
    layout_version: layoutVersion,
  };
  assertConserved(note);
  return note;
}

/** What is credited of a line: both above 0, or the quantity 0 where an amount was asked for. */
interface Part {
  readonly amount: Decimal;
  readonly quantity: Decimal;
}

function linesOf(standing: ReadonlyMap<string, StandingLine>): RatedLine[] {
  return [...standing.values()].map(({ line, amount }) => ({ ...line, amount: amount.toFixed() }));
}

/** Lines that bear the same taxes: what they come to together, at least 0, and the keys of all of them. */
interface Room {
  readonly base: Decimal;
  readonly keys: readonly string[];
  readonly lines: readonly { readonly key: string; readonly amount: Decimal }[];
}

function roomsOf(standing: ReadonlyMap<string, StandingLine>, { taxes }: Taxing): Map<string, Room> {
  const classes = byKey([...standing], ([, { line }]) => taxClass(line, taxes));
  return new Map(
    [...classes].map(([of, members]) => [
      of,
      {
        base: Decimal.max(0, sum(members.map(([, { amount }]) => amount))),
        keys: members.map(([key]) => key),
        lines: members.flatMap(([key, { amount }]) => (amount.greaterThan(0) ? [{ key, amount }] : [])),
      },
    ]),
  );
}

function spread(
  text: string,
  rooms: ReadonlyMap<string, Room>,
  room: Decimal,
  currency: string,
): Map<string, Part> | CreditRefusal {
  const amount = decimal(text);
  const fault = amountFault(amount, currency, '/amount');
  if (fault) return fault;
  if (amount.greaterThan(room)) {
    return exceeds(`${formatAmount(room, currency)} net in all`, '/amount');
  }
  const digits = minorUnits(currency);
  const parts = new Map<string, Part>();
  const some = [...rooms.values()].filter(({ base }) => !base.isZero());
  const shares = allocate(
    amount,
    some.map(({ base }) => base),
    digits,
  );
  some.forEach(({ lines }, at) => {
    const share = shares[at] ?? new Decimal(0);
    const amounts = allocate(
      share,
      lines.map((line) => line.amount),
      digits,
    );
    lines.forEach(({ key }, position) => {
      parts.set(key, { amount: amounts[position] ?? new Decimal(0), quantity: new Decimal(0) });
    });
  });
  return parts;
}

function partsOfLines(
  lines: readonly LineToCredit[],
  original: IssuedInvoice,
  standing: ReadonlyMap<string, StandingLine>,
  { options }: Taxing,
): Map<string, Part> | CreditRefusal {
  const { currency } = original;
  const digits = minorUnits(currency);
  const parts = new Map<string, Part>();
  for (const [index, asked] of lines.entries()) {
    const pointer = `/lines/${index}`;
    const line = original.lines.find(({ position }) => position === asked.position);
    const key = line && lineKey(line);
    const stands = key === undefined ? undefined : standing.get(key);
    if (key === undefined || stands === undefined) {
      return refused('line_not_found', `${original.number} has no line ${asked.position}`, `${pointer}/position`);
    }
    const before = parts.get(key) ?? { amount: new Decimal(0), quantity: new Decimal(0) };
    const left = { amount: minus(stands.amount, before.amount), quantity: minus(stands.quantity, before.quantity) };
    const of = 'amount' in asked ? 'amount' : 'quantity';
    const part: Part | CreditRefusal =
      'amount' in asked
        ? { amount: decimal(asked.amount), quantity: new Decimal(0) }
        : worth(decimal(asked.quantity), left, digits, options.rounding, `${pointer}/quantity`);
    if ('outcome' in part) return part;
    const fault = amountFault(part.amount, currency, `${pointer}/${of}`);
    if (fault) return fault;
    if (part.amount.greaterThan(left.amount)) {
      const most = formatAmount(Decimal.max(0, left.amount), currency);
      return exceeds(`${most} of line ${asked.position}`, `${pointer}/${of}`);
    }
    parts.set(key, { amount: plus(before.amount, part.amount), quantity: plus(before.quantity, part.quantity) });
  }
  return parts;
}

/** A quantity of a line is worth its share of what is left of it; all of it is worth all that is left. */
function worth(
  quantity: Decimal,
  left: Part,
  digits: number,
  rounding: Taxing['options']['rounding'],
  pointer: string,
): Part | CreditRefusal {
  if (!left.quantity.greaterThan(0)) {
    return refused('quantity_not_creditable', 'no quantity is left of the line; credit an amount of it', pointer);
  }
  if (!quantity.greaterThan(0)) return refused('credit_of_nothing', 'must be above 0', pointer);
  if (quantity.greaterThan(left.quantity)) return exceeds(`a quantity of ${left.quantity.toFixed()}`, pointer);
  if (quantity.equals(left.quantity)) return left;
  const amount = Ratio.of(left.amount).times(Ratio.of(quantity, left.quantity)).round(digits, rounding);
  return { amount, quantity };
}

function amountFault(amount: Decimal, currency: string, pointer: string): CreditRefusal | undefined {
  const digits = minorUnits(currency);
  if (amount.decimalPlaces() > digits) {
    return refused('too_many_decimals', `an amount in ${currency} has at most ${digits} decimals`, pointer);
  }
  if (!amount.greaterThan(0)) return refused('credit_of_nothing', 'what is credited must come to more than 0', pointer);
  return undefined;
}

function exceeds(most: string, pointer: string): CreditRefusal {
  return refused('credit_exceeds_what_stands', `at most ${most} can be credited: more does not stand`, pointer);
}

function notComputable({ number }: IssuedInvoice): CreditRefusal {
  const message =
    `what was billed with ${number} does not follow from its lines and the taxes it was issued by, so no part of it has a ` +
    'certain tax; void it and bill it anew';
  return refused('credit_not_computable', message, '');
}

function refused(code: CreditRefusalCode, message: string, pointer: string): CreditRefusal {
  return { outcome: 'refused', code, message, pointer };
}
