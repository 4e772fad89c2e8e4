import { documentSha256 } from '#persistence';
import { v7 as uuid } from 'uuid';
import { monthPeriod, toStamp } from '#calendar';
import type { IssuedInvoice } from '#invoicing';

import pg from 'pg';

/**
 * Writes an issued invoice of one line, with its close, as the owner of the database: for tests that need a billed period
 * and not the way to it. The account's zone is UTC, its currency USD. Returns the invoice's id.
 */
export async function issueOne(
  ownerUrl: string,
  of: { seller: string; accountId: string; period: string; amount: string },
): Promise<string> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await owner.query('BEGIN');
    const { rows } = await owner.query<{ id: string; sequence: number }>(
      `SELECT s.id, (SELECT count(*)::int + 1 FROM invoice WHERE seller_id = s.id) AS sequence FROM seller s WHERE code = $1`,
      [of.seller],
    );
    const [seller] = rows;
    if (!seller) throw new Error(`no seller ${of.seller}`);
    const closeId = await closeOf(owner, seller.id, of.period);
    const invoice = documentOf(of, seller.sequence);
    const { period, id } = invoice;
    await owner.query(
      `INSERT INTO invoice (id, seller_id, account_id, close_id, kind, number, fiscal_year, sequence, period_label, period,
                            revision, currency, net, tax, gross, rounding, payable, issued_at, issue_date, due_date,
                            document, document_sha256, inputs_hash, layout_version)
       VALUES ($1, $2, $3, $4, 'invoice', $5, 2026, $6, $7, tstzrange($8, $9), 1, 'USD', $10, 0.00, $10, 0.00, $10, $11, $12,
               $13, $14, $15, $16, 1)`,
      [
        id,
        seller.id,
        of.accountId,
        closeId,
        invoice.number,
        seller.sequence,
        period.label,
        period.start,
        period.end,
        of.amount,
        invoice.issued_at,
        invoice.issue_date,
        invoice.due_date,
        invoice,
        documentSha256(invoice),
        invoice.inputs_hash,
      ],
    );
    await owner.query(`INSERT INTO invoice_event (id, invoice_id, type) VALUES ($1, $2, 'issued')`, [uuid(), id]);
    await owner.query(
      `INSERT INTO close_account (close_id, account_id, batch, state, invoice_id) VALUES ($1, $2, 0, 'issued', $3)`,
      [closeId, of.accountId, id],
    );
    await owner.query('COMMIT');
    return id;
  } finally {
    await owner.end();
  }
}

/** The finished close of a period, made when there is none. */
async function closeOf(owner: pg.Client, sellerId: string, month: string): Promise<string> {
  const period = monthPeriod(month, 'UTC');
  await owner.query(
    `INSERT INTO close (id, seller_id, period_label, period, kind, dry_run, issue, state, finished_at)
     VALUES ($1, $2, $3, tstzrange($4, $5), 'regular', false, 'after_review', 'finished', now()) ON CONFLICT DO NOTHING`,
    [uuid(), sellerId, month, toStamp(period.start), toStamp(period.end)],
  );
  const { rows } = await owner.query<{ id: string }>(
    `SELECT id FROM close WHERE seller_id = $1 AND period_label = $2 AND state <> 'cancelled' AND NOT dry_run`,
    [sellerId, month],
  );
  return rows[0]?.id ?? '';
}

function documentOf(
  of: { seller: string; accountId: string; period: string; amount: string },
  sequence: number,
): IssuedInvoice {
  const { label, start, end, startDate, endDate } = monthPeriod(of.period, 'UTC');
  const segment = { start: toStamp(start), end: toStamp(end), start_date: startDate, end_date: endDate };
  return {
    id: uuid(),
    status: 'issued',
    kind: 'invoice',
    number: `INV-2026-${`${sequence}`.padStart(6, '0')}`,
    issued_at: '2026-11-05T08:00:00Z',
    issue_date: '2026-11-05',
    due_date: '2026-12-05',
    seller: of.seller,
    account: of.accountId,
    customer: { reference: of.accountId, name: 'A customer', address: null, tax_id: null, email: null },
    period: { label, ...segment, time_zone: 'UTC', measured: null },
    currency: 'USD',
    lines: [
      {
        ...{ position: 1, charge: 'platform', kind: 'recurring', description: 'Platform fee', segment },
        ...{ entity: null, quantity: '1', unit: 'month', amount: of.amount, unrounded_amount: of.amount },
        ...{ tax_category: null, commodity_code: null, derivation: feeOf(of.amount) },
      },
    ],
    taxes: [],
    net: of.amount,
    tax: '0.00',
    gross: of.amount,
    rounding: '0.00',
    payable: of.amount,
    revision: 1,
    notes: [],
    inputs_hash: 'of nothing',
  } as unknown as IssuedInvoice;
}

/** A fee for the whole period, as rating tells it. */
function feeOf(amount: string) {
  const exact = { numerator: amount, denominator: '1' };
  const share = { numerator: '1', denominator: '1', proration: 'none', count: 1 };
  return {
    version: 1,
    plan: null,
    basis: { kind: 'recurring', billing: 'arrears', unit_amount: amount, shares: [share] },
    steps: [{ kind: 'fee', quantity: '1', unit_price: amount, tier: null, amount: exact }],
    amount: exact,
    rounding: { mode: 'half_up', digits: 2 },
  };
}
