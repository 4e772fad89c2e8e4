import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type Interval, monthPeriod } from '#calendar';
import { type EntityRef, type Grid, GRID_SECONDS, ownedBuckets } from '#metering';
import { decimalFromNumberText, sum } from '#money';
import {
  createReportClient,
  DIALECTS,
  OutboundAddresses,
  type PulledUsage,
  type ReportClient,
  type ReportClientOptions,
  type ReportLogEntry,
  ReportTransport,
  SealedKey,
  type UsageAnswer,
  type UsageRequest,
} from '#report-client';
import {
  accountApiKey,
  accountId,
  customerSiteId,
  FAULT_KINDS,
  type FaultKind,
  type FaultRule,
  imsiOf,
  msisdnOf,
  type ReportSimulator,
  type ReportSimulatorOptions,
  startReportSimulator,
} from '../../apps/report-simulator/src/index.js';
import { ON_THIS_MACHINE } from '../support/closing.js';

const SEED = 7;
const FLEET = { accounts: 2, firstAccount: 4115, sites: 3, subscribers: 1 };
const ACCOUNT = accountId(4115);
/** Leaf 12345: the first site of account 4115 and its one subscriber. */
const LEAF = 12_345;
const SITE: EntityRef = { dimension: 'customer_site_id', value: customerSiteId(FLEET, 4115, 0) };
const SUBSCRIBER: EntityRef = { dimension: 'msisdn', value: msisdnOf(LEAF) };
const WHOLE: EntityRef = { dimension: 'account', value: ACCOUNT };

const JULY = monthPeriod('2022-07', 'UTC');
const AUGUST = monthPeriod('2022-08', 'UTC');
const LATER = AUGUST.end + 72 * 3_600;

let simulator: ReportSimulator;
const transport = new ReportTransport({ addresses: ON_THIS_MACHINE, attemptTimeoutMs: 5_000 });

beforeAll(async () => {
  simulator = await startReportSimulator({ seed: SEED, fleet: FLEET, clock: () => LATER });
});
afterEach(() => {
  simulator.setFaults([]);
  simulator.setClock(LATER);
});
afterAll(async () => {
  await transport.close();
  await simulator.close();
});

/** A client that waits without waiting. */
function clientOf(baseUrl: string, changes: Partial<ReportClientOptions> = {}) {
  const waits: number[] = [];
  const logged: ReportLogEntry[] = [];
  const client = createReportClient({
    baseUrl,
    apiKey: new SealedKey(accountApiKey(SEED, 4115)),
    dialect: DIALECTS.speak({}),
    transport,
    log: (entry) => logged.push(entry),
    ...changes,
    retry: { random: () => 1, sleep: async (ms) => void waits.push(ms), ...changes.retry },
  });
  return { client, waits, logged };
}
const dialectWith = (changes: Record<string, unknown>) => DIALECTS.speak(changes);

type Asked = { entity: EntityRef; owned: Interval } & Pick<UsageRequest, 'family' | 'grid'>;
const ask = (client: ReportClient, asked: Asked, changes: Partial<UsageRequest> = {}) =>
  client.fetchUsage({ account: ACCOUNT, now: LATER, ...asked, ...changes } as UsageRequest);

function pulled(answer: UsageAnswer): PulledUsage {
  if ('series' in answer) return answer;
  throw new Error(`${answer.outcome}: ${answer.code}, ${answer.message}`);
}
const texts = (answer: UsageAnswer) => pulled(answer).series.map(({ values }) => values);
const totals = (answer: UsageAnswer) =>
  texts(answer).map((values) => sum(values.map((text) => decimalFromNumberText(text ?? '0'))).toString());

// What leaf n uses in window w, written down once more from the simulator's documentation. Byte counts are quarters, so
// doubles carry them exactly.
const bytesOf = (leaf: number, window: number, direction: 0 | 1) => {
  const day = Math.floor(window / 288) % 97;
  const rank = (41 * window + 37 * leaf + SEED) % 288;
  const fraction = (window % 4) / 4;
  return direction === 0
    ? 50_000 + 10 * (leaf % 1_000) + 200 * rank + 2 * day + fraction
    : 1_000_000 + 100 * (leaf % 1_000) + 4_000 * rank + 40 * day + fraction;
};
const secondsOf = (window: number) => 100 + (Math.floor(window / 288) % 97);

/** The values that an interval owns, from the formulas alone. */
function oracle(family: Asked['family'], grid: Grid, owned: Interval): string[][] {
  const width = GRID_SECONDS[grid];
  const { firstStart, count } = ownedBuckets(owned, grid);
  const over = (bucket: number, of: (window: number) => number) => {
    let total = 0;
    for (
      let window = (firstStart + bucket * width) / 300;
      window < (firstStart + (bucket + 1) * width) / 300;
      window += 1
    ) {
      total += of(window);
    }
    return total;
  };
  const series = (of: (window: number) => number) =>
    Array.from({ length: count }, (_, bucket) => String(over(bucket, of)));
  if (family === 'time') return [series(secondsOf)];
  if (family === 'bytes')
    return [0, 1].map((direction) => series((window) => bytesOf(LEAF, window, direction as 0 | 1)));
  const rate = (window: number, direction: number) =>
    (bytesOf(LEAF, window, direction as 0 | 1) * 8) / 1e6 / secondsOf(window);
  if (family === 'bandwidth') return [0, 1].map((direction) => series((window) => rate(window, direction)));
  const windowsOf = (hour: number) => Array.from({ length: 12 }, (_, at) => (firstStart + hour * width) / 300 + at);
  return [0, 1].map((direction) =>
    Array.from({ length: count }, (_, hour) =>
      String(Math.max(...windowsOf(hour).map((window) => rate(window, direction)))),
    ),
  );
}

