import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { Pool } from 'undici';
import { accountId, customerSiteId } from '../dist/apps/report-simulator/src/index.js';
import { boundHeapGrowth } from '../dist/apps/worker/src/index.js';
import { monthPeriod } from '../dist/libs/calendar/src/index.js';
import { createReportClient, DIALECTS, SealedKey } from '../dist/libs/report-client/src/index.js';
import { cpuOfOne, fetchAgain, Recorder } from './recorder.mjs';
import { lastMonth } from './scene.mjs';
import { startSimulator } from './simulator.mjs';

/** What pulling months of 5-minute samples costs: `npm run bench:fetch -- --series 3000`. */
const options = new Command('bench:fetch')
  .description(
    'Pulls months of 5-minute samples of many sites, about 1.8 MB each, as a close does, and prints what that cost beside ' +
      'the same answers fetched and read by JSON.parse alone.',
  )
  .option('--series <n>', 'months of one site to pull', count, 1_000)
  .option('--concurrency <n>', 'pulls at the same time', count, 8)
  .option('--warm-up <n>', 'pulls before anything is counted', count, 50)
  .option('--json', 'prints the figures as JSON')
  .parse()
  .opts();

boundHeapGrowth();
const SAMPLE_MS = 100;
const FLOOR_ROUNDS = 20;
const MEGABYTE = 1e6;

const owned = monthPeriod(lastMonth(), 'UTC');
const fleet = { accounts: options.warmUp + options.series, sites: 1, subscribers: 1 };
const simulator = await startSimulator(fleet);
const transport = new Recorder();
try {
  print(await measure());
} finally {
  await transport.close();
  await simulator.stop();
}

async function measure() {
  await pullAll(0, options.warmUp);
  const quarter = Math.ceil(options.series / 4);
  const laps = [];
  for (let from = 0; from < options.series; from += quarter) {
    laps.push(await lap(options.warmUp + from, Math.min(quarter, options.series - from)));
  }
  const floor = await floors();
  const cpu_ms = laps.reduce((sum, each) => sum + each.cpu_ms, 0) / options.series;
  return { series: options.series, bytes: floor.bytes, cpu_ms, floor, laps };
}

/** One part of the series: its cost, the most memory it had, and what was still held when it was over. */
async function lap(from, series) {
  const before = process.cpuUsage();
  const started = performance.now();
  let peak_bytes = process.memoryUsage.rss();
  const sampler = setInterval(() => (peak_bytes = Math.max(peak_bytes, process.memoryUsage.rss())), SAMPLE_MS);
  await pullAll(from, series);
  clearInterval(sampler);
  const { user, system } = process.cpuUsage(before);
  const wall_ms = performance.now() - started;
  return { series, wall_ms, cpu_ms: (user + system) / 1_000, peak_bytes, held_bytes: heldBytes() };
}

/** What is reachable, heap and buffers; undefined unless Node runs with --expose-gc. */
function heldBytes() {
  if (!globalThis.gc) return undefined;
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function pullAll(from, series) {
  let next = from;
  const puller = async () => {
    while (next < from + series) await pull(next++);
  };
  await Promise.all(Array.from({ length: options.concurrency }, puller));
}

async function pull(account) {
  const client = createReportClient({
    baseUrl: simulator.url,
    apiKey: new SealedKey('sim-fleet-key'),
    dialect: DIALECTS.speak({}),
    transport,
  });
  const answer = await client.fetchUsage({
    account: accountId(account),
    entity: { dimension: 'customer_site_id', value: customerSiteId(fleet, account, 0) },
    family: 'bandwidth',
    grid: 'SLOT',
    owned,
    now: Math.floor(Date.now() / 1_000),
  });
  if (answer.outcome !== 'complete') throw new Error(`not complete: ${JSON.stringify(answer).slice(0, 500)}`);
}

/** CPU of one series, fetched and parsed by nothing but undici and JSON.parse. */
async function floors() {
  transport.recorded = [];
  await pull(0);
  const requests = transport.recorded;
  transport.recorded = undefined;
  const pool = new Pool(simulator.url, { connections: options.concurrency });
  const fetched = () => fetchAgain(pool, requests);
  const bodies = await fetched();
  const parsed = () => bodies.forEach((body) => JSON.parse(body.toString('utf8')));
  const hashed = () => bodies.forEach((body) => createHash('sha256').update(body).digest('hex'));
  const floor = {
    bytes: bodies.reduce((sum, { length }) => sum + length, 0),
    fetch_ms: await cpuOf(fetched),
    parse_ms: await cpuOf(parsed),
    hash_ms: await cpuOf(hashed),
  };
  await pool.close();
  return floor;
}

async function cpuOf(work) {
  await cpuOfOne(work, FLOOR_ROUNDS);
  return cpuOfOne(work, FLOOR_ROUNDS);
}

function print(measured) {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(measured)}\n`);
    return;
  }
  const { series, bytes, cpu_ms, floor, laps } = measured;
  const table = new Table({
    head: ['quarter', 'series/s', 'CPU ms', 'peak RSS MB', 'held MB'],
    style: { head: [], border: [] },
  });
  laps.forEach((each, index) =>
    table.push([
      index + 1,
      ((each.series / each.wall_ms) * 1_000).toFixed(1),
      (each.cpu_ms / each.series).toFixed(1),
      (each.peak_bytes / MEGABYTE).toFixed(0),
      each.held_bytes === undefined ? '(--expose-gc)' : (each.held_bytes / MEGABYTE).toFixed(1),
    ]),
  );
  const floors = floor.fetch_ms + floor.parse_ms;
  process.stdout.write(
    `${series} series of ${(bytes / MEGABYTE).toFixed(2)} MB, ${options.concurrency} at a time\n${table.toString()}\n` +
      `CPU ${cpu_ms.toFixed(1)} ms a series; floors: fetch ${floor.fetch_ms.toFixed(1)} + JSON.parse ` +
      `${floor.parse_ms.toFixed(1)} ms, sha256 ${floor.hash_ms.toFixed(1)} ms; × ${(cpu_ms / floors).toFixed(2)} of the first two\n`,
  );
}

function count(text) {
  const value = Number.parseInt(text, 10);
  if (!/^\d+$/.test(text) || value < 1 || value > 100_000)
    throw new InvalidArgumentError('a whole number, 1 to 100000');
  return value;
}
