import { createHash } from 'node:crypto';
import {
  accountApiKey,
  type FaultRule,
  type ReportSimulator,
  type ReportSimulatorOptions,
  startReportSimulator,
} from '../../apps/report-simulator/src/index.js';
import { type BatchJob, Closes, type ClosesOptions, type Renderer } from '#close';
import { renderEInvoice } from '#e-invoice';
import { createConnectors } from '#usage';
import { type Catalogue, type Database, openDatabase } from '#persistence';
import { type CloseAccountView, findCertificate, findClose, listCloseAccounts } from '#persistence/closes';
import type { SignedCertificate } from '#proof';
import {
  type Dialects,
  OutboundAddresses,
  type ReportLogEntry,
  type RetryPolicy,
  type TransportOptions,
} from '#report-client';
import { SECRET_KEY } from './catalogue.js';
import { createTestDatabase } from './postgres.js';

/** A database of its own, a simulated report API and one process that closes months against it, without any queue. */
export interface Closing {
  readonly url: string;
  /** The same for the service. */
  readonly serviceUrl: string;
  readonly database: Catalogue;
  readonly simulator: ReportSimulator;
  readonly closes: Closes;
  /** What the report client logged. */
  readonly log: ReportLogEntry[];
  /** What closes logged: accounts that failed, with their errors. */
  readonly failures: unknown[];
  /** Works on what was sent to the queue, to the end, and answers the accounts of the last close. */
  work(): Promise<CloseAccountView[]>;
  /** Closes a month of a seller as far as it goes and answers its accounts in the order of their external ids. */
  run(seller: string, period: string, over?: Over): Promise<CloseAccountView[]>;
  /** Retries what is held or failed, to the end. */
  retry(closeId: string): Promise<CloseAccountView[]>;
  /** Issues the drafts that wait, to the end. */
  issue(closeId: string): Promise<CloseAccountView[]>;
  /** The last close that was run. */
  lastClose(): string;
  /** Another process on the same database, with its own connections. */
  another(options?: Partial<ClosesOptions>): Closes;
  /** So many other processes. */
  processes(count: number): Closes[];
  /** Whether the report API answers with the usage that came late. */
  setLate(late: boolean): void;
  stop(): Promise<void>;
}

export interface Over {
  dryRun?: boolean;
  accounts?: string[];
  /** Leaves drafts in review. */
  review?: boolean;
}

/** Usage that came late is in every answer. */
export const LATE: FaultRule[] = [{ fault: 'late_correction' }];

/** A file as a renderer answers it. */
export function drawn(text: string): Awaited<ReturnType<Renderer['render']>> {
  const pdf = Buffer.from(text);
  return { pdf, sha256: createHash('sha256').update(pdf).digest('hex') };
}

/** Writes electronic forms as any renderer does, without a thread. */
export const writesAtOnce: Renderer['write'] = (document, kind) => Promise.resolve(renderEInvoice(kind, document));

/** Draws nothing. */
export const BLANK_PAGES: Renderer = {
  layoutVersion: 1,
  unprintable: () => [],
  render: async () => drawn('%PDF-'),
  write: writesAtOnce,
};

/** What closes months of fees: a fee needs no usage, so the report API is none, and nobody ever asks it. */
export function closingFees(database: Database) {
  const configured = { baseUrl: 'http://127.0.0.1:9', apiKey: 'unused' };
  const connectors = createConnectors({ database, configured, secretKey: SECRET_KEY });
  return { database, connectors, renderer: BLANK_PAGES, secretKey: SECRET_KEY };
}

/** Lets report APIs be on this machine, as those of the tests are. */
export const ON_THIS_MACHINE = OutboundAddresses.parse('http://127.0.0.0/8');

/** Waits for nothing between attempts: a test of faults takes no time. */
export const IMPATIENT: Partial<RetryPolicy> = { sleep: async () => undefined, random: () => 0 };

