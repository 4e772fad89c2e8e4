import pg from 'pg';
import { monthPeriod, toStamp } from '#calendar';
import type { DraftInvoice, IssuedInvoice } from '#invoicing';
import { type Catalogue, documentSha256 } from '#persistence';
import { findSellerId, publishTariffPlan, saveDraftPlan, subscribe, updateSubscription } from '#persistence/catalogue';

import { issueBatch, type IssuedBatch, markRated, openClose, takeUp } from '#persistence/closes';
import { parseTariffPlan } from '#rating';
import { v7 as uuid } from 'uuid';
import { feePlan, granted, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { createTestDatabase } from '../support/postgres.js';

const PERIOD = monthPeriod('2026-06', 'UTC');

let database: Catalogue;
/** Sees what other sessions wait for, as the service's role does not. */
let owner: pg.Client;
let sellerId: string;

beforeAll(async () => {
  const created = await createTestDatabase();
  ({ database } = created);
  owner = new pg.Client({ connectionString: created.url });
  await owner.connect();
  await owner.query("SET stats_fetch_consistency = 'none'");
  await makeSeller(database, { code: 'acme' });
  sellerId = (await findSellerId(database, 'acme')) ?? '';
  await makePlan(database, feePlan('fee', '10.00'));
  await makePlan(database, feePlan('other', '10.00'));
});
afterAll(async () => {
  await owner.end();
  await database.$disconnect();
});

type Inputs = NonNullable<Awaited<ReturnType<Parameters<typeof issueBatch>[1]['inputsOf']>>>;

const INPUTS = { usage: [] } as unknown as Inputs;

/**
 * Issues June for an account. Once its inputs were looked at and before the invoice is there, something else is begun,
 * and is known to wait for this transaction.
 */
async function issueMonth(accountId: string, meanwhile: () => Promise<unknown>): Promise<IssuedBatch> {
  const opened = await openClose(database, {
    sellerId,
    period: PERIOD,
    kind: 'regular',
    dryRun: false,
    issue: 'automatic',
    accountIds: [accountId],
    batchSize: 10,
    actor: 'test',
  });
  const [claim] = await takeUp(database, opened.id, [accountId]);
  if (!claim) throw new Error('the account was not taken up');
  await markRated(database, opened.id, [claim]);
  const close = { id: opened.id, sellerId, periodLabel: PERIOD.label, kind: 'regular', dryRun: false } as const;
  return issueBatch(database, {
    close: { ...close, issue: 'automatic', state: 'running' },
    drafts: [{ ...claim, id: uuid(), draft: draftOf(accountId, documentSha256(INPUTS)), outcome: {} }],
    actor: 'test',
    numberingOf: ({ id }) => ({ sellerId: id, timeZone: 'UTC', fiscalYearStart: 1, numberStart: 1 }),
    inputsOf: async () => {
      await Promise.race([meanwhile(), somebodyWaits()]);
      return INPUTS;
    },
    write: ({ id, draft }, { sequence, issuedAt }) => {
      const issued_at = toStamp(issuedAt);
      const dates = { issued_at, issue_date: issued_at.slice(0, 10), due_date: issued_at.slice(0, 10) };
      return { ...draft, status: 'issued', id, number: `INV-${sequence}`, ...dates, corrects: null } as IssuedInvoice;
    },
    onNumbered: () => undefined,
  });
}

/** Ends when a session of the database waits for a lock of another. */
async function somebodyWaits(): Promise<void> {
  for (;;) {
    const { rowCount } = await owner.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    if (rowCount) return;
    await new Promise((wait) => setTimeout(wait, 10));
  }
}

function draftOf(account: string, inputs_hash: string): DraftInvoice {
  const period = { label: PERIOD.label, start: toStamp(PERIOD.start), end: toStamp(PERIOD.end) };
  const dates = { start_date: PERIOD.startDate, end_date: PERIOD.endDate, time_zone: 'UTC', measured: null };
  const amounts = { net: '10.00', tax: '0.00', gross: '10.00', rounding: '0.00', payable: '10.00' };
  return {
    ...{ status: 'draft', kind: 'invoice', seller: 'acme', account, currency: 'USD', revision: 1, layout_version: 1 },
    ...amounts,
    period: { ...period, ...dates },
    lines: [],
    taxes: [],
    inputs_hash,
  } as unknown as DraftInvoice;
}

describe('while an invoice is being issued', () => {
  it('its subscription cannot change under it', async () => {
    const account = await makeAccount(database, { seller: 'acme', external_id: 's1' }, null);
    const terms = { account, plan: 'fee', starts_at: '2026-01-01', ends_at: null };
    const { id } = granted(await subscribe(database, 'test', terms));
    let change: ReturnType<typeof updateSubscription> | undefined;
    const issued = await issueMonth(
      account,
      () => (change = updateSubscription(database, 'test', id, { ends_at: '2026-06-15' })),
    );
    expect(issued.issued).toHaveLength(1);
    expect(await change).toMatchObject({ outcome: 'refused', code: 'period_already_billed' });
  });

  it('its plan cannot get another version under it', async () => {
    const account = await makeAccount(database, { seller: 'acme', external_id: 'p1' }, null);
    granted(await subscribe(database, 'test', { account, plan: 'other', starts_at: '2026-01-01', ends_at: null }));
    const parsed = parseTariffPlan({ ...feePlan('other', '20.00'), effective_from: '2026-06-10' });
    if (parsed.outcome !== 'valid') throw new Error('the plan is not valid');
    const { version } = granted(await saveDraftPlan(database, 'test', parsed.plan));
    let change: ReturnType<typeof publishTariffPlan> | undefined;
    const issued = await issueMonth(account, () => (change = publishTariffPlan(database, 'test', 'other', version)));
    expect(issued.issued).toHaveLength(1);
    expect(await change).toMatchObject({ outcome: 'refused', code: 'period_already_billed' });
  });
});
