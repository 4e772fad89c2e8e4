import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { Client } from 'pg';
import { accountId, startReportSimulator } from '../../apps/report-simulator/src/index.js';
import type { Closes, CloseStep } from '#close';
import type { Catalogue } from '#persistence';
import { type InvoiceView, listInvoices } from '#persistence/documents';
import { type CloseView, findClose } from '#persistence/closes';
import { openService } from '#runtime';
import {
  feePlan,
  makeAccount,
  makePlan,
  makeSeller,
  PERCENTILE_95,
  planOf,
  SECRET_KEY,
  trafficPlan,
  usageCharge,
} from './catalogue.js';
import { createTestDatabase } from './postgres.js';
import { spawnNode } from './process.js';

export interface CrashOptions {
  /** Accounts that are issued. */
  readonly accounts: number;
  /** How many workers are killed, the named steps first, all of them, then at random moments; 0: none. */
  readonly kills: number;
  readonly seed: number;
  /** Absent: the database. */
  readonly queueUrl?: string;
  /** Called once when a third of the accounts are done: to flush a Redis, say. */
  readonly halfway?: () => Promise<void>;
  readonly workers?: number;
}

export interface CrashReport {
  readonly kills: number;
  /** How often a worker died at each named step. */
  readonly steps: Readonly<Record<string, number>>;
  readonly invoices: readonly InvoiceView[];
  readonly undisturbed: readonly InvoiceView[];
  /** Accounts by how they ended, and how they end undisturbed. */
  readonly ends: CloseView['counts'] | undefined;
  readonly calmEnds: CloseView['counts'] | undefined;
  readonly snapshots: { readonly windows: number; readonly revisions: number };
  readonly seconds: number;
}

const PERIOD = '2026-08';
/** Where workers die. An automatic close in which nothing waits passes no other step: the spec of a killed batch has those. */
const DIES_AT = {
  failed: true,
  empty: true,
  held: true,
  pulled: true,
  rated: true,
  issuing: true,
  issued: true,
  rendered: true,
  drafted: false,
  waiting: false,
} as const satisfies Record<CloseStep, boolean>;
export const STEPS = Object.entries(DIES_AT).flatMap(([step, dies]) => (dies ? [step as CloseStep] : []));
const OFTEN: readonly CloseStep[] = ['pulled', 'rated', 'issuing', 'issued'];
/** Beside every so many accounts that are issued, one has nothing to pay, one is held, and one cannot be issued. */
const OTHERS_BESIDE = 10;
/** The bandwidth of sites. An account that has none is held. */
const RATE = { ...PERCENTILE_95, direction: 'uplink', sites: 'pooled', unit: 'Mbps' };
/**
 * Refuses the invoices of accounts of this name, so that the batch is halved until each is alone. They have had all but the
 * last of the attempts after which an unexpected error is final.
 */
export const REFUSES_SOME = `
  CREATE FUNCTION of_refused(billed uuid) RETURNS boolean LANGUAGE sql AS
    $$ SELECT name = 'refused' FROM public.account WHERE id = billed $$;
  CREATE TRIGGER disorder BEFORE INSERT ON invoice
    FOR EACH ROW WHEN (of_refused(NEW.account_id)) EXECUTE FUNCTION refuse_change();
  CREATE FUNCTION nearly_failed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.attempts = 4; RETURN NEW; END $$;
  CREATE TRIGGER attempts BEFORE INSERT ON close_account
    FOR EACH ROW WHEN (of_refused(NEW.account_id)) EXECUTE FUNCTION nearly_failed()`;
const LIMIT_MS = 1_200_000;

/**
 * Closes a month while workers are killed: every job is sent twice, the close is asked for twice at once, and each dead
 * worker is replaced. The same month of the same accounts is then closed undisturbed, for comparison.
 */
