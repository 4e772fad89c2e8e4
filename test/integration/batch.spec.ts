import pg from 'pg';
import { Closes } from '#close';
import type { Catalogue } from '#persistence';
import { listInvoices } from '#persistence/documents';
import { listCloseAccounts } from '#persistence/closes';
import { feePlan, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { closingFees } from '../support/closing.js';
import { createTestDatabase } from '../support/postgres.js';

const ACCOUNTS = 50;

describe('a batch of a close', () => {
  let url: string;
  let database: Catalogue;
  let ids: string[];

  beforeEach(async () => {
    ({ url, database } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    ids = [];
    for (let number = 0; number < ACCOUNTS; number += 1) {
      ids.push(await makeAccount(database, { seller: 'acme', external_id: `a${number}` }, 'fee'));
    }
  });
  afterEach(() => database.$disconnect());

  const process = () =>
    new Closes({ ...closingFees(database), enqueue: () => Promise.resolve(), settleHours: 0, batchSize: ACCOUNTS });
  const open = async (closes: Closes) => {
    const request = { seller: 'acme', period: '2026-08', kind: 'regular', dryRun: false, issue: 'automatic' } as const;
    const opened = await closes.desk.open({ ...request, actor: 'test' });
    if (opened.outcome !== 'opened') throw new Error(opened.code);
    return opened.id;
  };
  const states = async (closeId: string) =>
    new Map((await listCloseAccounts(database, closeId, { limit: 99 })).map(({ account, state }) => [account, state]));
  const numbers = async () => (await listInvoices(database, { limit: 99 })).map(({ number }) => number).sort();
  const upTo = (count: number) =>
    Array.from({ length: count }, (_, index) => `INV-2026-${String(index + 1).padStart(6, '0')}`);

  it('asks the database no more than twice for each account, documents and the end of the close included', async () => {
    const closes = process();
    const closeId = await open(closes);
    const { query } = pg.Client.prototype;
    let statements = 0;
    pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
      statements += 1;
      return (query as (...of: unknown[]) => unknown).apply(this, given);
    } as typeof query;
    try {
      await closes.work({ closeId, batch: 0 });
    } finally {
      pg.Client.prototype.query = query;
    }
    expect(await numbers()).toEqual(upTo(ACCOUNTS));
    // A count of none would be one of another driver.
    expect(statements).toBeGreaterThan(10);
    expect(statements / ACCOUNTS).toBeLessThanOrEqual(2);
  });

  it('issues the others when one account cannot be issued, without a gap, and that one when it can', async () => {
    const closes = process();
    const closeId = await open(closes);
    const [, , , broken = ''] = ids;
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    await owner.query(`CREATE TRIGGER disorder BEFORE INSERT ON invoice
      FOR EACH ROW WHEN (NEW.account_id = '${broken}') EXECUTE FUNCTION refuse_change()`);
    await expect(closes.work({ closeId, batch: 0 })).rejects.toMatchObject({ code: 'batch_unfinished' });
    const after = await states(closeId);
    expect(after.get(broken)).toBe('rated');
    expect(ids.filter((id) => after.get(id) === 'issued')).toHaveLength(ACCOUNTS - 1);
    expect(await numbers()).toEqual(upTo(ACCOUNTS - 1));

    for (let attempt = 2; attempt < 5; attempt += 1) {
      await expect(closes.work({ closeId, batch: 0 })).rejects.toMatchObject({ code: 'batch_unfinished' });
    }
    await closes.work({ closeId, batch: 0 });
    expect((await states(closeId)).get(broken)).toBe('failed');

    await owner.query('DROP TRIGGER disorder ON invoice');
    await owner.end();
    await closes.desk.retry(closeId, [broken]);
    await closes.work({ closeId, batch: 0 });
    expect((await states(closeId)).get(broken)).toBe('issued');
    expect(await numbers()).toEqual(upTo(ACCOUNTS));
  });
});
