import { createHash } from 'node:crypto';
import pg from 'pg';
import { type Catalogue, listAuditEvents } from '#persistence';
import { listAccounts, listEntities, listSubscriptions, openCatalogue } from '#persistence/catalogue';
import { documentsOfClose, listDrafts, listInvoices } from '#persistence/documents';
import { isDone, listCloseAccounts, listCloseEvents, listCloses, listCorrections } from '#persistence/closes';
import { createTestDatabase } from '../support/postgres.js';

const ROWS = 20_000;
const SELLERS = 20;
const ACCOUNTS = 2_000;
const MONTHS = 50;
const LIMIT = 25;
/** Of the seller that came last: its documents are the last ones of every list. */
const LATE = SELLERS;
/** The seller whose documents are all of one close, 5,000, of whose accounts those of the last batch are left. */
const CLOSED_AT_ONCE = { seller: 7, close: 701 };

/**
 * What a page may read at the most, however much there is beside it: each row of the page, from its index and from its table,
 * with what stands beside it.
 */
const ROWS_OF_A_PAGE = LIMIT * 30;

/**
 * A hundred thousand made-up documents, and tens of thousands of what else is listed. Sellers and months follow one
 * another, and what is rare comes last, so that a list that is filtered while it is walked through reads all of it.
 */