export async function closeUnderFire(options: CrashOptions): Promise<CrashReport> {
  const simulator = await startReportSimulator({
    fleet: { accounts: options.accounts, sites: 1, subscribers: 1 },
    seed: options.seed,
  });
  const disturbed = await scene(options, simulator.url);
  const peaceful = await scene({ ...options, queueUrl: '' }, simulator.url);
  const started = Date.now();
  const army = new Army(options, disturbed, simulator.url);
  try {
    const [first, second] = await Promise.all([disturbed.open(), disturbed.open()]);
    if (first !== second) throw new Error('two triggers at once opened two closes');
    await army.fightUntil(async () => (await findClose(disturbed.database, first))?.state === 'finished');
    const seconds = (Date.now() - started) / 1000;

    const calm = await peaceful.open();
    for (const job of peaceful.jobs) await peaceful.closes.work(job);
    if ((await findClose(peaceful.database, calm))?.state !== 'finished')
      throw new Error('the calm close did not finish');

    const [ledger] = await disturbed.database.$queryRaw<{ windows: bigint; revisions: number }[]>`
      SELECT count(DISTINCT window_id) AS windows, max(revision) AS revisions FROM usage_snapshot`;
    return {
      kills: army.kills,
      steps: army.steps,
      invoices: await allInvoices(disturbed.database),
      undisturbed: await allInvoices(peaceful.database),
      ends: (await findClose(disturbed.database, first))?.counts,
      calmEnds: (await findClose(peaceful.database, calm))?.counts,
      snapshots: { windows: Number(ledger?.windows ?? 0), revisions: ledger?.revisions ?? 0 },
      seconds,
    };
  } finally {
    await army.stop();
    await disturbed.close();
    await peaceful.close();
    await simulator.close();
  }
}

interface Scene {
  readonly url: string;
  readonly database: Catalogue;
  readonly closes: Closes;
  readonly jobs: { closeId: string; batch: number }[];
  open(): Promise<string>;
  close(): Promise<void>;
}

/** One seller whose accounts pay for traffic and a fee. With an empty `queueUrl` the jobs stay in `jobs`. */
async function scene(options: CrashOptions, reportUrl: string): Promise<Scene> {
  const { url: ownerUrl, serviceUrl: url, database } = await createTestDatabase();
  await makeSeller(database, { code: 'acme' });
  await makePlan(database, trafficPlan('traffic'));
  await makePlan(database, feePlan('fee', '10.00'));
  await makePlan(database, feePlan('free', '0.00'));
  await makePlan(database, planOf('rate', usageCharge('rate', RATE)));
  for (let number = 0; number < options.accounts; number += 1) {
    await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic');
    if (number % OTHERS_BESIDE !== 0) continue;
    for (const [name, plan] of Object.entries({ free: 'free', siteless: 'rate', refused: 'fee' })) {
      await makeAccount(database, { seller: 'acme', name, external_id: `${name}-${number}` }, plan);
    }
  }
  const owner = new Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query(REFUSES_SOME);
  await owner.end();
  const service = openService({
    databaseUrl: url,
    queueUrl: options.queueUrl || undefined,
    reportApi: { baseUrl: reportUrl, apiKey: 'sim-fleet-key' },
    secretKey: SECRET_KEY,
    settleHours: 72,
  });
  const queue = options.queueUrl === '' ? undefined : await service.openQueue();
  const jobs: Scene['jobs'] = [];
  const enqueue = async (added: readonly Scene['jobs'][number][]) => {
    if (queue) await queue.enqueue([...added, ...added]);
    else jobs.push(...added);
  };
  const closes = service.closes(enqueue, { batchSize: 5 });
  return {
    url,
    database,
    closes,
    jobs,
    async open() {
      const opened = await closes.desk.open({
        seller: 'acme',
        period: PERIOD,
        kind: 'regular',
        dryRun: false,
        issue: 'automatic',
        actor: 'test',
      });
      if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
      return opened.id;
    },
    async close() {
      await queue?.close();
      await service.close();
      await database.$disconnect();
    },
  };
}

/** Workers that are killed and replaced. */
class Army {
  kills = 0;
  readonly steps: Record<string, number> = Object.fromEntries(STEPS.map((step) => [step, 0]));
  readonly #living = new Set<ChildProcess>();
  readonly #random: () => number;
  #planned: number;
  #stopped = false;

  constructor(
    private readonly options: CrashOptions,
    private readonly scene: Scene,
    private readonly reportUrl: string,
  ) {
    this.#random = sequence(options.seed);
    this.#planned = 0;
  }

