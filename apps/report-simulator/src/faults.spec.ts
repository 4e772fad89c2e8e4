import { connect } from 'node:net';
import { post, reportRequest, type Asked, type Item, type ReportReply } from '../../../test/support/report-requests.js';
import {
  accountId,
  customerSiteId,
  startReportSimulator,
  type FaultKind,
  type FaultRule,
  type ReportSimulator,
} from './index.js';

const FLEET = { accounts: 4, sites: 2, subscribers: 2 };
const CLOCK = Date.UTC(2022, 7, 10) / 1000;
const ACCOUNT = accountId(1);
const SITE = customerSiteId(FLEET, 1, 0);
const HOURS: Asked = {
  range: ['2022-07-05T00:00:00+00:00', '2022-07-06T00:00:00+00:00'],
  granularity: 'HOUR',
  filters: { account_id: ACCOUNT, customer_site_id: SITE },
  metrics: ['uplink_bytes COUNT', 'downlink_bytes COUNT'],
};
const RATES: Asked = { ...HOURS, metrics: ['uplink_bandwidth AVG'] };
const OF_SUBSCRIBER: Asked = { ...HOURS, filters: { account_id: ACCOUNT, msisdn: 8_020_010_000_004 } };
const NOW: Asked = { range: 'NOW', filters: HOURS.filters, metrics: ['uplink_bandwidth AVG'] };

let simulator: ReportSimulator;
let url: string;
beforeAll(async () => {
  simulator = await startReportSimulator({ seed: 7, fleet: FLEET, clock: () => CLOCK });
  url = `${simulator.url}/connectivity/v1/report?apikey=sim-fleet-key`;
});
afterAll(() => simulator.close());
afterEach(() => simulator.setFaults([]));

const ask = (asked: Asked = HOURS) => post(url, reportRequest(asked));
const withFault = async (rule: FaultRule, asked: Asked = HOURS): Promise<ReportReply> => {
  simulator.setFaults([rule]);
  return ask(asked);
};
const keyOf = ({ name, time_stamp, value }: Item) => `${name} ${time_stamp} ${value}`;
const items = ({ json }: ReportReply) => json.result.flat().map(keyOf);
const without = (some: string[], others: string[]) => some.filter((item) => !others.includes(item));

describe('refusals', () => {
  it.each<[FaultKind, number, string]>([
    ['unauthorized_401', 401, 'application/json'],
    ['forbidden_403', 403, 'application/json'],
    ['rate_limited_429', 429, 'application/json'],
    ['error_500', 500, 'application/json'],
    ['bad_gateway_502', 502, 'text/html'],
    ['unavailable_503', 503, 'application/json'],
    ['timeout_504', 504, 'application/json'],
    ['message_200', 200, 'application/json'],
    ['csv_body', 200, 'text/csv'],
  ])('%s', async (fault, status, type) => {
    const reply = await withFault({ fault });
    expect([reply.status, reply.headers.get('content-type')]).toEqual([status, type]);
    if (type === 'application/json') expect(Object.keys(reply.json)).toEqual(['message']);
  });

  it('429 says when to come back in either form, or not at all', async () => {
    const retryAfter = async (rule: Partial<FaultRule>) =>
      (await withFault({ fault: 'rate_limited_429', retry_after_s: 90, ...rule })).headers.get('retry-after');
    expect(await retryAfter({})).toBe('90');
    expect(await retryAfter({ retry_after: 'http_date' })).toBe('Wed, 10 Aug 2022 00:01:30 GMT');
    expect(await retryAfter({ retry_after: 'absent' })).toBeNull();
  });
});

