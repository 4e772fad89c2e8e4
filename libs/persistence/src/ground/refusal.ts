import { violatedConstraint } from './database.js';

/** Why something was not done, for a caller that branches on it or shows it. Nothing was written. */
export interface Refusal<Code extends string = string> {
  readonly outcome: 'refused';
  readonly code: Code;
  /** One sentence: what was wrong with which input, and what to do. */
  readonly message: string;
  /** JSON pointer (RFC 6901) to the member of the input that was refused, when it is one. */
  readonly pointer?: string;
}

export function refusal<Code extends string>(code: Code, message: string, pointer?: string): Refusal<Code> {
  return { outcome: 'refused', code, message, ...(pointer !== undefined && { pointer }) };
}

/** Thrown to undo what a transaction has written before it was refused. */
export class Undone<Code extends string> extends Error {
  constructor(readonly refused: Refusal<Code>) {
    super(refused.message);
    this.name = 'Undone';
  }
}

/** Whether a result is a refusal. */
export function isRefusal(result: unknown): result is Refusal {
  return typeof result === 'object' && result !== null && (result as { outcome?: unknown }).outcome === 'refused';
}

/**
 * Runs a transaction whose rules stand in the database as constraints, and answers a broken one as its refusal. The
 * constraint and not a look beforehand is the rule: two callers at once cannot both pass it.
 */
export async function refusing<T, Code extends string>(
  work: () => Promise<T>,
  refusals: Readonly<Record<string, Refusal<Code>>>,
): Promise<T | Refusal<Code>> {
  try {
    return await work();
  } catch (error) {
    const refused = refusals[violatedConstraint(error) ?? ''];
    if (refused === undefined) throw error;
    return refused;
  }
}
