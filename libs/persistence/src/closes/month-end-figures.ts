import type { CloseAccountState, CloseState } from '#billing';
import type { CloseKind } from './close-work.js';
import * as Prisma from '../ground/prisma.js';

/** What an operator watches while months are closed: counts and ages, no customer's data. Ages are seconds. */
export interface MonthEndFigures {
  /** Closes that are not finished, by what tells them apart. */
  readonly closes: readonly (CloseLabels & {
    state: Extract<CloseState, 'running' | 'review'>;
    count: number;
    /** How long the one that is in this state the longest has been in it. */
    ageSeconds: number;
    /** How long nothing has moved in the one that rests the longest. */
    idleSeconds: number;
  })[];
  /** Their accounts; a state that none is in is left out. */
  readonly accounts: readonly (CloseLabels & { state: CloseAccountState; count: number })[];
  /** Accounts that are not billed, of real closes that are not finished or have finished of late. */
  readonly unbilled: readonly (Omit<CloseLabels, 'dryRun'> & {
    state: Extract<CloseAccountState, 'waiting' | 'held' | 'failed'>;
    code: string;
    count: number;
  })[];
  /** Issued documents whose PDF is not stored. */
  readonly unrendered: { readonly count: number; readonly oldestSeconds: number };
  /** Pulls that confirm what was billed, due and not done; `overdue` are those of them that were due an hour ago. */
  readonly confirmingPulls: { readonly due: number; readonly overdue: number };
  /** Proposals that no operator has decided; `automatic` ones the service was to issue by itself. */
  readonly openCorrections: readonly { seller: string; automatic: boolean; count: number }[];
  /** What was found not to be as it was stored and is not mended, by seller and part. */
  readonly alterations: readonly { seller: string; part: string; count: number }[];
  /** How long ago everything that is stored had been checked once; null: it never was, and there is something to check. */
  readonly documentsCheckedSeconds: number | null;
}

/** How closes are told apart on a monitor; several closes may have the same. */
interface CloseLabels {
  readonly seller: string;
  readonly period: string;
  readonly kind: CloseKind;
  readonly dryRun: boolean;
}

/** A month and a little: until the next one is closed, what this one left unbilled stays in sight. */
const UNBILLED_DAYS = 35;
/** One that is put off waits an hour, one in hand a quarter; so one that is due is never further away than a day. */
const PULLS_WITHIN_HOURS = 24;
const OVERDUE_AFTER_HOURS = 1;

/** A monitor asks every few seconds: rather no answer than a slow one. */
const PATIENCE_MS = 5_000;

/**
 * Reads the figures as they are at one moment. Cheap beside 10,000 accounts: it looks at closes that are not finished, at
 * held and failed accounts, and at lists of what is yet to be done, each by its index.
 */
export async function monthEndFigures(database: Prisma.Catalogue): Promise<MonthEndFigures> {
  return database.$transaction(
    async (tx) => {
      await tx.$executeRaw`SELECT set_config('statement_timeout', ${`${PATIENCE_MS}`}, true)`;
      const closes = await tx.$queryRaw<MonthEndFigures['closes']>`
        SELECT ${LABELS}, c.state, count(*)::int AS count,
               max(${secondsSince('coalesce(since.at, c.created_at)')}) AS "ageSeconds",
               max(${secondsSince('coalesce(moved.at, c.created_at)')}) AS "idleSeconds"
          FROM close c JOIN seller s ON s.id = c.seller_id
          LEFT JOIN LATERAL (SELECT at FROM close_event
                              WHERE month = c.month AND close_id = c.id AND account_id IS NULL ORDER BY id DESC LIMIT 1) AS since ON true
          LEFT JOIN LATERAL (SELECT at FROM close_event
                              WHERE month = c.month AND close_id = c.id ORDER BY at DESC LIMIT 1) AS moved ON true
         WHERE c.state IN ('running', 'review')
         GROUP BY s.code, c.period_label, c.kind, c.dry_run, c.state ORDER BY 1, 2, 3, 4, 5`;
      const accounts = await tx.$queryRaw<MonthEndFigures['accounts']>`
        SELECT ${LABELS}, a.state, count(*)::int AS count
          FROM close c JOIN seller s ON s.id = c.seller_id JOIN close_account a ON a.close_id = c.id
         WHERE c.state IN ('running', 'review')
         GROUP BY s.code, c.period_label, c.kind, c.dry_run, a.state ORDER BY 1, 2, 3, 4, 5`;
      const unbilled = await tx.$queryRaw<MonthEndFigures['unbilled']>`
        SELECT s.code AS seller, c.period_label AS period, c.kind, a.state, a.reason_code AS code, count(*)::int AS count
          FROM close c JOIN seller s ON s.id = c.seller_id JOIN close_account a ON a.close_id = c.id
         WHERE NOT c.dry_run AND a.state IN ('waiting', 'held', 'failed')
           AND (c.state IN ('running', 'review')
                OR (c.state = 'finished' AND c.finished_at > now() - make_interval(days => ${UNBILLED_DAYS}::int)))
         GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`;
      const [unrendered] = await tx.$queryRaw<[MonthEndFigures['unrendered']]>`
        SELECT count(*)::int AS count, coalesce(max(${secondsSince('i.issued_at')}), 0) AS "oldestSeconds"
          FROM invoice_unrendered u JOIN invoice i ON i.id = u.invoice_id`;
      const [confirmingPulls] = await tx.$queryRaw<[MonthEndFigures['confirmingPulls']]>`
        SELECT count(*)::int AS due,
               count(*) FILTER (WHERE due_at <= now() - make_interval(hours => ${OVERDUE_AFTER_HOURS}::int))::int AS overdue
          FROM confirming_pull
         WHERE done_at IS NULL AND due_at <= now()
           AND next_attempt_at <= now() + make_interval(hours => ${PULLS_WITHIN_HOURS}::int)`;
      const openCorrections = await tx.$queryRaw<MonthEndFigures['openCorrections']>`
        SELECT s.code AS seller, k.automatic, count(*)::int AS count
          FROM correction k JOIN seller s ON s.id = k.seller_id
         WHERE k.state = 'proposed' GROUP BY 1, 2 ORDER BY 1, 2`;
      const alterations = await tx.$queryRaw<MonthEndFigures['alterations']>`
        SELECT s.code AS seller, a.part, count(*)::int AS count
          FROM document_alteration a JOIN seller s ON s.id = a.seller_id
         WHERE a.mended_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2`;
      const [checked] = await tx.$queryRaw<[{ seconds: number | null }]>`
        SELECT extract(epoch FROM now() - max(started_at))::float8 AS seconds FROM document_check WHERE ended_at IS NOT NULL`;
      const documentsCheckedSeconds = checked.seconds;
      return {
        ...{ closes, accounts, unbilled, unrendered, confirmingPulls, openCorrections },
        ...{ alterations, documentsCheckedSeconds },
      };
    },
    { isolationLevel: 'RepeatableRead', maxWait: PATIENCE_MS, timeout: 2 * PATIENCE_MS },
  );
}

const LABELS = Prisma.sql`s.code AS seller, c.period_label AS period, c.kind, c.dry_run AS "dryRun"`;

/** Seconds from an instant to the moment of the reading. For constant expressions only. */
function secondsSince(instant: string): Prisma.Sql {
  return Prisma.raw(`greatest(extract(epoch FROM now() - ${instant}), 0)::float8`);
}
