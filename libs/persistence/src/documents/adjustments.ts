import { monthPeriod } from '#calendar';
import { type AccountTax, InvoicingError, totalsOf } from '#invoicing';
import { decimal, minorUnits } from '#money';
import { type Adjustment, adjustmentLine } from '#rating';
import { v7 as uuid } from 'uuid';
import { accountNotFound } from '../catalogue/accounts.js';
import * as Prisma from '../ground/prisma.js';
import { recordAudit } from '../ground/audit.js';
import { type Database, stamp, transaction, type Transaction } from '../ground/database.js';
import { where } from '../ground/page.js';
import { refusal, type Refusal } from '../ground/refusal.js';

export type AdjustmentState = 'open' | 'drawn' | 'cancelled';

/** An adjustment as the REST contract shows it. */
export interface AdjustmentView {
  id: string;
  account: string;
  /** The first month whose invoice may draw it; null: whichever comes next. */
  period: string | null;
  amount: string;
  currency: string;
  reason: string;
  tax: string | null;
  tax_category: string | null;
  state: AdjustmentState;
  /** The document that drew it and stands. */
  invoice: { id: string; number: string } | null;
  created_by: string;
  created_at: string;
  cancelled_by: string | null;
  cancelled_at: string | null;
  cancel_reason: string | null;
}

export interface NewAdjustment {
  readonly account: string;
  readonly period: string | null;
  readonly amount: string;
  readonly reason: string;
  readonly tax: string | null;
  readonly taxCategory: string | null;
}

/** Of adjustments `j`: nothing that stands has drawn it, and it is not cancelled. */
const OPEN = Prisma.sql`
  j.cancelled_at IS NULL
  AND NOT EXISTS (SELECT FROM adjustment_draw d WHERE d.adjustment_id = j.id AND d.given_back_at IS NULL)`;

/** The same of rows `j` as what a line is made of. */
const TERMS = Prisma.sql`
  jsonb_build_object('id', j.id, 'amount', j.amount::text, 'reason', j.reason, 'tax', j.tax, 'taxCategory', j.tax_category,
                     'by', j.created_by, 'at', ${stamp('j.created_at')})`;

/** The adjustments that the invoice of a month of an account `a` draws, as JSON; null for none. */
export function adjustmentsOfAccount(label: string): Prisma.Sql {
  return Prisma.sql`
    (SELECT jsonb_agg(${TERMS} ORDER BY j.id) FROM adjustment j
      WHERE j.account_id = a.id AND (j.period_label IS NULL OR j.period_label <= ${label}) AND ${OPEN})`;
}

/**
 * What a statement that inserts documents does with the adjustments that their inputs name (`given g`): each is drawn, once. A
 * unique key stands against a second document that stands.
 */
export const DRAWING = Prisma.sql`
  INSERT INTO adjustment_draw (adjustment_id, invoice_id)
  SELECT (j.adjustment->>'id')::uuid, g.id
    FROM given g CROSS JOIN LATERAL jsonb_array_elements(g.inputs->'adjustments') AS j (adjustment)`;

/** Gives back what voided documents have drawn: the next invoice of the account draws it again. */
export async function giveBack(tx: Transaction, invoiceIds: readonly string[]): Promise<void> {
  await tx.$executeRaw`
    UPDATE adjustment_draw SET given_back_at = clock_timestamp()
     WHERE invoice_id = ANY(${[...invoiceIds]}::uuid[]) AND given_back_at IS NULL`;
}

export type AdjustmentRefusal = 'account_not_found' | 'too_many_decimals' | 'tax_not_of_account';

/** Keeps an adjustment for the next invoice. The account is locked: a document that is being issued is waited for. */
export async function createAdjustment(
  database: Database,
  actor: string,
  adjustment: NewAdjustment,
): Promise<AdjustmentView | Refusal<AdjustmentRefusal>> {
  return transaction(database, async (tx) => {
    const kept = await keepAdjustment(tx, actor, adjustment);
    return 'outcome' in kept ? kept : ((await findAdjustment(tx, kept.id)) as AdjustmentView);
  });
}

/** The same within a transaction. */
export async function keepAdjustment(
  tx: Transaction,
  actor: string,
  { account: accountId, period, amount, reason, tax, taxCategory }: NewAdjustment,
): Promise<Adjustment | Refusal<AdjustmentRefusal>> {
  const account = await lockAccount(tx, accountId);
  if (!account) return accountNotFound(accountId);
  const { currency, sellerId } = account;
  const digits = minorUnits(currency);
  if (decimal(amount).decimalPlaces() > digits) {
    return refusal('too_many_decimals', `an amount in ${currency} has at most ${digits} decimals`, '/amount');
  }
  const exact = decimal(amount).toFixed(digits);
  const id = uuid();
  const [{ month }] = await tx.$queryRaw<[{ month: string }]>`
    SELECT to_char(clock_timestamp() AT TIME ZONE ${account.timeZone}, 'YYYY-MM') AS month`;
  const trial = { id, amount: exact, reason, tax, taxCategory, by: actor, at: '' };
  const untaxed = taxFault(trial, period ?? month, account);
  if (untaxed !== undefined) {
    return refusal('tax_not_of_account', untaxed, tax === null ? '/tax_category' : '/tax');
  }
  const [row] = await tx.$queryRaw<[{ terms: Adjustment }]>`
    INSERT INTO adjustment AS j (id, seller_id, account_id, period_label, amount, currency, reason, tax, tax_category, created_by)
    VALUES (${id}::uuid, ${sellerId}::uuid, ${accountId}::uuid, ${period}, ${exact}::numeric, ${currency}, ${reason}, ${tax},
            ${taxCategory}, ${actor})
    RETURNING ${TERMS} AS terms`;
  await recordAudit(tx, {
    sellerId,
    actor,
    action: 'adjustment.created',
    subject: `adjustment:${id}`,
    data: { account: accountId, amount: exact, currency, reason, period },
  });
  return row.terms;
}

