/**
 * What a close is to cost, goal by goal: which figures of a run tell it, what each may be at most (or at least), and, in
 * words that a person wrote, why a goal that is missed is missed and what is to be tried next. The words outlive a run; the
 * figures do not.
 */
export const GOALS = [
  {
    id: 'G1',
    goal: 'CPU of the workers for an account ÷ bare floors of the same run',
    figures: [
      { name: 'volume', of: ({ volume }) => median(volume.laps.map(overFloors)), most: 1, digits: 2 },
      { name: 'percentile', of: ({ percentile }) => median(percentile.laps.map(overFloors)), most: 0.7, digits: 2 },
    ],
    profile:
      "Of the main thread's CPU on a volume plan, drawing takes about half, collecting garbage a sixth, and canonical JSON with " +
      'its hashes, rating, and decimal arithmetic a tenth each. A page with embedded fonts, PDF/A metadata and a derivation under ' +
      'each line stands against a plain page with built-in ones. On a percentile plan reading the answers comes first (G6).',
    next:
      'widths of the fonts handed to pdfkit as text, hashes as bytes, one canonical text of a document for its hash and its row; ' +
      'for samples the next idea of G6.',
  },
  {
    id: 'G2',
    goal: 'statements for an account of an automatic close, all counted at the driver',
    figures: [
      { name: 'volume', of: ({ volume }) => median(volume.laps.map(each('statements'))), most: 2, digits: 2 },
      {
        name: 'percentile',
        of: ({ percentile }) => median(percentile.laps.map(each('statements'))),
        most: 2,
        digits: 2,
      },
    ],
    profile:
      'Permits of a report key and signs of life come by time and not by account: slow accounts pay for more of them.',
    next: 'larger leases of permits, signs of life of all batches of a process in one statement.',
  },
  {
    id: 'G3',
    goal: 'fee-only accounts of one seller, whole close with PDFs, two workers on this machine',
    figures: [
      { name: 'invoices/s', of: ({ fee }) => median(fee[2].laps.map(perSecond)), least: 220, digits: 0 },
      { name: 'PostgreSQL, ms', of: ({ fee }) => median(fee[2].laps.map(each('postgres_cpu_ms'))), most: 2, digits: 1 },
    ],
    profile:
      'PostgreSQL, both workers and the queue share the cores, so that the sum of their CPU for an invoice bounds the rate. PostgreSQL holds the columns of each document against the document, fires the triggers of seven tables, keeps their indexes, and stores the PDF.',
    next: 'fewer indexes on what is written once, one check for a set of documents, a leaner page (G1).',
  },
  {
    id: 'G4',
    goal: 'writing invoices ÷ COPY of the same rows',
    figures: [
      {
        name: 'ratio',
        of: ({ fee }) => median(fee[1].writing.map(({ insert_ms, copy_ms }) => insert_ms / copy_ms)),
        most: 1.5,
        digits: 2,
      },
    ],
    profile:
      'The statement takes one JSON text apart into seven tables, follows foreign keys, fires triggers row by row and holds the columns of each document against the document; the COPY has its columns ready and keeps nothing but the indexes.',
    next: 'columns handed over ready beside the document, triggers of the statement in place of those of a row.',
  },
  {
    id: 'G5',
    goal: 'an account costs the same in a large close, and a worker stays small',
    figures: [
      {
        name: 'CPU, large ÷ small',
        of: ({ volume }) => cpuPerAccount(volume.large) / mean(volume.around.map(cpuPerAccount)),
        most: 1.05,
        digits: 2,
      },
      {
        name: 'largest resident memory of a worker, MB',
        of: ({ volume, percentile, fee }) =>
          Math.max(
            ...[volume.large, ...volume.laps, ...percentile.laps, ...fee[1].laps, ...fee[2].laps].map(
              ({ peak_bytes }) => peak_bytes,
            ),
          ) / 1e6,
        most: 160,
        digits: 0,
      },
    ],
    profile:
      "A bare Node.js takes 44 MB, and its own text and tables come to 49 once a worker uses them; a worker that has started and done nothing 135 to 140. Its heap then holds 38 MB, 15 of them the source texts of 1,700 modules; in a close 60 to 65 are alive, 17 more are the young generation, and the rest is garbage that V8 has not collected yet or holes between what is alive. Without Prisma's client a worker starts 20 MB smaller; thresholds of the allocator that stay where they are set give back another 15. A young generation of half the size makes it larger, not smaller: what would have died young is old by then. A heap that grows by 20 % instead of 30 before it is collected saves 8 MB on a volume plan and collects percentile accounts half as often again (measured beside a load of fifteen).",
    next: 'a worker in one minified file, which drops what it imports and never calls with its source texts; answers read into buffers that are used again.',
  },
  {
    id: 'G6',
    goal: 'contract-complete read of a month of 5-minute samples ÷ `JSON.parse` of the same answers',
    figures: [
      {
        name: 'ratio',
        of: ({ reading }) => median(reading.laps.map(({ read_ms, parse_ms }) => read_ms / parse_ms)),
        most: 0.5,
        digits: 2,
      },
    ],
    profile:
      'No step leads: holding each item against the form of the first, the exact sum of all samples from their texts, and the form of each number take about a third each.',
    next: 'sums and ranks from the scanned digits, with the text of the billed sample alone.',
  },
  {
    id: 'G7',
    goal: "the queue's share of the CPU of a fee-only close, its server included, by jobs that have nothing to do",
    figures: [
      { name: 'Redis, %', of: ({ queues }) => queueShare(queues.redis) * 100, most: 2, digits: 1 },
      { name: 'PostgreSQL, %', of: ({ queues }) => queueShare(queues.postgres) * 100, most: 5, digits: 1 },
    ],
    profile: 'A job is taken, locked, renewed and removed by statements or scripts of its own.',
    next: 'more accounts in a job.',
  },
  {
    id: 'G8',
    goal: 'CPU of one account with many sites ÷ the same number of sites in many accounts',
    figures: [
      {
        name: 'ratio',
        of: ({ entities }) =>
          cpuPerAccount(entities.one) /
          entities.one.entities /
          mean(entities.many.map((lap) => cpuPerAccount(lap) / lap.entities)),
        most: 1.1,
        digits: 2,
      },
      { name: 'its worker, MB', of: ({ entities }) => entities.one.peak_bytes / 1e6, most: 512, digits: 0 },
    ],
    profile:
      'Of 419 MB at 10,000 sites, where a worker begins with them (one that has closed other accounts has up to 100 more), about 160 are there before the first account; the draft, the document and its inputs take 80 MB of heap while they are issued and drawn, the parameter of the statement that issues them 60 for that moment, and the thread that draws 130: modules and fonts of its own, its copy of the lines, their pieces.',
    next: 'drafts and inputs let go before the drawing begins; lines handed to the drawing thread page by page.',
  },
  {
    id: 'G9',
    goal: 'workers of one seller wait for cores and not for locks, % of samples of sessions at work',
    figures: [1, 2, 8].flatMap((workers) => [
      {
        name: `${workers} worker${workers === 1 ? '' : 's'}`,
        of: ({ fee }) => mean(fee[workers].laps.map(({ lock_waits }) => lock_waits)) * 100,
        most: 2,
        digits: 1,
      },
      { name: 'at invoices/s', of: ({ fee }) => median(fee[workers].laps.map(perSecond)), digits: 0 },
    ]),
    profile:
      'Every batch of one seller waits at its number series while another commits, because numbers have no gaps.',
    next:
      'do less while the series is locked: documents written before their number is known and numbered by one statement that ' +
      'commits with them.',
  },
  {
    id: 'G10',
    goal: 'KiB in the tables for an invoice, its PDF apart; WAL beside it',
    figures: [
      { name: 'fee', of: ({ fee }) => median(fee[1].laps.map(each('table_bytes'))) / 1024, most: 4, digits: 1 },
      { name: 'volume', of: ({ volume }) => each('table_bytes')(volume.large) / 1024, most: 4, digits: 1 },
      { name: 'WAL, volume', of: ({ volume }) => each('wal_bytes')(volume.large) / 1024, digits: 1 },
    ],
    profile:
      'The document as jsonb, what it was computed from as jsonb, an event and an audit entry with a hash each, confirming pulls, ' +
      'and eight indexes of random ids; the table of sizes below has each.',
    next: 'a compact form of documents in the tables, hashes as bytes, ids in the order of time for what is written in sets.',
  },
];