describe('bad ways', () => {
  const AN_HOUR_MS = 3_600_000;
  const post = (signal?: AbortSignal) =>
    fetch(url, { method: 'POST', body: JSON.stringify(reportRequest(HOURS)), ...(signal && { signal }) });

  it('slow_first_byte waits before the head, and then answers as ever', async () => {
    simulator.setFaults([{ fault: 'slow_first_byte', delay_ms: AN_HOUR_MS }]);
    const { requests } = simulator.counters();
    const impatient = new AbortController();
    let answered = false;
    const slow = post(impatient.signal).then(() => (answered = true));
    while (simulator.counters().requests === requests) await new Promise((look) => setTimeout(look, 5));
    simulator.setFaults([]);
    const { text } = await ask();
    expect(answered).toBe(false);
    impatient.abort(new Error('gave up'));
    await expect(slow).rejects.toThrow('gave up');
    expect((await withFault({ fault: 'slow_first_byte', delay_ms: 1 })).text).toBe(text);
  });

  it('drip sends the head at once and the body bit by bit', async () => {
    simulator.setFaults([]);
    const { text } = await ask();
    simulator.setFaults([{ fault: 'drip', delay_ms: AN_HOUR_MS }]);
    const dripping = await post();
    const first = await dripping.body?.getReader().read();
    expect(dripping.headers.get('content-length')).toBe(String(text.length));
    expect(text.startsWith(Buffer.from(first?.value ?? []).toString())).toBe(true);
    expect(first?.value?.length).toBeLessThan(text.length / 2);
    expect((await withFault({ fault: 'drip', delay_ms: 10 })).text).toBe(text);
  });

  it('reset_mid_body promises more than it sends', async () => {
    simulator.setFaults([{ fault: 'reset_mid_body' }]);
    const { port } = new URL(url);
    const body = JSON.stringify(reportRequest(HOURS));
    const received = await new Promise<string>((resolve) => {
      let text = '';
      const head = `POST /connectivity/v1/report?apikey=sim-fleet-key HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}`;
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(`${head}\r\n\r\n${body}`));
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
    });
    const promised = Number(/content-length: (\d+)/i.exec(received)?.[1]);
    expect(received.split('\r\n\r\n')[1]).toHaveLength(Math.ceil(promised / 2));
    await expect(ask()).rejects.toThrow();
  });

  it('bad_gzip cannot be unpacked', async () => {
    simulator.setFaults([{ fault: 'bad_gzip' }]);
    await expect(ask()).rejects.toThrow();
  });
});

describe('damaged text', () => {
  it.each<[FaultKind, (text: string) => string]>([
    ['truncated_json', (text) => text.slice(0, Math.ceil(text.length * 0.6))],
    ['trailing_brace', (text) => `${text}}`],
    ['duplicate_json_keys', (text) => text.replace('"value":', '"value":1,"value":')],
  ])('%s', async (fault, damage) => {
    const { text } = await ask();
    expect((await withFault({ fault })).text).toBe(damage(text));
  });

  it('duplicate keys also in NOW', async () => {
    expect((await withFault({ fault: 'duplicate_json_keys' }, NOW)).text.match(/"account_id"/g)).toHaveLength(2);
  });
});

describe('somebody else’s answer', () => {
  it.each<[FaultKind, Asked, string]>([
    ['wrong_account', HOURS, 'account_id'],
    ['wrong_site', HOURS, 'customer_site_id'],
    ['wrong_subscriber', OF_SUBSCRIBER, 'msisdn'],
  ])('%s', async (fault, asked, member) => {
    const right = await ask(asked);
    const wrong = await withFault({ fault }, asked);
    expect(typeof wrong.json[member]).toBe(typeof right.json[member]);
    expect(wrong.json[member]).not.toBe(right.json[member]);
    expect({ ...wrong.json, [member]: right.json[member] }).toEqual(right.json);
  });

  it('echo_dropped', async () => {
    expect(Object.keys((await withFault({ fault: 'echo_dropped' })).json)).toEqual(['result', 'account_id']);
  });

  it('answer_of_another_request is the neighbour’s, whole', async () => {
    const mixedUp = await withFault({ fault: 'answer_of_another_request' });
    simulator.setFaults([]);
    const neighbours = await ask({
      ...HOURS,
      filters: { account_id: accountId(2), customer_site_id: customerSiteId(FLEET, 2, 0) },
    });
    expect(mixedUp.text).toBe(neighbours.text);
    const last = { account_id: accountId(3), msisdn: 8_020_010_000_015 };
    const mixedUpLast = await withFault({ fault: 'answer_of_another_request' }, { ...HOURS, filters: last });
    expect(mixedUpLast.json).toMatchObject({ account_id: accountId(2), msisdn: 8_020_010_000_011 });
  });
});

