import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Command, InvalidArgumentError } from 'commander';
import { GOALS, isReached } from './goals.mjs';
import { measureReading } from './reading.mjs';
import { goalsTable, writtenDocument } from './report.mjs';
import { openRig } from './rig.mjs';
import { forgetStatements, lapInDetail, measureWriting } from './writing.mjs';

/** Every goal of a close with its figure beside it: `npm run bench`. */
const options = new Command('bench')
  .description(
    'Measures every goal of a close on this machine, prints it beside what was wanted, and writes docs/benchmarks.md. Bills are ' +
      'held against the closed forms of the simulator before anything is printed.',
  )
  .option('--rounds <n>', 'rounds of contenders in turn; figures are medians over them', count, 3)
  .option('--accounts <n>', 'accounts of a close', count, 1_000)
  .option('--large <n>', 'accounts of the large close', count, 10_000)
  .option('--percentile <n>', 'accounts that pay for a percentile', count, 60)
  .option('--sites <n>', 'sites of the one big account; a tenth as many accounts have ten each', count, 10_000)
  .option('--warm-up <n>', 'accounts that each worker closes before anything is counted', count, 300)
  .option('--limit <minutes>', 'stops when a close takes longer', count, 30)
  .option('--no-write', 'leaves docs/benchmarks.md as it is')
  .parse()
  .opts();

const started = performance.now();
const loads = [loadavg()[0]];
const rig = await openRig({ limit_ms: options.limit * 60_000 });
let run;
try {
  run = {
    // First, because a machine without Redis is to be told so before minutes have passed.
    queues: {
      redis: await told('the queue on Redis', () => measureQueue('redis')),
      postgres: await told('the queue on PostgreSQL', () => measureQueue('postgres')),
    },
    reading: await told('reading samples', () => measureReading({ rounds: 2 * options.rounds + 1, months: 20 })),
    volume: await told('volume', measureVolume),
    percentile: await told('percentile', measurePercentile),
    fee: {
      1: await told('fees, 1 worker', () => measureFees(1)),
      2: await told('fees, 2 workers', () => measureFees(2)),
      8: await told('fees, 8 workers', () => measureFees(8)),
    },
    entities: await told('one big account', measureEntities),
  };
} finally {
  await rig.stop();
}
run.machine = {
  date: new Date().toISOString().slice(0, 10),
  minutes: (performance.now() - started) / 60_000,
  cores: availableParallelism(),
  model: cpus()[0]?.model.trim() ?? 'unknown',
  memory_bytes: totalmem(),
  ...{ node: process.version, postgres: rig.version, loads },
  command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
};
process.stdout.write(`${goalsTable(run)}\n`);
process.stdout.write(`${GOALS.filter((goal) => isReached(goal, run)).length} of ${GOALS.length} goals are reached.\n`);
if (options.write) await writeFile(resolve(import.meta.dirname, '../docs/benchmarks.md'), await writtenDocument(run));

async function told(what, measure) {
  process.stderr.write(`measuring ${what} …\n`);
  const measured = await measure();
  loads.push(loadavg()[0]);
  return measured;
}

/** Closes and, after each, its floors; then a large close between two small ones. */
async function measureVolume() {
  return onStage({ plan: 'volume', accounts: Math.max(options.accounts, options.large) }, async (stage) => {
    const laps = await inRounds(() => withFloors(stage, options.accounts));
    const large = await lapInDetail(stage, options.large);
    return { laps, large, around: [laps.at(-1), await stage.lap(options.accounts)] };
  });
}

async function measurePercentile() {
  const { percentile: accounts } = options;
  return onStage({ plan: 'percentile', accounts, warmUp: Math.min(accounts, options.warmUp) }, async (stage) => ({
    laps: await inRounds(() => withFloors(stage, accounts)),
  }));
}

/** Closes of one seller by so many workers, each followed by a COPY of what it wrote. */
async function measureFees(workers) {
  return onStage({ plan: 'fee', workers, warmUp: options.warmUp * Math.min(workers, 4) }, async (stage) => {
    const writing = [];
    const laps = await inRounds(async () => {
      await forgetStatements(stage.client);
      const lap = await stage.lap(options.accounts);
      writing.push(await measureWriting(stage.client, lap));
      return lap;
    });
    return { laps, writing };
  });
}

async function measureQueue(queue) {
  return onStage({ plan: 'fee', queue }, async (stage) => {
    await stage.emptyJobs(100);
    return { lap: await stage.lap(options.accounts), empty: await stage.emptyJobs(1_000) };
  });
}

/** The one big account between two closes of many small ones with as many sites. */
async function measureEntities() {
  const accounts = Math.ceil(options.sites / 10);
  const warmUp = Math.ceil(options.warmUp / 10);
  return onStage({ plan: 'sites', accounts, sites: 10, warmUp }, (many) =>
    onStage({ plan: 'sites', accounts: 1, sites: options.sites, warmUp: 1 }, async (one) => {
      const first = await many.lap(accounts);
      return { one: await one.lap(1), many: [first, await many.lap(accounts)] };
    }),
  );
}

async function onStage({ accounts = options.accounts, sites = 1, warmUp = options.warmUp, ...of }, measure) {
  const fleet = { accounts: Math.max(accounts, warmUp), sites, subscribers: 1 };
  const stage = await rig.openStage({ ...of, fleet });
  try {
    await stage.warmUp(warmUp);
    return await measure(stage);
  } finally {
    await stage.stop();
  }
}

async function inRounds(lap) {
  const laps = [];
  for (let round = 0; round < options.rounds; round += 1) laps.push(await lap());
  return laps;
}

async function withFloors(stage, accounts) {
  return { ...(await stage.lap(accounts)), floors: await stage.floors() };
}

function count(text) {
  const value = Number.parseInt(text, 10);
  if (!/^\d+$/.test(text) || value < 1 || value > 100_000) throw new InvalidArgumentError('whole numbers, 1 to 100000');
  return value;
}
