import Table from 'cli-table3';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openRig } from './rig.mjs';
import { detailOf } from './report.mjs';
import { PLANS } from './scene.mjs';
import { lapInDetail } from './writing.mjs';

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

const rig = await openRig({ limit_ms: options.limit * 60_000, profile: options.profile });
try {
  const laps = [];
  for (const size of sizes) {
    tell(`closing ${titleOf(size)} …`);
    laps.push(await measureSize(size));
  }
  print(laps);
} finally {
  await rig.stop();
}

/** One size of the close, on a database, a simulator and workers of its own. */
async function measureSize({ accounts, entities }) {
  const { plan, workers, queue } = options;
  const warmUp = Math.ceil(options.warmUp / (entities ?? 1));
  const fleet = { accounts: Math.max(warmUp, accounts), sites: entities ?? 1, subscribers: 1 };
  const stage = await rig.openStage({ plan, fleet, workers, queue });
  try {
    await stage.warmUp(warmUp);
    const lap = await lapInDetail(stage, accounts);
    const floors = entities ? undefined : await stage.floors();
    return { ...lap, entities, floors };
  } finally {
    await stage.stop();
  }
}

function titleOf({ accounts, entities }) {
  return entities ? `${accounts} accounts with ${entities} sites each` : `${accounts} accounts`;
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
  tell(`of ${titleOf(laps.at(-1))}:\n\n${detailOf(laps.at(-1))}\n`);
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
