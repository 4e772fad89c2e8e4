import type { InvoiceContent, TaxGroup } from '#invoicing';
import { Decimal, decimal, minus, plus, sum } from '#money';
import { taxNameKey } from '#rating';
import { isRefusal, type Refusal, refused } from '../refusal.js';
import type { LineTax } from './semantic-invoice.js';

/** The tax groups of a document that EN 16931 makes one breakdown of: one category at one rate, whatever they are called. */
export interface MergedGroup extends LineTax {
  readonly base: Decimal;
  readonly amount: Decimal;
  readonly names: ReadonlySet<string>;
  readonly reasons: readonly string[];
}

type Document = Pick<InvoiceContent, 'lines' | 'taxes' | 'net'>;

export function mergedGroups(taxes: readonly TaxGroup[]): MergedGroup[] {
  const groups = new Map<string, MergedGroup>();
  for (const { name, category, rate, base, amount, exemption_reason: reason } of taxes) {
    const key = `${category} ${rate}`;
    const before = groups.get(key);
    groups.set(key, {
      category,
      rate,
      base: plus(before?.base ?? new Decimal(0), decimal(base)),
      amount: plus(before?.amount ?? new Decimal(0), decimal(amount)),
      names: new Set([...(before?.names ?? []), taxNameKey(name)]),
      reasons: [...new Set([...(before?.reasons ?? []), ...(reason === null ? [] : [reason])])],
    });
  }
  return [...groups.values()];
}

/** Lines that bear the same tax: it follows from the tax or category a charge names and from the last day of the supply. */
interface LineClass {
  readonly key: string;
  readonly sum: Decimal;
  readonly candidates: readonly number[];
  readonly positions: readonly number[];
  /** Whether a line of it is other than 0. */
  readonly isSomething: boolean;
}

/** Ways to give taxes to lines that are looked at before the document counts as unclear. */
const MOST_LOOKS = 20_000;

/**
 * Category and rate of each line, in their order. A document names the groups of its taxes and the bases they were taken on,
 * but not which line is in which. What follows from the lines themselves is taken from them; what remains must be the one way
 * in which every group is borne by some line, the lines of each come to its base, and groups stand in the order in which lines
 * first bear them, which is how they were made. Two ways, or none, are a refusal: a rate is never guessed.
 */
export function taxesOfLines(document: Document, groups: readonly MergedGroup[]): LineTax[] | Refusal {
  if (!sum(groups.map(({ base }) => base)).equals(decimal(document.net))) {
    const message =
      'the bases of the taxes do not come to the net: several taxes fall on one supply, and EN 16931 knows one per line';
    return refused('several_taxes_on_a_line', message);
  }
  const classes = classesOf(document, groups);
  const chosen = onlyWay(unitsOf(classes, 'by what is named'), groups) ?? onlyWay(unitsOf(classes, 'by day'), groups);
  if (chosen === undefined) return unclear();
  if (isRefusal(chosen)) return chosen;
  const taxes: LineTax[] = [];
  for (const [{ positions }, group] of chosen) {
    const of = groups[group];
    if (of === undefined) return unclear();
    for (const position of positions) taxes[position] = { category: of.category, rate: of.rate };
  }
  return taxes;
}

function unclear(): Refusal {
  const message =
    'the tax groups of the document do not say which of two rates its lines bear; name the tax of each charge in the plan';
  return refused('tax_of_a_line_unclear', message);
}

function classesOf({ lines }: Document, groups: readonly MergedGroup[]): (LineClass & { readonly named: string })[] {
  const classes = new Map<string, LineClass & { named: string; positions: number[] }>();
  lines.forEach(({ tax, tax_category: category, segment, amount }, position) => {
    const named = JSON.stringify([tax === undefined ? null : taxNameKey(tax), category]);
    const key = `${named} ${segment.end_date}`;
    const known = classes.get(key);
    if (known) {
      known.positions.push(position);
      const isSomething = known.isSomething || /[1-9]/.test(amount);
      classes.set(key, { ...known, sum: plus(known.sum, decimal(amount)), isSomething });
    } else {
      const candidates = candidatesFor(tax, category, groups);
      const isSomething = /[1-9]/.test(amount);
      classes.set(key, { key, named, sum: decimal(amount), candidates, positions: [position], isSomething });
    }
  });
  return [...classes.values()];
}