describe('July 2022 of one leaf, against the numbers worked out by hand', () => {
  const { client } = (() => ({ client: () => clientOf(simulator.url).client }))();

  it.each(['DAY', 'HOUR'] as const)('bytes and time by %s', async (grid) => {
    const bytes = await ask(client(), { entity: SITE, owned: JULY, family: 'bytes', grid });
    expect(bytes.outcome).toBe('complete');
    expect(totals(bytes)).toEqual(['734867028', '14389260948']);
    expect(totals(await ask(client(), { entity: SUBSCRIBER, owned: JULY, family: 'time', grid }))).toEqual(['1607040']);
    // Three subscribers of the account, each connected alike.
    expect(totals(await ask(client(), { entity: WHOLE, owned: JULY, family: 'time', grid }))).toEqual(['4821120']);
  });

  it('the first and the last hour, and not their neighbours outside', async () => {
    const [up = [], down = []] = texts(
      await ask(client(), { entity: SITE, owned: JULY, family: 'bytes', grid: 'HOUR' }),
    );
    expect([up[0], up.at(-1), up.length]).toEqual(['905764.5', '992884.5', 744]);
    expect([down[0], down.at(-1), down.length]).toEqual(['17701204.5', '19443604.5', 744]);
  });

  it('the 95th percentile of its samples', async () => {
    const answer = await ask(client(), { entity: SITE, owned: JULY, family: 'bandwidth', grid: 'SLOT' });
    expect(pulled(answer)).toMatchObject({
      outcome: 'complete',
      expectedBuckets: 8_928,
      missingBuckets: 0,
      requests: 5,
    });
    const ranked = texts(answer).map((values) =>
      values
        .map((text) => decimalFromNumberText(text ?? ''))
        .toSorted((a, b) => a.comparedTo(b))
        .at(Math.ceil((95 * 8_928) / 100) - 1)
        ?.toString(),
    );
    expect(ranked).toEqual(['0.004894118343195267', '0.09625221468926554']);
  });

  it('carries what was answered: hash, length, and the bodies when asked', async () => {
    const inTwo = () =>
      clientOf(simulator.url, { dialect: dialectWith({ chunk_days: { DAY: 29, HOUR: 29, SLOT: 7 } }) }).client;
    const asked: Asked = { entity: SITE, owned: JULY, family: 'bytes', grid: 'DAY' };
    const plain = pulled(await ask(inTwo(), asked));
    expect(plain.raw.bodies).toBeUndefined();
    expect(plain.series.map(({ rawSha256 }) => rawSha256)).toEqual([plain.raw.sha256, plain.raw.sha256]);
    const kept = pulled(await ask(inTwo(), asked, { keepRaw: true }));
    expect(kept.raw.sha256).toBe(plain.raw.sha256);
    expect(kept.raw.bodies?.reduce((bytes, body) => bytes + body.length, 0)).toBe(plain.raw.bytes);
    expect(kept.raw.bodies).toHaveLength(2);
  });

  it('carries what was asked: a hash of the requests, whichever key they were sent with', async () => {
    const bodies: string[] = [];
    class Recorder extends ReportTransport {
      override send(attempt: Parameters<ReportTransport['send']>[0]) {
        bodies.push(attempt.body ?? '');
        return super.send(attempt);
      }
    }
    const recorder = new Recorder({ addresses: ON_THIS_MACHINE });
    const owned = { start: JULY.start, end: JULY.start + 3 * 86_400 };
    const asked: Asked = { entity: SITE, owned, family: 'bytes', grid: 'DAY' };
    const one = pulled(await ask(clientOf(simulator.url, { transport: recorder }).client, asked));
    const fleet = new SealedKey('sim-fleet-key');
    const other = pulled(await ask(clientOf(simulator.url, { transport: recorder, apiKey: fleet }).client, asked));
    await recorder.close();
    const hash = createHash('sha256').update(`POST /connectivity/v1/report\n${bodies[0]}`).digest('hex');
    expect(bodies).toHaveLength(2);
    expect([one.raw.requestSha256, other.raw.requestSha256]).toEqual([hash, hash]);
    const wider = { ...asked, owned: { ...owned, end: owned.end + 86_400 } };
    expect(pulled(await ask(client(), wider)).raw.requestSha256).not.toBe(hash);
  });
});

