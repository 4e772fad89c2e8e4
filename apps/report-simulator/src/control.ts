import { createServer, type Server } from 'node:http';
import { bytesText } from './exact-numbers.js';
import type { Fault, FaultRule } from './fault-plan.js';
import { fleetLeaves } from './identity.js';
import { activePercentile, lateCorrection, usageOfDays, utcDays, wallPercentile, type OracleModel } from './oracle.js';
import { ReportSimulatorError } from './simulator-error.js';
import { parseStamp } from './stamps.js';
import type { Switches } from './switches.js';
import type { World } from './world.js';

/** What the control API may do to a running simulator. */
interface Controlled {
  setClock(epochSeconds: number | undefined): void;
  setSwitches(switches: Partial<Switches>): void;
  setFaults(rules: FaultRule[]): void;
  counters(): unknown;
}

/** What it may look at. */
interface Observed {
  world(): World;
  clockStandsStill(): boolean;
  faults(): Fault[];
}

class ControlRefused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The control API, not yet listening: GET and PUT `/clock`, `/switches`, `/faults`; GET `/counters`, `/oracle`.
 * It has no key of its own, so it belongs on a loopback address.
 */
export function controlServer(simulator: Controlled, observed: Observed): Server {
  const resources: Record<string, { get: (query: URLSearchParams) => unknown; put?: (body: unknown) => void }> = {
    '/clock': {
      get: () => ({ epoch_seconds: observed.world().clock, stands_still: observed.clockStandsStill() }),
      put: (body) => simulator.setClock(clockIn(body)),
    },
    '/switches': {
      get: () => observed.world().switches,
      put: (body) => simulator.setSwitches(body as Partial<Switches>),
    },
    '/faults': { get: () => observed.faults(), put: (body) => simulator.setFaults(body as FaultRule[]) },
    '/counters': { get: () => simulator.counters() },
    '/oracle': { get: (query) => oracleFor(query, observed.world()) },
  };

  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [status, body] = handle(request.method, request.url ?? '/', Buffer.concat(chunks).toString('utf8'));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });

  function handle(method: string | undefined, target: string, body: string): [number, unknown] {
    try {
      const url = new URL(target, 'http://control');
      const resource = resources[url.pathname];
      if (resource === undefined) throw new ControlRefused(404, `there is ${Object.keys(resources).join(', ')}`);
      if (method === 'PUT' && resource.put !== undefined) resource.put(parseJson(body));
      else if (method !== 'GET') throw new ControlRefused(405, 'this resource does not take that method');
      return [200, resource.get(url.searchParams)];
    } catch (error) {
      if (error instanceof ControlRefused) return [error.status, { message: error.message }];
      if (error instanceof ReportSimulatorError) return [400, { code: error.code, message: error.message }];
      throw error;
    }
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new ControlRefused(400, 'the body is not valid JSON');
  }
}

/** Reads `{"epoch_seconds": 1659312000}` or `{"at": "2022-08-01T00:00:00+00:00"}`; null lets the clock run again. */
function clockIn(body: unknown): number | undefined {
  const { epoch_seconds: seconds, at } = (body ?? {}) as { epoch_seconds?: unknown; at?: unknown };
  if (seconds === null) return undefined;
  if (typeof seconds === 'number') return seconds;
  const stamp = typeof at === 'string' ? parseStamp(at) : undefined;
  if (stamp === undefined) {
    throw new ControlRefused(400, 'give epoch_seconds (a number, or null to run) or at (a stamp with its offset)');
  }
  return stamp.epochSeconds;
}

/** `?from=2022-07-01&days=31`, of the fleet or of `&leaf=12345`, for a leaf also `&percentile=95`. */
function oracleFor(query: URLSearchParams, { fleet, seed, profiles, switches }: World): unknown {
  const from = query.get('from') ?? '';
  const daysText = query.get('days') ?? '1';
  const leafText = query.get('leaf');
  const percentile = query.get('percentile') ?? '95';
  if (parseStamp(`${from}T00:00:00+00:00`) === undefined) throw new ControlRefused(400, 'from must be YYYY-MM-DD');
  if (!/^[1-9]\d{0,4}$/.test(daysText)) throw new ControlRefused(400, 'days must be a whole number from 1');
  if (leafText !== null && !/^\d{1,10}$/.test(leafText)) throw new ControlRefused(400, 'leaf must be a whole number');
  if (!/^\d{1,3}(\.\d{1,9})?$/.test(percentile) || !(Number(percentile) > 0 && Number(percentile) <= 100)) {
    throw new ControlRefused(400, 'percentile must be above 0 and up to 100');
  }
  const days = utcDays(from, Number(daysText));
  const model: OracleModel = {
    seed,
    fraction: switches.fraction === 'on',
    big: profiles.big ?? false,
    idle: profiles.idle ?? false,
  };
  const range = leafText === null ? fleetLeaves(fleet) : { firstLeaf: Number(leafText), leaves: 1 };
  const usage = usageOfDays(range, days, model);
  const totals = {
    leaves: range.leaves,
    uplink_bytes: bytesText(usage.uplinkQuarterBytes),
    downlink_bytes: bytesText(usage.downlinkQuarterBytes),
    time_usage_seconds: String(usage.timeUsageSeconds),
  };
  if (leafText === null) return totals;
  const leaf = range.firstLeaf;
  const percentileOf = (direction: 'uplink' | 'downlink') => {
    const wall = wallPercentile(leaf, direction, days, percentile, model);
    return {
      window_bytes: bytesText(wall.quarterBytes),
      wall_mbps: String(wall.mbps),
      active_mbps: String(activePercentile(leaf, direction, days, percentile, model)),
    };
  };
  const start = days.firstDay * 86_400;
  return {
    ...totals,
    percentile: { of: percentile, uplink: percentileOf('uplink'), downlink: percentileOf('downlink') },
    late_correction_windows: lateCorrection(leaf, start, start + days.days * 86_400).windows,
  };
}
