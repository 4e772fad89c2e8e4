import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { isMonth, monthAt, previousMonth } from '#calendar';
import { Command, InvalidArgumentError, Option } from 'commander';
import { patiently, type RestClient } from './rest-client.js';
import { connect, keyHelp, type ServiceAddress, withAddress, wordsOf } from './service.js';

/** Everything is billed or has nothing to bill. */
const ALL_DONE = 0;
/** The close could not be asked for, or not be followed to its end. */
const NOT_DONE = 1;
const HELD_OR_FAILED = 2;

const POLL_MS = 500;

interface Options extends ServiceAddress {
  seller: string;
  period?: string;
  issue: string;
  dryRun: boolean;
  wait: boolean;
}

/** Closes a month of a seller on a running service, as cron would. */
export async function run(argv: readonly string[]): Promise<number> {
  const command = withAddress(
    new Command('meterline close')
      .description('Closes a month of a seller on a running service, as cron would.')
      .requiredOption('--seller <code>', 'whose month')
      .option('--period <YYYY-MM>', "the month (default: last month in the seller's time zone)", month)
      .addOption(
        new Option('--issue <mode>', 'issue at once, or wait for a review')
          .choices(['after_review', 'automatic'])
          .default('after_review'),
      )
      .option('--dry-run', 'find out what would be billed; nothing is issued', false)
      .option('--wait', 'follow the close until nothing moves on its own any more', false),
  ).addHelpText(
    'after',
    `
${keyHelp('METERLINE_ADMIN_KEY')}; it needs the scopes read and close.
Ends with ${ALL_DONE} when nothing is held or failed, with ${HELD_OR_FAILED} when something is, with ${NOT_DONE} when the close could not be asked for.`,
  );
  try {
    return await close(command.parse(argv, { from: 'user' }).opts<Options>());
  } catch (error) {
    process.stderr.write(`${wordsOf(error)}\n`);
    return NOT_DONE;
  }
}

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

async function close(options: Options): Promise<number> {
  const rest = await connect(options, 'METERLINE_ADMIN_KEY');
  const { seller, issue, dryRun } = options;
  const period = options.period ?? (await lastMonthOf(rest, seller));
  const opened = await rest.post<Close>('/v1/closes', { seller, period, issue, dry_run: dryRun });
  if (!options.wait) {
    print(`close ${opened.id} of ${seller} ${period}: ${opened.state}`);
    return ALL_DONE;
  }
  const followed = await follow(rest, opened);
  await report(rest, followed, options.url);
  const { state, counts } = followed;
  return state !== 'cancelled' && counts.held + counts.failed === 0 ? ALL_DONE : HELD_OR_FAILED;
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

/** What came of it, and row by row what did not. */
async function report(rest: RestClient, close: Close, url: string): Promise<void> {
  const { issued, empty, drafted, held, failed } = close.counts;
  print(
    `close ${close.id}: ${close.state}; ${issued} issued, ${drafted} drafted, ${empty} empty, ${held} held, ${failed} failed`,
  );
  for (const { currency, net, tax, gross } of close.totals)
    print(`  ${currency} net ${net}, tax ${tax}, gross ${gross}`);
  if (close.state === 'review') print(`the drafts wait for a review: POST ${url}/v1/closes/${close.id}/issue`);
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
