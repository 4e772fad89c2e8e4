import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accountNumber, accountOfApiKey, assertFleet, type Fleet } from './identity.js';
import { answer, writeCsv, writeJson, type Profiles, type World } from './report.js';
import { parseQuery, RequestRefused, type Query } from './request.js';
import { ReportSimulatorError } from './simulator-error.js';
import { setSwitches, type Switches } from './switches.js';

export interface ReportSimulatorOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** Whole number from 0; the same seed makes the same usage and the same keys. */
  seed?: number;
  fleet: Fleet;
  /** `fleet` is a key that may read every account of the fleet (default `sim-fleet-key`). */
  apiKeys?: { fleet?: string };
  /** Unix seconds now; the machine's clock by default. */
  clock?: () => number;
  profiles?: Profiles;
  switches?: Partial<Switches>;
}

export interface Counters {
  requests: number;
  by_status: Record<string, number>;
  by_account: Record<string, number>;
  body_bytes: number;
}

export interface ReportSimulator {
  /** Base address; the report is at `{url}/connectivity/v1/report?apikey=…`. */
  url: string;
  fleet: Fleet;
  seed: number;
  /** Stands still at `epochSeconds`; undefined returns to the clock it was started with. */
  setClock(epochSeconds: number | undefined): void;
  /** Sets the given switches and leaves the others. */
  setSwitches(switches: Partial<Switches>): void;
  counters(): Counters;
  close(): Promise<void>;
}

const MAX_REQUEST_BYTES = 1024 * 1024;
const DIALECTS = {
  v1_2022: { path: '/connectivity/v1/report', keyName: 'apikey' },
  v2_2023: { path: '/connectivity/v2/report', keyName: 'Authorization' },
} as const;

/**
 * Starts the stand-in for the upstream report API.
 * @throws ReportSimulatorError when an option cannot be
 */
export async function startReportSimulator(options: ReportSimulatorOptions): Promise<ReportSimulator> {
  const { fleet, seed = 0, profiles = {}, host = '127.0.0.1', port = 0 } = options;
  assertFleet(fleet);
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new ReportSimulatorError('bad_options', 'seed must be a whole number from 0 to 4294967295');
  }
  const fleetKey = options.apiKeys?.fleet ?? 'sim-fleet-key';
  const runningClock = options.clock ?? (() => Date.now() / 1000);
  let stoppedAt: number | undefined;
  let switches = setSwitches({}, options.switches);
  const counters: Counters = { requests: 0, by_status: {}, by_account: {}, body_bytes: 0 };
  const world = (): World => ({ fleet, seed, profiles, switches, clock: Math.floor(stoppedAt ?? runningClock()) });

  const respond = (response: ServerResponse, status: number, type: string, body: string) => {
    counters.by_status[status] = (counters.by_status[status] ?? 0) + 1;
    counters.body_bytes += Buffer.byteLength(body);
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    counters.requests += 1;
    try {
      const now = world();
      const key = admit(request, now.switches);
      const holder = key === fleetKey ? 'fleet' : accountOfApiKey(fleet, seed, key);
      if (holder === undefined) throw new RequestRefused(401, 'Invalid authentication credentials');
      const body = await readBody(request);
      const query = parseQuery(body);
      for (const id of accountsAsked(query, now.switches)) {
        const account = accountNumber(fleet, id);
        if (account === undefined || (holder !== 'fleet' && holder !== account)) {
          throw new RequestRefused(403, 'You cannot consume this service');
        }
        counters.by_account[id] = (counters.by_account[id] ?? 0) + 1;
      }
      const report = answer(query, now, { late: false, ratesTimes: 1, bytesTimes: 1 });
      const wantsCsv = request.headers.accept?.includes('text/csv') && now.switches.csv === 'honour_accept';
      if (wantsCsv) respond(response, 200, 'text/csv', writeCsv(report, now));
      else respond(response, 200, 'application/json', writeJson(report, now, body));
    } catch (error) {
      const refused = error instanceof RequestRefused ? error : new RequestRefused(500, 'An unexpected error occurred');
      respond(response, refused.status, 'application/json', JSON.stringify({ message: refused.message }));
    }
  };

  const server = createServer((request, response) => void serve(request, response));
  const url = await listen(server, port, host);
  return {
    url,
    fleet,
    seed,
    setClock(epochSeconds) {
      if (epochSeconds !== undefined && !(Number.isFinite(epochSeconds) && epochSeconds >= 300)) {
        throw new ReportSimulatorError('bad_clock', 'the clock must be unix seconds from 300');
      }
      stoppedAt = epochSeconds;
    },
    setSwitches(changes) {
      switches = setSwitches(switches, changes);
    },
    counters: () => structuredClone(counters),
    close: () => stop(server),
  };
}

/** The key a request brings, after its path and method have been found right. */
function admit(request: IncomingMessage, switches: Switches): string {
  const { path, keyName } = DIALECTS[switches.dialect];
  const url = new URL(request.url ?? '/', 'http://simulator');
  if (url.pathname !== path) throw new RequestRefused(404, 'no Route matched with those values');
  if (request.method !== 'POST') throw new RequestRefused(405, 'Method not allowed');
  const inQuery = switches.auth === 'header' ? null : url.searchParams.get(keyName);
  const inHeader = switches.auth === 'query' ? undefined : request.headers[keyName.toLowerCase()];
  const key = inQuery ?? inHeader;
  if (typeof key !== 'string' || key === '') throw new RequestRefused(401, 'No API key found in request');
  return key;
}

function accountsAsked(query: Query, switches: Switches): string[] {
  const expressions = query.filters.find((filter) => filter.dimension === 'account_id')?.expressions ?? [];
  return (switches.expressions === 'list' ? expressions : expressions.slice(0, 1)).map(String);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REQUEST_BYTES) throw new RequestRefused(413, 'the request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port: taken } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
