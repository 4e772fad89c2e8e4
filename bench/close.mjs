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
import { openScene, PLANS, requireExactUsage, SECRET_KEY } from './scene.mjs';
import { startSimulator, stopChild } from './simulator.mjs';

/** What closing a month costs a worker: `npm run bench:close -- --accounts 100,1000 --plan volume`. */
const options = new Command('bench:close')
  .description(
    'Closes a month of simulated accounts with real workers on a PostgreSQL of its own and prints what it cost them: ' +
      'CPU and memory, by the number of accounts.',
  )
  .option('--accounts <n,n…>', 'sizes of the close; each gets a fresh database and fresh workers', counts, [100, 1_000])
  .option(
    '--entities <n,n…>',
    'sites of each account, for each of --accounts; they pay by site, so that 1 account with 10000 can be held against ' +
      '1000 with 10',
    counts,
  )
  .option(
    '--warm-up <n>',
    'accounts, or entities, of another seller that are closed first and not counted',
    count,
    1_000,
  )
  .addOption(new Option('--plan <plan>', 'what the accounts pay for').choices(Object.keys(PLANS)).default('volume'))
  .option('--workers <n>', 'worker processes', count, 1)
  .addOption(new Option('--queue <backend>', 'where jobs wait').choices(['postgres', 'redis']).default('postgres'))
  .option('--limit <minutes>', 'stops when a close takes longer', count, 30)
  .option('--profile <folder>', 'workers write CPU profiles here')
  .parse()
  .opts();
const sizes = options.accounts.map((accounts, lap) => ({ accounts, entities: options.entities?.[lap] }));
if (options.entities) {
  if (options.entities.length !== options.accounts.length)
    throw new Error('--entities has one number for each --accounts');
  options.plan = 'sites';
}

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
  const queueUrl = options.queue === 'redis' ? await startRedis() : undefined;
  const laps = [];
  for (const [position, size] of sizes.entries()) {
    tell(`closing ${titleOf(size)} …`);
    laps.push(await measureSize({ server, queueUrl, name: `bench_${position}` }, size));
  }
  return laps;
}

/** One size of the close, on a database, a simulator and workers of its own. */
async function measureSize({ server, queueUrl, name }, { accounts, entities }) {
  const { plan } = options;
  const warmUp = Math.ceil(options.warmUp / (entities ?? 1));
  const fleet = { accounts: Math.max(warmUp, accounts), sites: entities ?? 1, subscribers: 1 };
  const simulator = await startSimulator(fleet);
  cleanUps.push(() => simulator.stop());
  const reportUrl = simulator.url;
  const scene = await openScene({ server: server.url, name, plan, fleet, queueUrl });
  const task = {
    databaseUrl: scene.url,
    queueUrl: queueUrl ?? scene.url,
    reportUrl,
    secretKey: SECRET_KEY.toString('hex'),
  };
  const workers = await Promise.all(Array.from({ length: options.workers }, () => startWorker(task)));
  try {
    const lap = await runLap(scene, workers, { accounts, warmUp });
    if (entities) await requireExactUsage(scene.client, { fleet, accounts });
    const floors = entities ? undefined : await measureFloors({ scene, plan, fleet, reportUrl });
    return { accounts, entities, ...lap, floors };
  } finally {
    await Promise.all(workers.map(stopWorker));
    await scene.stop();
    await simulator.stop();
  }
}

function titleOf({ accounts, entities }) {
  return entities ? `${accounts} accounts with ${entities} sites each` : `${accounts} accounts`;
}

async function runLap(scene, workers, { accounts, warmUp }) {
  const limit_ms = options.limit * 60_000;
  await scene.addSeller('warm-up', warmUp);
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
  const each = options.entities ? 'entity' : 'account';
  tell(`plan ${plan}, ${workers} worker(s), queue on ${queue}, ${warmUp} of warm-up; figures by ${each}`);
  const columns = [
    ['accounts', ({ accounts }) => accounts],
    ['sites of each', ({ entities }) => entities],
    ['wall s', ({ wall_ms }) => (wall_ms / 1000).toFixed(1)],
    [`${each === 'entity' ? 'entities' : 'accounts'}/s`, (lap) => ((unitsOf(lap) / lap.wall_ms) * 1000).toFixed(1)],
    [`worker CPU ms per ${each}`, (lap) => cpuPerUnit(lap).toFixed(2)],
    ['floors ms: fetch + parse + page + rows', ({ floors }) => floors && floorsText(floors)],
    [`statements per ${each}`, (lap) => (lap.statements / unitsOf(lap)).toFixed(2)],
    [`PostgreSQL CPU ms per ${each}`, (lap) => (lap.postgres_cpu_ms / unitsOf(lap)).toFixed(2)],
    [`WAL KiB per ${each}`, (lap) => (lap.wal_bytes / unitsOf(lap) / 1024).toFixed(1)],
    [`tables KiB per ${each}, PDFs apart`, (lap) => (lap.table_bytes / unitsOf(lap) / 1024).toFixed(1)],
    ['sessions that wait for a lock, % of samples', ({ lock_waits }) => (lock_waits * 100).toFixed(1)],
    ['CPU ÷ floors', (lap) => lap.floors && (cpuPerUnit(lap) / floorsSum(lap)).toFixed(2)],
    ['RSS MB at start / peak / end', (lap) => ['start', 'peak', 'end'].map((at) => megabytes(lap, at)).join(' / ')],
    ['mark-compacts per 1,000', (lap) => ((lap.mark_compacts * 1000) / unitsOf(lap)).toFixed(1)],
  ];
  const table = new Table({ style: { head: [], border: [] } });
  for (const [title, cell] of columns) {
    const cells = laps.map(cell);
    if (cells.every((text) => text !== undefined)) table.push({ [title]: cells.map(String) });
  }
  tell(table.toString());
  const [first, ...others] = laps;
  for (const lap of others) {
    const cpu = (cpuPerUnit(lap) / cpuPerUnit(first)).toFixed(2);
    const scaled = lap.floors && (cpuPerUnit(lap) / floorsSum(lap) / (cpuPerUnit(first) / floorsSum(first))).toFixed(2);
    const peak = (lap.peak_bytes / first.peak_bytes).toFixed(2);
    tell(
      `${titleOf(lap)} against ${titleOf(first)}: CPU per ${each} × ${cpu}${scaled ? ` (× ${scaled} in floors)` : ''}, ` +
        `peak RSS × ${peak}`,
    );
  }
}

/** What figures are told by: accounts, or their entities where those are what is compared. */
function unitsOf({ accounts, entities = 1 }) {
  return accounts * entities;
}

function cpuPerUnit(lap) {
  return lap.cpu_ms / unitsOf(lap);
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
