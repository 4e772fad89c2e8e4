import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import Table from 'cli-table3';
import { Command, InvalidArgumentError, Option } from 'commander';
import { freePort, startEmbeddedPostgres } from '../dist/apps/standalone/src/embedded-postgres.js';
import { measureFloors } from './floors.mjs';
import { openScene, PLANS, SECRET_KEY } from './scene.mjs';
import { startSimulator, stopChild } from './simulator.mjs';

/** What closing a month costs a worker: `npm run bench:close -- --accounts 100,1000 --plan volume`. */
const options = new Command('bench:close')
  .description(
    'Closes a month of simulated accounts with real workers on a PostgreSQL of its own and prints what it cost them: ' +
      'CPU and memory, by the number of accounts.',
  )
  .option('--accounts <n,n…>', 'sizes of the close; each gets a fresh database and fresh workers', counts, [100, 1_000])
  .option('--warm-up <n>', 'accounts of another seller that are closed first and not counted', count, 1_000)
  .addOption(new Option('--plan <plan>', 'what the accounts pay for').choices(Object.keys(PLANS)).default('volume'))
  .option('--workers <n>', 'worker processes', count, 1)
  .addOption(new Option('--queue <backend>', 'where jobs wait').choices(['postgres', 'redis']).default('postgres'))
  .option('--limit <minutes>', 'stops when a close takes longer', count, 30)
  .option('--profile <folder>', 'workers write CPU profiles here')
  .parse()
  .opts();

const folder = await mkdtemp(join(tmpdir(), 'meterline-bench-'));
const cleanUps = [() => rm(folder, { recursive: true, force: true })];
let cleaned;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void cleanUp().then(() => process.exit(1)));
}
try {
  const laps = await measure();
  print(laps);
} finally {
  await cleanUp();
}

/** Last started, first stopped; once, whoever asks first. */
function cleanUp() {
  return (cleaned ??= cleanUps.reduceRight((before, step) => before.then(step), Promise.resolve()));
}

async function measure() {
  const server = await startEmbeddedPostgres(folder, () => undefined);
  cleanUps.push(() => server.stop());
  const fleet = { accounts: Math.max(options.warmUp, ...options.accounts), sites: 1, subscribers: 1 };
  const simulator = await startSimulator(fleet);
  cleanUps.push(() => simulator.stop());
  const reportUrl = simulator.url;
  const queueUrl = options.queue === 'redis' ? await startRedis() : undefined;
  const laps = [];
  for (const accounts of options.accounts) {
    tell(`closing ${accounts} accounts …`);
    const name = `bench_${accounts}`;
    const scene = await openScene({ server: server.url, name, plan: options.plan, fleet, queueUrl });
    const task = {
      databaseUrl: scene.url,
      queueUrl: queueUrl ?? scene.url,
      reportUrl,
      secretKey: SECRET_KEY.toString('hex'),
    };
    const workers = await Promise.all(Array.from({ length: options.workers }, () => startWorker(task)));
    try {
      laps.push({
        accounts,
        ...(await runLap(scene, workers, accounts)),
        floors: await measureFloors({ scene, plan: options.plan, fleet, reportUrl }),
      });
    } finally {
      await Promise.all(workers.map(stopWorker));
      await scene.stop();
    }
  }
  return laps;
}

async function runLap(scene, workers, accounts) {
  const limit_ms = options.limit * 60_000;
  await scene.addSeller('warm-up', options.warmUp);
  await scene.close('warm-up', limit_ms);
  await scene.addSeller('measured', accounts);
  const before = await scene.figures();
  await Promise.all(workers.map((worker) => ask(worker, 'start')));
  const started = performance.now();
  const ended = await scene.close('measured', limit_ms);
  const wall_ms = performance.now() - started;
  const measured = await Promise.all(workers.map((worker) => ask(worker, 'end')));
  const after = await scene.figures();
  if (ended.issued !== accounts) throw new Error(`not every account was issued: ${JSON.stringify(ended)}`);
  const total = (of) => measured.reduce((sum, each) => sum + each[of], 0);
  const largest = (of) => Math.max(...measured.map((each) => each[of]));
  return {
    wall_ms,
    cpu_ms: total('cpu_ms'),
    statements: total('statements'),
    postgres_cpu_ms: after.cpu_ms - before.cpu_ms,
    wal_bytes: after.wal_bytes - before.wal_bytes,
    table_bytes: after.table_bytes - before.table_bytes,
    lock_waits: ended.samples.waiting / Math.max(1, ended.samples.sessions),
    mark_compacts: total('mark_compacts'),
    start_bytes: largest('start_bytes'),
    peak_bytes: largest('peak_bytes'),
    end_bytes: largest('end_bytes'),
  };
}

