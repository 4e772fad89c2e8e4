import type { InvoiceContent, TaxCategory, TaxGroup } from '#invoicing';
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
}

/** Ways to give taxes to lines that are looked at before the document counts as unclear. */
const MOST_LOOKS = 20_000;

/**
 * Category and rate of each line, in their order. A document names the groups of its taxes and the bases they were taken on,
 * but not which line is in which. What follows from the lines themselves is taken from them; what remains must be the one way
 * in which every group is borne by some line and the lines of each come to its base. Two ways, or none, are a refusal:
 * a rate is never guessed.
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
      classes.set(key, { ...known, sum: plus(known.sum, decimal(amount)) });
    } else {
      const candidates = candidatesFor(tax, category, groups);
      classes.set(key, { key, named, sum: decimal(amount), candidates, positions: [position] });
    }
  });
  return [...classes.values()];
}

function candidatesFor(tax: string | undefined, category: string | null, groups: readonly MergedGroup[]): number[] {
  const all = groups.map((_, index) => index);
  if (tax !== undefined) {
    const key = taxNameKey(tax);
    const named = all.filter((index) => groups[index]?.names.has(key));
    // A charge may name what several components are called together; the groups have the names of the components.
    return named.length > 0 ? named : all;
  }
  return category === null ? all : all.filter((index) => groups[index]?.category === (category as TaxCategory));
}

/** `by what is named`: no rate changed within the period, so whatever names the same tax bears the same on every day. */
function unitsOf(classes: ReturnType<typeof classesOf>, how: 'by what is named' | 'by day'): LineClass[] {
  if (how === 'by day') return classes;
  const units = new Map<string, LineClass & { positions: number[] }>();
  for (const { named, sum: total, candidates, positions } of classes) {
    const known = units.get(named);
    units.set(named, {
      key: named,
      sum: plus(known?.sum ?? new Decimal(0), total),
      candidates,
      positions: [...(known?.positions ?? []), ...positions],
    });
  }
  return [...units.values()];
}

/** The one way to give every unit a group so that bases are met; undefined when there is none, a refusal when there are two. */
function onlyWay(
  units: readonly LineClass[],
  groups: readonly MergedGroup[],
): [unit: LineClass, group: number][] | Refusal | undefined {
  const ordered = [...units].sort((a, b) => a.candidates.length - b.candidates.length);
  const left: Decimal[] = groups.map(({ base }) => base);
  const borne = groups.map(() => 0);
  const chosen: number[] = [];
  let found: number[] | undefined;
  let looks = 0;
  const look = (at: number): 'go on' | 'stop' => {
    looks += 1;
    if (looks > MOST_LOOKS) return 'stop';
    const unit = ordered[at];
    if (unit === undefined) {
      if (!left.every((rest) => rest.isZero()) || borne.includes(0)) return 'go on';
      if (found !== undefined) return 'stop';
      found = [...chosen];
      return 'go on';
    }
    for (const group of unit.candidates) {
      const rest = left[group] ?? new Decimal(0);
      left[group] = minus(rest, unit.sum);
      borne[group] = (borne[group] ?? 0) + 1;
      chosen[at] = group;
      const next = look(at + 1);
      left[group] = rest;
      borne[group] = (borne[group] ?? 0) - 1;
      if (next === 'stop') return 'stop';
    }
    return 'go on';
  };
  if (look(0) === 'stop') return unclear();
  return found?.map((group, at): [LineClass, number] => [ordered[at] as LineClass, group]);
}
