/**
 * Where an account of a close and a close itself can be, and every way from one state to another: from where, to where, who
 * makes the move, and the guards that must hold of the row. What is not in these tables cannot happen: persistence makes its
 * statements from them, and no other statement sets a state.
 *
 *   pending → pulling → rated → drafted → issued
 *               │         ├──→ empty
 *               └─────────┴──→ waiting | held | failed
 *   waiting, held, failed (empty, drafted, issued by name) → pending
 */
export const ACCOUNT_STATES = [
  'pending',
  'pulling',
  'rated',
  /** What stopped it passes by itself: the service tries again at `next_try_at`. */
  'waiting',
  'drafted',
  'issued',
  'empty',
  'held',
  'failed',
] as const;
export type CloseAccountState = (typeof ACCOUNT_STATES)[number];

export const CLOSE_STATES = ['running', 'review', 'finished', 'cancelled'] as const;
export type CloseState = (typeof CLOSE_STATES)[number];

/** What must hold of an account of a close, beside its state. */
export type AccountGuard =
  | 'close_not_cancelled'
  | 'next_try_due'
  /** It is held for nothing but that its own month had not settled. */
  | 'held_for_its_month'
  /** Where it is drafted, its close is no dry run: what a dry run drafted is its report. */
  | 'drafted_for_real'
  /** Where it is issued, the invoice of its period was voided. */
  | 'issued_and_voided';

/** What must hold of a close, beside its state. */
export type CloseGuard = 'nothing_issued';

/** A move is made of a row only where it is in one of the states and every guard holds. */
interface Move<State extends string, Guard extends string> {
  readonly from: readonly State[];
  readonly to: State;
  readonly guards: readonly Guard[];
  readonly by: 'worker' | 'sweep' | 'operator';
}

/** States in which a worker has the account in hand to bill it. */
export const BILLING: readonly CloseAccountState[] = ['pulling', 'rated'];

const OPEN = ['close_not_cancelled'] as const;

/** Every move of an account of a close. */
export const ACCOUNT_MOVES = {
  /** A worker takes the account up; again where a worker before it came to no outcome. */
  take_up: { from: ['pending', ...BILLING], to: 'pulling', guards: OPEN, by: 'worker' },
  /** A worker that is to end gives back what it took up and did not begin. */
  give_back: { from: ['pulling'], to: 'pending', guards: OPEN, by: 'worker' },
  /** The usage is there, believed and rated. */
  rate: { from: BILLING, to: 'rated', guards: OPEN, by: 'worker' },
  /** What must be asked again by the service itself. */
  wait: { from: BILLING, to: 'waiting', guards: OPEN, by: 'worker' },
  draft: { from: BILLING, to: 'drafted', guards: OPEN, by: 'worker' },
  find_empty: { from: BILLING, to: 'empty', guards: OPEN, by: 'worker' },
  issue: { from: ['drafted'], to: 'issued', guards: OPEN, by: 'worker' },
  /** Of an automatic close: its drafts wait for no review and are never stored. */
  issue_at_once: { from: ['rated'], to: 'issued', guards: OPEN, by: 'worker' },
  hold: { from: [...BILLING, 'drafted'], to: 'held', guards: [], by: 'worker' },
  fail: { from: [...BILLING, 'drafted'], to: 'failed', guards: [], by: 'worker' },
  /** An account whose next try is due. */
  fall_due: { from: ['waiting'], to: 'pending', guards: ['next_try_due', ...OPEN], by: 'sweep' },
  /** An account whose own month has settled by now. */
  settle_in: { from: ['held'], to: 'pending', guards: ['held_for_its_month', ...OPEN], by: 'sweep' },
  /** Usage that came late costs something where the period had come to nothing. */
  reopen: { from: ['empty'], to: 'pending', guards: OPEN, by: 'sweep' },
  /** A retry or a waiver. */
  retry: { from: ['held', 'failed', 'waiting'], to: 'pending', guards: OPEN, by: 'operator' },
  /**
   * A retry that names the account. A draft may be right, nothing to pay is an outcome, and not to be billed any more may be
   * what a void was for, so these go back only by name.
   */
  retry_by_name: {
    from: ['held', 'failed', 'waiting', 'empty', 'drafted', 'issued'],
    to: 'pending',
    guards: [...OPEN, 'drafted_for_real', 'issued_and_voided'],
    by: 'operator',
  },
} as const satisfies Readonly<Record<string, Move<CloseAccountState, AccountGuard>>>;
export type AccountMove = keyof typeof ACCOUNT_MOVES;

/** Every move of a close. A close begins `running`. */
export const CLOSE_MOVES = {
  /** Accounts are added or sent back, or drafts released. */
  work: { from: ['review', 'finished'], to: 'running', guards: [], by: 'operator' },
  /** Nothing moves by itself any more, and drafts wait for a human. Looked at under the lock of the close. */
  review: { from: ['running', 'finished'], to: 'review', guards: [], by: 'worker' },
  /** Nothing is left to do. Looked at under the lock of the close. */
  finish: { from: ['running', 'review'], to: 'finished', guards: [], by: 'worker' },
  /** A document that was voided counts as issued: its account may be on its way to another. */
  cancel: { from: ['running', 'review', 'finished'], to: 'cancelled', guards: ['nothing_issued'], by: 'operator' },
} as const satisfies Readonly<Record<string, Move<CloseState, CloseGuard>>>;
export type CloseMove = keyof typeof CLOSE_MOVES;
