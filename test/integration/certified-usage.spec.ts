import pg from 'pg';
import { accountId, lateCorrection, usageOfDays, utcDays } from '../../apps/report-simulator/src/index.js';
import { checkStoredDocuments } from '#close';
import { Decimal } from '#money';
import { listInvoices } from '#persistence/documents';
import { certificateFacts, findCertificate } from '#persistence/closes';
import type { SignedCertificate } from '#proof';
import { makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';
const SEED = 7;
const AUGUST = { start: Date.parse('2026-08-01T00:00:00Z') / 1000, end: Date.parse('2026-09-01T00:00:00Z') / 1000 };

/** Bytes of August, both directions, of accounts with one leaf each, from the oracle's closed form. */
function bytesOf(leaves: readonly number[]): string {
  const each = leaves.map((firstLeaf) =>
    usageOfDays({ firstLeaf, leaves: 1 }, utcDays('2026-08-01', 31), { seed: SEED }),
  );
  const quarters = each.reduce((sum, of) => sum + of.uplinkQuarterBytes + of.downlinkQuarterBytes, 0n);
  return new Decimal(quarters.toString()).dividedBy(4).toFixed();
}

describe('usage that comes after the documents', () => {
  let closing: Closing;

  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 3, sites: 1, subscribers: 1 }, seed: SEED });
    await makeSeller(closing.database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
    await makePlan(closing.database, trafficPlan('traffic'));
    const [charge] = trafficPlan('free').charges;
    await makePlan(closing.database, {
      ...trafficPlan('free'),
      charges: [{ ...charge, price: { model: 'per_unit', unit_price: '0.00' } }],
    });
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(1) }, 'free');
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(2) }, 'traffic');
  });
  afterAll(() => closing.stop());

  const certified = async (revision: number) => {
    const stored = await findCertificate(closing.database, closing.lastClose(), revision);
    const { certificate } = JSON.parse(stored?.document ?? '{}') as SignedCertificate;
    const owned = certificate.usage.map((each) => each.owned);
    return {
      bytes: owned.reduce((sum, { total }) => sum.plus(total), new Decimal(0)).toFixed(),
      buckets: owned.reduce((sum, { buckets }) => sum + Number(buckets), 0),
    };
  };

  it('is on no certificate until a document is billed by it', async () => {
    closing.simulator.setFaults([{ fault: 'error_500', match: { account: accountId(2) } }]);
    const ends = ['issued', 'empty', 'held report_api_unavailable'];
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(ends);
    expect(await certified(1)).toEqual({ bytes: bytesOf([0, 1]), buckets: 4 * 31 });

    closing.simulator.setFaults([{ fault: 'late_correction' }]);
    const [invoice] = await listInvoices(closing.database, { limit: 1 });
    expect(await closing.closes.corrections.confirm(invoice?.id ?? '')).toEqual({ outcome: 'no_difference' });
    const [empty] = await closing.database.$queryRaw<{ id: string }[]>`SELECT id FROM empty_period`;
    expect(await closing.closes.corrections.confirmEmpty(empty?.id ?? '')).toEqual({ outcome: 'no_difference' });
    closing.simulator.setFaults([]);
    expect((await closing.retry(closing.lastClose())).map(endOf)).toEqual(['issued', 'empty', 'issued']);

    expect(lateCorrection(0, AUGUST.start, AUGUST.end).bytesPerDirection).toBeGreaterThan(0);
    expect(await certified(2)).toEqual({ bytes: bytesOf([0, 1, 2]), buckets: 6 * 31 });
  });

  describe('whose record was altered in the database', () => {
    let owner: pg.Client;
    const TABLES = ['invoice_inputs', 'empty_period'];
    beforeAll(async () => {
      owner = new pg.Client({ connectionString: closing.url });
      await owner.connect();
      for (const table of TABLES) {
        await owner.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
        await owner.query(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`);
      }
    });
    afterAll(() => owner.end());
    const alter = (table: string) => owner.query(`UPDATE ${table} SET inputs = jsonb_set(inputs, '{usage}', '[]')`);
    const putBack = (table: string) => {
      const key = table === 'invoice_inputs' ? 'invoice_id' : 'id';
      return owner.query(`UPDATE ${table} t SET inputs = k.inputs FROM kept_${table} k WHERE k.${key} = t.${key}`);
    };

    it.each([
      ['a document', 'invoice_inputs', /what went into INV-2026-00000\d was altered/],
      ['a period that came to nothing', 'empty_period', /what went into the empty period [0-9a-f-]{36} was altered/],
    ])('is certified of nothing: %s', async (_what, table, told) => {
      const facts = () => closing.database.$transaction((tx) => certificateFacts(tx, closing.lastClose()));
      expect((await facts()).usage.map(({ windows }) => windows)).toEqual([3, 3]);
      await alter(table);
      const message = expect.stringMatching(told) as string;
      await expect(facts()).rejects.toMatchObject({ code: 'document_altered', message });
      await putBack(table);
    });

    it('is found by the check of all that is stored, and is right again when it is restored', async () => {
      const found = async () => {
        await owner.query(`UPDATE document_check SET started_at = started_at - interval '28 days'`);
        for (;;) {
          const { more, ended } = await checkStoredDocuments(closing.database, 0);
          if (ended) break;
          expect(more).toBe(true);
        }
        const { rows } = await owner.query<{ kind: string }>(
          `SELECT split_part(subject, ':', 1) AS kind FROM document_alteration
            WHERE mended_at IS NULL AND part = 'inputs' ORDER BY 1`,
        );
        return rows.map(({ kind }) => kind);
      };
      for (const table of TABLES) await alter(table);
      expect(await found()).toEqual(['empty_period', 'invoice', 'invoice']);
      for (const table of TABLES) await putBack(table);
      expect(await found()).toEqual([]);
    });

    it('confirms nothing', async () => {
      await alter('empty_period');
      const [empty] = await closing.database.$queryRaw<{ id: string }[]>`SELECT id FROM empty_period`;
      const confirmed = closing.closes.corrections.confirmEmpty(empty?.id ?? '');
      await expect(confirmed).rejects.toMatchObject({ code: 'document_altered' });
      await putBack('empty_period');
    });
  });
});