function candidatesFor(tax: string | undefined, category: string | null, groups: readonly MergedGroup[]): number[] {
  const all = groups.map((_, index) => index);
  const key = tax === undefined ? undefined : taxNameKey(tax);
  const answers = (group: MergedGroup) =>
    key === undefined ? category === null || group.category === category : group.names.has(key);
  const answering = groups.flatMap((group, index) => (answers(group) ? [index] : []));
  // A charge may name what several components are called together; and an account without taxes bears none, whatever is named.
  return answering.length > 0 ? answering : all;
}

/** `by what is named`: no rate changed within the period, so whatever names the same tax bears the same on every day. */
function unitsOf(classes: ReturnType<typeof classesOf>, how: 'by what is named' | 'by day'): LineClass[] {
  if (how === 'by day') return classes;
  const units = new Map<string, LineClass & { positions: number[] }>();
  for (const { named, sum: total, candidates, positions, isSomething } of classes) {
    const known = units.get(named);
    units.set(named, {
      key: named,
      sum: plus(known?.sum ?? new Decimal(0), total),
      candidates,
      positions: [...(known?.positions ?? []), ...positions],
      isSomething: isSomething || known?.isSomething === true,
    });
  }
  return [...units.values()];
}

type Way = readonly (readonly [unit: LineClass, group: number])[];

/** The one way to give every unit a group so that bases are met; undefined when there is none, a refusal when there are two. */
function onlyWay(units: readonly LineClass[], groups: readonly MergedGroup[]): Way | Refusal | undefined {
  const ways = waysToTheBases(units, groups);
  if (ways === undefined) return unclear();
  if (ways.length <= 1) return ways[0];
  // Groups stand in the order in which lines first bear them. Of a correction some of these lines are left out.
  const inOrder = ways.filter((way) => isInOrder(way, groups.length));
  const [first, ...others] = inOrder.length > 0 ? inOrder : ways;
  // Of lines that come to nothing each, no tax depends on which it is.
  const differs = (way: Way) => way.some(([unit, group], at) => unit.isSomething && group !== first?.[at]?.[1]);
  return others.some(differs) ? unclear() : first;
}

/** Every way in which each group is borne and its base is met; undefined when there are too many to look at. */
function waysToTheBases(units: readonly LineClass[], groups: readonly MergedGroup[]): Way[] | undefined {
  const ordered = [...units].sort((a, b) => a.candidates.length - b.candidates.length);
  const left: Decimal[] = groups.map(({ base }) => base);
  const borne = groups.map(() => 0);
  const chosen: number[] = [];
  const ways: Way[] = [];
  let looks = 0;
  const look = (at: number): void => {
    looks += 1;
    if (looks > MOST_LOOKS) return;
    const unit = ordered[at];
    if (unit === undefined) {
      if (!left.every((rest) => rest.isZero()) || borne.includes(0)) return;
      ways.push(ordered.map((of, position) => [of, chosen[position] ?? 0] as const));
      return;
    }
    for (const group of unit.candidates) {
      const rest = left[group] ?? new Decimal(0);
      left[group] = minus(rest, unit.sum);
      borne[group] = (borne[group] ?? 0) + 1;
      chosen[at] = group;
      look(at + 1);
      left[group] = rest;
      borne[group] = (borne[group] ?? 0) - 1;
    }
  };
  look(0);
  return looks > MOST_LOOKS ? undefined : ways;
}

function isInOrder(way: Way, count: number): boolean {
  const firstOf = Array.from({ length: count }, (_, group) =>
    Math.min(...way.flatMap(([{ positions }, of]) => (of === group ? [positions[0] ?? 0] : []))),
  );
  return firstOf.every((first, group) => group === 0 || (firstOf[group - 1] ?? 0) < first);
}
