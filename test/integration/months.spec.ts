import { Client } from 'pg';
import type { Catalogue } from '#persistence';
import { openCatalogue } from '#persistence/catalogue';
import { bringForward, findClose, listCloseEvents, loadBatch, monthEndFigures } from '#persistence/closes';
import { checkDocuments, listInvoices, loadDocument, unrenderedOfBatch } from '#persistence/documents';
import { feePlan, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';

const MONTHS = ['2026-07', '2026-08'] as const;
const TABLES = ['close_event', 'invoice_line', 'stored_document'];

/** What a month leaves behind lies in tables of that month, so that a month can be dropped, dumped and vacuumed. */
describe('what grows with every month', () => {
  let closing: Closing;
  let database: Catalogue;
  let owner: Client;
  const closes: string[] = [];

  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, seed: 1 });
    // One session, so that it can be told to count what it has read.
    database = await openCatalogue(closing.url, 1);
    owner = new Client({ connectionString: closing.url });
    await owner.connect();
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('flat', '10.00'));
    for (const external_id of ['a', 'b']) await makeAccount(database, { seller: 'acme', external_id }, 'flat');
    // Nothing was opened before: there is no usage either.
    expect(await tablesOf('2026')).toEqual([]);
    for (const month of MONTHS) {
      const accounts = await closing.run('acme', month);
      expect(accounts.map(({ state }) => state)).toEqual(['issued', 'issued']);
      closes.push(closing.lastClose());
    }
  });
  afterAll(async () => {
    await owner.end();
    await database.$disconnect();
    await closing.stop();
  });

  /** Partitions by a part of their names. */
  const tablesOf = async (part: string) => {
    const { rows } = await owner.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE relkind = 'r' AND relname LIKE '%' || $1 || '%' ORDER BY 1`,
      [part],
    );
    return rows.map(({ name }) => name);
  };

  it.each(TABLES)('lies in a table of its month: %s', async (table) => {
    const { rows } = await owner.query<{ name: string; month: string; count: number }>(
      `SELECT tableoid::regclass::text AS name, to_char(month, 'YYYY-MM') AS month, count(*)::int AS count
         FROM ${table} GROUP BY 1, 2 ORDER BY 1`,
    );
    expect(rows.map(({ name, month }) => ({ name, month }))).toEqual(
      MONTHS.map((month) => ({ name: `${table}_${month.replace('-', '')}`, month })),
    );
    // Two accounts with a line and a file each; of the moves there are more.
    if (table !== 'close_event') expect(rows.map(({ count }) => count)).toEqual([2, 2]);
  });

  it.each<[string, (of: { close: string; invoice: string }) => Promise<unknown>]>([
    ['a close with its pace', ({ close }) => findClose(database, close)],
    ['the moves of a close', ({ close }) => listCloseEvents(database, close, { limit: 100 })],
    ['a batch', ({ close }) => loadBatch(database, { closeId: close, batch: 0 })],
    [
      'what a batch has not drawn',
      ({ close }) => unrenderedOfBatch(database, { closeId: close, batch: 0 }, undefined, 9),
    ],
    ['the documents of a close', ({ close }) => listInvoices(database, { close, limit: 100 })],
    ['a file', ({ invoice }) => loadDocument(database, invoice, 'pdf')],
    ['the figures of the month-end', () => monthEndFigures(database)],
    ['waiting accounts', () => bringForward(database)],
  ])('is read in one table, for %s', async (_, read) => {
    const [, close = ''] = closes;
    // A close that runs, with an account to work on and one that waits, so that every part of a question is asked.
    await owner.query(`UPDATE close SET state = 'running' WHERE id = $1`, [close]);
    await owner.query(
      `UPDATE close_account SET state = 'waiting', reason_code = 'report_api_unavailable', next_try_at = now() + interval '1 hour'
        WHERE close_id = $1 AND account_id = (SELECT min(account_id::text)::uuid FROM close_account)`,
      [close],
    );
    await owner.query(`UPDATE close_account SET state = 'pending' WHERE close_id = $1 AND state = 'issued'`, [close]);
    const { rows } = await owner.query<{ id: string }>('SELECT id FROM invoice WHERE close_id = $1 LIMIT 1', [close]);
    const before = await scansOfJuly();
    await read({ close, invoice: rows[0]?.id ?? '' });
    expect(await scansOfJuly()).toBe(before);
  });

  /** How often tables of July were looked at, by all sessions; each tells when it is asked. */
  const scansOfJuly = async () => {
    await database.$executeRaw`SELECT pg_stat_force_next_flush()`;
    const { rows } = await owner.query<{ scans: string }>(
      `SELECT sum(seq_scan + coalesce(idx_scan, 0)) AS scans FROM pg_stat_user_tables WHERE relname LIKE '%\\_202607'`,
    );
    return rows[0]?.scans;
  };

  it('goes by month: what is left is whole, and a file that is asked for again is drawn again', async () => {
    const [july = '', august = ''] = closes;
    const file = async (close: string) => {
      const { rows } = await owner.query<{ id: string }>('SELECT id FROM invoice WHERE close_id = $1 ORDER BY id', [
        close,
      ]);
      return { id: rows[0]?.id ?? '', stored: await loadDocument(database, rows[0]?.id ?? '', 'pdf') };
    };
    const before = await file(july);
    expect(before.stored).toBeDefined();
    for (const name of ['stored_document_202607', 'invoice_line_202607', 'close_event_202607']) {
      await owner.query(`DROP TABLE ${name}`);
    }
    expect((await file(july)).stored).toBeUndefined();
    expect((await file(august)).stored).toBeDefined();
    expect(await listCloseEvents(database, july, { limit: 100 })).toEqual([]);
    expect((await listCloseEvents(database, august, { limit: 100 })).length).toBeGreaterThan(0);
    expect((await listInvoices(database, { seller: 'acme', limit: 100 })).map(({ period }) => period.label)).toEqual([
      ...['2026-07', '2026-07', '2026-08', '2026-08'],
    ]);
    // Documents are not taken for altered because the lines beside them are gone.
    let checked: Awaited<ReturnType<typeof checkDocuments>>;
    do checked = await checkDocuments(database, { spanSeconds: 0, certificateFault: async () => undefined });
    while (!checked.ended);
    expect(checked.ended).toEqual({ checked: 6, altered: 0 });
    expect((await closing.closes.pdf(before.id))?.sha256).toBe(before.stored?.sha256);
    expect((await file(july)).stored?.sha256).toBe(before.stored?.sha256);
  });
});