export async function startClosing(
  simulated: ReportSimulatorOptions & {
    apiKey?: string;
    retry?: Partial<RetryPolicy>;
    connections?: TransportOptions;
    dialects?: Dialects;
    /** Of the documents; from the fourth on they carry what pictures of usage are drawn from. */
    layoutVersion?: number;
  },
): Promise<Closing> {
  const { apiKey = 'sim-fleet-key', retry = IMPATIENT, connections = {}, dialects, ...others } = simulated;
  const { layoutVersion = BLANK_PAGES.layoutVersion, ...options } = others;
  const { url, serviceUrl, database } = await createTestDatabase();
  const simulator = await startReportSimulator(options);
  const log: ReportLogEntry[] = [];
  const failures: unknown[] = [];
  const jobs: BatchJob[] = [];
  const opened: (() => Promise<unknown>)[] = [() => database.$disconnect(), () => simulator.close()];
  const another = (changes: Partial<ClosesOptions> = {}) => {
    const own = openDatabase(serviceUrl, 6);
    const connectors = createConnectors({
      database: own,
      configured: { baseUrl: simulator.url, apiKey },
      secretKey: SECRET_KEY,
      retry,
      connections,
      addresses: ON_THIS_MACHINE,
      ...(dialects && { dialects }),
      log: (entry) => log.push(entry),
    });
    opened.push(async () => {
      await connectors.close();
      await own.$disconnect();
    });
    return new Closes({
      database: own,
      connectors,
      renderer: { ...BLANK_PAGES, layoutVersion },
      secretKey: SECRET_KEY,
      settleHours: 72,
      enqueue: async (added) => void jobs.push(...added),
      log: (entry) => void failures.push(entry),
      ...changes,
    });
  };
  const closes = another();
  let last = '';
  const finish = async (closeId: string) => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await closes.work(job);
    const close = await findClose(database, closeId);
    const waits = (close?.counts.waiting ?? 0) > 0 && close?.counts.pending === 0 && close.counts.pulling === 0;
    if (close?.state !== 'finished' && close?.state !== 'review' && !waits)
      throw new Error(`the close is ${close?.state}, not finished`);
    const accounts = await listCloseAccounts(database, closeId, { limit: 1_000 });
    return accounts.sort((a, b) => (a.external_id < b.external_id ? -1 : 1));
  };
  return {
    url,
    serviceUrl,
    database,
    simulator,
    closes,
    log,
    failures,
    another,
    processes: (count) => Array.from({ length: count }, () => another()),
    work: () => finish(last),
    setLate: (late) => simulator.setFaults(late ? LATE : []),
    lastClose: () => last,
    async run(seller, period, over = {}) {
      const outcome = await closes.desk.open({
        seller,
        period,
        kind: 'regular',
        dryRun: over.dryRun ?? false,
        issue: over.review ? 'after_review' : 'automatic',
        actor: 'test',
        ...(over.accounts && { accounts: over.accounts }),
      });
      if (outcome.outcome !== 'opened') throw new Error(`refused: ${outcome.code}: ${outcome.message}`);
      last = outcome.id;
      return finish(outcome.id);
    },
    async retry(closeId) {
      await closes.desk.retry(closeId);
      return finish(closeId);
    },
    async issue(closeId) {
      await closes.desk.release(closeId);
      return finish(closeId);
    },
    stop: async () => {
      for (const close of opened.reverse()) await close();
    },
  };
}

/** How an account ended: its state, and the code it is held or waits for. */
export function endOf({ state, reason }: CloseAccountView): string {
  return reason === null ? state : `${state} ${reason.code}`;
}

/** Codes of the warnings on an account, each once, in order. */
export function warned({ warnings }: CloseAccountView): string[] {
  return [...new Set(warnings.map(({ code }) => code))];
}

/** The revisions of a close's certificate, the first first, as files for their verification. */
export async function certificatesOf(
  { database }: { database: Catalogue },
  closeId: string,
): Promise<{ name: string; text: string }[]> {
  const files: { name: string; text: string }[] = [];
  for (let revision = 1; ; revision += 1) {
    const stored = await findCertificate(database, closeId, revision);
    if (!stored) return files;
    files.push({ name: `${revision}`, text: stored.document });
  }
}

/** What such a file certifies. */
export function certified({ text }: { text: string }): SignedCertificate['certificate'] {
  return (JSON.parse(text) as SignedCertificate).certificate;
}

/** The key of one simulated account. */
export function keyOf(simulator: ReportSimulator, account: number): string {
  return accountApiKey(simulator.seed, account);
}
