import type { CloseAccountState, Notice } from '#billing';
import type { DraftInvoice } from '#invoicing';
import { decimal, formatAmount, minus, sum } from '#money';
import { WAIT_HOURS } from '../catalogue/seller-settings.js';
import { noteAlteration } from '../documents/alterations.js';
import {
  DocumentAltered,
  SEALED,
  type SealedDocument,
  unaltered,
  unalteredDraft,
} from '../documents/sealed-documents.js';
import * as Prisma from '../ground/prisma.js';
import { type Database, stamp } from '../ground/database.js';
import { where } from '../ground/page.js';
import type { SeriesProgress } from './close-views.js';

/** One account of a close as the REST contract shows it. `lines` are those of its draft, invoice or dry-run report. */
export interface CloseAccountView {
  account: string;
  external_id: string;
  name: string;
  state: CloseAccountState;
  reason: Notice | null;
  /** Of a waiting account; null for any other. */
  waiting: CloseAccountWaiting | null;
  /** While a worker bills it; null otherwise, and until the worker knows. */
  progress: (SeriesProgress & { seen_at: string }) | null;
  warnings: Notice[];
  attempts: number;
  invoice: string | null;
  lines: unknown[];
  totals: { currency: string; net: string; tax: string; gross: string; payable: string } | null;
  /** What the account was billed for the month before, over all its documents; `invoice` is the first of them. */
  previous: { invoice: string; number: string; currency: string; net: string } | null;
  /** This net minus the previous one; null when either is missing. */
  difference: string | null;
  /** Holds that an operator lets pass. */
  waivers: { code: string; reason: string; actor: string; at: string }[];
  updated_at: string;
}

/** How long an account waits for what passes by itself. Stamps are RFC 3339, UTC. */
export interface CloseAccountWaiting {
  since: string;
  /** The service tries by itself until then; afterwards the account is held. */
  until: string;
  next_try_at: string;
  /** Tries that met what it waits for. */
  tries: number;
}

/** Which of the ids are accounts of the close. */
export async function accountsOfClose(database: Database, closeId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT account_id AS id FROM close_account
     WHERE close_id = ${closeId}::uuid AND account_id = ANY(${[...ids]}::uuid[])`;
  return rows.map((row) => row.id);
}

/**
 * Accounts of a close in the order of their ids. `after` is the id of the last one already seen. What an account has that is
 * not as it was stored is not shown: a warning says so instead.
 */
export async function listCloseAccounts(
  database: Database,
  closeId: string,
  filter: {
    state?: CloseAccountState | undefined;
    account?: string | undefined;
    after?: string | undefined;
    limit: number;
  },
): Promise<CloseAccountView[]> {
  const { state, account, after, limit } = filter;
  const rows = await database.$queryRaw<CloseAccountRow[]>`
    SELECT a.id AS account, a.external_id, a.name, c.state, c.warnings, c.attempts, c.invoice_id AS invoice,
           CASE WHEN c.reason_code IS NOT NULL
                THEN jsonb_build_object('code', c.reason_code, 'message', c.reason_message) END AS reason,
           CASE WHEN c.state = 'waiting' AND k.state <> 'cancelled'
                THEN jsonb_build_object('since', ${stamp('c.waiting_since')}, 'next_try_at', ${stamp('c.next_try_at')},
                                        'until', to_char((c.waiting_since + make_interval(hours => ${WAIT_HOURS}))
                                                         AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                                        'tries', c.tries) END AS waiting,
           CASE WHEN c.state IN ('pulling', 'rated') AND c.series_needed IS NOT NULL
                THEN jsonb_build_object('needed', c.series_needed, 'pulled', c.series_pulled, 'kept', c.series_kept,
                                        'seen_at', ${stamp('c.seen_at')}) END AS progress,
           issued.sealed AS issued, CASE WHEN d.id IS NOT NULL THEN to_jsonb(d) END AS draft, c.report,
           before.documents AS before,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('code', w.code, 'reason', w.reason, 'actor', w.actor,
                                                         'at', ${stamp('w.at')}) ORDER BY w.at, w.id), '[]')
              FROM close_waiver w WHERE w.close_id = c.close_id AND w.account_id = c.account_id) AS waivers,
           ${stamp('c.updated_at')} AS updated_at
      FROM (SELECT * FROM close_account
            ${where(
              Prisma.sql`close_id = ${closeId}::uuid`,
              state !== undefined && Prisma.sql`state = ${state}`,
              account !== undefined && Prisma.sql`account_id = ${account}::uuid`,
              after !== undefined && Prisma.sql`account_id > ${after}::uuid`,
            )}
             ORDER BY account_id LIMIT ${limit}) AS c
      JOIN close k ON k.id = c.close_id
      JOIN account a ON a.id = c.account_id
      JOIN seller s ON s.id = k.seller_id
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(sealed) ORDER BY revision) AS documents
          FROM (SELECT ${SEALED}, i.revision FROM invoice i
                 WHERE k.kind = 'regular' AND i.account_id = a.id
                   AND i.period_label = to_char(to_date(k.period_label, 'YYYY-MM') - interval '1 month', 'YYYY-MM')) AS sealed
        ) AS before ON true
      LEFT JOIN LATERAL (
        SELECT to_jsonb(sealed) AS sealed
          FROM (SELECT ${SEALED} FROM invoice i WHERE i.id = c.invoice_id) AS sealed) AS issued ON true
      LEFT JOIN draft_invoice d ON d.close_id = c.close_id AND d.account_id = c.account_id AND c.state = 'drafted'
     ORDER BY c.account_id`;
  return Promise.all(rows.map((row) => presentAccount(database, row)));
}

type CloseAccountRow = Omit<CloseAccountView, 'lines' | 'totals' | 'previous' | 'difference'> & {
  issued: SealedDocument | null;
  draft: { id: string; document: DraftInvoice; document_sha256: string | null } | null;
  /** Of a dry run. */
  report: DraftInvoice | null;
  /** Documents of the month before. */
  before: SealedDocument[] | null;
};

async function presentAccount(
  database: Database,
  { issued, draft, report, before, ...row }: CloseAccountRow,
): Promise<CloseAccountView> {
  const altered: Notice[] = [];
  const checked = async <T>(read: () => T): Promise<T | null> => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DocumentAltered)) throw error;
      await noteAlteration(database, error);
      altered.push({ code: error.code, message: error.message });
      return null;
    }
  };
  const document = await checked(() =>
    issued ? unaltered(issued) : draft ? unalteredDraft(`draft:${draft.id}`, draft) : report,
  );
  const standing = await checked(() => (before ?? []).map(unaltered));
  const [first] = standing ?? [];
  const net = sum((standing ?? []).map((each) => decimal(each.net)));
  return {
    ...row,
    warnings: [...row.warnings, ...altered],
    lines: document?.lines ?? [],
    totals: document && {
      currency: document.currency,
      net: document.net,
      tax: document.tax,
      gross: document.gross,
      payable: document.payable,
    },
    previous: first
      ? { invoice: first.id, number: first.number, currency: first.currency, net: formatAmount(net, first.currency) }
      : null,
    difference: document && first ? formatAmount(minus(decimal(document.net), net), first.currency) : null,
  };
}
