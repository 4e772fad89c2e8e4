import { type Alternatives, alternativesOf, hasCommit, type RatedLine } from '#rating';

/** A line with what other direction rules and commit levels would have come to, where it bills a rate. */
export type ExplainedLine = RatedLine & { alternatives?: Alternatives };

export function withAlternatives(line: RatedLine): ExplainedLine {
  const { basis } = line.derivation;
  const ranked = basis.kind === 'usage' && (basis.evidence?.metric === 'bandwidth' || hasCommit(basis.price));
  const alternatives = ranked ? alternativesOf(line) : undefined;
  return alternatives ? { ...line, alternatives } : line;
}
