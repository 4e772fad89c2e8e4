import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import Table from 'cli-table3';
import { format, resolveConfig } from 'prettier';
import { GOALS, isReached, textOf, wantedOf } from './goals.mjs';

const TEMPLATE = resolve(import.meta.dirname, 'benchmarks.template.md');

/** Every goal with what was wanted and what a run came to, for a terminal. */
export function goalsTable(run) {
  const table = new Table({
    head: ['', 'Goal', 'Wanted', 'Measured', ''],
    colWidths: [6, 44, 24, 36, 9],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const row of rowsOf(run)) table.push(row);
  return table.toString();
}

/**
 * docs/benchmarks.md from a run: the template, in which a line `<!-- part -->` stands for what the run says of it.
 *
 * @throws Error when a goal is missed for which nobody wrote why and what is next, or when the template lacks a part
 */
export async function writtenDocument(run) {
  const parts = {
    machine: machineOf(run),
    goals: goalsOf(run),
    missed: missedOf(run),
    closes: closesOf(run),
    large: detailOf(run.volume.large),
  };
  let text = await readFile(TEMPLATE, 'utf8');
  for (const [part, written] of Object.entries(parts)) {
    const place = `<!-- ${part} -->`;
    if (!text.includes(place)) throw new Error(`${TEMPLATE} has no line ${place}`);
    text = text.replace(place, () => written);
  }
  return format(text, { ...(await resolveConfig(TEMPLATE)), parser: 'markdown' });
}

function rowsOf(run) {
  return GOALS.map((goal) => [
    goal.id,
    goal.goal,
    wantedOf(goal),
    goal.figures.map((figure) => textOf(figure, run)).join(', '),
    isReached(goal, run) ? 'reached' : 'missed',
  ]);
}

function goalsOf(run) {
  return markdown(['', 'Goal', 'Wanted', 'Measured', ''], rowsOf(run));
}

function missedOf(run) {
  const missed = GOALS.filter((goal) => !isReached(goal, run));
  const written = missed.map(({ id, profile, next }) => {
    if (!profile || !next) throw new Error(`${id} is missed; write in bench/goals.mjs why, and the next idea`);
    return `- **${id}.** ${profile} _Next:_ ${next}`;
  });
  return written.length === 0 ? 'Every goal is reached.' : written.join('\n');
}

function machineOf({ machine }) {
  const { date, cores, model, memory_bytes, node, postgres, loads, minutes, command } = machine;
  const load = `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  return (
    `Written by \`${command}\` on ${date}, in ${minutes.toFixed(0)} minutes: ${cores} cores (${model}), ` +
    `${(memory_bytes / 1e9).toFixed(0)} GB, Node.js ${node.replace(/^v/, '')}, PostgreSQL ${postgres}. The load of a minute went from ${load}, ` +
    `what was measured included (its workers, PostgreSQL and the simulator share the cores).`
  );
}

/** Every lap, so that what the medians are made of can be seen. */
function closesOf({ volume, percentile, fee, entities }) {
  const laps = [
    ...volume.laps.map((lap) => ['volume, workers: 1', lap]),
    ['volume, workers: 1', volume.large],
    ['volume, workers: 1', volume.around.at(-1)],
    ...percentile.laps.map((lap) => ['percentile, workers: 1', lap]),
    ...Object.entries(fee).flatMap(([workers, { laps: some }]) => some.map((lap) => [`fee, workers: ${workers}`, lap])),
    ...[entities.many[0], entities.one, entities.many[1]].map((lap) => [`${lap.entities} sites each, workers: 1`, lap]),
  ];
  const head = [
    'Plan',
    'Accounts',
    'wall s',
    'worker CPU ms',
    'floors ms',
    'statements',
    'PostgreSQL CPU ms',
    'WAL KiB',
    'tables KiB',
    'RSS MB',
    'mark-compacts',
  ];
  return markdown(
    head,
    laps.map(([name, lap]) => [
      name,
      lap.accounts,
      (lap.wall_ms / 1_000).toFixed(1),
      (lap.cpu_ms / lap.accounts).toFixed(2),
      lap.floors ? ['fetch', 'parse', 'page', 'rows'].map((floor) => lap.floors[floor].toFixed(2)).join(' + ') : '',
      (lap.statements / lap.accounts).toFixed(2),
      (lap.postgres_cpu_ms / lap.accounts).toFixed(2),
      (lap.wal_bytes / lap.accounts / 1_024).toFixed(1),
      (lap.table_bytes / lap.accounts / 1_024).toFixed(1),
      ['start', 'peak', 'end'].map((at) => (lap[`${at}_bytes`] / 1e6).toFixed(0)).join(' / '),
      lap.mark_compacts,
    ]),
  );
}

/** What `lapInDetail` found, as two tables of Markdown. */
export function detailOf({ accounts, tables, slowest }) {
  const kib = (bytes) => (bytes / accounts / 1_024).toFixed(2);
  const grown = tables.filter(({ bytes }) => bytes > 0).toSorted((a, b) => b.bytes - a.bytes);
  const sizes = grown.slice(0, 12).map(({ table, bytes }) => [`\`${table}\``, kib(bytes)]);
  const rows = slowest.map(({ text, calls, ms }) => [`\`${text}\``, calls, ms.toFixed(3)]);
  return [
    markdown(['Table', 'KiB for each account'], sizes),
    markdown(['Statement', 'Calls', 'ms for each account'], rows),
  ].join('\n\n');
}

function markdown(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
