import { once } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { isMonth, monthAt, previousMonth } from '#calendar';
import { OutboundAddresses } from '#report-client';
import { databasePatience, environmentOrExit } from '#runtime';
import { RestClient } from '../../cli/src/index.js';
import { startReportSimulator } from '../../report-simulator/src/index.js';
import { type DemoScene, demoScene, type SellerScene } from './demo-scene.js';
import { freePort } from './embedded-postgres.js';
import { startStandalone } from './standalone.js';
import { demoEnvironment } from './standalone-environment.js';

const PDF_FOLDER = 'demo';
const SEED = 7;

const options = new Command('demo')
  .description('Closes last month for two made-up sellers, from usage pulled over HTTP to PDFs, and leaves the API up.')
  .option('--accounts <n>', 'how many accounts to make', wholeNumber, 25)
  .option('--period <YYYY-MM>', 'the month to close', month, previousMonth(monthAt(Date.now() / 1000, 'UTC')))
  .option('--data <folder>', 'where the demo keeps its state; made anew by each run', stateFolder, '.meterline/demo')
  .option('--exit', 'stop when the month is closed', false)
  .addHelpText(
    'after',
    '\nEnvironment: PORT (3000 if it is free, else any), HOST, METERLINE_ADMIN_KEY, METERLINE_SECRET_KEY, LOG_LEVEL.',
  )
  .parse()
  .opts<{ accounts: number; period: string; data: string; exit: boolean }>();

const print = (line = ''): void => void process.stdout.write(`${line}\n`);

const environment = environmentOrExit(demoEnvironment);
const scene = demoScene(options.accounts);
const simulator = await startReportSimulator({ fleet: scene.fleet, seed: SEED });
const service = await startStandalone({
  folder: resolve(options.data),
  startAnew: true,
  reportApi: { baseUrl: simulator.url, apiKey: 'sim-fleet-key' },
  addresses: OutboundAddresses.parse('http://127.0.0.0/8, http://[::1]'),
  settleHours: 0,
  patience: databasePatience(environment),
  port: process.env.PORT === undefined ? await freePort(environment.PORT).catch(() => freePort()) : environment.PORT,
  host: environment.HOST,
  adminKey: environment.METERLINE_ADMIN_KEY,
  secretKey: environment.METERLINE_SECRET_KEY,
  logLevel: environment.LOG_LEVEL,
}).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

try {
  const rest = new RestClient(service.url, service.adminKey);
  await prepare(rest, scene);
  const closes = await closeMonth(rest, scene, options.period);
  await report(rest, closes);
  const failed = closes.some(({ counts }) => counts.held > 0 || counts.failed > 0);
  if (options.exit) {
    process.exitCode = failed ? 1 : 0;
  } else {
    const told = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    sayWhereItIs();
    await told;
    print('\nStopping …');
  }
} finally {
  await service.stop();
  await simulator.close();
}

/** Sellers, plans, accounts, entities and subscriptions, each by the request a newcomer would send. */
async function prepare(rest: RestClient, of: DemoScene): Promise<void> {
  for (const { seller, plan, accounts } of of.sellers) {
    await rest.post('/v1/sellers', seller);
    await rest.post('/v1/tariff-plans', plan);
    await rest.post(`/v1/tariff-plans/${plan.code}/versions/1/publish`, {});
    for (const { account, entities } of accounts) {
      const { id } = await rest.post<{ id: string }>('/v1/accounts', account);
      await rest.put(`/v1/accounts/${id}/entities`, { entities });
      await rest.post('/v1/subscriptions', { account: id, plan: plan.code, starts_at: '2020-01-01' });
    }
  }
}

interface Close {
  id: string;
  seller: string;
  state: string;
  counts: Record<'issued' | 'empty' | 'held' | 'failed', number>;
}

/** What of a certificate of a close is printed. */
interface Certified {
  certificate: { totals: { currency: string; documents: number; net: string; tax: string; payable: string }[] };
}

