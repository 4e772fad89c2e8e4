import { fromStamp } from '#calendar';
import type { Catalogue } from '#persistence';
import { findSeller } from '#persistence/catalogue';
import { DIALECTS, type ProbeOptions, type ProbeReport, SealedKey } from '#report-client';
import { type ProbeSurroundings, runDialectProbe } from '../../apps/cli/src/probe.js';
import {
  accountId,
  customerSiteId,
  msisdnOf,
  type ReportSimulator,
  type ReportSimulatorOptions,
  startReportSimulator,
} from '../../apps/report-simulator/src/index.js';
import { makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { IMPATIENT } from '../support/closing.js';
import { createTestDatabase, watchSessions } from '../support/postgres.js';

const FLEET = { accounts: 2, sites: 2, subscribers: 2 };
const CANARY = 'canary-3f0a77c2b1d94e60';
const NOON = fromStamp('2026-08-20T12:34:00Z');
// Site 0 of account 0 has subscribers 0 and 1; site 1 has 2 and 3.
const TARGETS = { account: accountId(0), msisdns: [msisdnOf(0), msisdnOf(1)], site: customerSiteId(FLEET, 0, 0) };

const simulators: ReportSimulator[] = [];
afterEach(async () => {
  await Promise.all(simulators.splice(0).map((each) => each.close()));
});

/** A simulator whose clock goes on only while somebody sleeps. */
async function world(options: Partial<ReportSimulatorOptions> = {}) {
  let now = NOON;
  const started = await startReportSimulator({
    fleet: FLEET,
    seed: 7,
    apiKeys: { fleet: CANARY },
    clock: () => now,
    ...options,
  });
  simulators.push(started);
  const around = {
    clock: () => now,
    sleep: async (seconds: number) => void (now += seconds),
    retry: IMPATIENT,
  };
  const probe = (changes: Partial<ProbeOptions> = {}, targets = TARGETS) =>
    DIALECTS.probe(
      { baseUrl: started.url, apiKey: new SealedKey(CANARY), waitSeconds: 0, ...around, ...changes },
      targets,
    );
  return { url: started.url, around, probe, setTime: (at: number) => (now = at) };
}
const answers = ({ findings }: ProbeReport) =>
  Object.fromEntries(findings.map(({ question, answer }) => [question, answer]));

describe('the dialect probe', () => {
  it('finds the documented dialect, and proves it where that can be proved', async () => {
    const { probe } = await world();
    const report = await probe({ waitSeconds: 600 });
    expect(answers(report)).toEqual({
      'where the key stands': 'query',
      'labels at the edges of a range': 'r_inclusive',
      'what a label stands for': 'start',
      'how the filters of a clause combine': 'and',
      'how a subscriber is asked for': 'number or string',
      'unit and base of rates': 'Mbps, over active seconds',
      'whether rates are rounded': 'no',
      'what a percentile answers': 'a share as a fraction: 1 is the whole series',
      'whose rate a site reports': 'all subscribers',
      'longest range': 'at least 31 days',
    });
    expect(report.settings).toEqual({
      auth: 'query',
      label: 'start',
      filter_logic: 'and',
      id_json: 'number',
      unit: 'Mbps',
      round_dp: 'none',
      scope: 'all_ues',
      proven: { label: true, unit: true },
    });
  });

  it.each<[NonNullable<ReportSimulatorOptions['switches']>, string, string | null, object]>([
    [{ label: 'end' }, 'what a label stands for', 'end', { label: 'end', proven: { label: true } }],
    [{ unit: 'kbps' }, 'unit and base of rates', 'kbps, over active seconds', { unit: 'kbps', proven: { unit: true } }],
    [{ unit: 'bps' }, 'unit and base of rates', 'bps, over active seconds', { unit: 'bps', proven: { unit: true } }],
    [{ rate_base: 'wall' }, 'unit and base of rates', 'Mbps, over wall clock', { unit: 'Mbps' }],
    [{ auth: 'header' }, 'where the key stands', 'header', { auth: 'header' }],
    [{ auth: 'both' }, 'where the key stands', 'header or query', { auth: 'header' }],
    [{ percentile_scale: 'percent' }, 'what a percentile answers', 'a share in percent: 1 is not the whole series', {}],
    [{ percentile_scale: 'ignored' }, 'what a percentile answers', 'the whole series, whatever is asked', {}],
    [{ scope: 'top_ue' }, 'whose rate a site reports', 'the busiest subscriber', {}],
    // Padding takes two days of DAY, two hours of HOUR, ten minutes of SLOT.
    [{ max_range: '31d' }, 'longest range', 'DAY 29, HOUR 30', { chunk_days: { DAY: 29, HOUR: 30 } }],
    [{ max_range: '7d' }, 'longest range', 'DAY 5, HOUR 6, SLOT 6', { chunk_days: { DAY: 5, HOUR: 6, SLOT: 6 } }],
    [{ max_range: '3d' }, 'longest range', 'DAY 1, HOUR 2, SLOT 2', { chunk_days: { DAY: 1, HOUR: 2, SLOT: 2 } }],
    [{ max_range: '2d' }, 'longest range', null, {}],
    // n days of DAY are n + 3 labels a series with both edges, the second series to its last whole day: 2 n + 4 items; n days of
    // HOUR 48 n + 5; two samples of 288 n + 3 in ascending order.
    [{ max_items: 700 }, 'longest range', 'HOUR 14, SLOT 1', { chunk_days: { HOUR: 14, SLOT: 1 } }],
    [{ edge: 'half_open' }, 'labels at the edges of a range', 'half_open', {}],
    [{ edge: 'open_closed' }, 'labels at the edges of a range', 'open_closed', {}],
  ])('%j', async (switches, question, answer, settings) => {
    const { probe } = await world({ switches });
    const report = await probe();
    const found = report.findings.find((finding) => finding.question === question);
    expect(found?.answer).toBe(answer);
    expect(found?.settings ?? {}).toEqual(settings);
    expect(report.settings).toMatchObject(settings);
  });

  it('OR-ed filters are told by two subscribers that both are the account; one alone proves nothing', async () => {
    const { probe } = await world({ switches: { filter_logic: 'or' } });
    const question = 'how the filters of a clause combine';
    const both = await probe();
    expect(answers(both)[question]).toBe('or');
    // What was found is written, and holds whatever is asked of an entity.
    expect(both.settings).toMatchObject({ filter_logic: 'or' });
    const one = await probe({}, { ...TARGETS, msisdns: [msisdnOf(0)] });
    expect(answers(one)[question]).toBeNull();
  });

  it('rounded rates, where there is enough traffic to tell', async () => {
    const { probe } = await world({ switches: { round_dp: 2 }, profiles: { big: true } });
    expect((await probe()).settings).toMatchObject({ round_dp: '2' });
    const quiet = await world({ switches: { round_dp: 2 } });
    expect(answers(await quiet.probe())['whether rates are rounded']).not.toBe('no');
  });

  it('a label is a start only once its hour was seen to grow', async () => {
    const { probe } = await world();
    const atOnce = await probe();
    expect(answers(atOnce)['what a label stands for']).toBeNull();
    expect(atOnce.settings).not.toHaveProperty('label');
    // Five-minute windows: within one of them nothing grows.
    expect(answers(await probe({ waitSeconds: 30 }))['what a label stands for']).toBeNull();
  });

  it('waiting over the end of an hour proves nothing', async () => {
    const { probe, setTime } = await world();
    setTime(fromStamp('2026-08-20T12:58:00Z'));
    expect(answers(await probe({ waitSeconds: 600 }))['what a label stands for']).toBeNull();
  });

  it('tells another version of the API from a wrong key', async () => {
    const { url, around } = await world({ switches: { dialect: 'v2_2023' } });
    const probing = (apiKey: string, baseUrl = url) =>
      DIALECTS.probe({ baseUrl, apiKey: new SealedKey(apiKey), waitSeconds: 0, ...around }, TARGETS);
    const other = await probing(CANARY);
    expect(answers(other)).toEqual({ 'where the report API is': 'another version, at /connectivity/v2/report' });
    expect(answers(await probing(CANARY, `${url}/base`))).toEqual({ 'where the report API is': 'not at this path' });
    const spoken = await world();
    const wrong = await DIALECTS.probe(
      { baseUrl: spoken.url, apiKey: new SealedKey('wrong'), waitSeconds: 0, ...around },
      TARGETS,
    );
    expect(answers(wrong)).toEqual({ 'where the key stands': null });
    for (const report of [other, wrong]) expect(report.settings).toEqual({});
  });

  it('names what to set where no range is taken', async () => {
    const { probe } = await world({ switches: { max_range: '2d' } });
    const found = (await probe()).findings.find(({ question }) => question === 'longest range');
    expect(found?.evidence).toMatch(/set chunk_days\.DAY$/);
  });

  it('tells what it was not given enough for', async () => {
    const { probe } = await world();
    const report = await probe({}, { account: TARGETS.account, msisdns: [], site: undefined as never });
    expect(report.findings.filter(({ answer }) => answer === null).map(({ trap }) => trap)).toEqual([
      'T2',
      'T27',
      'T29',
      'T18, T19',
      'T20',
      'T21',
      'T23',
    ]);
    expect(report.settings).toEqual({ auth: 'query' });
  });

  it('what it finds makes a dialect', async () => {
    const { probe } = await world({ switches: { label: 'end', unit: 'kbps' } });
    const { settings } = await probe();
    expect(DIALECTS.check(settings).success).toBe(true);
  });
});

describe('meterline probe', () => {
  let database: Catalogue;
  let databaseUrl: string;
  beforeAll(async () => {
    ({ url: databaseUrl, database } = await createTestDatabase());
  });
  afterAll(() => database.$disconnect());

  const environment = () => ({
    REPORT_API_KEY: CANARY,
    DATABASE_URL: databaseUrl,
    METERLINE_SECRET_KEY: SECRET_KEY.toString('hex'),
  });
  async function run(
    args: (url: string) => string[],
    of: { env?: Record<string, string>; switches?: ReportSimulatorOptions['switches'] } = {},
  ) {
    const { url, around } = await world(of.switches ? { switches: of.switches } : {});
    let output = '';
    const surroundings: ProbeSurroundings = {
      ...around,
      environment: of.env ?? environment(),
      write: (text) => void (output += text),
    };
    const code = await runDialectProbe(args(url), surroundings);
    expect(output).not.toContain('canary');
    return { code, output };
  }
  const all = (url: string) => [
    ...['--url', url, '--account', TARGETS.account, '--site', TARGETS.site],
    ...TARGETS.msisdns.flatMap((msisdn) => ['--msisdn', msisdn]),
  ];

  it('prints what it found and names no subscriber', async () => {
    const { code, output } = await run(all);
    expect(code).toBe(0);
    for (const word of ['T27', 'Mbps, over active', 'r_inclusive', 'not told', '{"auth":"query"}']) {
      expect(output).toContain(word);
    }
    expect(output).not.toMatch(/80200100/);
  });

  it('writes the settings of a seller, on top of what is known, and nothing else of it', async () => {
    await makeSeller(database, {
      code: 'probed',
      report_api: { base_url: null, api_key: null, strict: true, dialect: { line_rate_mbps: 1_000, label: 'start' } },
    });
    const sessions = await watchSessions(databaseUrl);
    const patience = { DATABASE_IDLE_IN_TRANSACTION_SECONDS: '45', DATABASE_LOCK_TIMEOUT_SECONDS: '7' };
    const { code, output } = await run((url) => [...all(url), '--write-seller', 'probed'], {
      env: { ...environment(), ...patience },
      switches: { label: 'end', unit: 'kbps', auth: 'header' },
    });
    expect([code, output.split('\n').at(-2)]).toEqual([0, 'The dialect of seller probed is written.']);
    expect(await sessions()).toEqual([{ idle: '45s', lock: '7s', role: 'meterline_service' }]);
    const seller = await findSeller(database, 'probed');
    expect(seller?.report_api).toMatchObject({ base_url: null, strict: true, has_api_key: false });
    expect(seller?.report_api.dialect).toEqual({
      ...DIALECTS.speak({}).settings,
      line_rate_mbps: 1_000,
      label: 'end',
      unit: 'kbps',
      auth: 'header',
      filter_logic: 'and',
      scope: 'all_ues',
      proven: { label: true, unit: true },
    });
  });

  it('leaves a seller alone that reads another API', async () => {
    await makeSeller(database, {
      code: 'elsewhere',
      report_api: { base_url: 'https://reports.example', api_key: null, strict: false, dialect: null },
    });
    const { code, output } = await run((url) => [...all(url), '--write-seller', 'elsewhere']);
    expect([code, output.includes('its dialect is left alone')]).toEqual([2, true]);
    expect((await findSeller(database, 'elsewhere'))?.report_api.dialect).toBeNull();
    expect((await run((url) => [...all(url), '--write-seller', 'nobody'])).code).toBe(2);
  });

  it('wants the key in the environment, and shows none that was given as an argument', async () => {
    const without = await run(all, { env: {} });
    expect([without.code, without.output]).toEqual([2, expect.stringContaining('REPORT_API_KEY is unset')]);
    expect((await run((url) => [...all(url), `--key=${CANARY}`])).code).toBe(2);
    expect(
      (await run((url) => [...all(url), '--write-seller', 'probed'], { env: { REPORT_API_KEY: CANARY } })).output,
    ).toContain('--write-seller needs DATABASE_URL and METERLINE_SECRET_KEY');
  });

  it('a key nobody knows, and an API that is not there', async () => {
    const refused = await run(all, { env: { ...environment(), REPORT_API_KEY: 'another-key' } });
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringContaining('header answers 401, query answers 401'),
    ]);
    const away = await run(() => ['--url', 'http://127.0.0.1:9', '--account', TARGETS.account]);
    expect([away.code, away.output]).toEqual([1, expect.stringContaining('report_api_unavailable')]);
    const wrong = await run(() => ['--url', 'ftp://x', '--account', TARGETS.account]);
    expect([wrong.code, wrong.output]).toEqual([2, expect.stringContaining('invalid_configuration')]);
  });
});
