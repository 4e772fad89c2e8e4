import { Prisma } from './generated/client.js';

/**
 * Where an account of a close and a close itself can be, and every way from one state to another with its guard. The two
 * statements below are the only ones that set a state: what a table does not name cannot happen.
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

/** A move is made of a row only where it is in one of the states and the guard holds. */
interface Move<State extends string> {
  readonly from: readonly State[];
  readonly to: State;
  readonly guard: Prisma.Sql;
}

const ALWAYS = Prisma.sql`true`;
/** Guards speak of the row as `a` and of its close as `k`. */
const OF_OPEN_CLOSE = Prisma.sql`EXISTS (SELECT FROM close k WHERE k.id = a.close_id AND k.state <> 'cancelled')`;
const OF_REAL_CLOSE = Prisma.sql`EXISTS (SELECT FROM close k WHERE k.id = a.close_id AND NOT k.dry_run)`;
const DUE = Prisma.sql`a.next_try_at <= clock_timestamp()`;
const INVOICE_VOIDED = Prisma.sql`EXISTS (
  SELECT FROM invoice i JOIN invoice_event e ON e.invoice_id = i.id AND e.type = 'voided'
   WHERE i.id = a.invoice_id AND i.document->>'corrects' IS NULL)`;

/** States in which a worker has the account in hand to bill it. */
export const BILLING: readonly CloseAccountState[] = ['pulling', 'rated'];

/** Every move of an account of a close. */
export const ACCOUNT_MOVES = {
  /** A worker takes the account up; again where a worker before it came to no outcome. */
  take_up: { from: ['pending', ...BILLING], to: 'pulling', guard: OF_OPEN_CLOSE },
  /** The usage is there, believed and rated. */
  rate: { from: BILLING, to: 'rated', guard: OF_OPEN_CLOSE },
  /** What must be asked again by the service itself. */
  wait: { from: BILLING, to: 'waiting', guard: OF_OPEN_CLOSE },
  draft: { from: BILLING, to: 'drafted', guard: OF_OPEN_CLOSE },
  find_empty: { from: BILLING, to: 'empty', guard: OF_OPEN_CLOSE },
  issue: { from: ['drafted'], to: 'issued', guard: OF_OPEN_CLOSE },
  hold: { from: [...BILLING, 'drafted'], to: 'held', guard: ALWAYS },
  fail: { from: [...BILLING, 'drafted'], to: 'failed', guard: ALWAYS },
  /** The sweep sends an account back whose next try is due. */
  fall_due: { from: ['waiting'], to: 'pending', guard: Prisma.sql`${DUE} AND ${OF_OPEN_CLOSE}` },
  /** The sweep sends an account back that was held only because its own month had not settled. */
  settle_in: {
    from: ['held'],
    to: 'pending',
    guard: Prisma.sql`a.reason_code = 'period_not_billable' AND ${OF_OPEN_CLOSE}`,
  },
  /** An operator's retry or waiver. */
  retry: { from: ['held', 'failed', 'waiting'], to: 'pending', guard: OF_OPEN_CLOSE },
  /**
   * A retry that names the account. A draft may be right, nothing to pay is an outcome, and not to be billed any more may be
   * what a void was for, so these go back only by name. What a dry run drafted is its report.
   */
  retry_by_name: {
    from: ['held', 'failed', 'waiting', 'empty', 'drafted', 'issued'],
    to: 'pending',
    guard: Prisma.sql`${OF_OPEN_CLOSE} AND (a.state <> 'drafted' OR ${OF_REAL_CLOSE})
                      AND (a.state <> 'issued' OR ${INVOICE_VOIDED})`,
  },
  /** Usage that came late costs something where the period had come to nothing. */
  reopen: { from: ['empty'], to: 'pending', guard: OF_OPEN_CLOSE },
} as const satisfies Readonly<Record<string, Move<CloseAccountState>>>;
export type AccountMove = keyof typeof ACCOUNT_MOVES;

/** Every move of a close. A close begins `running`. */
const CLOSE_MOVES = {
  /** Accounts are added or sent back, or drafts released. */
  work: { from: ['review', 'finished'], to: 'running', guard: ALWAYS },
  /** Nothing moves by itself any more, and drafts wait for a human. */
  review: { from: ['running', 'finished'], to: 'review', guard: ALWAYS },
  finish: { from: ['running', 'review'], to: 'finished', guard: ALWAYS },
  /** Only before anything is issued, which `cancelClose` looks at under the locks of all accounts. */
  cancel: { from: ['running', 'review', 'finished'], to: 'cancelled', guard: ALWAYS },
} as const satisfies Readonly<Record<string, Move<CloseState>>>;
export type CloseMove = keyof typeof CLOSE_MOVES;

/** A condition on a `close_account a`: the move may be made of it now. */
export function mayMove(move: AccountMove): Prisma.Sql {
  const { from, guard } = ACCOUNT_MOVES[move];
  return Prisma.sql`a.state = ANY(${[...from]}::text[]) AND ${guard}`;
}

/**
 * The statement that makes a move of rows `a` of close_account; a row of which it may not be made stays as it is.
 *
 * @param set assignments of other columns, right sides as the row was before
 * @param which a condition on `a`
 */
export function moveOfAccounts(move: AccountMove, set: Prisma.Sql, which: Prisma.Sql): Prisma.Sql {
  const { to } = ACCOUNT_MOVES[move];
  const next = (to as CloseAccountState) === 'waiting' ? Prisma.empty : Prisma.sql`next_try_at = NULL,`;
  return Prisma.sql`
    UPDATE close_account a SET state = ${to}, ${next} ${set}, updated_at = clock_timestamp()
     WHERE ${which} AND ${mayMove(move)}`;
}

/** The same for rows `c` of close. What sets a close going again takes the stamp of its end away. */
export function moveOfCloses(move: CloseMove, which: Prisma.Sql): Prisma.Sql {
  const { from, to, guard } = CLOSE_MOVES[move];
  const finishedAt = {
    work: Prisma.sql`NULL`,
    review: Prisma.sql`NULL`,
    finish: Prisma.sql`clock_timestamp()`,
    cancel: Prisma.sql`c.finished_at`,
  }[move];
  return Prisma.sql`
    UPDATE close c SET state = ${to}, finished_at = ${finishedAt}
     WHERE ${which} AND c.state = ANY(${[...from]}::text[]) AND ${guard}`;
}