async function closeMonth(rest: RestClient, of: DemoScene, period: string): Promise<Close[]> {
  const bar = new SingleBar({
    format: 'Closing {period} {bar} {value}/{total} accounts · {duration_formatted}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 2_000,
  });
  const sellers = of.sellers.filter(({ accounts }) => accounts.length > 0);
  bar.start(
    sellers.reduce((sum, { accounts }) => sum + accounts.length, 0),
    0,
    { period },
  );
  const opened = await Promise.all(
    sellers.map(({ seller }: SellerScene) =>
      rest.post<Close>('/v1/closes', { seller: seller.code, period, issue: 'automatic' }),
    ),
  );
  for (;;) {
    const closes = await Promise.all(opened.map(({ id }) => rest.get<Close>(`/v1/closes/${id}`)));
    const done = closes.reduce(
      (sum, { counts }) => sum + counts.issued + counts.empty + counts.held + counts.failed,
      0,
    );
    bar.update(done);
    if (closes.every(({ state }) => state === 'finished')) {
      bar.stop();
      return closes;
    }
    await sleep(200);
  }
}

interface CloseAccount {
  name: string;
  state: string;
  reason: { code: string; message: string } | null;
  invoice: string | null;
}

interface Invoice {
  number: string;
  currency: string;
  net: string;
  tax: string;
  payable: string;
}

/** One row an account, the PDFs beside it. */
async function report(rest: RestClient, closes: readonly Close[]): Promise<void> {
  await rm(PDF_FOLDER, { recursive: true, force: true });
  await mkdir(PDF_FOLDER, { recursive: true });
  const table = new Table({
    head: ['Seller', 'Account', 'Invoice', 'Net', 'Tax', 'To pay'],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const close of closes) {
    for await (const account of rest.pages<CloseAccount>(`/v1/closes/${close.id}/accounts`)) {
      if (account.invoice === null) {
        table.push([close.seller, account.name, account.state, { colSpan: 3, content: account.reason?.message ?? '' }]);
        continue;
      }
      const invoice = await rest.get<Invoice>(`/v1/invoices/${account.invoice}`);
      const { number, currency, net, tax, payable } = invoice;
      table.push([close.seller, account.name, number, net, tax, `${payable} ${currency}`]);
      await writeFile(join(PDF_FOLDER, `${number}.pdf`), await rest.bytes(`/v1/invoices/${account.invoice}/pdf`));
    }
    const { certificate } = await rest.get<Certified>(`/v1/closes/${close.id}/certificate`);
    for (const { currency, documents, net, tax, payable } of certificate.totals) {
      table.push([close.seller, `${documents} invoices`, 'total', net, tax, `${payable} ${currency}`]);
    }
  }
  print(table.toString());
  print(`${(await readdir(PDF_FOLDER)).length} PDFs in ./${PDF_FOLDER}/`);
}

function sayWhereItIs(): void {
  print();
  print(`API   ${service.url}/v1`);
  print(`Docs  ${service.url}/docs`);
  print(`Key   ${service.adminKey}`);
  print();
  print(`curl -H 'Authorization: Bearer ${service.adminKey}' '${service.url}/v1/invoices?limit=3'`);
  print();
  print('Ctrl-C stops it.');
}

function wholeNumber(text: string): number {
  const value = Number.parseInt(text, 10);
  if (!/^\d+$/.test(text) || value < 1 || value > 10_000) throw new InvalidArgumentError('a whole number, 1 to 10000');
  return value;
}

/** A folder that the PDFs, whose own is made anew too, do not take with them. */
function stateFolder(text: string): string {
  if (relative(PDF_FOLDER, text).split(sep)[0] !== '..') {
    throw new InvalidArgumentError(`a folder outside of ${PDF_FOLDER}/, where the PDFs go`);
  }
  return text;
}

function month(text: string): string {
  if (!isMonth(text)) throw new InvalidArgumentError('a month YYYY-MM');
  return text;
}