/** What an adjustment needs to know of its account, locked as `lockAccount` of the catalogue locks it. */
async function lockAccount(
  tx: Transaction,
  id: string,
): Promise<{ sellerId: string; currency: string; timeZone: string; taxes: unknown } | undefined> {
  const [account] = await tx.$queryRaw<{ sellerId: string; currency: string; timeZone: string; taxes: unknown }[]>`
    SELECT seller_id AS "sellerId", currency, time_zone AS "timeZone", taxes FROM account WHERE id = ${id}::uuid FOR UPDATE`;
  return account;
}

/** Why no tax of the account answers to an adjustment; undefined when one does. What is in force when it is drawn decides. */
function taxFault(
  adjustment: Adjustment,
  month: string,
  { currency, timeZone, taxes }: { currency: string; timeZone: string; taxes: unknown },
): string | undefined {
  const line = adjustmentLine(adjustment, monthPeriod(month, timeZone), currency);
  try {
    totalsOf([line], taxes as AccountTax[], { currency, rounding: 'half_up', payableRounding: 'none' });
    return undefined;
  } catch (error) {
    if (error instanceof InvoicingError) return error.message;
    throw error;
  }
}

/** Cancels an adjustment that no document has drawn. */
export async function cancelAdjustment(
  database: Database,
  { accountId, id }: { accountId: string; id: string },
  { actor, reason }: { actor: string; reason: string },
): Promise<
  AdjustmentView | Refusal<'account_not_found' | 'adjustment_not_found' | 'adjustment_drawn' | 'adjustment_cancelled'>
> {
  return transaction(database, async (tx) => {
    const account = await lockAccount(tx, accountId);
    if (!account) return accountNotFound(accountId);
    const before = await findAdjustment(tx, id);
    if (before?.account !== accountId) return refusal('adjustment_not_found', `the account has no adjustment ${id}`);
    if (before.state === 'drawn') {
      const message = `${before.invoice?.number ?? 'a document'} has drawn it; credit or void that one`;
      return refusal('adjustment_drawn', message);
    }
    if (before.state === 'cancelled') return refusal('adjustment_cancelled', 'it is cancelled already');
    await tx.$executeRaw`
      UPDATE adjustment SET cancelled_by = ${actor}, cancelled_at = clock_timestamp(), cancel_reason = ${reason}
       WHERE id = ${id}::uuid`;
    await recordAudit(tx, {
      sellerId: account.sellerId,
      actor,
      action: 'adjustment.cancelled',
      subject: `adjustment:${id}`,
      data: { account: accountId, amount: before.amount, currency: before.currency, reason },
    });
    return (await findAdjustment(tx, id)) as AdjustmentView;
  });
}

export interface AdjustmentFilter {
  readonly id?: string | undefined;
  readonly account?: string | undefined;
  readonly state?: AdjustmentState | undefined;
  /** The id of the last one already seen. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Adjustments in the order in which they were made. */
export async function listAdjustments(
  database: Database | Transaction,
  { id, account, state, after, limit }: AdjustmentFilter,
): Promise<AdjustmentView[]> {
  return database.$queryRaw`
    SELECT * FROM (
      SELECT j.id, j.account_id AS account, j.period_label AS period, j.amount::text, j.currency, j.reason, j.tax,
             j.tax_category,
             CASE WHEN j.cancelled_at IS NOT NULL THEN 'cancelled' WHEN drawn.invoice IS NULL THEN 'open' ELSE 'drawn' END
               AS state,
             drawn.invoice, j.created_by, ${stamp('j.created_at')} AS created_at, j.cancelled_by,
             ${stamp('j.cancelled_at')} AS cancelled_at, j.cancel_reason
        FROM adjustment j
        LEFT JOIN LATERAL (
             SELECT jsonb_build_object('id', i.id, 'number', i.number) AS invoice
               FROM adjustment_draw d JOIN invoice i ON i.id = d.invoice_id
              WHERE d.adjustment_id = j.id AND d.given_back_at IS NULL) AS drawn ON true
      ${where(
        id !== undefined && Prisma.sql`j.id = ${id}::uuid`,
        account !== undefined && Prisma.sql`j.account_id = ${account}::uuid`,
        after !== undefined && Prisma.sql`j.id > ${after}::uuid`,
      )}) AS listed
    ${where(state !== undefined && Prisma.sql`state = ${state}`)}
     ORDER BY id LIMIT ${limit}`;
}

/** One adjustment, or undefined. */
export async function findAdjustment(
  database: Database | Transaction,
  id: string,
): Promise<AdjustmentView | undefined> {
  const [adjustment] = await listAdjustments(database, { id, limit: 1 });
  return adjustment;
}
