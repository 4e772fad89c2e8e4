import { createServer, type IncomingMessage, request as forward, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { Closes } from '#close';
import { createConnectors } from '#usage';
import { openDatabase } from '#persistence';
import { ReportGates, type ReportLimits } from '#persistence/catalogue';
import { accountId, customerSiteId, startReportSimulator } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, planOf, SECRET_KEY, usageCharge } from '../support/catalogue.js';
import { BLANK_PAGES, ON_THIS_MACHINE } from '../support/closing.js';
import { createTestDatabase } from '../support/postgres.js';
import { run } from '../support/process.js';

const ORIGIN = 'https://report.example';
const KEY = 'a key';
const THREE: ReportLimits = { concurrency: 3, requestsPerSecond: null };

describe('the gates of report APIs', () => {
  let url: string;
  let database: Awaited<ReturnType<typeof createTestDatabase>>['database'];
  const processes: ReportGates[] = [];
  /** What another process would open: its own connection. */
  const another = () => {
    const gates = new ReportGates(url, SECRET_KEY);
    processes.push(gates);
    return gates;
  };
  beforeEach(async () => {
    ({ url, database } = await createTestDatabase());
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((gates) => gates.close()));
    await database.$disconnect();
  });

  it('let as many requests of a key through as it bears, whichever process asks; another key has its own places', async () => {
    const gates = Array.from({ length: 4 }, () => another().of(ORIGIN, KEY, THREE));
    const seen = { now: 0, most: 0, done: 0 };
    const ask = async (gate: ReturnType<ReportGates['of']>) => {
      const place = await gate.enter();
      seen.now += 1;
      seen.most = Math.max(seen.most, seen.now);
      await wait(5);
      seen.now -= 1;
      seen.done += 1;
      place.leave();
    };
    const others = another().of(ORIGIN, 'another key', { concurrency: 1, requestsPerSecond: null });
    const held = await others.enter();
    await Promise.all(gates.flatMap((gate) => Array.from({ length: 25 }, () => ask(gate))));
    expect(seen).toEqual({ now: 0, most: 3, done: 100 });
    held.leave();
  });

  it('give the turns of a rate one after another, to whichever process asks', async () => {
    const limits: ReportLimits = { concurrency: 8, requestsPerSecond: '20' };
    const ask = async (gate: ReturnType<ReportGates['of']>) => (await gate.enter()).leave();
    const [clock] = await database.$queryRaw<{ now: Date }[]>`SELECT clock_timestamp() AS now`;
    await Promise.all(
      [another(), another()].flatMap((of) => Array.from({ length: 6 }, () => ask(of.of(ORIGIN, KEY, limits)))),
    );
    // Twelve turns of a twentieth second each were taken after one another, by the clock that gives them.
    const [pace] = await database.$queryRaw<{ taken_s: number }[]>`
      SELECT extract(epoch FROM next_at - ${clock?.now}::timestamptz)::float8 AS taken_s FROM report_pace`;
    expect(pace?.taken_s).toBeGreaterThanOrEqual(12 / 20);
  });

  it('let nobody through before its turn, whichever process asks', async () => {
    const limits: ReportLimits = { concurrency: 8, requestsPerSecond: '0.0001' };
    const [one, other] = [another().of(ORIGIN, KEY, limits), another().of(ORIGIN, KEY, limits)];
    (await one.enter()).leave();
    const turnedAway = [one, other].map(async (gate) =>
      gate.enter(AbortSignal.timeout(300)).catch((error: Error) => error.name),
    );
    expect(await Promise.all(turnedAway)).toEqual(['TimeoutError', 'TimeoutError']);
    (await another().of(ORIGIN, 'another key', limits).enter()).leave();
  });

  it('stay closed for everybody while the API wants to be left alone', async () => {
    const [one, other] = [another().of(ORIGIN, KEY, THREE), another().of(ORIGIN, KEY, THREE)];
    // An hour, of which a gate believes ten minutes.
    await one.pause(3_600);
    const turnedAway = [one, other].map(async (gate) =>
      gate.enter(AbortSignal.timeout(300)).catch((error: Error) => error.name),
    );
    expect(await Promise.all(turnedAway)).toEqual(['TimeoutError', 'TimeoutError']);
    const [pace] = await database.$queryRaw<{ minutes: number }[]>`
      SELECT ceil(extract(epoch FROM paused_until - clock_timestamp()) / 60)::int AS minutes FROM report_pace`;
    expect(pace?.minutes).toBeLessThanOrEqual(10);
    // They open by themselves when it is over.
    await database.$executeRaw`UPDATE report_pace SET paused_until = clock_timestamp() + interval '0.2 seconds'`;
    for (const gate of [one, other]) gate.hear();
    for (const place of await Promise.all([one.enter(), other.enter()])) place.leave();
  });

  it('are passed in the order of asking, and left alone by whoever gives up', async () => {
    const gate = another().of(ORIGIN, KEY, { concurrency: 1, requestsPerSecond: null });
    const first = await gate.enter();
    const order: string[] = [];
    const impatient = new AbortController();
    const gaveUp = gate.enter(impatient.signal).catch((error: Error) => error);
    const later = ['second', 'third'].map(async (name) => {
      const place = await gate.enter();
      order.push(name);
      place.leave();
    });
    impatient.abort(new Error('gave up'));
    expect(await gaveUp).toMatchObject({ message: 'gave up' });
    first.leave();
    first.leave();
    await Promise.all(later);
    expect(order).toEqual(['second', 'third']);
  });

  it('free the places of a process that is killed', async () => {
    const hog = run('test/support/hold-places.mjs', [url, SECRET_KEY.toString('hex'), ORIGIN, KEY, '3'], {});
    await hog.says(/holds all/);
    const gate = another().of(ORIGIN, KEY, THREE);
    const turnedAway = await gate.enter(AbortSignal.timeout(300)).catch((error: Error) => error.name);
    expect(turnedAway).toBe('TimeoutError');
    hog.child.kill('SIGKILL');
    const places = await Promise.all([gate.enter(), gate.enter(), gate.enter()]);
    for (const place of places) place.leave();
    await hog.ended();
  });

  it('free the places of a process that freezes, and those of one that only has nothing to ask are kept', async () => {
    const hold = async (key: string) => {
      const hog = run('test/support/hold-places.mjs', [url, SECRET_KEY.toString('hex'), ORIGIN, key, '3', '4000'], {});
      await hog.says(/holds all/);
      return hog;
    };
    const [frozen, idle] = await Promise.all([hold(KEY), hold('another key')]);
    const [theirs, others] = [another().of(ORIGIN, KEY, THREE), another().of(ORIGIN, 'another key', THREE)];
    frozen.child.kill('SIGSTOP');
    const places = await Promise.all([theirs.enter(), theirs.enter(), theirs.enter()]);
    const turnedAway = await others.enter(AbortSignal.timeout(300)).catch((error: Error) => error.name);
    expect(turnedAway).toBe('TimeoutError');
    for (const place of places) place.leave();
    for (const hog of [frozen, idle]) hog.child.kill('SIGKILL');
    await Promise.all([frozen.ended(), idle.ended()]);
  });

  it('outlive a lost connection: what is under way keeps its places, and the others are given on the next one', async () => {
    const gate = another().of(ORIGIN, KEY, THREE);
    const lost = await Promise.all([gate.enter(), gate.enter()]);
    const owner = new Client({ connectionString: url });
    await owner.connect();
    await owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE application_name = 'meterline-report-gates' AND datname = current_database()`);
    await owner.end();
    const third = await gate.enter();
    const turnedAway = await gate.enter(AbortSignal.timeout(300)).catch((error: Error) => error.name);
    expect(turnedAway).toBe('TimeoutError');
    for (const place of lost) place.leave();
    const again = await Promise.all([gate.enter(), gate.enter()]);
    for (const place of [third, ...again]) place.leave();
  });

  it('wait for a database that is away, and say so when it does not come back', async () => {
    const nowhere = new ReportGates('postgresql://nobody@127.0.0.1:1/nothing', SECRET_KEY);
    processes.push(nowhere);
    const gate = nowhere.of(ORIGIN, KEY, THREE);
    const waited = await gate.enter(AbortSignal.timeout(1_500)).catch((error: Error) => error.name);
    expect(waited).toBe('TimeoutError');
  });

  it('turn away who waits when the process ends', async () => {
    const gates = another();
    const gate = gates.of(ORIGIN, KEY, { concurrency: 1, requestsPerSecond: null });
    await gate.enter();
    const waiting = gate.enter().catch((error: { code: string }) => error.code);
    await wait(50);
    await gates.close();
    expect(await waiting).toBe('report_gates_closed');
  });

  it('two workers close a month with no more requests in flight than the key bears', async () => {
    const fleet = { accounts: 12, sites: 1, subscribers: 1 };
    const simulator = await startReportSimulator({ fleet, seed: 7 });
    const counted = await startCounting(simulator.url);
    await makeSeller(database, {
      code: 'acme',
      report_api: { base_url: counted.url, api_key: 'sim-fleet-key', concurrency: 2 },
    });
    const bytes = { metric: 'bytes', per: 'customer_site_id', unit: 'GB' };
    await makePlan(database, planOf('traffic', usageCharge('bytes', bytes)));
    for (let number = 0; number < fleet.accounts; number += 1) {
      await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic', [
        { dimension: 'customer_site_id', value: customerSiteId(fleet, number, 0) },
      ]);
    }
    const jobs: { closeId: string; batch: number }[] = [];
    const workers = [0, 1].map(() => {
      const own = openDatabase(url, 6);
      const connectors = createConnectors({
        database: own,
        configured: undefined,
        addresses: ON_THIS_MACHINE,
        secretKey: SECRET_KEY,
        databaseUrl: url,
      });
      const closes = new Closes({
        database: own,
        connectors,
        renderer: BLANK_PAGES,
        secretKey: SECRET_KEY,
        settleHours: 72,
        batchSize: 3,
        enqueue: async (added) => void jobs.push(...added),
      });
      return { closes, stop: () => connectors.close().then(() => own.$disconnect()) };
    });
    const opened = await workers[0]?.closes.desk.open({
      seller: 'acme',
      period: '2026-08',
      kind: 'regular',
      dryRun: false,
      issue: 'automatic',
      actor: 'test',
    });
    expect(opened).toMatchObject({ outcome: 'opened' });
    await Promise.all(
      workers.map(async ({ closes }) => {
        for (let job = jobs.shift(); job; job = jobs.shift()) await closes.work(job);
      }),
    );
    const states = await database.$queryRaw<{ state: string; accounts: number }[]>`
      SELECT state, count(*)::int AS accounts FROM close_account GROUP BY state`;
    expect(states).toEqual([{ state: 'issued', accounts: 12 }]);
    // Two pulls for each account; never more than two at once, of both workers together.
    expect(counted.seen()).toEqual({ requests: 24, most: 2 });
    await Promise.all(workers.map(({ stop }) => stop()));
    await counted.stop();
    await simulator.close();
  });
});

/** Passes requests on, a little later, and counts how many are in flight. */
async function startCounting(target: string) {
  const seen = { requests: 0, most: 0 };
  let inFlight = 0;
  const server: Server = createServer((incoming: IncomingMessage, outgoing) => {
    seen.requests += 1;
    seen.most = Math.max(seen.most, (inFlight += 1));
    outgoing.on('close', () => (inFlight -= 1));
    const { method, headers, url = '' } = incoming;
    const onward = forward(new URL(url, target), { method, headers }, (answer) => {
      void wait(10).then(() => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: () => seen,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
