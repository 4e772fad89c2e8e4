import { lineKey } from '#invoicing';
import { type Adjustment, adjustmentLine, type RatedLine } from '#rating';

/**
 * What an operator does to a draft in review. It is among the terms that the draft is computed from: it is in the hash of the
 * inputs and in the evidence, with who did it, and applies again when the draft is drawn up anew.
 */
export type DraftEdit = {
  readonly id: string;
  /** Who did it, and when (RFC 3339). */
  readonly by: string;
  readonly at: string;
} & (
  | {
      readonly kind: 'line';
      /** Below 0 a credit; with the decimals of the currency. */
      readonly amount: string;
      /** What the line says. */
      readonly reason: string;
      readonly tax: string | null;
      readonly taxCategory: string | null;
    }
  | { readonly kind: 'note'; readonly text: string }
  | {
      readonly kind: 'leave_out';
      /** As a line is known on the documents of a period (`lineKey`). */
      readonly line: string;
      /** What the line said, for people. */
      readonly description: string;
      readonly reason: string;
    }
);

/** What of the terms of an account operators decided by hand. */
interface ByHand {
  readonly account: { readonly currency: string };
  readonly adjustments?: readonly Adjustment[];
  readonly edits?: readonly DraftEdit[];
}

/** Edits written down member by member, as the hash of a document's inputs covers them. */
export function editsWrittenDown(edits: readonly DraftEdit[]): DraftEdit[] {
  return edits.map((edit) => {
    const { id, by, at } = edit;
    switch (edit.kind) {
      case 'line': {
        const { kind, amount, reason, tax, taxCategory } = edit;
        return { id, by, at, kind, amount, reason, tax, taxCategory };
      }
      case 'note':
        return { id, by, at, kind: edit.kind, text: edit.text };
      case 'leave_out': {
        const { kind, line, description, reason } = edit;
        return { id, by, at, kind, line, description, reason };
      }
    }
  });
}

/**
 * The lines that a document bills: those of the plan but for the ones that an operator left out, then adjustments, then lines
 * that an operator added. A line that was left out and is no longer rated leaves nothing out.
 */
export function billedLines(
  rated: readonly RatedLine[],
  { facts, period }: { facts: ByHand; period: Parameters<typeof adjustmentLine>[1] },
): RatedLine[] {
  const { currency } = facts.account;
  const edits = facts.edits ?? [];
  const leftOut = new Set(edits.flatMap((edit) => (edit.kind === 'leave_out' ? [edit.line] : [])));
  const added = edits.flatMap((edit) => (edit.kind === 'line' ? [edit] : []));
  return [
    ...(leftOut.size === 0 ? rated : rated.filter((line) => !leftOut.has(lineKey(line)))),
    ...[...(facts.adjustments ?? []), ...added].map((each) => adjustmentLine(each, period, currency)),
  ];
}

/** The notes that operators added, in their order. */
export function addedNotes({ edits = [] }: Pick<ByHand, 'edits'>): string[] {
  return edits.flatMap((edit) => (edit.kind === 'note' ? [edit.text] : []));
}
