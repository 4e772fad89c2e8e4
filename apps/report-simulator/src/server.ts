import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { controlServer } from './control.js';
import { bend, distortionBy, garble, mixUp, substitute } from './fault-effects.js';
import { FaultPlan, type Fault, type FaultRule } from './fault-plan.js';
import { accountNumber, accountOfApiKey, assertFleet, type Fleet } from './identity.js';
import { answer } from './report.js';
import { parseQuery, RequestRefused, type Query } from './request.js';
import { ReportSimulatorError } from './simulator-error.js';
import { changeSwitches, type Switches } from './switches.js';
import { writeCsv, writeJson } from './wire.js';
import type { Profiles, World } from './world.js';

export interface ReportSimulatorOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** Whole number from 0 (default 0); the same seed makes the same usage and the same keys. */
  seed?: number;
  fleet: Fleet;
  /** `fleet` is a key that may read every account of the fleet (default `sim-fleet-key`). */
  apiKeys?: { fleet?: string };
  /** Unix seconds now; the machine's clock by default. */
  clock?: () => number;
  profiles?: Profiles;
  switches?: Partial<Switches>;
  faults?: FaultRule[];
  /** Opens the control API on a port of its own (0 takes a free one); off by default. */
  control?: { port?: number };
}

export interface Counters {
  requests: number;
  by_status: Record<string, number>;
  /** Requests that were admitted, by `account_id`. */
  by_account: Record<string, number>;
  /** Faults that fired, by kind. */
  faults: Record<string, number>;
  body_bytes: number;
}

export interface ReportSimulator {
  /** Base address; the report is at `{url}/connectivity/v1/report?apikey=…`. */
  url: string;
  /** Base address of the control API, when it was asked for. */
  controlUrl?: string;
  fleet: Fleet;
  seed: number;
  /** Stands still at `epochSeconds`; undefined returns to the clock it was started with. */
  setClock(epochSeconds: number | undefined): void;
  /** Sets the given switches and leaves the others. */
  setSwitches(switches: Partial<Switches>): void;
  /** Replaces the fault plan; every rule starts counting anew. */
  setFaults(rules: FaultRule[]): void;
  counters(): Counters;
  /** Ends every connection, also those in the middle of an answer. */
  close(): Promise<void>;
}

const MAX_REQUEST_BYTES = 1024 * 1024;
const DRIPS = 20;
const DIALECTS = {
  v1_2022: { path: '/connectivity/v1/report', keyName: 'apikey' },
  v2_2023: { path: '/connectivity/v2/report', keyName: 'Authorization' },
} as const;