describe('months apart are the months together', () => {
  const edges = ['r_inclusive', 'half_open', 'open_closed'] as const;
  const both: Interval = { start: JULY.start, end: AUGUST.end };

  const simulatorWith = async <T>(switches: ReportSimulatorOptions['switches'], work: (url: string) => Promise<T>) => {
    const other = await startReportSimulator({
      seed: SEED,
      fleet: FLEET,
      clock: () => LATER,
      ...(switches ? { switches } : {}),
    });
    try {
      return await work(other.url);
    } finally {
      await other.close();
    }
  };

  for (const label of ['start', 'end'] as const) {
    for (const edge of edges) {
      it(`whichever way: labels are the ${label} of a bucket, edges ${edge}`, () =>
        simulatorWith({ label, edge }, async (url) => {
          const { client } = clientOf(url, { dialect: dialectWith({ label }) });
          for (const [family, grid] of [
            ['bytes', 'DAY'],
            ['bytes', 'HOUR'],
            ['time', 'DAY'],
            ['bandwidth', 'SLOT'],
          ] as const) {
            const asked = { entity: SITE, family, grid } as const;
            const july = texts(await ask(client, { ...asked, owned: JULY }));
            const august = texts(await ask(client, { ...asked, owned: AUGUST }));
            const together = texts(await ask(client, { ...asked, owned: both }));
            expect(together).toEqual(july.map((values, series) => [...values, ...(august[series] ?? [])]));
            expect(together).toEqual(oracle(family, grid, both));
          }
        }));
    }
  }

  it('wherever a range is cut, and into pieces of whatever length it is asked for', async () => {
    const near = { min: JULY.start, max: JULY.start + 12 * 86_400 };
    const asked = fc.constantFrom(
      ['bytes', 'DAY'],
      ['bytes', 'HOUR'],
      ['time', 'HOUR'],
      ['bandwidth', 'SLOT'],
    ) as fc.Arbitrary<['bytes', 'DAY' | 'HOUR'] | ['bandwidth', 'SLOT']>;
    await fc.assert(
      fc.asyncProperty(
        asked,
        fc.uniqueArray(fc.integer(near), { minLength: 3, maxLength: 3 }),
        fc.integer({ min: 1, max: 13 }),
        fc.constantFrom('start', 'end'),
        fc.constantFrom(...edges),
        fc.constantFrom('per_series', 'merged'),
        fc.constantFrom('agg_then_downlink', 'request', 'shuffled'),
        async ([family, grid], moments, days, label, edge, grouping, order) => {
          const [start = 0, middle = 0, end = 0] = moments.toSorted((a, b) => a - b);
          await simulatorWith({ label, edge, grouping, order } as ReportSimulatorOptions['switches'], async (url) => {
            const { client } = clientOf(url, {
              dialect: dialectWith({ label, chunk_days: { DAY: days, HOUR: days, SLOT: days } }),
            });
            const of = async (owned: Interval) =>
              texts(await ask(client, { entity: SITE, family, grid, owned } as Asked));
            const [before, after, whole] = [
              await of({ start, end: middle }),
              await of({ start: middle, end }),
              await of({ start, end }),
            ];
            expect(whole).toEqual(before.map((values, series) => [...values, ...(after[series] ?? [])]));
            expect(whole).toEqual(oracle(family, grid, { start, end }));
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('where a month of an Indian account begins inside an hour, each hour belongs to the month it starts in', async () => {
    const { client } = clientOf(simulator.url);
    const months = ['2022-06', '2022-07'].map((label) => monthPeriod(label, 'Asia/Kolkata'));
    const [june, july] = await Promise.all(
      months.map(async (owned) => pulled(await ask(client, { entity: SITE, owned, family: 'bytes', grid: 'HOUR' }))),
    );
    expect(july?.series[0]?.firstStart).toBe(Date.UTC(2022, 5, 30, 19) / 1000);
    expect([june?.expectedBuckets, july?.expectedBuckets]).toEqual([720, 744]);
  });
});

/** One row of the table of faults: what the plan does, and what must come of it. */
const THREE_DAYS: Interval = { start: JULY.start + 86_400, end: JULY.start + 4 * 86_400 };
const HOURS_OF_SITE: Asked = { entity: SITE, owned: THREE_DAYS, family: 'bytes', grid: 'HOUR' };
const HOURS_OF_SUBSCRIBER: Asked = { ...HOURS_OF_SITE, entity: SUBSCRIBER };
const SLOTS_OF_SITE: Asked = { entity: SITE, owned: THREE_DAYS, family: 'bandwidth', grid: 'SLOT' };

describe('the fault table', () => {
  describe('is asked again, and then given up so that the queue may try later', () => {
    it.each<[string, FaultRule, string]>([
      ['429 with seconds', { fault: 'rate_limited_429', retry_after_s: 2 }, 'report_api_rate_limited'],
      ['429 with a date', { fault: 'rate_limited_429', retry_after: 'http_date' }, 'report_api_rate_limited'],
      ['429 bare', { fault: 'rate_limited_429', retry_after: 'absent' }, 'report_api_rate_limited'],
      ['500', { fault: 'error_500' }, 'report_api_unavailable'],
      ['502 with a page', { fault: 'bad_gateway_502' }, 'report_api_unavailable'],
      ['503', { fault: 'unavailable_503' }, 'report_api_unavailable'],
      ['504', { fault: 'timeout_504' }, 'report_api_unavailable'],
      ['a slow first byte', { fault: 'slow_first_byte', delay_ms: 10_000 }, 'report_api_timeout'],
      ['a drip', { fault: 'drip', delay_ms: 20_000 }, 'report_api_timeout'],
      ['a reset within the body', { fault: 'reset_mid_body' }, 'report_api_unavailable'],
      ['a broken gzip body', { fault: 'bad_gzip' }, 'report_api_unavailable'],
    ])('%s', async (_what, rule, code) => {
      const patient = new ReportTransport({ addresses: ON_THIS_MACHINE, attemptTimeoutMs: 2_000 });
      const { client, waits } = clientOf(simulator.url, { transport: patient });
      simulator.setFaults([{ ...rule, times: 1 }]);
      const mended = pulled(await ask(client, HOURS_OF_SITE));
      expect(mended).toMatchObject({ outcome: 'complete', requests: 2 });
      expect(texts(mended)).toEqual(oracle('bytes', 'HOUR', THREE_DAYS));
      expect(waits).toEqual([rule.retry_after_s ? 2_000 : 500]);
      await patient.close();

      const hasty = new ReportTransport({
        addresses: ON_THIS_MACHINE,
        attemptTimeoutMs: code === 'report_api_timeout' ? 100 : 5_000,
      });
      const before = simulator.counters().requests;
      simulator.setFaults([rule]);
      const hopeless = ask(clientOf(simulator.url, { transport: hasty }).client, HOURS_OF_SITE);
      await expect(hopeless).rejects.toMatchObject({ name: 'ReportApiError', code, retryable: true });
      expect(simulator.counters().requests - before).toBe(6);
      await hasty.close();
    });
  });

  it.each([
    ['by its address', (url: string) => url],
    ['by a name that resolves to it', (url: string) => url.replace('127.0.0.1', 'localhost')],
  ])('an address that nobody allowed is not connected to, %s', async (_how, written) => {
    const before = simulator.counters().requests;
    // A list with plain HTTP for another network lets names pass the first look, not the connection.
    for (const list of ['', 'http://10.0.0.0/8', '127.0.0.0/8, ::1']) {
      const transport = new ReportTransport({ addresses: OutboundAddresses.parse(list) });
      const asked = ask(clientOf(written(simulator.url), { transport }).client, HOURS_OF_SITE);
      await expect(asked).rejects.toMatchObject({ code: 'report_api_address_refused', retryable: false });
      await transport.close();
    }
    expect(simulator.counters().requests).toBe(before);
  });

  it.each<[FaultKind, string]>([
    ['truncated_json', 'malformed_json'],
    ['trailing_brace', 'malformed_json'],
    ['duplicate_json_keys', 'duplicate_json_key'],
  ])('%s may be the way and is asked for again, twice; then it is refused as %s', async (fault, code) => {
    const { client } = clientOf(simulator.url);
    simulator.setFaults([{ fault, times: 2 }]);
    expect(texts(await ask(client, HOURS_OF_SITE))).toEqual(oracle('bytes', 'HOUR', THREE_DAYS));
    simulator.setFaults([{ fault }]);
    expect(await ask(client, HOURS_OF_SITE)).toMatchObject({ outcome: 'refused', code, requests: 3 });
  });

  it.each<[FaultKind, string, Asked]>([
    ['wrong_account', 'echo_mismatch', HOURS_OF_SITE],
    ['wrong_site', 'echo_mismatch', HOURS_OF_SITE],
    ['wrong_subscriber', 'echo_mismatch', HOURS_OF_SUBSCRIBER],
    ['echo_dropped', 'echo_missing', HOURS_OF_SUBSCRIBER],
    ['answer_of_another_request', 'echo_mismatch', HOURS_OF_SITE],
    ['message_200', 'schema_mismatch', HOURS_OF_SITE],
    ['csv_body', 'not_json_content', HOURS_OF_SITE],
    ['duplicate_bucket_other', 'duplicate_bucket_differs', HOURS_OF_SITE],
    ['bucket_out_of_range', 'beyond_margin', HOURS_OF_SITE],
    ['bucket_off_grid', 'off_grid', HOURS_OF_SITE],
    ['labels_shifted_forward', 'beyond_margin', HOURS_OF_SITE],
    ['labels_shifted_back', 'beyond_margin', SLOTS_OF_SITE],
    ['value_nan', 'value_not_a_number', SLOTS_OF_SITE],
    ['value_infinity', 'value_not_a_number', HOURS_OF_SITE],
    ['value_null', 'value_not_a_number', HOURS_OF_SITE],
    ['value_negative', 'value_negative', SLOTS_OF_SITE],
    ['value_string', 'value_not_a_number', HOURS_OF_SITE],
    ['value_1e300', 'value_out_of_range', HOURS_OF_SITE],
  ])('%s is refused at once as %s', async (fault, code, asked) => {
    simulator.setFaults([{ fault }]);
    const answer = await ask(clientOf(simulator.url).client, asked);
    expect(answer).toMatchObject({ outcome: 'refused', code, requests: 1 });
    if (answer.outcome !== 'refused') throw new Error('not refused');
    expect(answer.raw?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(answer.rawBody?.length).toBe(answer.raw?.bytes);
  });

  it('rates a thousand times too high are refused where a line is known to be slower', async () => {
    simulator.setFaults([{ fault: 'rates_x1000' }]);
    const { client } = clientOf(simulator.url, { dialect: dialectWith({ line_rate_mbps: 1 }) });
    expect(await ask(client, SLOTS_OF_SITE)).toMatchObject({ outcome: 'refused', code: 'rate_exceeds_line_rate' });
  });

  it.each<[string, FaultRule[], string, string]>([
    ['an unknown key', [{ fault: 'unauthorized_401' }], accountApiKey(SEED, 4115), 'api_key_refused'],
    ['a forbidden account', [{ fault: 'forbidden_403' }], accountApiKey(SEED, 4115), 'account_forbidden'],
    ['the key of another seed', [], accountApiKey(SEED + 1, 4115), 'api_key_refused'],
    ['the key of another account', [], accountApiKey(SEED, 4116), 'account_forbidden'],
  ])('%s stops the account and is not asked again', async (_what, faults, key, code) => {
    simulator.setFaults(faults);
    const { client, waits } = clientOf(simulator.url, { apiKey: new SealedKey(key) });
    expect(await ask(client, HOURS_OF_SITE)).toMatchObject({ outcome: 'stopped', code, requests: 1 });
    expect(waits).toEqual([]);
  });

  it.each<[FaultKind, Asked]>([
    ['missing_bucket', HOURS_OF_SITE],
    ['missing_bucket', SLOTS_OF_SITE],
    ['tail_cut', HOURS_OF_SITE],
    ['tail_cut', SLOTS_OF_SITE],
  ])('%s leaves a gap that is counted, and its evidence', async (fault, asked) => {
    simulator.setFaults([{ fault }]);
    const answer = pulled(await ask(clientOf(simulator.url).client, asked));
    expect(answer.outcome).toBe('gaps');
    const nulls = texts(answer)
      .flat()
      .filter((value) => value === null).length;
    expect(answer.missingBuckets).toBe(nulls);
    if (fault === 'missing_bucket') expect(nulls).toBe(1);
    expect(answer.raw.bodies).toHaveLength(1);
    const expected = oracle(asked.family, asked.grid, THREE_DAYS);
    texts(answer).forEach((values, series) =>
      values.forEach((value, bucket) => expect([null, expected[series]?.[bucket]]).toContain(value)),
    );
  });

  it('a bucket that comes twice with one value is counted once, with a warning', async () => {
    simulator.setFaults([{ fault: 'duplicate_bucket_same' }]);
    const answer = pulled(await ask(clientOf(simulator.url).client, HOURS_OF_SITE));
    expect(texts(answer)).toEqual(oracle('bytes', 'HOUR', THREE_DAYS));
    expect(answer.warnings.map(({ code }) => code)).toEqual(['duplicate_bucket']);
  });

  it('a late report changes the values and the hash', async () => {
    const { client } = clientOf(simulator.url);
    const asked: Asked = { entity: SITE, owned: JULY, family: 'bytes', grid: 'HOUR' };
    const first = pulled(await ask(client, asked));
    simulator.setFaults([{ fault: 'late_correction' }]);
    const second = pulled(await ask(client, asked));
    expect(second.raw.sha256).not.toBe(first.raw.sha256);
    // Nine windows of 4096 bytes in each direction.
    expect(totals(second)).toEqual(['734903892', '14389297812']);
  });

  it('whatever sequence of faults happens, the answer is right or it is none', async () => {
    const undetectable: FaultKind[] = ['late_correction', 'bytes_x8', 'rates_x1000', 'slow_first_byte', 'drip'];
    const kinds: FaultKind[] = [
      'unauthorized_401',
      'rate_limited_429',
      'error_500',
      'bad_gateway_502',
      'reset_mid_body',
      'bad_gzip',
      'truncated_json',
      'trailing_brace',
      'message_200',
      'wrong_account',
      'answer_of_another_request',
      'missing_bucket',
      'tail_cut',
      'duplicate_bucket_same',
      'duplicate_bucket_other',
      'bucket_out_of_range',
      'labels_shifted_forward',
      'value_null',
    ];
    expect(kinds.filter((kind) => undetectable.includes(kind))).toEqual([]);
    const owned = { start: JULY.start, end: JULY.start + 3 * 86_400 };
    const right = oracle('bytes', 'HOUR', owned);
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...kinds), fc.integer({ min: 1, max: 6 })), { maxLength: 5 }),
        async (hits) => {
          simulator.setFaults(hits.map(([fault, ordinal]) => ({ fault, match: { ordinal } })));
          const { client } = clientOf(simulator.url, {
            dialect: dialectWith({ chunk_days: { DAY: 1, HOUR: 1, SLOT: 1 } }),
          });
          const answer = await ask(client, { entity: SITE, owned, family: 'bytes', grid: 'HOUR' }).catch(
            (error: unknown) => {
              expect(error).toMatchObject({ name: 'ReportApiError', retryable: true });
              return undefined;
            },
          );
          outcomes.add(answer?.outcome ?? 'thrown');
          if (answer?.outcome === 'complete') expect(texts(answer)).toEqual(right);
        },
      ),
      { numRuns: 80 },
    );
    expect(outcomes).toContain('complete');
    expect(outcomes).toContain('refused');
  });
});

describe('what is shown and never billed', () => {
  it('the last five minutes of a site, an IMSI and a MSISDN', async () => {
    const { client } = clientOf(simulator.url);
    const window = Math.floor(LATER / 300) - 1;
    const mbps = (direction: 0 | 1) => String((bytesOf(LEAF, window, direction) * 8) / 1e6 / secondsOf(window));
    for (const entity of [SITE, SUBSCRIBER, { dimension: 'imsi', value: imsiOf(LEAF) } as const]) {
      for (const aggregation of ['AVG', 'MIN', 'MAX'] as const) {
        expect(await client.fetchNow({ account: ACCOUNT, entity, aggregation, now: LATER })).toEqual({
          outcome: 'live',
          entity,
          aggregation,
          window: { start: LATER - 300, end: LATER },
          uplinkMbps: mbps(0),
          downlinkMbps: mbps(1),
          warnings: [],
          requests: 1,
        });
      }
    }
  });

  it('the last five minutes of a clock that goes wrong', async () => {
    const { client } = clientOf(simulator.url);
    const live = { account: ACCOUNT, entity: SITE, aggregation: 'AVG' } as const;
    const warnedAt = async (now: number) => {
      const answer = await client.fetchNow({ ...live, now });
      return 'warnings' in answer ? answer.warnings.map(({ code }) => code) : answer.code;
    };
    expect(await warnedAt(LATER + 120)).toEqual([]);
    expect(await warnedAt(LATER + 121)).toEqual(['now_clock_differs']);
    expect(await warnedAt(LATER - 121)).toEqual(['now_clock_differs']);
  });

  it('rates by hour', async () => {
    const { client } = clientOf(simulator.url);
    const owned = { start: JULY.start, end: JULY.start + 2 * 3_600 };
    const answer = await client.fetchBandwidthHours({ account: ACCOUNT, entity: SITE, owned, now: LATER });
    if (answer.outcome !== 'hours') throw new Error(answer.message);
    const windows = Array.from({ length: 12 }, (_, index) => owned.start / 300 + index);
    const rates = windows.map((window) => (bytesOf(LEAF, window, 0) * 8) / 1e6 / secondsOf(window));
    expect(answer.hours).toHaveLength(2);
    expect(answer.hours[0]).toMatchObject({
      start: owned.start,
      uplink: { minimum: String(Math.min(...rates)), maximum: String(Math.max(...rates)) },
    });
  });

  it('a range that has not ended says how much of it is open', async () => {
    const noon = JULY.start + 10 * 86_400 + 12 * 3_600;
    simulator.setClock(noon);
    const { client } = clientOf(simulator.url, { dialect: dialectWith({ chunk_days: { DAY: 7, HOUR: 7, SLOT: 7 } }) });
    const answer = pulled(
      await ask(client, { entity: SITE, owned: JULY, family: 'bytes', grid: 'DAY' }, { now: noon }),
    );
    expect(answer).toMatchObject({
      outcome: 'gaps',
      expectedBuckets: 31,
      missingBuckets: 40,
      openBuckets: 21,
      requests: 2,
    });
    expect(answer.warnings.map(({ code }) => code)).toEqual(['range_not_ended']);
  });
});

describe('dialects', () => {
  it('a key in the header, subscriber ids as text, rates in kbps', async () => {
    const other = await startReportSimulator({
      seed: SEED,
      fleet: FLEET,
      clock: () => LATER,
      switches: { auth: 'header', unit: 'kbps', ids_echo: 'string' },
    });
    const { client } = clientOf(other.url, {
      dialect: dialectWith({ auth: 'header', unit: 'kbps', id_json: 'string' }),
    });
    expect(texts(await ask(client, HOURS_OF_SUBSCRIBER))).toEqual(oracle('bytes', 'HOUR', THREE_DAYS));
    const rates = texts(await ask(client, SLOTS_OF_SITE)).flat();
    expect(Math.max(...rates.map((text) => Number.parseFloat(text ?? '')))).toBeLessThan(0.2);
    await other.close();
  });

  it('a subscriber with leading zeros is asked for and answered as text', async () => {
    const other = await startReportSimulator({
      seed: SEED,
      fleet: FLEET,
      clock: () => LATER,
      profiles: { leadingZero: true },
    });
    const entity: EntityRef = { dimension: 'imsi', value: imsiOf(LEAF, true) };
    expect(entity.value).toBe('001010000012345');
    const answer = await ask(clientOf(other.url).client, { ...HOURS_OF_SITE, entity });
    expect(texts(answer)).toEqual(oracle('bytes', 'HOUR', THREE_DAYS));
    await other.close();
  });

  it.each<[string, 'DAY' | 'HOUR', number, number]>([
    // A month is asked for at once; 33 days with the padding of DAY are too many, 31 days and 2 hours as well.
    ['none', 'DAY', 1, 1],
    ['none', 'HOUR', 1, 1],
    // Refused, then 16 and 15 days; a second pull asks for no more than was taken.
    ['31d', 'DAY', 3, 2],
    ['31d', 'HOUR', 3, 2],
    // 31, 16, 8 and so on are refused; 4 days are 6 with their padding: 8 pieces.
    ['7d', 'DAY', 11, 8],
    ['7d', 'HOUR', 11, 8],
    ['3d', 'DAY', 36, 31],
    ['2d', 'HOUR', 36, 31],
  ])('a limit of %s to a range costs a month by %s no bucket', async (limit, grid, first, then) => {
    simulator.setSwitches({ max_range: limit });
    const rangesTaken = new Map<string, number>();
    const asked = () =>
      ask(clientOf(simulator.url, { rangesTaken }).client, { entity: SITE, owned: JULY, family: 'bytes', grid });
    const answers = [await asked(), await asked()];
    simulator.setSwitches({ max_range: 'none' });
    expect(answers.map((answer) => pulled(answer).requests)).toEqual([first, then]);
    for (const answer of answers) {
      expect(pulled(answer).outcome).toBe('complete');
      expect(totals(answer)).toEqual(['734867028', '14389260948']);
    }
  });

  it.each([
    // Samples are many, so they are asked for by the week.
    ['none', 5, 5],
    ['31d', 5, 5],
    // A week and its padding are too many: 4 days at a time, 8 pieces.
    ['7d', 9, 8],
  ])('a limit of %s to a range costs a month of samples none', async (limit, first, then) => {
    simulator.setSwitches({ max_range: limit });
    const rangesTaken = new Map<string, number>();
    const asked = { entity: SITE, owned: JULY, family: 'bandwidth', grid: 'SLOT' } as const;
    const pull = () => ask(clientOf(simulator.url, { rangesTaken }).client, asked);
    const [once, again] = [await pull(), await pull()];
    simulator.setSwitches({ max_range: 'none' });
    for (const [answer, requests] of [
      [once, first],
      [again, then],
    ] as const) {
      expect(pulled(answer)).toMatchObject({ outcome: 'complete', requests });
      expect(texts(answer)).toEqual(oracle('bandwidth', 'SLOT', JULY));
    }
  });

  it('a status 400 that no shorter range cures is refused, says so, and shortens no later request', async () => {
    const rangesTaken = new Map<string, number>();
    simulator.setSwitches({ max_range: '1d' });
    const asked = { entity: SITE, owned: JULY, family: 'bytes', grid: 'HOUR' } as const;
    const answer = await ask(clientOf(simulator.url, { rangesTaken }).client, asked);
    simulator.setSwitches({ max_range: 'none' });
    expect(answer).toMatchObject({
      outcome: 'refused',
      code: 'unexpected_status',
      message: expect.stringContaining('also for a range of one day') as string,
    });
    expect(pulled(await ask(clientOf(simulator.url, { rangesTaken }).client, asked)).requests).toBe(1);
  });

  it('an API that refuses a range which has not ended still answers what has', async () => {
    const now = JULY.start + 10 * 86_400 + 1_800;
    simulator.setClock(now);
    simulator.setSwitches({ future_end: '400' });
    const asked = { entity: SITE, owned: JULY, family: 'bytes', grid: 'HOUR' } as const;
    const answer = await ask(clientOf(simulator.url).client, asked, { now });
    simulator.setSwitches({ future_end: 'partial' });
    expect(pulled(answer)).toMatchObject({ openBuckets: 504, missingBuckets: 2 * 503, requests: 2 });
    // The hour that is running is answered in part.
    const tenDays = { start: JULY.start, end: JULY.start + 10 * 86_400 };
    const expected = oracle('bytes', 'HOUR', tenDays);
    expect(texts(answer).map((values) => values.slice(0, 240))).toEqual(expected);
  });

  it.each(['refuses ranges that have not ended', 'answers them'])(
    'a month that has just ended is complete where the API %s, and labels a day late are still found out',
    async (behaviour) => {
      const now = JULY.end + 3_600;
      simulator.setClock(now);
      simulator.setSwitches({ future_end: behaviour === 'answers them' ? 'partial' : '400' });
      const asked = { entity: SITE, owned: JULY, family: 'bytes', grid: 'DAY' } as const;
      const { client } = clientOf(simulator.url);
      const answer = await ask(client, asked, { now });
      simulator.setFaults([{ fault: 'labels_shifted_forward' }]);
      const shifted = await ask(client, asked, { now });
      simulator.setSwitches({ future_end: 'partial' });
      expect(pulled(answer).outcome).toBe('complete');
      expect(totals(answer)).toEqual(['734867028', '14389260948']);
      expect(shifted).toMatchObject({ outcome: 'refused', code: 'beyond_margin' });
    },
  );

  it('rates that look rounded are said, unless the dialect says that they are', async () => {
    const other = await startReportSimulator({
      seed: SEED,
      fleet: FLEET,
      clock: () => LATER,
      profiles: { big: true },
      switches: { round_dp: 2 },
    });
    const generous = { line_rate_mbps: 1_000_000 };
    const unknown = await ask(clientOf(other.url, { dialect: dialectWith(generous) }).client, SLOTS_OF_SITE);
    expect(pulled(unknown).warnings.map(({ code }) => code)).toContain('rates_look_rounded');
    const known = await ask(
      clientOf(other.url, { dialect: dialectWith({ ...generous, round_dp: '2' }) }).client,
      SLOTS_OF_SITE,
    );
    expect(pulled(known).warnings).toEqual([]);
    await other.close();
  });

  it.each(['[]', '[[]]'] as const)('an idle site, answered by %s, is all gaps', async (empty) => {
    const other = await startReportSimulator({
      seed: SEED,
      fleet: { ...FLEET, firstAccount: 16, accounts: 1 },
      clock: () => LATER,
      profiles: { idle: true },
      switches: { idle_window: 'omit', empty },
    });
    // Leaf 49 is the second site of account 16.
    const { client } = clientOf(other.url, { apiKey: new SealedKey(accountApiKey(SEED, 16)) });
    const entity: EntityRef = { dimension: 'customer_site_id', value: customerSiteId(FLEET, 16, 1) };
    const answer = pulled(await ask(client, { ...HOURS_OF_SITE, entity }, { account: accountId(16) }));
    expect(answer).toMatchObject({ outcome: 'gaps', missingBuckets: 144 });
    await other.close();
  });
});

async function serve(handle: RequestListener): Promise<{ url: string; close: () => Promise<void>; server: Server }> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => handle(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
const json = (response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
const EMPTY = `{"result":[],"customer_site_id":"${SITE.value}","account_id":"${ACCOUNT}"}`;

describe('HTTP', () => {
  it('408 is no answer: neither a client nor the probe believes it', async () => {
    const refused = new Set<string>();
    // Says "request timeout" to each request once, and then what the simulator says.
    const server = createServer((request, response) => {
      void text(request).then(async (body) => {
        const { apikey = '' } = request.headers as Record<string, string>;
        const question = `${request.url} ${apikey} ${body}`;
        if (!refused.has(question)) {
          refused.add(question);
          json(response, 408, '{"message":"timeout"}');
          return;
        }
        const headers = { 'content-type': 'application/json', ...(apikey && { apikey }) };
        const answer = await fetch(simulator.url + request.url, { method: 'POST', headers, body });
        json(response, answer.status, await answer.text());
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const { client, logged } = clientOf(url);
      expect(await ask(client, HOURS_OF_SITE)).toMatchObject({ outcome: 'complete', requests: 2 });
      expect(logged.map(({ event, status }) => [event, status])).toEqual([
        ['report_api_faulted', 408],
        ['report_api_answered', 200],
      ]);
      const probed = (baseUrl: string) =>
        DIALECTS.probe(
          {
            baseUrl,
            apiKey: new SealedKey(accountApiKey(SEED, 4115)),
            clock: () => LATER,
            waitSeconds: 0,
            sleep: async () => undefined,
            retry: { random: () => 1, sleep: async () => undefined },
          },
          { account: ACCOUNT, msisdns: [SUBSCRIBER.value] },
        );
      expect(await probed(url)).toEqual(await probed(simulator.url));
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  const fromServer = async (handle: RequestListener, changes: Parameters<typeof clientOf>[1] = {}, path = '') => {
    const requests: IncomingMessage[] = [];
    const { url, close } = await serve((request, response) => {
      requests.push(request);
      handle(request, response);
    });
    try {
      return { answer: await ask(clientOf(url + path, changes).client, HOURS_OF_SITE), requests };
    } finally {
      await close();
    }
  };

  it('asks as documented, below the path of the base URL', async () => {
    const { answer, requests } = await fromServer((_request, response) => json(response, 200, EMPTY), {}, '/gateway/');
    expect(answer.outcome).toBe('gaps');
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `POST /gateway/connectivity/v1/report?apikey=${accountApiKey(SEED, 4115)}`,
    ]);
    expect(requests[0]?.headers).toMatchObject({ accept: 'application/json', 'content-type': 'application/json' });
  });

  it.each<[number, string, string]>([
    [204, '', 'unexpected_status'],
    [400, '{"message":"bad"}', 'unexpected_status'],
    [404, '{"message":"no data found"}', 'unexpected_status'],
    [200, '<html></html>', 'malformed_json'],
  ])('%i %s is refused as %s', async (status, body, code) => {
    const { answer } = await fromServer((_request, response) =>
      status === 204 ? response.writeHead(204).end() : json(response, status, body),
    );
    expect(answer).toMatchObject({ outcome: 'refused', code });
  });

  it('a redirect is refused, and its target never hears of the key', async () => {
    let visits = 0;
    const other = await serve((_request, response) => {
      visits += 1;
      json(response, 200, EMPTY);
    });
    for (const status of [301, 302, 307, 308]) {
      const { answer } = await fromServer((_request, response) =>
        response.writeHead(status, { location: other.url }).end(),
      );
      expect(answer).toMatchObject({ outcome: 'refused', code: 'redirect_refused', requests: 1 });
    }
    expect(visits).toBe(0);
    await other.close();
  });

  it.each(['text/json', 'application/json; charset=latin1', 'application/jsonp', ''])(
    '%j is not JSON',
    async (type) => {
      const { answer } = await fromServer((_request, response) =>
        response.writeHead(200, { 'content-type': type }).end(EMPTY),
      );
      expect(answer).toMatchObject({ outcome: 'refused', code: 'not_json_content' });
    },
  );

  it('takes gzip that was not asked for, and no other encoding', async () => {
    const encoded = (encoding: string) =>
      fromServer((_request, response) =>
        response
          .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-encoding': encoding })
          .end(gzipSync(EMPTY)),
      );
    expect((await encoded('gzip')).answer).toMatchObject({ outcome: 'gaps', raw: { bytes: EMPTY.length } });
    expect((await encoded('br')).answer).toMatchObject({ outcome: 'refused', code: 'unsupported_encoding' });
  });

  describe('reads no further than the limit', () => {
    const dialect = dialectWith({ body_limit_bytes: 100_000 });
    it.each<[string, RequestListener]>([
      [
        'an endless body',
        (_request, response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          const more = () => {
            while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
          };
          response.on('drain', more);
          more();
        },
      ],
      [
        'a declared length',
        (_request, response) => json(response, 200, ' '.repeat(100_001), { 'content-length': '100001' }),
      ],
      [
        'a bomb',
        (_request, response) =>
          response
            .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
            .end(gzipSync(Buffer.alloc(20_000_000))),
      ],
    ])('%s', async (_what, handle) => {
      const { answer, requests } = await fromServer(handle, { dialect });
      expect(answer).toMatchObject({ outcome: 'refused', code: 'body_too_large', requests: 1 });
      expect(requests).toHaveLength(1);
      if (answer.outcome === 'refused') expect(answer.rawBody?.length).toBeLessThanOrEqual(100_000);
    });

    it('a body of exactly the limit is read', async () => {
      const body = EMPTY + ' '.repeat(100_000 - EMPTY.length);
      const { answer } = await fromServer((_request, response) => json(response, 200, body), { dialect });
      expect(answer.outcome).toBe('gaps');
    });
  });

  it('an API that is not there is unavailable', async () => {
    const { url, close } = await serve(() => undefined);
    await close();
    const { client, logged } = clientOf(url);
    await expect(ask(client, HOURS_OF_SITE)).rejects.toMatchObject({
      code: 'report_api_unavailable',
      retryable: true,
      transportCode: 'ECONNREFUSED',
    });
    expect(logged.map(({ attempt, transportCode }) => `${attempt} ${transportCode}`)).toEqual(
      [1, 2, 3, 4, 5, 6].map((attempt) => `${attempt} ECONNREFUSED`),
    );
  });

  it('a pull that is aborted ends, in flight or waiting', async () => {
    const stop = new AbortController();
    const { url, close } = await serve(() => stop.abort());
    await expect(ask(clientOf(url).client, HOURS_OF_SITE, { signal: stop.signal })).rejects.toMatchObject({
      code: 'pull_aborted',
    });
    await expect(ask(clientOf(url).client, HOURS_OF_SITE, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'pull_aborted',
      retryable: true,
    });
    await close();
  });

  it('keeps to its connections however much is asked at once', async () => {
    let open = 0;
    let most = 0;
    const { url, close } = await serve((_request, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        json(response, 200, EMPTY);
      }, 5);
    });
    const narrow = new ReportTransport({ addresses: ON_THIS_MACHINE, concurrency: 3 });
    const clients = Array.from({ length: 30 }, () => clientOf(url, { transport: narrow }).client);
    await Promise.all(clients.map((client) => ask(client, HOURS_OF_SITE)));
    expect(most).toBe(3);
    await narrow.close();
    await close();
  });

  it('a base URL that could carry the key elsewhere, or a key of its own, is refused', () => {
    for (const baseUrl of [
      'ftp://host',
      'https://user:secret@host',
      'https://host?apikey=secret',
      'https://host#x',
      'nonsense',
    ]) {
      let message = '';
      try {
        clientOf(baseUrl);
      } catch (error) {
        message = inspect(error);
      }
      expect(message).toContain('invalid_configuration');
      expect(message).not.toContain('secret');
    }
  });

  it('misuse throws and cannot be retried', async () => {
    const { client } = clientOf(simulator.url);
    const wrongGrid = { entity: SITE, owned: JULY, family: 'bytes', grid: 'SLOT' } as unknown as Asked;
    await expect(ask(client, wrongGrid)).rejects.toMatchObject({ code: 'invalid_request', retryable: false });
    const stranger: Asked = { ...HOURS_OF_SITE, entity: { dimension: 'account', value: accountId(4116) } };
    await expect(ask(client, stranger)).rejects.toMatchObject({ code: 'invalid_request' });
    const own = clientOf(simulator.url, { transport: new ReportTransport({ addresses: ON_THIS_MACHINE }) }).client;
    await own.close();
    const closed = new ReportTransport({ addresses: ON_THIS_MACHINE });
    await closed.close();
    await expect(ask(clientOf(simulator.url, { transport: closed }).client, HOURS_OF_SITE)).rejects.toMatchObject({
      code: 'client_closed',
      retryable: false,
    });
  });

  it('an entity that no filter can name is a refusal, and nothing is sent', async () => {
    const before = simulator.counters().requests;
    const answer = await ask(clientOf(simulator.url).client, {
      ...HOURS_OF_SITE,
      entity: { dimension: 'msisdn', value: '+8020 12' },
    });
    expect(answer).toMatchObject({ outcome: 'refused', code: 'entity_not_askable', requests: 0 });
    expect(simulator.counters().requests).toBe(before);
  });
});

describe('the key', () => {
  const CANARY = 'canary-5d41402abc4b2a76';

  /** Everything a caller could print of a thing, its causes included. */
  function printed(thing: unknown): string {
    const seen: unknown[] = [];
    for (let link = thing; link instanceof Error; link = link.cause)
      seen.push(link.message, link.stack, Object.entries(link));
    return [
      inspect(thing, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null }),
      JSON.stringify(thing),
      String(thing),
      inspect(seen, { depth: null }),
      ...bodiesOf(thing),
    ].join('\n');
  }
  function bodiesOf(thing: unknown): string[] {
    if (Buffer.isBuffer(thing)) return [thing.toString('latin1')];
    if (typeof thing !== 'object' || thing === null) return [];
    return Object.values(thing).flatMap(bodiesOf);
  }

  it.each(['query', 'header'] as const)('sent in the %s, gets into no answer, error or log line', async (auth) => {
    const printedAll: string[] = [];
    const watched = async (url: string, changes: Parameters<typeof clientOf>[1], asked: Asked = HOURS_OF_SITE) => {
      const { client, logged } = clientOf(url, {
        apiKey: new SealedKey(CANARY),
        ...changes,
        dialect: dialectWith({ ...changes?.dialect?.settings, auth }),
      });
      printedAll.push(printed(client));
      printedAll.push(printed(await ask(client, asked, { keepRaw: true }).catch((error: unknown) => error)));
      const now = { account: ACCOUNT, entity: SITE, aggregation: 'AVG', now: LATER } as const;
      printedAll.push(printed(await client.fetchNow(now).catch((error: unknown) => error)));
      printedAll.push(printed(logged));
    };

    // Every fault of the simulator, met with the canary as a key it knows.
    const known = await startReportSimulator({
      seed: SEED,
      fleet: FLEET,
      clock: () => LATER,
      apiKeys: { fleet: CANARY },
      switches: { auth },
    });
    const hasty = new ReportTransport({ addresses: ON_THIS_MACHINE, attemptTimeoutMs: 60 });
    for (const fault of FAULT_KINDS) {
      known.setFaults([{ fault, delay_ms: 10_000, retry_after_s: 1_000 }]);
      const isSlow = fault === 'slow_first_byte' || fault === 'drip';
      await watched(known.url, isSlow ? { transport: hasty, retry: { retries: 1 } } : {});
      await watched(known.url, isSlow ? { transport: hasty, retry: { retries: 0 } } : {}, HOURS_OF_SUBSCRIBER);
    }
    known.setFaults([]);
    await watched(known.url, {});
    await known.close();

    // Servers that quote the request line and headers back, in every kind of answer.
    const quote = (request: IncomingMessage) =>
      JSON.stringify({ message: `${request.url} ${inspect(request.headers)}` });
    const echoing: RequestListener[] = [200, 400, 401, 403, 404, 429, 500].map(
      (status) => (request, response) => json(response, status, quote(request)),
    );
    echoing.push(
      (request, response) =>
        response.writeHead(302, { location: `http://127.0.0.1:9${request.url}` }).end(quote(request)),
      (request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(quote(request)),
      (request, response) => json(response, 200, `{"result":[],"account_id":${JSON.stringify(request.url)}}`),
      (request, response) => json(response, 200, `{"result":[],"${request.url}":1}`),
      (request, response) => json(response, 200, `{"result":[[{"time_stamp":"${request.url}"}]]}`),
      (request, response) => json(response, 200, `{"result":${request.url}`),
      (request, response) => json(response, 200, EMPTY, { 'retry-after': request.url ?? '', date: request.url ?? '' }),
      (request) => request.socket.destroy(),
      (request) => request.socket.end(`HTTP/1.1 ${request.url}\r\n\r\n`),
      (request) => request.socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${request.url}\r\n\r\n`),
      (request) => request.socket.end(`HTTP/1.1 200 OK\r\n${'x-filler: y\r\n'.repeat(3_000)}\r\n`),
    );
    for (const handle of echoing) {
      const { url, close } = await serve(handle);
      await watched(url, {});
      await close();
      await watched(url, {});
    }
    await hasty.close();

    const everything = printedAll.join('\n');
    expect(everything).toContain('[redacted]');
    expect(everything).toContain('echo_mismatch');
    expect(everything).not.toContain('canary');
    expect(everything).not.toContain(SUBSCRIBER.value.slice(0, -1) + '6"');
  });

  it('no log line names a subscriber', async () => {
    const { client, logged } = clientOf(simulator.url);
    await ask(client, HOURS_OF_SUBSCRIBER);
    simulator.setFaults([{ fault: 'wrong_subscriber' }]);
    const refused = await ask(client, HOURS_OF_SUBSCRIBER);
    expect(logged).toHaveLength(2);
    expect(JSON.stringify(logged)).not.toContain(SUBSCRIBER.value);
    if (refused.outcome === 'refused') expect(refused.message).not.toMatch(/\d{5}/);
  });
});