describe('a page of a list of very many', () => {
  let database: Catalogue;
  let owner: pg.Client;

  beforeAll(async () => {
    const created = await createTestDatabase();
    await created.database.$disconnect();
    database = await openCatalogue(created.serviceUrl, 1);
    owner = new pg.Client({ connectionString: created.url });
    await owner.connect();
    await fill(owner);
  });
  afterAll(async () => {
    await database.$disconnect();
    await owner.end();
  });

  /** Every set of filters that is asked for here, with what finds the same in the tables themselves. */
  const invoiceFilters: Filters<Parameters<typeof listInvoices>[1]> = {
    account: () => id('acc', 19),
    seller: () => `s${LATE}`,
    period: () => '2026-02',
    status: () => 'voided',
    number: () => 'INV-50',
    close: () => id('clo', LATE * 100 + MONTHS),
  };

  describe.each(setsOf(['account', 'seller', 'period', 'status', 'number', 'close'] as const))(
    'of documents by %j',
    (set) => {
      it('is read from an index', async () => {
        for (const status of set.includes('status') ? ['issued', 'credited', 'voided'] : [undefined]) {
          const filter = { ...chosen(invoiceFilters, set), ...(status !== undefined && { status }) };
          await expectPages({
            read: (after, limit) => listInvoices(database, { ...filter, after, limit }),
            keyOf: (row) => row.id,
            expected: await idsOf(
              `SELECT i.id FROM invoice i JOIN seller s ON s.id = i.seller_id
               LEFT JOIN (SELECT invoice_id, bool_or(type = 'voided') AS voided, bool_or(type = 'credited') AS credited
                            FROM invoice_event GROUP BY invoice_id) e ON e.invoice_id = i.id`,
              {
                'i.account_id::text': filter.account,
                's.code': filter.seller,
                'i.period_label': filter.period,
                'i.number': filter.number,
                'i.close_id::text': filter.close,
                [`CASE WHEN e.voided THEN 'voided' WHEN e.credited THEN 'credited' ELSE 'issued' END`]: filter.status,
              },
              'i.issued_at, i.sequence, i.id',
            ),
          });
        }
      });
    },
  );

  it.each(setsOf(['account', 'seller', 'period', 'close'] as const))('of drafts by %j', async (set) => {
    const filter = chosen<Parameters<typeof listDrafts>[1], 'account' | 'seller' | 'period' | 'close'>(
      {
        account: () => id('acc', 20),
        seller: () => 's1',
        period: () => '2026-04',
        close: () => id('clo', 100 + MONTHS + 2),
      },
      set,
    );
    await expectPages({
      read: (after, limit) => listDrafts(database, { ...filter, after, limit }),
      keyOf: (row) => row.id,
      expected: await idsOf(
        `SELECT d.id FROM draft_invoice d JOIN close c ON c.id = d.close_id JOIN seller s ON s.id = c.seller_id`,
        {
          'd.account_id::text': filter.account,
          's.code': filter.seller,
          'c.period_label': filter.period,
          'c.id::text': filter.close,
        },
        'd.id',
      ),
    });
  });

  it('reads nothing of a close for a seller or period that is not its own', async () => {
    const close = id('clo', 100 + 1);
    for (const other of [{ seller: 's2' }, { period: '2026-02' }, { seller: 's2', status: 'issued' }]) {
      await expectPages({
        read: (after, limit) => listInvoices(database, { close, ...other, after, limit }),
        keyOf: (row) => row.id,
        expected: [],
      });
    }
  });

  it.each(setsOf(['account', 'seller', 'period', 'state'] as const))('of corrections by %j', async (set) => {
    const filter = chosen<Parameters<typeof listCorrections>[1], 'account' | 'seller' | 'period' | 'state'>(
      {
        account: () => id('acc', 19),
        seller: () => `s${LATE}`,
        period: () => '2026-02',
        state: () => 'dismissed',
      },
      set,
    );
    await expectPages({
      read: (after, limit) => listCorrections(database, { ...filter, after, limit }),
      keyOf: (row) => row.id,
      expected: await idsOf(
        `SELECT c.id FROM correction c JOIN seller s ON s.id = c.seller_id`,
        {
          'c.account_id::text': filter.account,
          's.code': filter.seller,
          'c.period_label': filter.period,
          'c.state': filter.state,
        },
        'c.id',
      ),
    });
  });

  it.each(setsOf(['seller', 'subject', 'action', 'actor', 'from', 'to'] as const))(
    'of audit events by %j',
    async (set) => {
      const filter = chosen<
        Parameters<typeof listAuditEvents>[1],
        'seller' | 'subject' | 'action' | 'actor' | 'from' | 'to'
      >(
        {
          seller: () => `s${LATE}`,
          subject: () => 'account:7',
          action: () => 'invoice.voided',
          actor: () => 'api_key:late',
          from: () => new Date('2026-02-01T00:00:00Z'),
          to: () => new Date('2026-02-02T00:00:00Z'),
        },
        set,
      );
      await expectPages({
        read: async (after, limit) =>
          (await listAuditEvents(database, filter, { limit: limit - 1, cursor: after && cursorOf(after) })).data,
        keyOf: (row) => row.id,
        expected: await idsOf(
          'SELECT e.id FROM audit_event e LEFT JOIN seller s ON s.id = e.seller_id',
          {
            's.code': filter.seller,
            'e.subject': filter.subject,
            'e.action': filter.action,
            'e.actor': filter.actor,
          },
          'e.id',
          [
            ...(filter.from ? [`e.at >= '${filter.from.toISOString()}'`] : []),
            ...(filter.to ? [`e.at < '${filter.to.toISOString()}'`] : []),
          ],
        ),
      });
    },
  );

  it.each(setsOf(['seller', 'period'] as const))('of closes by %j', async (set) => {
    const filter = chosen<Parameters<typeof listCloses>[1], 'seller' | 'period'>(
      { seller: () => `s${LATE}`, period: () => '2026-02' },
      set,
    );
    await expectPages({
      read: (before, limit) => listCloses(database, { ...filter, before, limit }),
      keyOf: (row) => row.id,
      expected: await idsOf(
        'SELECT c.id FROM close c JOIN seller s ON s.id = c.seller_id',
        { 's.code': filter.seller, 'c.period_label': filter.period },
        'c.id DESC',
      ),
    });
  });

  it.each(setsOf(['state', 'account'] as const))('of accounts of a close by %j', async (set) => {
    const closeId = id('clo', LARGE_CLOSE);
    const filter = chosen<Parameters<typeof listCloseAccounts>[2], 'state' | 'account'>(
      { state: () => 'failed', account: () => id('acx', ROWS - 1) },
      set,
    );
    await expectPages({
      read: (after, limit) => listCloseAccounts(database, closeId, { ...filter, after, limit }),
      keyOf: (row) => row.account,
      expected: await idsOf(
        'SELECT account_id AS id FROM close_account',
        { 'close_id::text': closeId, state: filter.state, 'account_id::text': filter.account },
        'account_id',
      ),
    });
  });

  it.each(setsOf(['account'] as const))('of moves of a close by %j', async (set) => {
    const closeId = id('clo', LARGE_CLOSE);
    const account = set.length > 0 ? id('acx', ROWS - 1) : undefined;
    await expectPages({
      read: (after, limit) => listCloseEvents(database, closeId, { account, after, limit }),
      keyOf: (row) => row.id,
      expected: await idsOf(
        'SELECT id::text FROM close_event',
        { 'close_id::text': closeId, 'account_id::text': account },
        'close_event.id',
      ),
    });
  });

  it('of the documents of a close, as a certificate and an archive read them', async () => {
    const read = async (count: number) => {
      const numbers: string[] = [];
      for await (const { number } of documentsOfClose(database, id('clo', CLOSED_AT_ONCE.close))) {
        if (numbers.push(number) === count) break;
      }
      return numbers;
    };
    const { result, sent } = await captured(() => read(3 * LIMIT));
    expect(result).toEqual(Array.from({ length: 3 * LIMIT }, (_, index) => `INV-${index + 1}`));
    for (const statement of sent) await expectLittleRead(statement);
  });

  it('is no more than a worker reads after each batch to see whether its close is done', async () => {
    const { result, sent } = await captured(() => isDone(database, id('clo', CLOSED_AT_ONCE.close)));
    expect(result).toBe(false);
    for (const statement of sent) await expectLittleRead(statement);
  });

  it.each(setsOf(['seller', 'external_id'] as const))('of accounts by %j', async (set) => {
    const filter = chosen<Parameters<typeof listAccounts>[1], 'seller' | 'external_id'>(
      { seller: () => 's1', external_id: () => 'acc-20' },
      set,
    );
    await expectPages({
      read: async (after, limit) =>
        (await listAccounts(database, filter, { limit: limit - 1, cursor: after && cursorOf(after) })).data,
      keyOf: (row) => row.id,
      expected: await idsOf(
        'SELECT a.id FROM account a JOIN seller s ON s.id = a.seller_id',
        { 's.code': filter.seller, 'a.external_id': filter.external_id },
        'a.id',
      ),
    });
  });

  it.each(setsOf(['dimension', 'value'] as const))('of entities of an account by %j', async (set) => {
    const filter = chosen<Parameters<typeof listEntities>[2], 'dimension' | 'value'>(
      { dimension: () => 'imsi', value: () => `v${ROWS - 1}` },
      set,
    );
    await expectPages({
      read: async (after, limit) =>
        (await listEntities(database, id('acc', 1), filter, { limit: limit - 1, cursor: after && cursorOf(after) }))
          .data,
      keyOf: (row) => row.id,
      expected: await idsOf(
        'SELECT id FROM entity',
        { 'account_id::text': id('acc', 1), dimension: filter.dimension, value: filter.value },
        'id',
      ),
    });
  });

  it.each(setsOf(['account', 'plan'] as const))('of subscriptions by %j', async (set) => {
    const filter = chosen<Parameters<typeof listSubscriptions>[1], 'account' | 'plan'>(
      { account: () => id('acx', ROWS - 1), plan: () => 'rare' },
      set,
    );
    await expectPages({
      read: async (after, limit) =>
        (await listSubscriptions(database, filter, { limit: limit - 1, cursor: after && cursorOf(after) })).data,
      keyOf: (row) => row.id,
      expected: await idsOf(
        'SELECT id FROM subscription',
        { 'account_id::text': filter.account, plan_code: filter.plan },
        'id',
      ),
    });
  });

  /** All ids of a list in its order, found by a query that says what it means and no more. */
  const idsOf = async (
    from: string,
    equal: Readonly<Record<string, string | undefined>>,
    order: string,
    conditions: readonly string[] = [],
  ): Promise<string[]> => {
    const given = Object.entries(equal).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const all = [...given.map(([column], index) => `${column} = $${index + 1}`), ...conditions];
    const { rows } = await owner.query<{ id: string }>(
      `${from} WHERE ${['true', ...all].join(' AND ')} ORDER BY ${order}`,
      given.map(([, value]) => value),
    );
    return rows.map((row) => row.id);
  };

  /** Reads the first page, the one after it and one in the midst: each is what is expected, and reads little. */
  const expectPages = async <Row>(list: {
    read: (after: string | undefined, limit: number) => Promise<Row[]>;
    keyOf: (row: Row) => string;
    expected: readonly string[];
  }): Promise<void> => {
    const middle = Math.floor(list.expected.length / 2);
    for (const start of new Set([0, Math.min(LIMIT, list.expected.length), middle])) {
      const after = start === 0 ? undefined : list.expected[start - 1];
      const { result, sent } = await captured(() => list.read(after, LIMIT + 1));
      expect(result.slice(0, LIMIT).map(list.keyOf)).toEqual(list.expected.slice(start, start + LIMIT));
      for (const statement of sent) await expectLittleRead(statement);
    }
  };

  /** Explains a statement as it was sent, with its values, and holds what it read against what a page may read. */
  const expectLittleRead = async ({ text, values }: Sent): Promise<void> => {
    const explained = await owner.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      values as unknown[],
    );
    const [row] = explained.rows;
    if (!row) throw new Error(`no plan of ${text}`);
    const nodes = nodesOf(row['QUERY PLAN'][0].Plan);
    const scans = nodes.filter((node) => node['Node Type'].endsWith('Scan'));
    const whole = scans.filter((node) => node['Node Type'] === 'Seq Scan' && LARGE.has(node['Relation Name'] ?? ''));
    const read = scans
      .filter((node) => LARGE.has(node['Relation Name'] ?? '') || node['Relation Name'] === undefined)
      .reduce((sum, node) => sum + rowsRead(node), 0);
    const sorted = nodes
      .filter((node) => node['Node Type'].endsWith('Sort'))
      .map((node) => Math.max(...(node.Plans ?? []).map((each) => each['Actual Rows'] * each['Actual Loops'])));
    expect({
      text,
      whole: whole.map((node) => node['Relation Name']),
      sorted: Math.max(0, ...sorted) <= ROWS_OF_A_PAGE,
    }).toEqual({
      text,
      whole: [],
      sorted: true,
    });
    if (read > ROWS_OF_A_PAGE)
      throw new Error(`${read} rows were read for a page of ${LIMIT}: ${text}\n${shape(nodes)}`);
  };
});

