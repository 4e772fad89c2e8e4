import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import { freePort, startEmbeddedPostgres } from '../dist/apps/standalone/src/embedded-postgres.js';
import { requireExactBills, requireExactUsage } from './closed-forms.mjs';
import { measureFloors } from './floors.mjs';
import { openScene, SECRET_KEY } from './scene.mjs';
import { startSimulator, stopChild } from './simulator.mjs';

/**
 * A PostgreSQL of its own and, where it is asked for, a Redis, on which stages are opened: a database, a simulated report API
 * and worker processes that close months. All of it ends with `stop`, or with a signal.
 */
export async function openRig({ limit_ms, profile }) {
  const folder = await mkdtemp(join(tmpdir(), 'meterline-bench-'));
  const cleanUps = [() => rm(folder, { recursive: true, force: true })];
  let cleaned;
  /** Last started, first stopped; once, whoever asks first. */
  const stop = () => (cleaned ??= cleanUps.reduceRight((before, step) => before.then(step), Promise.resolve()));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().then(() => process.exit(1)));
  let stages = 0;
  let redis;
  try {
    const server = await startCounting(folder, cleanUps);
    return {
      /** The version of PostgreSQL. */
      version: await ask(server.url, 'SHOW server_version'),
      /**
       * @param options.queue `postgres` or `redis`
       * @param options.fleet of the simulator: at least as many accounts as are closed at once
       */
      openStage: async ({ plan, fleet, workers = 1, queue = 'postgres' }) => {
        if (queue === 'redis') redis ??= await startRedis(folder, cleanUps);
        const simulator = await startSimulator(fleet);
        cleanUps.push(() => simulator.stop());
        const queueUrl = queue === 'redis' ? redis.url : undefined;
        const scene = await openScene({ server: server.url, name: `bench_${(stages += 1)}`, plan, fleet, queueUrl });
        const task = { databaseUrl: scene.url, queueUrl: queueUrl ?? scene.url, reportUrl: simulator.url };
        const started = Array.from({ length: workers }, () => startWorker(task, { profile, cleanUps }));
        const stage = { plan, fleet, scene, simulator, limit_ms, redis: queueUrl && redis };
        return new Stage({ ...stage, workers: await Promise.all(started) });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One database with accounts of one plan, and the workers that close them, month end after month end. */
class Stage {
  #sellers = 0;
  #parts;

  constructor(parts) {
    this.#parts = parts;
  }

  get client() {
    return this.#parts.scene.client;
  }

  /** Closes accounts that are not counted: compiling code and reading fonts is paid for by the first. */
  async warmUp(accounts) {
    if (accounts > 0) await this.#close(accounts);
  }

  /**
   * Closes the month of so many accounts of a new seller, holds what was kept and billed against the simulator's closed forms,
   * and answers what it cost.
   */
  async lap(accounts) {
    const { scene, workers, plan, fleet } = this.#parts;
    const before = await this.#spent();
    await Promise.all(workers.map((worker) => tellWorker(worker, 'start')));
    const started = performance.now();
    const { seller, ended } = await this.#close(accounts);
    const wall_ms = performance.now() - started;
    const measured = await Promise.all(workers.map((worker) => tellWorker(worker, 'end')));
    const after = await this.#spent();
    if (ended.issued !== accounts) throw new Error(`not every account was issued: ${JSON.stringify(ended)}`);
    const of = { seller, plan, fleet, accounts };
    if (plan === 'sites') await requireExactUsage(scene.client, of);
    await requireExactBills(scene.client, of);
    const total = (member) => measured.reduce((sum, each) => sum + each[member], 0);
    const largest = (member) => Math.max(...measured.map((each) => each[member]));
    return {
      ...{ seller, accounts, entities: fleet.sites, wall_ms, jobs: ended.jobs },
      ...{ cpu_ms: total('cpu_ms'), statements: total('statements'), mark_compacts: total('mark_compacts') },
      postgres_cpu_ms: after.cpu_ms - before.cpu_ms,
      redis_cpu_ms: after.redis_cpu_ms - before.redis_cpu_ms,
      wal_bytes: after.wal_bytes - before.wal_bytes,
      table_bytes: after.table_bytes - before.table_bytes,
      lock_waits: ended.samples.waiting / Math.max(1, ended.samples.sessions),
      ...{ start_bytes: largest('start_bytes'), peak_bytes: largest('peak_bytes'), end_bytes: largest('end_bytes') },
    };
  }

  /** What jobs cost that have nothing to do: sent, taken, looked up in the database, and done. */
  async emptyJobs(jobs) {
    const { scene, workers } = this.#parts;
    const before = await this.#spent();
    await Promise.all(workers.map((worker) => tellWorker(worker, 'start')));
    await scene.sendEmptyJobs(jobs);
    let counted;
    do {
      await new Promise((done) => setTimeout(done, 100));
      counted = await Promise.all(workers.map((worker) => tellWorker(worker, 'batches')));
    } while (counted.reduce((sum, { ended }) => sum + ended, 0) < jobs);
    const measured = await Promise.all(workers.map((worker) => tellWorker(worker, 'end')));
    const after = await this.#spent();
    const worked = counted.reduce((sum, each) => sum + each.worked, 0);
    if (worked !== jobs) throw new Error(`${jobs} jobs were sent and ${worked} done`);
    const servers = after.cpu_ms - before.cpu_ms + after.redis_cpu_ms - before.redis_cpu_ms;
    return { jobs, cpu_ms: servers + measured.reduce((sum, { cpu_ms }) => sum + cpu_ms, 0) };
  }

  floors() {
    const { scene, plan, fleet, simulator } = this.#parts;
    return measureFloors({ scene, plan, fleet, reportUrl: simulator.url });
  }

  async stop() {
    const { workers, scene, simulator } = this.#parts;
    await Promise.all(workers.map(stopWorker));
    await scene.stop();
    await simulator.stop();
  }

  async #close(accounts) {
    const { scene, limit_ms } = this.#parts;
    const seller = `seller-${(this.#sellers += 1)}`;
    await scene.addSeller(seller, accounts);
    return { seller, ended: await scene.close(seller, limit_ms) };
  }

  async #spent() {
    const { scene, redis } = this.#parts;
    return { ...(await scene.figures()), redis_cpu_ms: redis ? await cpuOfProcess(redis.pid) : 0 };
  }
}

/** A server that counts what its statements take. */
async function startCounting(folder, cleanUps) {
  const first = await startEmbeddedPostgres(folder, () => undefined);
  await ask(first.url, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
  await first.stop();
  const server = await startEmbeddedPostgres(folder, () => undefined);
  cleanUps.push(() => server.stop());
  return server;
}

async function ask(url, statement) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text: statement, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

async function cpuOfProcess(pid) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function startWorker(task, { profile, cleanUps }) {
  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`] : [];
  // The heap and the allocator as the image sets them.
  const execArgv = ['--max-semi-space-size=16', ...profiling];
  const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };
  const env = { ...process.env, ...allocator };
  const worker = fork(resolve(import.meta.dirname, 'worker.mjs'), { execArgv, env });
  cleanUps.push(() => stopWorker(worker));
  await tellWorker(worker, { ...task, secretKey: SECRET_KEY.toString('hex') });
  return worker;
}

/** Sends a message to a worker and waits for its answer. Rejects when the worker ends instead. */
function tellWorker(worker, message) {
  return new Promise((resolved, rejected) => {
    const ended = () => rejected(new Error('a worker ended before it answered'));
    worker.once('exit', ended).once('message', (answer) => {
      worker.off('exit', ended);
      resolved(answer);
    });
    worker.send(message);
  });
}

/** A worker finishes when nobody is connected to it any more. */
async function stopWorker(worker) {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, 'exit');
  if (worker.connected) worker.disconnect();
  await ended;
}

async function startRedis(folder, cleanUps) {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(redis, 'error').then(([error]) => {
    throw new Error('redis-server does not start; install Redis', { cause: error });
  });
  for (let ready = false; !ready;) {
    const [text] = await Promise.race([once(redis.stdout.setEncoding('utf8'), 'data'), failed]);
    ready = text.includes('Ready to accept connections');
  }
  failed.catch(() => undefined);
  cleanUps.push(() => stopChild(redis));
  return { url: `redis://127.0.0.1:${port}`, pid: redis.pid };
}