interface Reply {
  status: number;
  contentType: string;
  headers?: Record<string, string>;
  body: string;
  /** How it travels. */
  fault?: Fault;
}

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
  let switches = changeSwitches({}, options.switches ?? {});
  let plan = new FaultPlan(seed, options.faults ?? []);
  const counters: Counters = { requests: 0, by_status: {}, by_account: {}, faults: {}, body_bytes: 0 };
  const count = (tally: Record<string, number>, key: string | number) => (tally[key] = (tally[key] ?? 0) + 1);
  const world = (): World => ({ fleet, seed, profiles, switches, clock: Math.floor(stoppedAt ?? runningClock()) });

  /** The account the key belongs to must be the one asked about; the fleet key may ask about every account. */
  const authorize = (key: string, query: Query, now: World) => {
    const holder = accountOfApiKey(fleet, seed, key);
    for (const id of accountsAsked(query, now.switches)) {
      const account = accountNumber(fleet, id);
      if (account === undefined || (key !== fleetKey && holder !== account)) {
        throw new RequestRefused(403, 'You cannot consume this service');
      }
      count(counters.by_account, id);
    }
  };

  const reply = async (request: IncomingMessage): Promise<Reply> => {
    const now = world();
    const key = keyOf(request, now.switches);
    if (key !== fleetKey && accountOfApiKey(fleet, seed, key) === undefined) {
      throw new RequestRefused(401, 'Invalid authentication credentials');
    }
    const body = await readBody(request);
    const query = parseQuery(body);
    authorize(key, query, now);

    const verdict = plan.judge(query, body);
    const { fault, late } = verdict;
    if (late) count(counters.faults, 'late_correction');
    if (fault !== undefined) {
      count(counters.faults, fault.fault);
      const instead = substitute(fault, now.clock * 1000);
      if (instead !== undefined) return instead;
    }
    const answered = fault?.fault === 'answer_of_another_request' ? mixUp(query, now) : query;
    const report = bend(answer(answered, now, distortionBy(verdict)), verdict);
    const wantsCsv = now.switches.csv === 'honour_accept' && request.headers.accept?.includes('text/csv');
    if (wantsCsv || fault?.fault === 'csv_body') {
      return { status: 200, contentType: 'text/csv', body: writeCsv(report, now) };
    }
    const text = garble(writeJson(report, now, body), fault?.fault);
    return { status: 200, contentType: 'application/json', body: text, ...(fault ? { fault } : {}) };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    counters.requests += 1;
    const sent = await reply(request).catch((error: unknown): Reply => {
      const [status, message] =
        error instanceof RequestRefused
          ? [error.status, error.message]
          : [500, `the simulator failed: ${String(error)}`];
      return { status, contentType: 'application/json', body: JSON.stringify({ message }) };
    });
    count(counters.by_status, sent.status);
    counters.body_bytes += Buffer.byteLength(sent.body);
    await send(response, sent);
  };

  const server = createServer((request, response) => void serve(request, response));
  const url = await listen(server, port, host);
  const simulator: ReportSimulator = {
    url,
    fleet,
    seed,
    setClock(epochSeconds) {
      // NOW reports the five minutes before the clock, so there must be five.
      if (epochSeconds !== undefined && !(Number.isFinite(epochSeconds) && epochSeconds >= 300)) {
        throw new ReportSimulatorError('bad_clock', 'the clock must be unix seconds from 300');
      }
      stoppedAt = epochSeconds;
    },
    setSwitches(changes) {
      switches = changeSwitches(switches, changes);
    },
    setFaults(rules) {
      plan = new FaultPlan(seed, rules);
    },
    counters: () => structuredClone(counters),
    close: () => stop(server),
  };
  if (options.control === undefined) return simulator;

  const control = controlServer(simulator, {
    world,
    clockStandsStill: () => stoppedAt !== undefined,
    faults: () => plan.rules,
  });
  try {
    const controlUrl = await listen(control, options.control.port ?? 0, host);
    return { ...simulator, controlUrl, close: async () => void (await Promise.all([stop(server), stop(control)])) };
  } catch (error) {
    await stop(server);
    throw error;
  }
}

/** The key a request brings, after its path and method have been found right. */
function keyOf(request: IncomingMessage, switches: Switches): string {
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

async function send(response: ServerResponse, { status, contentType, headers, body, fault }: Reply): Promise<void> {
  const bytes = fault?.fault === 'bad_gzip' ? brokenGzip(body) : Buffer.from(body);
  const delayMs = fault?.delay_ms ?? 0;
  // Unreferenced timers: a slow answer does not keep a closing process alive.
  if (fault?.fault === 'slow_first_byte') await sleep(delayMs, undefined, { ref: false });
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': bytes.length,
    ...(fault?.fault === 'bad_gzip' ? { 'content-encoding': 'gzip' } : {}),
    ...(status === 405 ? { allow: 'POST' } : {}),
    ...headers,
  });
  if (fault?.fault === 'reset_mid_body') {
    response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.socket?.resetAndDestroy());
    return;
  }
  if (fault?.fault === 'drip') {
    const size = Math.ceil(bytes.length / DRIPS);
    for (let from = 0; from < bytes.length && !response.destroyed; from += size) {
      response.write(bytes.subarray(from, from + size));
      await sleep(delayMs / DRIPS, undefined, { ref: false });
    }
    response.end();
    return;
  }
  response.end(bytes);
}

/** A gzip body whose checksum is wrong. */
function brokenGzip(body: string): Buffer {
  const bytes = gzipSync(body);
  const checksum = bytes.length - 8;
  bytes[checksum] = (bytes[checksum] ?? 0) ^ 0xff;
  return bytes;
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