/** Whether every figure of a goal that has a bound keeps it. */
export function isReached({ figures }, run) {
  return figures.every(({ of, most = Infinity, least = -Infinity }) => of(run) <= most && of(run) >= least);
}

/** What a figure came to. */
export function textOf({ name, of, digits }, run) {
  return `${name} ${of(run).toFixed(digits)}`;
}

/** What is wanted of a goal. */
export function wantedOf({ figures }) {
  const bound = ({ most, least }) => (most === undefined ? `≥ ${least}` : `≤ ${most}`);
  const bounded = figures.filter(({ most, least }) => most !== undefined || least !== undefined);
  const bounds = new Set(bounded.map(bound));
  return bounds.size === 1 ? [...bounds][0] : bounded.map((figure) => `${figure.name} ${bound(figure)}`).join(', ');
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function each(member) {
  return (lap) => lap[member] / lap.accounts;
}

const cpuPerAccount = each('cpu_ms');

function perSecond({ accounts, wall_ms }) {
  return (accounts / wall_ms) * 1_000;
}

function overFloors(lap) {
  const { fetch, parse, page, rows } = lap.floors;
  return cpuPerAccount(lap) / (fetch + parse + page + rows);
}

function queueShare({ lap, empty }) {
  const ofClose = lap.cpu_ms + lap.postgres_cpu_ms + lap.redis_cpu_ms;
  return ((empty.cpu_ms / empty.jobs) * lap.jobs) / ofClose;
}