describe('labels', () => {
  const HOUR = 3_600_000;
  const at = (item: string) => Date.parse(item.split(' ')[1] ?? '');
  it('missing_bucket takes one from the middle', async () => {
    const whole = items(await ask());
    const [missing = '', ...more] = without(whole, items(await withFault({ fault: 'missing_bucket' })));
    expect(more).toEqual([]);
    // Of 25 labels, neither the first nor the last two.
    expect(at(missing)).toBeGreaterThanOrEqual(Date.UTC(2022, 6, 5, 2));
    expect(at(missing)).toBeLessThanOrEqual(Date.UTC(2022, 6, 5, 22));
  });

  it('tail_cut leaves the given share', async () => {
    const whole = items(await ask());
    expect(items(await withFault({ fault: 'tail_cut', keep: 0.5 }))).toEqual(whole.slice(0, 25));
    expect(items(await withFault({ fault: 'tail_cut' }))).toEqual(whole.slice(0, 37));
  });

  it('duplicates one bucket, with the same or another value', async () => {
    const whole = items(await ask());
    const same = items(await withFault({ fault: 'duplicate_bucket_same' }));
    expect(same).toHaveLength(51);
    expect(without(same, whole)).toEqual([]);
    const other = items(await withFault({ fault: 'duplicate_bucket_other' }));
    const [extra = '', ...more] = without(other, whole);
    expect(more).toEqual([]);
    expect(whole.some((item) => item.startsWith(extra.replace(/\S+$/, '')))).toBe(true);
  });

  it('adds a bucket far away or off the grid', async () => {
    const whole = items(await ask());
    const [far = '', ...moreFar] = without(items(await withFault({ fault: 'bucket_out_of_range' })), whole);
    expect(at(far)).toBe(Date.UTC(2022, 6, 6) + 10 * HOUR);
    const [off = '', ...moreOff] = without(items(await withFault({ fault: 'bucket_off_grid' })), whole);
    expect(at(off) % HOUR).toBe(60_000);
    expect([...moreFar, ...moreOff]).toEqual([]);
  });

  it('shifts all labels by one bucket', async () => {
    const labels = async () => items(await ask()).map(at);
    const right = await labels();
    simulator.setFaults([{ fault: 'labels_shifted_forward' }]);
    expect(await labels()).toEqual(right.map((label) => label + HOUR));
    simulator.setFaults([{ fault: 'labels_shifted_back' }]);
    expect(await labels()).toEqual(right.map((label) => label - HOUR));
  });
});

describe('values', () => {
  it.each<[FaultKind, string]>([
    ['value_nan', 'NaN'],
    ['value_infinity', 'Infinity'],
    ['value_null', 'null'],
    ['value_negative', '-1'],
    ['value_string', '"12"'],
    ['value_1e300', '1e300'],
  ])('%s writes one %s', async (fault, text) => {
    const count = ({ text: body }: ReportReply) => body.split(`"value":${text},`).length - 1;
    expect(count(await ask())).toBe(0);
    expect(count(await withFault({ fault }))).toBe(1);
    expect((await withFault({ fault }, NOW)).text).toContain(`"uplink_bandwidth":${text},`);
  });

  it('rates × 1000 and bytes × 8', async () => {
    const values = ({ json }: ReportReply) => json.result.flat().map(({ value }) => value);
    const bytes = values(await ask());
    const rates = values(await ask(RATES));
    const eightfold = values(await withFault({ fault: 'bytes_x8' }));
    expect(eightfold).toEqual(bytes.map((value) => value * 8));
    const thousandfold = values(await withFault({ fault: 'rates_x1000' }, RATES));
    expect(thousandfold.map((rate) => Math.round(rate * 1e6))).toEqual(rates.map((rate) => Math.round(rate * 1e9)));
  });

  it('late_correction shows six hours after a window ends, beside any other fault', async () => {
    // Leaf 4: windows with number mod 1009 = 4; the first of July 2022 UTC.
    const first = Math.ceil((Date.UTC(2022, 6, 1) / 300_000 - 4) / 1009) * 1009 + 4;
    const stamp = (window: number) => `${new Date(window * 300_000).toISOString().slice(0, 19)}+00:00`;
    const asked: Asked = {
      range: [stamp(first), stamp(first)],
      granularity: 'DAY',
      filters: OF_SUBSCRIBER.filters,
      metrics: ['uplink_bytes COUNT'],
    };
    const value = async () => (await ask(asked)).json.result[0]?.[0]?.value ?? 0;
    simulator.setClock((first + 1) * 300 + 6 * 3600 - 1);
    const [early, lateButEarly] = [await value(), (simulator.setFaults([{ fault: 'late_correction' }]), await value())];
    expect(lateButEarly).toBe(early);
    simulator.setClock((first + 1) * 300 + 6 * 3600);
    const corrected = await value();
    simulator.setFaults([]);
    expect(corrected - (await value())).toBe(4096);
    simulator.setFaults([{ fault: 'late_correction' }, { fault: 'trailing_brace' }]);
    expect((await ask(asked)).text).toMatch(/}}$/);
    simulator.setClock(undefined);
  });
});

