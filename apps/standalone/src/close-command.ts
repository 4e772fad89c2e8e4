import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { Command, InvalidArgumentError, Option } from 'commander';
import { isMonth, monthAt, previousMonth } from '#calendar';
import { RestClient, RestProblem } from './rest-client.js';

/** Everything is billed or has nothing to bill. */
const ALL_DONE = 0;
/** The close could not be asked for, or not be followed to its end. */
const NOT_DONE = 1;
const HELD_OR_FAILED = 2;

const POLL_MS = 500;
/** A service that is restarted for an upgrade comes back; the close goes on meanwhile. */
const PATIENCE_MS = 10 * 60_000;

const options = new Command('close')
  .description('Closes a month of a seller on a running service, as cron would.')
  .requiredOption('--seller <code>', 'whose month')
  .option('--period <YYYY-MM>', "the month (default: last month in the seller's time zone)", month)
  .addOption(
    new Option('--issue <mode>', 'issue at once, or wait for a review')
      .choices(['after_review', 'automatic'])
      .default('after_review'),
  )
  .option('--dry-run', 'find out what would be billed; nothing is issued', false)
  .option('--wait', 'follow the close until nothing moves on its own any more', false)
  .option('--url <address>', 'where the service answers', process.env.METERLINE_URL ?? 'http://127.0.0.1:3000')
  .option('--data <folder>', 'the folder of a standalone, for its admin key', '.meterline')
  .addHelpText(
    'after',
    `
The key comes from METERLINE_ADMIN_KEY, else from the admin-key in the data folder; it needs the scopes read and close.
Ends with ${ALL_DONE} when nothing is held or failed, with ${HELD_OR_FAILED} when something is, with ${NOT_DONE} when the close could not be asked for.`,
  )
  .parse()
  .opts<{
    seller: string;
    period?: string;
    issue: string;
    dryRun: boolean;
    wait: boolean;
    url: string;
    data: string;
  }>();

interface Close {
  id: string;
  period: { label: string };
  state: 'running' | 'review' | 'finished' | 'cancelled';
  counts: Record<'issued' | 'empty' | 'drafted' | 'waiting' | 'held' | 'failed', number>;
  progress: {
    done: number;
    total: number;
    eta: string | null;
    next_try_at: string | null;
    series: { needed: number; pulled: number } | null;
  };
  totals: { currency: string; net: string; tax: string; gross: string }[];
}

interface CloseAccount {
  external_id: string;
  name: string;
  state: string;
  reason: { code: string; message: string; way_out: string } | null;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

try {
  process.exitCode = await run();
} catch (error) {
  const problem = error instanceof RestProblem ? error.problem : undefined;
  process.stderr.write(`${problem ? `${problem.detail} (${problem.code})` : (error as Error).message}\n`);
  process.exitCode = NOT_DONE;
}

async function run(): Promise<number> {
  const rest = new RestClient(options.url.replace(/\/+$/, ''), await adminKey());
  const { seller, issue, dryRun } = options;
  const period = options.period ?? (await lastMonthOf(rest, seller));
  const opened = await rest.post<Close>('/v1/closes', { seller, period, issue, dry_run: dryRun });
  if (!options.wait) {
    print(`close ${opened.id} of ${seller} ${period}: ${opened.state}`);
    return ALL_DONE;
  }
  const close = await follow(rest, opened);
  await report(rest, close);
  return close.state !== 'cancelled' && close.counts.held + close.counts.failed === 0 ? ALL_DONE : HELD_OR_FAILED;
}

async function adminKey(): Promise<string> {
  const { METERLINE_ADMIN_KEY: key } = process.env;
  if (key !== undefined && key !== '') return key;
  const file = join(options.data, 'admin-key');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept === undefined)
    throw new Error(`set METERLINE_ADMIN_KEY, or --data to the folder of a standalone: no ${file}`);
  return kept.trim();
}

async function lastMonthOf(rest: RestClient, seller: string): Promise<string> {
  const { time_zone } = await rest.get<{ time_zone: string }>(`/v1/sellers/${encodeURIComponent(seller)}`);
  return previousMonth(monthAt(Math.floor(Date.now() / 1_000), time_zone));
}

async function follow(rest: RestClient, opened: Close): Promise<Close> {
  const bar = new SingleBar({
    format: 'Closing {period} {bar} {value}/{total} accounts{series} · {duration_formatted} · {until}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
  });
  const shown = ({ period, progress, counts }: Close) => ({
    period: period.label,
    series: progress.series === null ? '' : ` · ${progress.series.pulled}/${progress.series.needed} series`,
    until:
      progress.next_try_at !== null
        ? `${counts.waiting} wait for the report API, next try ${progress.next_try_at}`
        : progress.eta === null
          ? 'no end in sight yet'
          : `until ${progress.eta}`,
  });
  bar.start(opened.progress.total, opened.progress.done, shown(opened));
  try {
    for (;;) {
      const close = await patiently(() => rest.get<Close>(`/v1/closes/${opened.id}`));
      const running = close.state === 'running';
      bar.setTotal(close.progress.total);
      bar.update(close.progress.done, running ? shown(close) : { ...shown(close), until: close.state });
      if (!running) return close;
      await sleep(POLL_MS);
    }
  } finally {
    bar.stop();
  }
}

/** Asks again while nobody answers; a refusal is final. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (const since = Date.now(); ; await sleep(POLL_MS)) {
    try {
      return await ask();
    } catch (error) {
      const passing = !(error instanceof RestProblem) || error.status >= 500;
      if (!passing || Date.now() - since > PATIENCE_MS) throw error;
    }
  }
}

/** What came of it, and row by row what did not. */
async function report(rest: RestClient, close: Close): Promise<void> {
  const { issued, empty, drafted, held, failed } = close.counts;
  print(
    `close ${close.id}: ${close.state}; ${issued} issued, ${drafted} drafted, ${empty} empty, ${held} held, ${failed} failed`,
  );
  for (const { currency, net, tax, gross } of close.totals)
    print(`  ${currency} net ${net}, tax ${tax}, gross ${gross}`);
  if (close.state === 'review') print(`the drafts wait for a review: POST ${options.url}/v1/closes/${close.id}/issue`);
  if (held + failed === 0) return;
  const table = new Table({
    head: ['Account', 'Name', 'State', 'Code', 'Why, and what to do'],
    style: { head: [], border: [], compact: true },
    colWidths: [null, null, null, null, 80],
    wordWrap: true,
  });
  for (const state of ['held', 'failed']) {
    for await (const account of rest.pages<CloseAccount>(`/v1/closes/${close.id}/accounts?state=${state}`)) {
      const { external_id, name, reason } = account;
      const why = reason ? `${reason.message}\n→ ${reason.way_out}` : '';
      table.push([external_id, name, account.state, reason?.code ?? '', why]);
    }
  }
  print(table.toString());
}

function month(text: string): string {
  if (!isMonth(text)) throw new InvalidArgumentError('a month YYYY-MM');
  return text;
}