/** Tables of which no page may read the whole. */
const LARGE = new Set([
  'account',
  'audit_event',
  'close',
  'close_account',
  'close_event',
  'correction',
  'draft_invoice',
  'entity',
  'invoice',
  'invoice_event',
  'invoice_status',
  'subscription',
]);

/** The close that has most of the accounts. */
const LARGE_CLOSE = LATE * 100 + 51;

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

function rowsRead(node: PlanNode): number {
  const once =
    node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return once * node['Actual Loops'];
}

function shape(nodes: readonly PlanNode[]): string {
  return nodes
    .map((node) => `${node['Node Type']} ${node['Index Name'] ?? node['Relation Name'] ?? ''} ${rowsRead(node)}`)
    .join('\n');
}

interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What a call sends to PostgreSQL, as the driver gets it. */
async function captured<T>(call: () => Promise<T>): Promise<{ result: T; sent: Sent[] }> {
  const sent: Sent[] = [];
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [query] = args;
    if (typeof query === 'object' && query !== null && 'text' in query) {
      const { text, values } = query as Sent;
      if (/^\s*SELECT/.test(text)) sent.push({ text, values: values ?? [] });
    }
    return Reflect.apply(original, this, args) as unknown;
  } as typeof original;
  try {
    const result = await call();
    expect(sent).not.toEqual([]);
    return { result, sent };
  } finally {
    pg.Client.prototype.query = original;
  }
}

