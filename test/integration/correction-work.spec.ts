import { accountId } from '../../apps/report-simulator/src/index.js';
import { documentSha256, session } from '#persistence';
import { listInvoices } from '#persistence/documents';
import {
  type CloseWork,
  listCloseAccounts,
  listCorrections,
  loadCloseWork,
  moveToOutcome,
  takeUp,
} from '#persistence/closes';
import { makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';

/** A cent a byte: late usage of any size costs something. */
const BYTES_PLAN = {
  code: 'bytes',
  name: 'Bytes',
  currency: 'USD',
  effective_from: '2020-01-01',
  charges: [
    {
      code: 'traffic',
      name: 'Data transfer',
      type: 'usage',
      measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'B' },
      price: { model: 'per_unit', unit_price: '0.01' },
    },
  ],
};

describe('proposals that workers take up', () => {
  let closing: Closing;

  beforeEach(async () => {
    closing = await startClosing({ fleet: { accounts: 2, sites: 1, subscribers: 1 }, seed: 7 });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(closing.database, BYTES_PLAN);
    for (const leaf of [0, 1]) {
      await makeAccount(closing.database, { seller: 'acme', external_id: accountId(leaf) }, 'bytes');
    }
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['issued', 'issued']);
    closing.simulator.setFaults([{ fault: 'late_correction' }]);
    for (const { id } of await listInvoices(closing.database, { limit: 9 }))
      await closing.closes.corrections.confirm(id);
    closing.simulator.setFaults([]);
  });
  afterEach(() => closing.stop());

  const proposals = () => listCorrections(closing.database, { limit: 9 });

  it('are issued though one before them cannot be', async () => {
    const [broken, sound] = await proposals();
    await closing.database.$executeRaw`UPDATE correction SET automatic = true`;
    // Altered together with its hash, so that it is believed until its sums are looked at.
    const [{ document }] = await closing.database.$queryRaw<[{ document: object }]>`
      UPDATE correction SET document = jsonb_set(document, '{net}', '"0.01"') WHERE id = ${broken?.id}::uuid
      RETURNING document`;
    await closing.database.$executeRaw`
      UPDATE correction SET document_sha256 = ${documentSha256(document)} WHERE id = ${broken?.id}::uuid`;
    await closing.closes.corrections.confirmDue();
    expect((await proposals()).map(({ id, state }) => [id, state])).toEqual([
      [broken?.id, 'proposed'],
      [sound?.id, 'issued'],
    ]);
    expect(closing.failures).toMatchObject([
      { event: 'correction_not_issued', correctionId: broken?.id, code: 'not_conserved' },
    ]);
  });

  it('make drafts of the round that they were taken up in, once', async () => {
    const opened = await closing.closes.desk.open({
      ...{ seller: 'acme', period: PERIOD, kind: 'correction', dryRun: false, issue: 'after_review', actor: 'test' },
    });
    if (opened.outcome !== 'opened') throw new Error(opened.code);
    const close = (await loadCloseWork(closing.database, opened.id)) as CloseWork;
    const [{ account } = { account: '' }] = await listCloseAccounts(closing.database, close.id, { limit: 1 });
    const state = async () => {
      const [read] = await listCloseAccounts(closing.database, close.id, { account, limit: 1 });
      return read?.state;
    };
    const draft = (round: number) =>
      closing.closes.corrections.draftForClose(close, account, { round, phase: 'billing' });

    expect(await takeUp(closing.database, close.id, [account])).toMatchObject([{ round: 1 }]);
    const reason = { code: 'test', message: 'somebody else was faster' };
    const faster = [{ accountId: account, round: 1, reason }];
    expect((await moveToOutcome(session(closing.database).rows, close.id, 'hold', faster)).size).toBe(1);
    await closing.closes.desk.retry(close.id, [account]);
    expect(await takeUp(closing.database, close.id, [account])).toMatchObject([{ round: 2 }]);

    expect(await draft(1)).toBeUndefined();
    expect(await state()).toBe('pulling');
    expect(await draft(2)).toEqual({ outcome: 'drafted' });
    expect(await draft(2)).toBeUndefined();
    expect(await state()).toBe('drafted');
  });
});
