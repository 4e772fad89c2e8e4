interface Report {
  goalsTable(run: unknown): string;
  writtenDocument(run: unknown): Promise<string>;
}

// By a variable, because what measures is JavaScript and has no types.
const REPORT = '../../bench/report.mjs';
const { goalsTable, writtenDocument } = (await import(REPORT)) as Report;

const GOALS = ['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G7', 'G8', 'G9', 'G10'];

/** A run in which every cost is `times` what a goal allows, and every rate as many times less. */
function runOf(times: number) {
  const lap = {
    ...{
      accounts: 1_000,
      entities: 1,
      wall_ms: 4_000 * times,
      jobs: 40,
      cpu_ms: 1_000 * 0.7 * times,
      statements: 2_000 * times,
    },
    ...{ postgres_cpu_ms: 2_000 * times, redis_cpu_ms: 0, wal_bytes: 1_024, table_bytes: 4_096_000 * times },
    ...{ lock_waits: 0.02 * times, start_bytes: 1e6, peak_bytes: 160e6 * times, end_bytes: 1e6, mark_compacts: 1 },
    floors: { fetch: 0.25, parse: 0.25, page: 0.25, rows: 0.25 },
  };
  const fees = { laps: [lap], writing: [{ insert_ms: 1.5 * times, copy_ms: 1 }] };
  const queue = {
    lap: { ...lap, cpu_ms: 4_000, postgres_cpu_ms: 1_000, jobs: 10 },
    empty: { jobs: 10, cpu_ms: 100 * times },
  };
  const sized = { ...lap, entities: 10, cpu_ms: 1_000 };
  return {
    reading: { laps: [{ read_ms: 0.5 * times, parse_ms: 1 }] },
    volume: {
      laps: [lap],
      large: {
        ...{ ...lap, cpu_ms: 1.05 * times * lap.cpu_ms },
        slowest: [{ text: 'INSERT INTO a | b', calls: 1, ms: 1 }],
        tables: [{ table: 'invoice', bytes: 1_024_000 }],
      },
      around: [lap, lap],
    },
    percentile: { laps: [lap] },
    fee: { 1: fees, 2: fees, 8: fees },
    queues: { redis: queue, postgres: queue },
    entities: { one: { ...sized, cpu_ms: 1_100 * times }, many: [sized, sized] },
    machine: {
      ...{
        date: '2026-11-30',
        minutes: 9,
        cores: 2,
        model: 'Some CPU',
        memory_bytes: 8e9,
        node: 'v24.15.0',
        postgres: '18.4',
      },
      ...{ loads: [0.5, 2.25], command: 'npm run bench' },
    },
  };
}

it('names every goal with its figure, and why each that is missed is missed', async () => {
  const [reached, missed] = [runOf(0.99), runOf(1.02)];
  expect(goalsTable(reached).match(/ reached /g)).toHaveLength(GOALS.length);
  expect(goalsTable(missed).match(/ missed /g)).toHaveLength(GOALS.length);
  expect(await writtenDocument(reached)).toContain('Every goal is reached.');
  const text = await writtenDocument(missed);
  for (const goal of GOALS) expect(text).toMatch(new RegExp(`^- \\*\\*${goal}\\.\\*\\* .* _Next:_ .`, 'm'));
  expect(text).toContain('Node.js 24.15.0, PostgreSQL 18.4. The load of a minute went from 0.5 to 2.3');
  expect(text).not.toContain('<!--');
});