describe('which requests a rule concerns', () => {
  const statuses = async (rules: FaultRule[], requests: Asked[]) => {
    simulator.setFaults(rules);
    const seen = [];
    for (const asked of requests) seen.push((await ask(asked)).status);
    return seen;
  };
  const five = Array<Asked>(5).fill(HOURS);
  const error = (match: FaultRule['match'], times?: number): FaultRule => ({
    fault: 'error_500',
    ...(match ? { match } : {}),
    ...(times === undefined ? {} : { times }),
  });

  it.each<[string, FaultRule[], Asked[], number[]]>([
    ['all, without a condition', [error(undefined)], five, [500, 500, 500, 500, 500]],
    ['the ordinal one', [error({ ordinal: 2 })], five, [200, 500, 200, 200, 200]],
    ['every second one', [error({ every: 2 })], five, [200, 500, 200, 500, 200]],
    ['at most so many times', [error({}, 3)], five, [500, 500, 500, 200, 200]],
    ['none at probability 0', [error({ probability: 0 })], five, [200, 200, 200, 200, 200]],
    ['all at probability 1', [error({ probability: 1 })], five, [500, 500, 500, 500, 500]],
    [
      'its account',
      [error({ account: ACCOUNT })],
      [HOURS, { ...HOURS, filters: { account_id: accountId(2) } }],
      [500, 200],
    ],
    ['its site', [error({ site: SITE })], [HOURS, OF_SUBSCRIBER], [500, 200]],
    ['its metric', [error({ metric: 'downlink_bytes' })], [HOURS, RATES], [500, 200]],
    ['ordinals among those of its metric', [error({ metric: 'uplink_bytes', ordinal: 1 })], [RATES, HOURS], [200, 500]],
    [
      'the first rule that fires decides',
      [error({ ordinal: 1 }), { fault: 'unavailable_503' }],
      [HOURS, HOURS],
      [500, 503],
    ],
    [
      'a fault that cannot show does not count',
      [{ fault: 'wrong_site', match: { ordinal: 1 } }, error({ ordinal: 2 })],
      [OF_SUBSCRIBER, HOURS],
      [200, 200],
    ],
  ])('%s', async (_, rules, requests, expected) => {
    expect(await statuses(rules, requests)).toEqual(expected);
  });

  it('a rule that was overruled has not used up its times', async () => {
    const rules: FaultRule[] = [error({ ordinal: 1 }), { fault: 'unavailable_503', times: 1 }];
    expect(await statuses(rules, [HOURS, HOURS, HOURS])).toEqual([500, 503, 200]);
  });

  it('a probability draws by request and attempt, not by order of arrival', async () => {
    const rules = [error({ probability: 0.5 })];
    const hour = (index: number): Asked => ({
      ...HOURS,
      range: [`2022-07-05T${String(index).padStart(2, '0')}:00:00+00:00`, '2022-07-06T00:00:00+00:00'],
    });
    const requests = Array.from({ length: 24 }, (_, index) => hour(index));
    const forward = await statuses(rules, [...requests, ...requests]);
    const backward = await statuses(rules, [...requests.toReversed(), ...requests.toReversed()]);
    expect(forward.slice(0, 24)).toEqual(backward.slice(0, 24).toReversed());
    expect(forward.slice(24)).toEqual(backward.slice(24).toReversed());
    expect(forward.slice(0, 24)).not.toEqual(forward.slice(24));
    const failures = forward.filter((status) => status === 500).length;
    expect(failures).toBeGreaterThan(12);
    expect(failures).toBeLessThan(36);
  });

  it('counts what fired', async () => {
    const before = simulator.counters().faults['wrong_site'] ?? 0;
    await withFault({ fault: 'wrong_site' });
    await ask(OF_SUBSCRIBER);
    expect(simulator.counters().faults['wrong_site']).toBe(before + 1);
  });
});

it('closes in the middle of a slow answer', async () => {
  const own = await startReportSimulator({ fleet: FLEET, faults: [{ fault: 'slow_first_byte', delay_ms: 60_000 }] });
  const answer = post(`${own.url}/connectivity/v1/report?apikey=sim-fleet-key`, reportRequest(NOW));
  const failed = expect(answer).rejects.toThrow();
  while (own.counters().faults['slow_first_byte'] !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await own.close();
  await failed;
});