  async fightUntil(done: () => Promise<boolean>): Promise<void> {
    const until = Date.now() + LIMIT_MS;
    let halfway = this.options.halfway;
    for (let count = this.options.workers ?? 2; count > 0; count -= 1) this.#recruit();
    while (!(await done())) {
      if (Date.now() > until) throw new Error(`the close did not finish: ${await this.#situation()}`);
      if (halfway && (await this.#finished()) >= this.options.accounts / 3) {
        await halfway();
        halfway = undefined;
      }
      await new Promise((next) => setTimeout(next, 100));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(
      [...this.#living].map(async (worker) => {
        const ended = new Promise((resolveEnd) => worker.once('exit', resolveEnd));
        worker.kill('SIGKILL');
        await ended;
      }),
    );
  }

  /** A worker that will die at the next planned step, or at a random moment, or not at all once enough have died. */
  #recruit(): void {
    if (this.#stopped) return;
    const number = this.#planned;
    // Each dies at the first step that it passes and none has died at; then at those that many accounts pass, and every
    // third at a random moment.
    const unseen = this.options.kills === 0 ? [] : STEPS.filter((step) => this.steps[step] === 0);
    const condemned = number < this.options.kills || unseen.length > 0;
    if (condemned) this.#planned += 1;
    const often = OFTEN[number % OFTEN.length];
    const atStep = condemned && (unseen.length > 0 || number % 3 !== 0);
    const nth = unseen.length > 0 ? 1 : 1 + Math.floor(this.#random() * 2);
    const die = atStep ? { steps: unseen.length > 0 ? unseen : [often], nth } : undefined;
    const task = {
      databaseUrl: this.scene.url,
      queueUrl: this.options.queueUrl ?? this.scene.url,
      reportUrl: this.reportUrl,
      secretKey: SECRET_KEY.toString('hex'),
      die,
    };
    const worker = spawnNode([resolve('test/crash/worker.mjs'), JSON.stringify(task)], process.env);
    worker.stderr.pipe(process.stderr, { end: false });
    this.#living.add(worker);
    worker.stdout.setEncoding('utf8').on('data', (text: string) => {
      const step = /died at (\w+)/.exec(text)?.[1];
      if (step !== undefined) this.steps[step] = (this.steps[step] ?? 0) + 1;
      if (text.includes('working') && condemned && !die) {
        setTimeout(() => worker.kill('SIGKILL'), 50 + this.#random() * 1_000);
      }
    });
    worker.once('exit', (_code, signal) => {
      this.#living.delete(worker);
      if (signal === 'SIGKILL' && !this.#stopped) this.kills += 1;
      this.#recruit();
    });
  }

  async #finished(): Promise<number> {
    const [row] = await this.scene.database.$queryRaw<{ count: bigint }[]>`
      SELECT count(*) FROM close_account WHERE state IN ('issued', 'empty', 'held', 'failed')`;
    return Number(row?.count ?? 0);
  }

  async #situation(): Promise<string> {
    const rows = await this.scene.database.$queryRaw<{ state: string; reason: string | null; count: bigint }[]>`
      SELECT state, reason_code AS reason, count(*) FROM close_account GROUP BY 1, 2`;
    return rows.map(({ state, reason, count }) => `${count} ${state}${reason ? ` (${reason})` : ''}`).join(', ');
  }
}

async function allInvoices(database: Catalogue): Promise<InvoiceView[]> {
  const invoices: InvoiceView[] = [];
  for (let after: string | undefined; ;) {
    const page = await listInvoices(database, { after, limit: 200 });
    invoices.push(...page);
    if (page.length < 200) return invoices;
    after = page.at(-1)?.id;
  }
}

/** Numbers in [0, 1) that depend on the seed alone (a linear congruential generator: chance, not secrecy). */
function sequence(seed: number): () => number {
  let state = (seed * 2_654_435_761) % 4_294_967_296;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** What must hold after any number of deaths. Throws by `expect`. */
export function expectUnharmed(report: CrashReport, accounts: number): void {
  const numbers = report.invoices.map(({ number }) => number).sort();
  expect(numbers).toEqual(
    Array.from({ length: accounts }, (_, index) => `INV-2026-${String(index + 1).padStart(6, '0')}`),
  );
  expect(new Set(report.invoices.map(({ account }) => account)).size).toBe(accounts);
  const inOrder = [...report.invoices].sort((a, b) => (a.number < b.number ? -1 : 1)).map(({ issued_at }) => issued_at);
  expect([...inOrder].sort()).toEqual(inOrder);
  expect(report.invoices.filter(({ pdf_sha256 }) => pdf_sha256 === null)).toEqual([]);
  expect(report.snapshots).toEqual({ windows: accounts * 2, revisions: 1 });
  const others = Math.ceil(accounts / OTHERS_BESIDE);
  expect(report.ends).toMatchObject({ issued: accounts, empty: others, held: others, failed: others });
  expect(report.ends).toEqual(report.calmEnds);
  expect(contents(report.invoices)).toEqual(contents(report.undisturbed));
}

/** What the documents say, by customer: everything but what depends on who was faster. */
function contents(invoices: readonly InvoiceView[]) {
  return invoices
    .map(({ customer, lines, taxes, net, tax, gross, payable }) => ({
      customer: customer.reference,
      lines: lines.map(({ charge, quantity, amount, derivation }) => ({ charge, quantity, amount, derivation })),
      taxes,
      totals: [net, tax, gross, payable],
    }))
    .sort((a, b) => (a.customer < b.customer ? -1 : 1));
}
