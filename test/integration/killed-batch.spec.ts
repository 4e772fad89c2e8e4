import { Client } from 'pg';
import { accountId, type FaultRule } from '../../apps/report-simulator/src/index.js';
import type { Closes, CloseStep } from '#close';
import { createAdjustment, listInvoices } from '#persistence/documents';
import { findClose, listCloseAccounts } from '#persistence/closes';
import { type BatchProcess, type Place, startBatchProcess } from '../support/batch-process.js';
import { BYTES_PLAN, bytesOf, lateBytesOf, SEED } from '../support/billed-bytes.js';
import {
  feePlan,
  granted,
  makeAccount,
  makePlan,
  makeSeller,
  PERCENTILE_95,
  planOf,
  trafficPlan,
  usageCharge,
} from '../support/catalogue.js';
import { REFUSES_SOME } from '../support/crash.js';
import { type Closing, endOf, LATE, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';
/** More statements than a batch has, by far. */
const MANY = 500;
const TRAFFIC = { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' };

/** The accounts of a batch: the number of each at the report API, and its plan. */
const SCENES = {
  /** From the claim to the certificate; the set is halved until the one that cannot be issued is alone. */
  automatic: {
    accounts: {
      one: [0, 'traffic'],
      fee: [2, 'fee'],
      refused: [3, 'fee'],
      nothing: [4, 'free'],
      siteless: [5, 'rate'],
    },
    ends: {
      one: 'issued',
      fee: 'issued',
      refused: 'failed unexpected_error',
      nothing: 'empty',
      siteless: 'held no_entities',
    },
  },
  /** Drafts that wait until they are released, and an account whose report API is away. */
  reviewed: {
    accounts: { one: [0, 'traffic'], fee: [2, 'fee'], away: [6, 'traffic'] },
    ends: { one: 'issued', fee: 'issued', away: 'waiting report_api_unavailable' },
  },
  /** What was billed before more usage arrived, and whose correction is issued as it was proposed. */
  corrected: {
    accounts: { one: [0, 'bytes'], other: [2, 'bytes'] },
    ends: { one: 'issued', other: 'issued' },
  },
} as const;
type Scene = keyof typeof SCENES;

/** Where each step is passed. A step that is not in this table does not compile; one that no batch passes fails its scene. */
const PASSED_IN: Readonly<Record<CloseStep, readonly Scene[]>> = {
  pulled: ['automatic'],
  rated: ['automatic'],
  issuing: ['automatic'],
  issued: ['automatic', 'corrected'],
  rendered: ['automatic', 'corrected'],
  empty: ['automatic'],
  held: ['automatic'],
  failed: ['automatic'],
  drafted: ['reviewed', 'corrected'],
  waiting: ['reviewed'],
};
/** The report API is away for this account. */
const AWAY: FaultRule = { fault: 'unavailable_503', match: { account: accountId(6) } };

describe('a batch', () => {
  let closing: Closing;
  /** Another worker. */
  let closes: Closes;
  let owner: Client;
  const undisturbed = new Map<Scene, unknown>();
  const processes: BatchProcess[] = [];

  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 7, sites: 1, subscribers: 1 }, seed: SEED });
    closing.simulator.setFaults([AWAY]);
    closes = closing.another({ enqueue: () => Promise.resolve() });
    owner = new Client({ connectionString: closing.url });
    await owner.connect();
    await makePlan(closing.database, trafficPlan('traffic'));
    await makePlan(closing.database, feePlan('fee', '10.00'));
    await makePlan(closing.database, BYTES_PLAN);
    await makePlan(closing.database, planOf('free', usageCharge('traffic', TRAFFIC, '0')));
    const rate = { ...PERCENTILE_95, direction: 'uplink', sites: 'pooled', unit: 'Mbps' };
    await makePlan(closing.database, planOf('rate', usageCharge('rate', rate)));
    await owner.query(REFUSES_SOME);
    for (const scene of Object.keys(SCENES) as Scene[]) {
      const closeId = await open(scene, `calm-${scene}`);
      await finish(scene, closeId);
      const kept = await whatIsKept(scene, closeId, `calm-${scene}`);
      expect(kept.ends).toEqual(SCENES[scene].ends);
      undisturbed.set(scene, kept);
    }
    const documents = await listInvoices(closing.database, { seller: 'calm-corrected', limit: 99 });
    const cents = documents.map(({ net }) => BigInt(net.replace('.', '')));
    expect(cents.reduce((sum, net) => sum + net)).toBe(
      [0, 2].reduce((sum, leaf) => sum + bytesOf(leaf) + lateBytesOf(leaf), 0n),
    );
  });
  afterAll(async () => {
    for (const process of processes) process.child.kill('SIGKILL');
    await owner.end();
    await closing.stop();
  });

  /** A seller of its own with the accounts of a scene, and their month opened. */
  async function open(scene: Scene, seller: string): Promise<string> {
    await makeSeller(closing.database, { code: seller });
    for (const [name, [number, plan]] of Object.entries(SCENES[scene].accounts)) {
      const account = await makeAccount(closing.database, { seller, name, external_id: accountId(number) }, plan);
      if (name !== 'fee') continue;
      const adjustment = { account, amount: '-1.50', reason: 'goodwill', tax: null, taxCategory: null, period: null };
      granted(await createAdjustment(closing.database, 'test', adjustment));
    }
    const closeId = await openMonth(seller, 'regular', scene === 'reviewed' ? 'after_review' : 'automatic');
    if (scene !== 'corrected') return closeId;
    await finish(scene, closeId);
    closing.simulator.setFaults([AWAY, ...LATE]);
    for (const { id } of await listInvoices(closing.database, { seller, limit: 99 }))
      await closes.corrections.confirm(id);
    closing.simulator.setFaults([AWAY]);
    return openMonth(seller, 'correction', 'automatic');
  }

  async function openMonth(
    seller: string,
    kind: 'regular' | 'correction',
    issue: 'after_review' | 'automatic',
  ): Promise<string> {
    const opened = await closes.desk.open({ seller, period: PERIOD, kind, dryRun: false, issue, actor: 'test' });
    if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
    return opened.id;
  }

  /** What other workers do once a worker is gone, and an operator where drafts are to be released. */
  async function finish(scene: Scene, closeId: string): Promise<void> {
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await closes.work({ closeId, batch: 0 }).catch(() => undefined);
      await closes.sweep(0);
      if (scene === 'reviewed' && (await findClose(closing.database, closeId))?.counts.drafted) {
        await closes.desk.release(closeId);
      } else if ((await unfinished(closeId)) === 0) return;
    }
    throw new Error(`the close did not end: ${JSON.stringify(await findClose(closing.database, closeId))}`);
  }

  async function unfinished(closeId: string): Promise<number> {
    const close = await findClose(closing.database, closeId);
    if (!close) throw new Error('no close');
    const { pending, pulling, rated, drafted, waiting = 0 } = close.counts;
    return pending + pulling + rated + drafted + Number(waiting === 0 && close.state !== 'finished');
  }

  /** All that a close leaves behind but ids and stamps, by the names of its accounts. */
  async function whatIsKept(scene: Scene, closeId: string, seller: string) {
    const { database } = closing;
    const accounts = await listCloseAccounts(database, closeId, { limit: 99 });
    const invoices = (await listInvoices(database, { seller, limit: 99 })).sort(
      (a, b) => a.revision - b.revision || (a.number < b.number ? -1 : 1),
    );
    const count = async (sql: string) => (await owner.query<object>(sql, [closeId])).rows;
    const of = 'account_id IN (SELECT account_id FROM close_account WHERE close_id = $1)';
    return {
      ends: Object.fromEntries(accounts.map((account) => [account.name, endOf(account)])),
      numbers: invoices.map(({ number }) => number),
      isInOrderOfTime: invoices.every(
        ({ issued_at }, at) => at === 0 || (invoices[at - 1]?.issued_at ?? '') <= issued_at,
      ),
      undrawn: invoices.filter(({ pdf_sha256 }) => pdf_sha256 === null).length,
      billed: invoices
        .map(({ customer, kind, lines, taxes, net, gross }) => [
          customer.name,
          kind,
          lines.map(({ charge, quantity, amount }) => [charge.split(':')[0], quantity, amount]),
          taxes,
          net,
          gross,
        ])
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      series: await count(`SELECT kind, next_sequence::int FROM number_series
                            WHERE seller_id = (SELECT seller_id FROM close WHERE id = $1) ORDER BY kind`),
      corrections: await count(`SELECT state, count(*)::int FROM correction WHERE ${of} GROUP BY 1 ORDER BY 1`),
      usage:
        await count(`SELECT a.name, w.metric, count(*)::int, max(s.revision) AS revision, max(s.total)::text AS total
                            FROM usage_window w JOIN usage_snapshot s ON s.window_id = w.id JOIN account a ON a.id = w.account_id
                           WHERE ${of} GROUP BY 1, 2 ORDER BY 1, 2`),
      // What an account came to and how often: dead workers begin, one ends.
      moves: await count(`SELECT a.name, to_state, count(*)::int FROM close_event JOIN account a ON a.id = account_id
                           WHERE close_id = $1 AND to_state NOT IN ('pulling', 'rated', 'pending') GROUP BY 1, 2 ORDER BY 1, 2`),
      pulls: await count(`SELECT a.name, count(*)::int FROM confirming_pull p
                            LEFT JOIN invoice i ON i.id = p.invoice_id LEFT JOIN empty_period e ON e.id = p.empty_id
                            JOIN account a ON a.id = coalesce(i.account_id, e.account_id)
                           WHERE a.id IN (SELECT account_id FROM close_account WHERE close_id = $1) GROUP BY 1 ORDER BY 1`),
      audit: await count(`SELECT action, count(*)::int FROM audit_event
                           WHERE seller_id = (SELECT seller_id FROM close WHERE id = $1) GROUP BY 1 ORDER BY 1`),
      drawn:
        await count(`SELECT j.amount::text, i.net::text FROM adjustment j JOIN adjustment_draw d ON d.adjustment_id = j.id
                            JOIN invoice i ON i.id = d.invoice_id WHERE j.${of}`),
      drafts: await count('SELECT count(*)::int FROM draft_invoice WHERE close_id = $1'),
      certificates: scene !== 'reviewed' && (await count('SELECT revision FROM close_certificate WHERE close_id = $1')),
    };
  }

  /** Every row of the database but of what requests are paced by. */
  async function everything(): Promise<unknown> {
    const { rows } = await owner.query<{ name: string }>(`
      SELECT oid::regclass::text AS name FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
         AND relname <> 'report_pace' ORDER BY 1`);
    const sums = rows.map(
      ({ name }) =>
        `SELECT '${name}' AS name, count(*)::int, md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM ${name} t`,
    );
    return (await owner.query(`${sums.join(' UNION ALL ')} ORDER BY 1`)).rows;
  }

  const started = async () => {
    const process = startBatchProcess(closing, { idleTransaction_ms: 1_000, lock_ms: 10_000, reading_ms: 30_000 });
    processes.push(process);
    return process;
  };

  /** Kills or freezes a worker of a new seller at a place; others finish its close. Answers the step that it had passed last. */
  async function disturbed(
    scene: Scene,
    worker: BatchProcess,
    { by, place }: { by: 'SIGKILL' | 'SIGSTOP'; place: Place },
  ): Promise<CloseStep | 'none' | undefined> {
    const seller = `${by}-${scene}-${Object.values(place).join()}`.toLowerCase();
    const closeId = await open(scene, seller);
    const { at, goOn } = await worker.work({ closeId, released: scene === 'reviewed', end: { ...place, by } });
    await finish(scene, closeId);
    expect([place, at, await whatIsKept(scene, closeId, seller)]).toEqual([place, at, undisturbed.get(scene)]);
    if (by === 'SIGKILL') return at;
    const left = await everything();
    await goOn();
    expect([place, at, await everything()]).toEqual([place, at, left]);
    return at;
  }

  /** Every statement as a place to die, then the steps that were not met: what a worker sends by time may hide one. */
  async function disturbedEverywhere(
    scene: Scene,
    by: 'SIGKILL' | 'SIGSTOP',
    worker: () => Promise<BatchProcess>,
  ): Promise<void> {
    const met = new Set<CloseStep | 'none'>();
    let before = 1;
    for (let isEnded = false; !isEnded; before += 1) {
      if (before === MANY) throw new Error('a batch without an end');
      const at = await disturbed(scene, await worker(), { by, place: { before } });
      if (at !== undefined) met.add(at);
      isEnded = at === undefined;
    }
    expect(before).toBeGreaterThan(20);
    for (const [step, scenes] of Object.entries(PASSED_IN) as [CloseStep, readonly Scene[]][]) {
      if (!scenes.includes(scene) || met.has(step)) continue;
      expect(await disturbed(scene, await worker(), { by, place: { after: step } })).toBe(step);
    }
  }

  it.each(Object.keys(SCENES) as Scene[])(
    'that is %s loses and doubles nothing, before whichever of its statements its worker is killed',
    async (scene) => {
      let next = started();
      await disturbedEverywhere(scene, 'SIGKILL', () => {
        const worker = next;
        next = started();
        return worker;
      });
    },
  );

  it.each(Object.keys(SCENES) as Scene[])(
    'that is %s is taken from a worker that is frozen before any of its statements, which writes nothing when it goes on',
    async (scene) => {
      const worker = await started();
      await disturbedEverywhere(scene, 'SIGSTOP', () => Promise.resolve(worker));
    },
  );
});
