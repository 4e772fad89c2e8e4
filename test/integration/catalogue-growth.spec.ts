import pg from 'pg';
import type { Catalogue } from '#persistence';
import { openCatalogue, publishTariffPlan, replaceEntities, saveDraftPlan } from '#persistence/catalogue';
import { parseTariffPlan, type TariffPlan } from '#rating';
import { feePlan, granted, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { createTestDatabase } from '../support/postgres.js';

const INVOICES = 12;

/** A year of invoices with so many lines that each is kept apart from its row. */
describe('changing the catalogue of an account with large invoices', () => {
  let database: Catalogue;
  let account: string;

  beforeAll(async () => {
    const created = await createTestDatabase();
    await created.database.$disconnect();
    // One connection, whose counters can be asked for.
    database = await openCatalogue(created.url, 1);
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    account = await makeAccount(database, { seller: 'acme', external_id: 'large' }, 'fee');
    granted(await replaceEntities(database, 'test', account, entities(0, 60)));
    const owner = new pg.Client({ connectionString: created.url });
    await owner.connect();
    // What these say is of no matter here, only how much of it there is.
    await owner.query('ALTER TABLE invoice DROP CONSTRAINT invoice_agrees_with_its_document');
    await owner.query(
      `WITH opened AS (
         INSERT INTO close (id, seller_id, period_label, period, kind, dry_run, issue, state)
         SELECT gen_random_uuid(), id, '2025-01', tstzrange('2025-01-01Z', '2026-01-01Z'), 'regular', false, 'automatic', 'finished'
           FROM seller RETURNING id, seller_id)
       INSERT INTO invoice (id, seller_id, account_id, close_id, kind, number, fiscal_year, sequence, period_label, period, revision,
                            currency, net, tax, gross, rounding, payable, issued_at, issue_date, due_date, document,
                            document_sha256, inputs_hash, layout_version)
       SELECT gen_random_uuid(), o.seller_id, $1, o.id, 'invoice', 'INV-2025-' || n, 2025, n, to_char(first, 'YYYY-MM'),
              tstzrange(first, first + interval '1 month'), 1, 'USD', 0, 0, 0, 0, 0, now(), now(), now(),
              jsonb_build_object('corrects', null, 'lines', lines, 'period', jsonb_build_object(
                'start_date', first::date, 'end_date', (first + interval '1 month')::date)), 'd', 'i', 1
         FROM opened o
        CROSS JOIN generate_series(1, ${INVOICES}) n
        CROSS JOIN LATERAL (SELECT make_timestamptz(2025, n, 1, 0, 0, 0, 'UTC') AS first) f
        CROSS JOIN LATERAL (SELECT string_agg(md5(n || ' ' || line), '') AS lines FROM generate_series(1, 2000) line) l`,
      [account],
    );
    await owner.query('ANALYZE');
    await owner.end();
  });
  afterAll(() => database.$disconnect());

  /** How often a document was fetched from where large ones are kept, by this connection until now. */
  const fetched = async () => {
    await database.$executeRaw`SELECT pg_stat_force_next_flush()`;
    const [read] = await database.$queryRaw<[{ count: number }]>`
      SELECT idx_scan::int AS count FROM pg_stat_all_tables
       WHERE relid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'invoice'::regclass)`;
    return read.count;
  };

  it('reads the columns of invoices and no document, however many subscribers there are', async () => {
    const before = await fetched();
    const counts = granted(await replaceEntities(database, 'test', account, entities(10, 70)));
    expect(counts).toEqual({ registered: 10, changed: 0, ended: 10, removed: 0 });
    expect((await fetched()) - before).toBe(0);
  });

  it('reads no invoice to publish a version that comes after all of them', async () => {
    const plan = planOf({ ...feePlan('fee', '12.00'), effective_from: '2026-03-01' });
    const { code, version } = granted(await saveDraftPlan(database, 'test', plan));
    const before = await fetched();
    granted(await publishTariffPlan(database, 'test', code, version));
    expect((await fetched()) - before).toBe(0);
  });

  it.each(['2025-12-31', '2025-06-15'])(
    'still refuses one that reaches into an issued period from %s',
    async (from) => {
      const plan = planOf({ ...feePlan('fee', '13.00'), effective_from: from });
      const { code, version } = granted(await saveDraftPlan(database, 'test', plan));
      expect(await publishTariffPlan(database, 'test', code, version)).toMatchObject({ code: 'period_already_billed' });
    },
  );
});

function planOf(document: object): TariffPlan {
  const parsed = parseTariffPlan(document);
  if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
  return parsed.plan;
}

/** Subscribers that have always been there. */
function entities(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => ({
    dimension: 'msisdn' as const,
    value: `4915${from + index}`,
    name: null,
    active_from: null,
    active_until: null,
  }));
}
