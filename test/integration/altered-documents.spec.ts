import { createHash } from 'node:crypto';
import pg from 'pg';
import { checkStoredDocuments } from '#close';
import { documentSha256, listAuditEvents } from '#persistence';

import { listCloseAccounts } from '#persistence/closes';
import { feePlan, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { sampleKey, samplesOf, scrape } from '../support/metrics.js';
import { settled, startService, type TestService } from '../support/service.js';
import { entriesOf } from '../support/zip.js';

const PERIOD = '2026-08';
const VAT = [{ name: 'VAT', category: 'S' as const, rate: '19' }];

interface Issued {
  id: string;
  account: string;
  number: string;
}

/**
 * What the owner of the database alters behind the service, with every trigger off, is not served. Each way of altering is
 * one that leaves something else as it was: a hash, a column, the audit, the certificate.
 */
describe('what was altered in the database', () => {
  let service: TestService;
  let owner: pg.Client;
  let closeId: string;
  let issued: Issued[];

  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, seed: 7 });
    const { database, rest, ownerUrl } = service;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '100.00'));
    for (const name of ['a', 'b'])
      await makeAccount(database, { seller: 'acme', external_id: name, taxes: VAT }, 'fee');
    const asked = { seller: 'acme', period: PERIOD, issue: 'automatic' };
    ({ id: closeId } = await rest.post<{ id: string }>('/v1/closes', asked));
    await settled(rest, closeId);
    issued = (await rest.get<{ data: Issued[] }>(`/v1/invoices?close=${closeId}`)).data;
    expect(issued.map(({ number }) => number)).toEqual(['INV-2026-000001', 'INV-2026-000002']);
    // Stored by now, whoever ended the close.
    for (const { id } of issued) await rest.bytes(`/v1/invoices/${id}/pdf`);
    owner = new pg.Client({ connectionString: ownerUrl });
    await owner.connect();
    for (const table of [
      'invoice',
      'stored_document',
      'invoice_inputs',
      'invoice_tax',
      'audit_event',
      'close_certificate',
    ]) {
      await owner.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
    }
  });
  afterAll(async () => {
    await owner.end();
    await service.stop();
  });

  const [JSON_TOTALS, COLUMNS, PDF] = [
    `UPDATE invoice SET document = jsonb_set(document, '{gross}', '"1.00"') WHERE id = $1`,
    `UPDATE invoice SET net = 1, tax = 0, gross = 1, payable = 1 WHERE id = $1`,
    `UPDATE stored_document SET bytes = set_byte(set_byte(bytes, 900, 65), 901, 66) WHERE invoice_id = $1`,
  ] as const;

  it('is refused by constraints even where triggers are off, as long as they stand', async () => {
    const [invoice] = issued;
    const refused = async (sql: string) => owner.query(sql, [invoice?.id]).catch((error: unknown) => error);
    expect(await refused(JSON_TOTALS)).toMatchObject({ constraint: 'invoice_agrees_with_its_document' });
    expect(await refused(COLUMNS)).toMatchObject({ constraint: 'invoice_agrees_with_its_document' });
    expect(await refused(PDF)).toMatchObject({ constraint: 'stored_document_has_its_hash' });
    await owner.query('ALTER TABLE invoice DROP CONSTRAINT invoice_agrees_with_its_document');
    await owner.query('ALTER TABLE stored_document DROP CONSTRAINT stored_document_has_its_hash');
  });

  /** The hash that fits what was altered, for whoever alters that too. */
  const rehash = async (id: string) => {
    const { rows } = await owner.query<{ document: object }>('SELECT document FROM invoice WHERE id = $1', [id]);
    await owner.query('UPDATE invoice SET document_sha256 = $2 WHERE id = $1', [id, documentSha256(rows[0]?.document)]);
  };
  const TOTALS_AND_COLUMNS = `
    UPDATE invoice SET gross = 1.00, net = 1.00, tax = 0.00, payable = 1.00, document = document ||
           '{"gross": "1.00", "net": "1.00", "tax": "0.00", "payable": "1.00"}' WHERE id = $1`;
  /** Everything that the tests alter of a document, to be put back. */
  const KEPT = {
    invoice: ['document', 'document_sha256', 'net', 'tax', 'gross', 'payable'],
    stored_document: ['bytes', 'sha256'],
    invoice_inputs: ['inputs'],
    invoice_tax: ['base', 'amount'],
  } as const;
  const keptAside = async () => {
    for (const table of Object.keys(KEPT)) await owner.query(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`);
  };
  const putBack = async () => {
    for (const [table, columns] of Object.entries(KEPT)) {
      const key = table === 'invoice' ? 'id' : 'invoice_id';
      const set = columns.map((column) => `${column} = k.${column}`).join(', ');
      await owner.query(`UPDATE ${table} t SET ${set} FROM kept_${table} k WHERE k.${key} = t.${key}`);
    }
  };
  /** Checks all there is, as a month of sweeps does. */
  const checkAll = async () => {
    await owner.query(
      `UPDATE document_check SET started_at = started_at - interval '28 days' WHERE ended_at IS NOT NULL`,
    );
    for (;;) {
      const { more, ended } = await checkStoredDocuments(service.database, 0);
      if (ended) return ended;
      expect(more).toBe(true);
    }
  };
  const get = (path: string) =>
    fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${service.adminKey}` } });
  const answered = async (path: string) => {
    const answer = await get(path);
    return answer.status === 200 ? 'served' : `${answer.status} ${((await answer.json()) as { code: string }).code}`;
  };
  /** What the archive of the close does not have, and how many files it has. */
  const archived = async () => {
    const entries = entriesOf(Buffer.from(await (await get(`/v1/closes/${closeId}/invoices.zip`)).arrayBuffer()));
    const { missing } = JSON.parse(entries.at(-1)?.bytes.toString() ?? '') as { missing: object[] };
    return { files: entries.length, missing };
  };
  const eventsOf = async (id: string) => {
    const filter = { action: 'document.altered', subject: `invoice:${id}` };
    return (await listAuditEvents(service.database, filter, { limit: 100 })).data;
  };
  const alterations = async () => {
    const samples = samplesOf(await scrape(service.url, service.adminKey), 'meterline_documents_altered');
    return Object.keys(samples).sort();
  };

  const ALTERED = '500 document_altered';
  const ways: {
    way: string;
    alter: (id: string) => Promise<unknown>;
    part: string;
    /** What is answered when the document, the list, the PDF and the evidence are asked for. */
    answers: [string, string, string, string];
    /** Whether the account is shown with its amounts. */
    shown: boolean;
  }[] = [
    {
      way: 'totals in the document',
      alter: (id) => owner.query(JSON_TOTALS, [id]),
      part: 'document',
      answers: [ALTERED, ALTERED, ALTERED, ALTERED],
      shown: false,
    },
    {
      way: 'totals in the document and the columns alike',
      alter: (id) => owner.query(TOTALS_AND_COLUMNS, [id]),
      part: 'document',
      answers: [ALTERED, ALTERED, ALTERED, ALTERED],
      shown: false,
    },
    {
      way: 'the same, and the hash with them',
      alter: async (id) => {
        await owner.query(TOTALS_AND_COLUMNS, [id]);
        await rehash(id);
      },
      part: 'document',
      answers: [ALTERED, ALTERED, ALTERED, ALTERED],
      shown: false,
    },
    {
      way: 'amounts that are no numbers',
      alter: (id) =>
        owner.query(`UPDATE invoice SET document = document || '{"net": "a", "taxes": 1}' WHERE id = $1`, [id]),
      part: 'document',
      answers: [ALTERED, ALTERED, ALTERED, ALTERED],
      shown: false,
    },
    {
      way: 'the columns of the amounts',
      alter: (id) => owner.query(COLUMNS, [id]),
      part: 'columns',
      answers: [ALTERED, ALTERED, ALTERED, ALTERED],
      shown: false,
    },
    {
      way: 'two bytes of the PDF',
      alter: (id) => owner.query(PDF, [id]),
      part: 'pdf',
      answers: ['served', 'served', ALTERED, 'served'],
      shown: true,
    },
    {
      way: 'two bytes of the PDF, and its hash with them',
      alter: async (id) => {
        await owner.query(PDF, [id]);
        await owner.query(`UPDATE stored_document SET sha256 = encode(sha256(bytes), 'hex') WHERE invoice_id = $1`, [
          id,
        ]);
      },
      part: 'pdf',
      answers: ['served', 'served', ALTERED, 'served'],
      shown: true,
    },
    {
      way: 'what it was computed from',
      alter: (id) =>
        owner.query(
          `UPDATE invoice_inputs SET inputs = jsonb_set(inputs, '{account,taxes}', '[]') WHERE invoice_id = $1`,
          [id],
        ),
      part: 'inputs',
      answers: ['served', 'served', 'served', ALTERED],
      shown: true,
    },
    {
      way: 'the rows of its taxes',
      alter: (id) => owner.query(`UPDATE invoice_tax SET base = 1, amount = 0.19 WHERE invoice_id = $1`, [id]),
      part: 'lines',
      answers: ['served', 'served', 'served', 'served'],
      shown: true,
    },
  ];

  it.each(ways)('is not served and is found by the check: $way', async ({ alter, part, answers, shown }) => {
    await owner.query('DROP TABLE IF EXISTS kept_invoice, kept_stored_document, kept_invoice_inputs, kept_invoice_tax');
    await keptAside();
    const [invoice, other] = issued as [Issued, Issued];
    try {
      const before = (await eventsOf(invoice.id)).length;
      await alter(invoice.id);
      const lacks = { document: 2, columns: 2, pdf: 1 }[part] ?? 0;
      const missing = { number: invoice.number, id: invoice.id, part: lacks === 2 ? 'document' : 'pdf' };
      for (let times = 0; times < 2; times += 1) {
        expect(await archived()).toEqual({
          files: 6 - lacks,
          missing: lacks === 0 ? [] : [{ ...missing, code: 'document_altered' }],
        });
        expect((await eventsOf(invoice.id)).length).toBe(before + (lacks === 0 ? 0 : 1));
      }
      const paths = [`/${invoice.id}`, `?close=${closeId}`, `/${invoice.id}/pdf`, `/${invoice.id}/evidence`];
      expect(await Promise.all(paths.map((path) => answered(`/v1/invoices${path}`)))).toEqual(answers);
      // What is whole is served as ever.
      expect(await answered(`/v1/invoices/${other.id}/pdf`)).toBe('served');

      const accounts = await listCloseAccounts(service.database, closeId, { limit: 10 });
      expect(accounts.map(({ account, totals }) => [account, totals?.gross])).toEqual(
        expect.arrayContaining([
          [invoice.account, shown ? '119.00' : undefined],
          [other.account, '119.00'],
        ]),
      );
      const warned = accounts.find(({ account }) => account === invoice.account)?.warnings.map(({ code }) => code);
      expect(warned).toEqual(shown ? [] : ['document_altered']);

      expect(await checkAll()).toEqual({ checked: 3, altered: expect.any(Number) as number });
      expect(await alterations()).toContain(sampleKey('', { seller: 'acme', part }));
      const events = await eventsOf(invoice.id);
      expect(events.at(-1)).toMatchObject({ actor: 'service', data: { part, name: invoice.number } });
      const close = await service.rest.get<{ warnings: { code: string; message: string }[] }>(`/v1/closes/${closeId}`);
      const told = close.warnings.filter(({ code }) => code === 'document_altered').map(({ message }) => message);
      expect(told.some((message) => message.includes(invoice.number))).toBe(true);
    } finally {
      await putBack();
    }
    // Once it is restored it is served again, and the next check says so.
    expect(await answered(`/v1/invoices/${invoice.id}/pdf`)).toBe('served');
    expect(await checkAll()).toEqual({ checked: 3, altered: 0 });
    expect(await alterations()).toEqual([]);
  });

  it('neither serves nor previews a tariff plan that is not as it was published', async () => {
    await owner.query('ALTER TABLE tariff_plan_version DISABLE TRIGGER USER');
    const price = async (amount: string) =>
      owner.query(
        `UPDATE tariff_plan_version SET document = jsonb_set(document, '{charges,0,amount}', to_jsonb($1::text))`,
        [amount],
      );
    const previewed = () =>
      service.rest.post<{ net: string }>('/v1/rating/preview', {
        plan: { code: 'fee', version: 1 },
        period: PERIOD,
        usage: [],
      });
    expect(await previewed()).toMatchObject({ net: '100.00' });
    await price('1.00');
    await expect(previewed()).rejects.toMatchObject({ status: 500, problem: { code: 'document_altered' } });
    for (const path of ['/fee/versions/1', '/fee', '']) expect(await answered(`/v1/tariff-plans${path}`)).toBe(ALTERED);
    await price('100.00');
    expect(await previewed()).toMatchObject({ net: '100.00' });
  });

  it('builds no note on an altered document and certifies none', async () => {
    const [invoice] = issued as [Issued];
    await owner.query('DROP TABLE IF EXISTS kept_invoice, kept_stored_document, kept_invoice_inputs, kept_invoice_tax');
    await keptAside();
    await owner.query(TOTALS_AND_COLUMNS, [invoice.id]);
    await expect(
      service.rest.post(`/v1/invoices/${invoice.id}/credit-notes`, { full: true, reason: 'wrong customer' }),
    ).rejects.toMatchObject({ status: 500, problem: { code: 'document_altered' } });
    const { rows } = await owner.query('SELECT 1 FROM invoice WHERE kind <> $1', ['invoice']);
    expect(rows).toEqual([]);
    await putBack();
    await checkAll();
  });

  it('finds by the certificate what was altered with every record that the database has of it', async () => {
    const [invoice] = issued as [Issued];
    await owner.query(TOTALS_AND_COLUMNS, [invoice.id]);
    await rehash(invoice.id);
    await owner.query(
      `UPDATE audit_event SET data = jsonb_set(data, '{sha256}', (SELECT to_jsonb(document_sha256) FROM invoice WHERE id = $1::uuid))
        WHERE subject = 'invoice:' || $1 AND action = 'invoice.issued'`,
      [invoice.id],
    );
    await checkAll();
    expect(await alterations()).toEqual([sampleKey('', { seller: 'acme', part: 'documents' })]);
  });

  it('does not serve a certificate that is not as it was signed', async () => {
    await owner.query(
      `UPDATE close_certificate SET document = replace(document, '"gross":"238.00"', '"gross":"2.00"') WHERE close_id = $1`,
      [closeId],
    );
    expect(await answered(`/v1/closes/${closeId}/certificate`)).toBe(ALTERED);
    const { rows } = await owner.query<{ document: string; sha256: string }>(
      'SELECT document, sha256 FROM close_certificate',
    );
    expect(
      createHash('sha256')
        .update(rows[0]?.document ?? '')
        .digest('hex'),
    ).not.toBe(rows[0]?.sha256);
  });
});
