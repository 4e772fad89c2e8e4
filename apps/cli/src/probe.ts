import { setTimeout as wait } from 'node:timers/promises';
import { DIALECTS, type ProbeOptions, type ProbeReport, ReportApiError, SealedKey } from '#report-client';
import Table from 'cli-table3';
import { Command, CommanderError } from 'commander';

/** What the command is run with; time and chance are handed in so that a test waits for nothing. */
export interface ProbeSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly write: (text: string) => void;
  readonly clock: ProbeOptions['clock'];
  readonly sleep: ProbeOptions['sleep'];
  readonly retry?: ProbeOptions['retry'];
}

interface Arguments {
  url: string;
  account: string;
  msisdn: string[];
  site?: string;
  wait: number;
  writeSeller?: string;
}

const DESCRIPTION = `Finds out what the report API's documentation leaves open, by asking it, and prints what it found.

The key is taken from REPORT_API_KEY and never from the command line, where other users of the machine could read it.
--write-seller needs DATABASE_URL and METERLINE_SECRET_KEY, as the services do.`;

/**
 * Probes an endpoint, prints a table of what was found, and on request writes it into the dialect of a seller.
 *
 * @returns the exit code: 0 found out, 1 not (no answer, or no key that works), 2 wrong arguments or environment
 */
export async function runDialectProbe(
  argv: readonly string[],
  around: ProbeSurroundings = surroundings(),
): Promise<number> {
  const parsed = readArguments(argv, around.write);
  if (parsed === undefined) return 2;
  const key = around.environment.REPORT_API_KEY;
  if (!key) {
    around.write('REPORT_API_KEY is unset: put the key of the report API there, not among the arguments\n');
    return 2;
  }
  try {
    const report = await DIALECTS.probe(
      {
        baseUrl: parsed.url,
        apiKey: new SealedKey(key),
        clock: around.clock,
        sleep: around.sleep,
        waitSeconds: parsed.wait,
        ...(around.retry && { retry: around.retry }),
      },
      { account: parsed.account, msisdns: parsed.msisdn, site: parsed.site },
    );
    around.write(`${tableOf(report)}\n`);
    if (report.settings.auth === undefined) {
      around.write(`${unanswered(report)}; nothing was probed.\n`);
      return 1;
    }
    around.write(`Dialect settings found: ${JSON.stringify(report.settings)}\n`);
    return parsed.writeSeller === undefined ? 0 : await writeSeller(parsed.writeSeller, parsed.url, report, around);
  } catch (error) {
    if (!(error instanceof ReportApiError)) throw error;
    around.write(`${error.code}: ${error.message}\n`);
    return error.code === 'invalid_configuration' ? 2 : 1;
  }
}

export { runDialectProbe as run };

function surroundings(): ProbeSurroundings {
  return {
    environment: process.env,
    write: (text) => process.stdout.write(text),
    clock: () => Math.floor(Date.now() / 1000),
    sleep: (seconds) => wait(seconds * 1000),
  };
}

function readArguments(argv: readonly string[], write: (text: string) => void): Arguments | undefined {
  const collect = (value: string, before: string[]) => [...before, value];
  const command = new Command('meterline probe')
    .description(DESCRIPTION)
    .requiredOption('--url <url>', 'base URL of the report API')
    .requiredOption('--account <id>', 'account id as the report API knows it')
    .option('--msisdn <digits>', 'a subscriber of the account; name two that are active (repeatable)', collect, [])
    .option('--site <id>', 'a site of the account')
    .option('--wait <seconds>', 'look at the running hour twice, so many seconds apart', wholeSeconds, 0)
    .option('--write-seller <code>', 'write the settings found into the dialect of this seller')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({
      writeOut: write,
      // A value that was put where none belongs may be a key.
      writeErr: (text) => write(text.replaceAll(/=[^\s']+/g, '=…')),
    });
  try {
    return command.parse([...argv], { from: 'user' }).opts<Arguments>();
  } catch (error) {
    if (error instanceof CommanderError) return undefined;
    throw error;
  }
}

function wholeSeconds(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new CommanderError(2, 'bad_wait', 'wait is a number of seconds up to 9999');
  return Number.parseInt(text, 10);
}

/** Why there is nothing to probe: the key, or the address. */
function unanswered({ findings }: ProbeReport): string {
  const elsewhere = findings.find(({ trap }) => trap === 'T36');
  return elsewhere
    ? `The report API is ${elsewhere.answer} (another path version is another dialect, or --url lacks a part)`
    : 'The report API takes the key neither in the header nor in the query';
}

function tableOf({ findings }: ProbeReport): string {
  const table = new Table({
    head: ['question', 'trap', 'found', 'what was seen', 'setting'],
    colWidths: [26, 10, 24, 46, 44],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { question, trap, answer, evidence, settings } of findings) {
    table.push([question, trap, answer ?? 'not told', evidence, settings === null ? '' : JSON.stringify(settings)]);
  }
  return table.toString();
}

async function writeSeller(
  code: string,
  url: string,
  { settings }: ProbeReport,
  { environment, write }: ProbeSurroundings,
): Promise<number> {
  // Most runs write nothing and need no database.
  const { COMMAND_VARIABLES, databasePatience, prepareQueue, variables } = await import('#runtime');
  const { isRefusal, serviceLogin } = await import('#persistence');
  const { findSeller, openCatalogue, updateSeller } = await import('#persistence/catalogue');
  const parsed = variables.pick(COMMAND_VARIABLES).safeParse(environment);
  if (!parsed.success) {
    const names = [...new Set(parsed.error.issues.map(({ path }) => path.join('.')))];
    write(`--write-seller needs ${names.join(' and ')} in the environment, as the services have them\n`);
    return 2;
  }
  const login = await serviceLogin(parsed.data.DATABASE_URL, prepareQueue);
  const database = await openCatalogue(login.url, 1, databasePatience(parsed.data));
  try {
    const seller = await findSeller(database, code);
    if (!seller) {
      write(`there is no seller ${JSON.stringify(code)}\n`);
      return 2;
    }
    const { base_url, dialect } = seller.report_api;
    if (base_url !== null && new URL(base_url).origin !== new URL(url).origin) {
      write(
        `seller ${code} reads ${new URL(base_url).origin}, not ${new URL(url).origin}; its dialect is left alone\n`,
      );
      return 2;
    }
    const next = DIALECTS.withFindings(dialect, settings);
    const changed = await updateSeller(
      database,
      'dialect-probe',
      code,
      { report_api: { dialect: { ...next } } },
      parsed.data.METERLINE_SECRET_KEY,
    );
    if (isRefusal(changed)) {
      write(`${changed.code}: ${changed.message}\n`);
      return 2;
    }
    write(`The dialect of seller ${code} is written.\n`);
    return 0;
  } finally {
    await database.$disconnect();
  }
}
