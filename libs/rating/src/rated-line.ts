import type { Dimension, MeasureEvidence } from '#metering';
import type { Derivation } from './derivation.js';

/**
 * One line of a rating, in the form in which it goes over the wire, is frozen on an invoice and is printed. There is one
 * shape on purpose: what an auditor downloads is what was computed. Numbers are decimal strings.
 */
export interface RatedLine {
  /** Code of the plan's charge; `discount:<n>` (n from 1) and `minimum_spend` for the plan's own lines; `adjustment:<id>`. */
  charge: string;
  kind: 'recurring' | 'one_time' | 'usage' | 'discount' | 'minimum_spend' | 'adjustment';
  description: string;
  /** Where the service names the line, what `description` says in English; the words of a document's language come from it. */
  title?: LineTitle;
  /** The one entity the line is about; null for the account as a whole. */
  entity: { dimension: Dimension; value: string; name: string | null } | null;
  segment: LineSegment;
  /** In `unit`, exact where it is finite, else cut at 12 decimals. */
  quantity: string;
  /** The measure's unit; `period` or the dimension for recurring fees; `item` for what is counted once. */
  unit: string;
  /** Rounded to the currency's minor unit, with exactly its decimals. */
  amount: string;
  /** Cut at 12 decimals, for display only. */
  unrounded_amount: string;
  /** UNCL5305 category that picks the account's tax; null = the account's own. */
  tax_category: string | null;
  /** Name of the account's tax, where the charge names one; there is no `tax_category` then. */
  tax?: string;
  commodity_code: string | null;
  derivation: Derivation;
}

/** What a line is called where no plan and no operator wrote it: `name` is of the charge or the plan, `on` of charges. */
export type LineTitle =
  | { code: 'in_advance' | 'unused_share' | 'paid_in_advance' | 'minimum_spend'; name: string }
  | {
      code: 'discount';
      type: 'percentage' | 'fixed';
      value: string;
      currency: string;
      on: string[] | null;
      unused_share: boolean;
    };

/** The part of the period a line was rated for: instants (UTC stamps) and local dates, ends exclusive. */
export interface LineSegment {
  start: string;
  end: string;
  start_date: string;
  end_date: string;
}

/** The line without what pictures are drawn from, for documents that only repeat it. */
export function withoutCharts<Line extends RatedLine>(line: Line): Line {
  const { derivation } = line;
  const { basis } = derivation;
  if (basis.kind !== 'usage' || basis.evidence === null || !hasChart(basis.evidence)) return line;
  return { ...line, derivation: { ...derivation, basis: { ...basis, evidence: undrawn(basis.evidence) } } };
}

function hasChart(evidence: MeasureEvidence): boolean {
  return evidence.metric === 'bandwidth'
    ? evidence.parts.some(({ chart }) => chart !== undefined)
    : evidence.days !== undefined;
}

function undrawn(evidence: MeasureEvidence): MeasureEvidence {
  if (evidence.metric !== 'bandwidth') {
    const sums = { ...evidence };
    delete sums.days;
    return sums;
  }
  const parts = evidence.parts.map((part) => {
    const undrawnPart = { ...part };
    delete undrawnPart.chart;
    return undrawnPart;
  });
  return { ...evidence, parts };
}