async function startWorker(task) {
  const profiling = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${resolve(options.profile)}`] : [];
  // The heap and the allocator as the image sets them.
  const execArgv = ['--max-semi-space-size=8', ...profiling];
  const env = { ...process.env, MALLOC_ARENA_MAX: '2' };
  const worker = fork(resolve(import.meta.dirname, 'worker.mjs'), { execArgv, env });
  cleanUps.push(() => stopWorker(worker));
  await ask(worker, task);
  return worker;
}

/** Sends a message to a worker and waits for its answer. Rejects when the worker ends instead. */
async function ask(worker, message) {
  const died = once(worker, 'exit').then(() => {
    throw new Error('a worker ended before it answered');
  });
  worker.send(message);
  const [answer] = await Promise.race([once(worker, 'message'), died]);
  return answer;
}

/** A worker finishes when nobody is connected to it any more. */
async function stopWorker(worker) {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const ended = once(worker, 'exit');
  if (worker.connected) worker.disconnect();
  await ended;
}

async function startRedis() {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUps.push(() => stopChild(redis));
  const failed = once(redis, 'error').then(([error]) => {
    throw new Error('redis-server does not start; install Redis or measure with --queue postgres', { cause: error });
  });
  for (let ready = false; !ready;) {
    const [text] = await Promise.race([once(redis.stdout.setEncoding('utf8'), 'data'), failed]);
    ready = text.includes('Ready to accept connections');
  }
  return `redis://127.0.0.1:${port}`;
}

function print(laps) {
  const { plan, workers, queue, warmUp } = options;
  tell(`plan ${plan}, ${workers} worker(s), queue on ${queue}, ${warmUp} accounts of warm-up, floors beside each size`);
  const columns = [
    ['accounts', ({ accounts }) => accounts],
    ['wall s', ({ wall_ms }) => (wall_ms / 1000).toFixed(1)],
    ['accounts/s', ({ accounts, wall_ms }) => ((accounts / wall_ms) * 1000).toFixed(1)],
    ['worker CPU ms per account', (lap) => cpuPerAccount(lap).toFixed(2)],
    ['floors ms: fetch + parse + page + rows', ({ floors }) => floorsText(floors)],
    ['statements per account', ({ statements, accounts }) => (statements / accounts).toFixed(2)],
    ['PostgreSQL CPU ms per account', ({ postgres_cpu_ms, accounts }) => (postgres_cpu_ms / accounts).toFixed(2)],
    ['WAL KiB per account', ({ wal_bytes, accounts }) => (wal_bytes / accounts / 1024).toFixed(1)],
    ['tables KiB per account, PDFs apart', ({ table_bytes, accounts }) => (table_bytes / accounts / 1024).toFixed(1)],
    ['sessions that wait for a lock, % of samples', ({ lock_waits }) => (lock_waits * 100).toFixed(1)],
    ['CPU ÷ floors', (lap) => (cpuPerAccount(lap) / floorsSum(lap)).toFixed(2)],
    ['RSS MB at start / peak / end', (lap) => ['start', 'peak', 'end'].map((at) => megabytes(lap, at)).join(' / ')],
    ['mark-compacts per 1,000', ({ mark_compacts, accounts }) => ((mark_compacts * 1000) / accounts).toFixed(1)],
  ];
  const table = new Table({ style: { head: [], border: [] } });
  for (const [title, cell] of columns) table.push({ [title]: laps.map((lap) => String(cell(lap))) });
  tell(table.toString());
  const [first, ...others] = laps;
  for (const lap of others) {
    const cpu = (cpuPerAccount(lap) / cpuPerAccount(first)).toFixed(2);
    const scaled = (cpuPerAccount(lap) / floorsSum(lap) / (cpuPerAccount(first) / floorsSum(first))).toFixed(2);
    const peak = (lap.peak_bytes / first.peak_bytes).toFixed(2);
    tell(
      `${lap.accounts} against ${first.accounts}: CPU per account × ${cpu} (× ${scaled} in floors), peak RSS × ${peak}`,
    );
  }
}

function cpuPerAccount({ cpu_ms, accounts }) {
  return cpu_ms / accounts;
}

function floorsSum({ floors }) {
  return floors.fetch + floors.parse + floors.page + floors.rows;
}

function floorsText({ fetch, parse, page, rows }) {
  return [fetch, parse, page, rows].map((floor) => floor.toFixed(2)).join(' + ');
}

function megabytes(lap, at) {
  return (lap[`${at}_bytes`] / 1e6).toFixed(0);
}

function tell(line) {
  process.stdout.write(`${line}\n`);
}

function counts(text) {
  return text.split(',').map(count);
}

function count(text) {
  const value = Number.parseInt(text, 10);
  if (!/^\d+$/.test(text) || value < 1 || value > 100_000) throw new InvalidArgumentError('whole numbers, 1 to 100000');
  return value;
}
