import pg from 'pg';
import { isRefusal } from '#persistence';
import { updateSeller } from '#persistence/catalogue';
import { listInvoices } from '#persistence/documents';
import { feePlan, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';

/** Where series of numbers begin, and what may no longer be changed about them once they have. */
describe('the number series of a seller', () => {
  let closing: Closing;
  let owner: pg.Client;
  let now: { year: number; month: number };

  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, seed: 7 });
    await makeSeller(closing.database, { code: 'acme', number_start: 500 });
    await makePlan(closing.database, feePlan('fee', '10.00'));
    await makeAccount(closing.database, { seller: 'acme', external_id: 'a' }, 'fee');
    owner = new pg.Client({ connectionString: closing.url });
    await owner.connect();
    const { rows } = await owner.query<{ year: number; month: number }>(
      `SELECT extract(year FROM now() AT TIME ZONE 'UTC')::int AS year, extract(month FROM now() AT TIME ZONE 'UTC')::int AS month`,
    );
    now = rows[0] ?? { year: 0, month: 0 };
  });
  afterAll(async () => {
    await owner.end();
    await closing.stop();
  });

  const change = async (of: Parameters<typeof updateSeller>[3]) => {
    const changed = await updateSeller(closing.database, 'test', 'acme', of, SECRET_KEY);
    return isRefusal(changed) ? { code: changed.code, message: changed.message, pointer: changed.pointer } : 'changed';
  };
  const numbers = async () => (await listInvoices(closing.database, { limit: 20 })).map(({ number }) => number);

  it('may begin elsewhere as long as no invoice is out', async () => {
    expect(await change({ number_start: 700 })).toBe('changed');
    expect(await change({ number_start: 500 })).toBe('changed');
  });

  it('begins with number_start once: not for notes, and not for the years after', async () => {
    await closing.run('acme', '2026-05');
    const [first] = await listInvoices(closing.database, { limit: 1 });
    await closing.closes.corrections.voidInvoice(first?.id ?? '', { actor: 'test', reason: 'a test' });
    // As if both had been issued in the fiscal year before.
    await owner.query('UPDATE number_series SET fiscal_year = fiscal_year - 1');
    await closing.run('acme', '2026-06');
    await closing.run('acme', '2026-07');
    // Of one second they are listed by their numbers.
    expect((await numbers()).sort()).toEqual([
      `CN-${now.year}-000001`,
      `INV-${now.year}-000001`,
      `INV-${now.year}-000002`,
      `INV-${now.year}-000500`,
    ]);
  });

  it('begins nowhere else once an invoice is out, and says what is next', async () => {
    expect(await change({ number_start: 1 })).toEqual({
      code: 'numbering_has_begun',
      message: expect.stringContaining(`INV-${now.year}-000003`) as string,
      pointer: '/number_start',
    });
    // Whoever sends the whole seller back changes nothing.
    expect(await change({ number_start: 500, fiscal_year_start: 1, time_zone: 'UTC' })).toBe('changed');
  });

  it('of a fiscal year that was left is not opened again', async () => {
    // In December a fiscal year has begun whatever its first month is.
    const left = now.month < 12;
    const changed = await change({ fiscal_year_start: Math.min(now.month + 1, 12) });
    expect(changed).toEqual(
      left
        ? {
            code: 'fiscal_year_left',
            message: expect.stringContaining(`${now.year - 1}`) as string,
            pointer: '/fiscal_year_start',
          }
        : 'changed',
    );
    // A fiscal year that has begun by both is the same series.
    expect(await change({ fiscal_year_start: now.month })).toBe('changed');
    await closing.run('acme', '2026-08');
    expect(await numbers()).toContain(`INV-${now.year}-000003`);
  });

  it('goes on below another prefix', async () => {
    expect(await change({ invoice_prefix: 'ACME' })).toBe('changed');
    await closing.run('acme', '2026-09');
    expect(await numbers()).toContain(`ACME-${now.year}-000004`);
  });
});