type Filters<Filter> = { readonly [Name in keyof Filter]?: () => NonNullable<Filter[Name]> };

/** The filters of a set with their values. */
function chosen<Filter, Name extends keyof Filter = keyof Filter>(
  values: Filters<Pick<Filter, Name>>,
  set: readonly (keyof Filter)[],
): Partial<Pick<Filter, Name>> {
  return Object.fromEntries(set.map((name) => [name, (values as Filters<Filter>)[name]?.()])) as Partial<
    Pick<Filter, Name>
  >;
}

/** All subsets, each as the one argument of a case. */
function setsOf<Name extends string>(names: readonly Name[]): [Name[]][] {
  return names
    .reduce<Name[][]>((sets, name) => [...sets, ...sets.map((set) => [...set, name])], [[]])
    .map((set) => [set]);
}

/** The id of a made-up row, here and in `fill`. */
function id(kind: string, number: number): string {
  const hex = createHash('md5').update(`${kind}-${number}`).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The same in SQL, of the columns of `fill`. */
const idOf = (kind: string, number: string): string => `md5('${kind}-' || (${number}))::uuid`;

/** Writes all rows, as the owner of the tables. What the documents say is of no matter, only where they stand. */
async function fill(owner: pg.Client): Promise<void> {
  await owner.query('ALTER TABLE invoice DROP CONSTRAINT invoice_agrees_with_its_document');
  await owner.query(
    'CREATE OR REPLACE FUNCTION invoice_agrees(i invoice) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT true $$',
  );
  // What all of it refers to is there, and nothing overlaps: to check that takes long.
  await owner.query(`DO $$
    DECLARE each record;
    BEGIN
      FOR each IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint
                   WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'x') AND conparentid = 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', each.relation, each.conname);
      END LOOP;
    END $$`);
  await owner.query('ALTER TABLE invoice DISABLE TRIGGER USER');
  const sellerOfAccount = idOf('sel', `1 + a % ${SELLERS}`);
  const month = (m: string) => `(timestamptz '2022-01-01Z' + make_interval(months => (${m}) - 1))`;
  const label = (m: string) => `to_char(${month(m)} AT TIME ZONE 'UTC', 'YYYY-MM')`;
  await owner.query(
    `INSERT INTO seller (id, code, name, country, currency, time_zone, address)
     SELECT ${idOf('sel', 's')}, 's' || s, 'Seller', 'DE', 'USD', 'UTC', '{}'::jsonb FROM generate_series(1, ${SELLERS}) s`,
  );
  await owner.query(
    `INSERT INTO account (id, seller_id, external_id, name, currency, time_zone, address)
     SELECT ${idOf('acc', 'a')}, ${sellerOfAccount}, 'acc-' || a, 'Account', 'USD', 'UTC', '{}'::jsonb
       FROM generate_series(1, ${ACCOUNTS}) a
     UNION ALL
     SELECT ${idOf('acx', 'n')}, ${idOf('sel', `${LATE}`)}, 'large-' || n, 'Account', 'USD', 'UTC', '{}'::jsonb
       FROM generate_series(1, ${ROWS}) n`,
  );
  // Two months more than are issued: one with the large close, one in which every seller has drafts. And dry runs.
  await owner.query(
    `INSERT INTO close (id, seller_id, period_label, period, kind, dry_run, issue, state, summary)
     SELECT ${idOf('clo', 's * 100 + m')}, ${idOf('sel', 's')}, ${label('m')}, tstzrange(${month('m')}, ${month('m + 1')}),
            'regular', false, 'after_review', 'review', '{"vendor_warnings": []}'::jsonb
       FROM generate_series(1, ${SELLERS}) s, generate_series(1, ${MONTHS + 2}) m
     UNION ALL
     SELECT gen_random_uuid(), ${idOf('sel', '2')}, ${label('1 + n % 12')},
            tstzrange(${month('1 + n % 12')}, ${month('2 + n % 12')}), 'regular', true, 'after_review', 'finished', '{"vendor_warnings": []}'::jsonb
       FROM generate_series(1, 10000) n`,
  );
  await owner.query(
    `INSERT INTO invoice (id, seller_id, account_id, close_id, kind, number, fiscal_year, sequence, period_label, period, revision,
                          currency, net, tax, gross, rounding, payable, issued_at, issue_date, due_date, document,
                          document_sha256, inputs_hash, layout_version)
     SELECT ${idOf('inv', 'a * 100 + m')}, ${sellerOfAccount}, ${idOf('acc', 'a')}, CASE WHEN 1 + a % ${SELLERS} = ${CLOSED_AT_ONCE.seller} THEN ${idOf('clo', `${CLOSED_AT_ONCE.close}`)}
                 ELSE ${idOf('clo', `(1 + a % ${SELLERS}) * 100 + m`)} END,
            'invoice', 'INV-' || sequence, 2025, sequence, ${label('m')}, tstzrange(${month('m')}, ${month('m + 1')}), 1,
            'USD', 0, 0, 0, 0, 0,
            CASE WHEN 1 + a % ${SELLERS} = ${LATE} THEN timestamptz '2026-06-01Z' + make_interval(mins => m) ELSE ${month('m + 1')} END,
            now(), now(), document, encode(sha256(convert_to(replace(document::text, ' ', ''), 'UTF8')), 'hex'), 'i', 1
       FROM generate_series(1, ${MONTHS}) m, generate_series(1, ${ACCOUNTS}) a
      CROSS JOIN LATERAL (SELECT (a - 1) / ${SELLERS} * ${MONTHS} + m AS sequence,
                                 jsonb_build_object('id', ${idOf('inv', 'a * 100 + m')}) AS document) AS of_invoice`,
  );
  await owner.query(
    `INSERT INTO invoice_status SELECT id, 'issued', seller_id, close_id, period_label, issued_at, sequence FROM invoice`,
  );
  // Credited: all of a month, and some that are voided afterwards or before. Voided: some of the last month.
  await owner.query(
    `INSERT INTO invoice_event (id, invoice_id, type)
     SELECT gen_random_uuid(), i.id, type FROM (
       SELECT 1 AS nth, id, 'issued' AS type FROM invoice
       UNION ALL SELECT 2, ${idOf('inv', 'a * 100 + 25')}, 'credited' FROM generate_series(1, ${ACCOUNTS}) a
       UNION ALL SELECT 2, ${idOf('inv', `a * 100 + ${MONTHS}`)}, 'credited' FROM generate_series(1, 50) a
       UNION ALL SELECT 2, ${idOf('inv', `a * 100 + ${MONTHS}`)}, 'debited' FROM generate_series(300, 350) a
       UNION ALL SELECT 3, ${idOf('inv', `a * 100 + ${MONTHS}`)}, 'voided' FROM generate_series(1, 200) a
       UNION ALL SELECT 4, ${idOf('inv', `a * 100 + ${MONTHS}`)}, 'credited' FROM generate_series(100, 150) a) AS i
      ORDER BY nth`,
  );
  await owner.query(
    `INSERT INTO close_account (close_id, account_id, batch, state, reason_code)
     SELECT ${idOf('clo', `${LARGE_CLOSE}`)}, ${idOf('acx', 'n')}, n / 100, CASE WHEN n > ${ROWS - 50} THEN 'failed' ELSE 'drafted' END,
            CASE WHEN n > ${ROWS - 50} THEN 'internal_error' END
       FROM generate_series(1, ${ROWS}) n
     UNION ALL
     SELECT ${idOf('clo', `${CLOSED_AT_ONCE.close}`)}, ${idOf('acx', 'n')}, n / 50, CASE WHEN n > ${ROWS - 50} THEN 'pending' ELSE 'failed' END,
            CASE WHEN n <= ${ROWS - 50} THEN 'internal_error' END
       FROM generate_series(1, ${ROWS}) n
     UNION ALL
     SELECT ${idOf('clo', `(1 + a % ${SELLERS}) * 100 + ${MONTHS + 2}`)}, ${idOf('acc', 'a')}, 0, 'drafted', NULL
       FROM generate_series(1, ${ACCOUNTS}) a`,
  );
  await owner.query(
    `INSERT INTO draft_invoice (id, close_id, account_id, inputs_hash, document)
     SELECT gen_random_uuid(), close_id, account_id, 'i', '{}'::jsonb FROM close_account WHERE state = 'drafted'`,
  );
  await owner.query(
    `INSERT INTO correction (id, seller_id, account_id, period_label, original_id, base_revision, cause, state, usage_sha256, inputs,
                             inputs_hash, document, decided_at)
     SELECT gen_random_uuid(), ${sellerOfAccount}, ${idOf('acc', 'a')}, ${label('m')}, ${idOf('inv', 'a * 100 + m')}, 1, 'usage',
            CASE WHEN decided THEN 'dismissed' ELSE 'superseded' END, n, '{}'::jsonb, 'i', '{"period": {}}'::jsonb, CASE WHEN decided THEN now() END
       FROM generate_series(0, 19999) n
      CROSS JOIN LATERAL (SELECT 1 + n % ${ACCOUNTS} AS a, 1 + n / 400 AS m, n > 19800 AS decided) AS of_correction`,
  );
  // Seller, action and actor are frequent each, and meet only towards the end. A few ids were made by another clock.
  await owner.query(
    `INSERT INTO audit_event (id, seller_id, at, actor, action, subject)
     SELECT event_id(CASE WHEN n % 5000 = 7 OR n = ${ROWS * 0.91} THEN at - interval '40 days' ELSE at END),
            CASE WHEN n % 2 = 1 THEN ${idOf('sel', `${LATE}`)} WHEN n % 6 = 0 THEN ${idOf('sel', '1')} END, at,
            CASE WHEN n % 4 = 0 OR late AND n % 5 = 0 THEN 'api_key:late' ELSE 'service' END,
            CASE WHEN n % 2 = 0 OR late AND n % 7 = 0 THEN 'invoice.voided' ELSE 'invoice.issued' END,
            CASE WHEN late AND n % 25 = 0 THEN 'account:7' ELSE 'invoice:' || n END
       FROM generate_series(1, ${ROWS}) n
      CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01Z' + n * interval '150 s' AS at, n > ${ROWS * 0.89} AS late) AS of_event`,
  );
  await owner.query(
    `INSERT INTO entity (id, seller_id, account_id, dimension, value, active)
     SELECT gen_random_uuid(), ${idOf('sel', '2')}, ${idOf('acc', '1')}, CASE WHEN n > ${ROWS - 100} THEN 'imsi' ELSE 'msisdn' END,
            'v' || n, tstzrange(NULL, NULL)
       FROM generate_series(1, ${ROWS}) n`,
  );
  await owner.query(
    `INSERT INTO subscription (id, account_id, plan_code, starts_at)
     SELECT gen_random_uuid(), ${idOf('acx', 'n')}, CASE WHEN n > ${ROWS - 50} THEN 'rare' ELSE 'common' END, '2026-01-01'
       FROM generate_series(1, ${ROWS}) n`,
  );
  await owner.query('VACUUM ANALYZE');
}

function cursorOf(key: string): string {
  return Buffer.from(key).toString('base64url');
}
