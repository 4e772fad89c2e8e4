import { monthPeriod } from '#calendar';
import type { DraftInvoice, IssuedInvoice } from '#invoicing';
import {
  beginAccount,
  type Database,
  documentSha256,
  findSellerId,
  issueDraft,
  type IssueOutcome,
  openClose,
  publishTariffPlan,
  saveDraft,
  saveDraftPlan,
  subscribe,
  updateSubscription,
} from '#persistence';
import { parseTariffPlan } from '#rating';
import { feePlan, granted, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { createTestDatabase } from '../support/postgres.js';

let database: Database;
let sellerId: string;

beforeAll(async () => {
  ({ database } = await createTestDatabase());
  await makeSeller(database, { code: 'acme' });
  sellerId = (await findSellerId(database, 'acme')) ?? '';
  await makePlan(database, feePlan('fee', '10.00'));
  await makePlan(database, feePlan('other', '10.00'));
});
afterAll(() => database.$disconnect());

type Inputs = NonNullable<Awaited<ReturnType<Parameters<typeof issueDraft>[1]['currentInputs']>>>;

const INPUTS = { usage: [] } as unknown as Inputs;

/** Issues June for an account, and does something else after the inputs were looked at and before the invoice is there. */
async function issueJune(accountId: string, meanwhile: () => void): Promise<IssueOutcome> {
  const period = monthPeriod('2026-06', 'UTC');
  const opened = await openClose(database, {
    sellerId,
    period,
    kind: 'regular',
    dryRun: false,
    issue: 'automatic',
    accountIds: [accountId],
    batchSize: 10,
    actor: 'test',
  });
  const inputsHash = documentSha256(INPUTS);
  const document = draftOf(accountId, inputsHash);
  await beginAccount(database, opened.id, accountId);
  await saveDraft(database, opened.id, accountId, { inputsHash, document, warnings: [] });
  return issueDraft(database, {
    closeId: opened.id,
    accountId,
    actor: 'test',
    numbering: { sellerId, timeZone: 'UTC', fiscalYearStart: 1, numberStart: 1 },
    currentInputs: async () => {
      meanwhile();
      await new Promise((resolve) => setTimeout(resolve, 400));
      return INPUTS;
    },
    objection: async () => undefined,
    write: (draft, id, { sequence }) =>
      ({ ...draft, status: 'issued', id, number: `INV-${sequence}`, ...ISSUED, corrects: null }) as IssuedInvoice,
  });
}

const ISSUED = { issued_at: '2026-07-05T00:00:00Z', issue_date: '2026-07-05', due_date: '2026-08-04' };

function draftOf(account: string, inputs_hash: string): DraftInvoice {
  const period = { label: '2026-06', start: '2026-06-01T00:00:00Z', end: '2026-07-01T00:00:00Z' };
  const dates = { start_date: '2026-06-01', end_date: '2026-07-01', time_zone: 'UTC', measured: null };
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
    const issued = await issueJune(account, () => {
      change = updateSubscription(database, 'test', id, { ends_at: '2026-06-15' });
    });
    expect(issued.outcome).toBe('issued');
    expect(await change).toMatchObject({ outcome: 'refused', code: 'period_already_billed' });
  });

  it('its plan cannot get another version under it', async () => {
    const account = await makeAccount(database, { seller: 'acme', external_id: 'p1' }, null);
    granted(await subscribe(database, 'test', { account, plan: 'other', starts_at: '2026-01-01', ends_at: null }));
    const parsed = parseTariffPlan({ ...feePlan('other', '20.00'), effective_from: '2026-06-10' });
    if (parsed.outcome !== 'valid') throw new Error('the plan is not valid');
    const { version } = granted(await saveDraftPlan(database, 'test', parsed.plan));
    let change: ReturnType<typeof publishTariffPlan> | undefined;
    const issued = await issueJune(account, () => {
      change = publishTariffPlan(database, 'test', 'other', version);
    });
    expect(issued.outcome).toBe('issued');
    expect(await change).toMatchObject({ outcome: 'refused', code: 'period_already_billed' });
  });
});
