import {
  ACCOUNT_MOVES,
  type AccountGuard,
  type AccountMove,
  CLOSE_MOVES,
  type CloseAccountState,
  type CloseGuard,
  type CloseMove,
} from '#billing';
import * as Prisma from '../ground/prisma.js';
import { IS_NOTE } from '../ground/issued.js';

/** The guards of billing's tables as conditions on a row `a` of close_account. */
const ACCOUNT_GUARDS: Readonly<Record<AccountGuard, Prisma.Sql>> = {
  close_not_cancelled: Prisma.sql`EXISTS (SELECT FROM close k WHERE k.id = a.close_id AND k.state <> 'cancelled')`,
  next_try_due: Prisma.sql`a.next_try_at <= clock_timestamp()`,
  held_for_its_month: Prisma.sql`a.reason_code = 'period_not_billable'`,
  drafted_for_real: Prisma.sql`
    (a.state <> 'drafted' OR EXISTS (SELECT FROM close k WHERE k.id = a.close_id AND NOT k.dry_run))`,
  issued_and_voided: Prisma.sql`
    (a.state <> 'issued' OR EXISTS (
      SELECT FROM invoice i JOIN invoice_event e ON e.invoice_id = i.id AND e.type = 'voided'
       WHERE i.id = a.invoice_id AND NOT ${IS_NOTE}))`,
};

/** The same on a row `c` of close. */
const CLOSE_GUARDS: Readonly<Record<CloseGuard, Prisma.Sql>> = {
  nothing_issued: Prisma.sql`NOT EXISTS (SELECT FROM invoice i WHERE i.close_id = c.id)`,
};

function all(conditions: readonly Prisma.Sql[]): Prisma.Sql {
  return Prisma.join([...conditions], ' AND ');
}

/** A condition on a `close_account a`: the move may be made of it now. */
export function mayMove(move: AccountMove): Prisma.Sql {
  const { from, guards } = ACCOUNT_MOVES[move];
  return all([Prisma.sql`a.state = ANY(${[...from]}::text[])`, ...guards.map((guard) => ACCOUNT_GUARDS[guard])]);
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
  const { from, to, guards } = CLOSE_MOVES[move];
  const finishedAt = {
    work: Prisma.sql`NULL`,
    review: Prisma.sql`NULL`,
    finish: Prisma.sql`clock_timestamp()`,
    cancel: Prisma.sql`c.finished_at`,
  }[move];
  const may = [Prisma.sql`c.state = ANY(${[...from]}::text[])`, ...guards.map((guard) => CLOSE_GUARDS[guard])];
  return Prisma.sql`UPDATE close c SET state = ${to}, finished_at = ${finishedAt} WHERE ${which} AND ${all(may)}`;
}
