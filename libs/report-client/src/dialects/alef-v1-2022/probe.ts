import type { EpochSeconds } from '#calendar';
import { type EntityRef, type Grid, GRID_SECONDS, PackedValues } from '#metering';
import { Decimal, decimalFromNumberText, Ratio, sum, times } from '#money';
import { looksRounded } from '../../buckets.js';
import type { SeriesAsked } from '../../dialect.js';
import type { ProbeFinding, ProbeOptions, ProbeTargets, Probing } from '../../probe.js';
import { type Look, lookAt, type LookOptions } from './look.js';
import { filtersFor } from './request-form.js';
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from './settings.js';

/** What may be found out of the settings. */
type FoundSettings = Partial<
  Pick<Settings, 'auth' | 'label' | 'unit' | 'filter_logic' | 'scope' | 'id_json' | 'round_dp'>
> & {
  proven?: Partial<Settings['proven']>;
  chunk_days?: Partial<Settings['chunk_days']>;
};
type Finding = ProbeFinding & { readonly settings: FoundSettings | null };

const HOUR = GRID_SECONDS.HOUR;
const DAY = GRID_SECONDS.DAY;
/** Rates differ by rounding at most this much where they are the same. */
const PERCENT = new Decimal('0.01');
const BITS_PER_MEGABIT_BYTE = new Decimal('8e-6');

/**
 * Finds out by asking what the report API's documentation of 2022 leaves open: where the key stands first, then one question
 * after the other.
 *
 * @throws ReportApiError when the API gives no answer
 */
export const probe: Probing = async (options, targets) => {
  const known = settingsSchema.parse(options.dialect ?? {});
  const found = await findAuth({ ...options, dialect: known }, targets, options.clock());
  if (found.auth === undefined) return [found.finding];
  const steps = new Probe({ ...options, dialect: { ...known, auth: found.auth } }, targets, options).steps();
  const findings = [found.finding];
  for (const step of steps) findings.push(await step());
  return findings;
};

async function findAuth(
  options: LookOptions,
  { account }: ProbeTargets,
  now: EpochSeconds,
): Promise<{ auth: Settings['auth'] | undefined; finding: Finding }> {
  const start = Math.floor(now / DAY) * DAY - DAY;
  // No server refuses three hours for being too long.
  const answerOf = async (changes: Partial<Settings>) => {
    const asking = { ...options, dialect: { ...options.dialect, ...changes } };
    const form = formOf(account, account, 'account', BYTES, 'HOUR');
    return (await lookAt(asking, form, { start, end: start + 3 * HOUR })).status;
  };
  const finding = { question: 'where the key stands', trap: 'T32' };
  const statuses = new Map<Settings['auth'], number>();
  for (const auth of ['header', 'query'] as const) statuses.set(auth, await answerOf({ auth }));
  const works = [...statuses].filter(([, status]) => status === 200).map(([auth]) => auth);
  const evidence = [...statuses].map(([auth, status]) => `${auth} answers ${status}`).join(', ');
  // In the header it stays out of access logs, so it is preferred where both are taken.
  const [auth] = works;
  if (auth !== undefined) {
    const answer = works.length === 2 ? 'header or query' : auth;
    return { auth, finding: { ...finding, answer, evidence, settings: { auth } } };
  }
  if ([...statuses.values()].some((status) => !ABSENT.has(status))) {
    return { auth, finding: { ...finding, answer: null, evidence, settings: null } };
  }
  const others = await Promise.all(OTHER_PATHS.map(async (path) => (ABSENT.has(await answerOf({ path })) ? '' : path)));
  const elsewhere = others.filter((path) => path !== '');
  return {
    auth,
    finding: {
      question: 'where the report API is',
      trap: 'T36',
      answer: elsewhere.length > 0 ? `another version, at ${elsewhere.join(', ')}` : 'not at this path',
      evidence: `${evidence}: nothing is at ${options.dialect.path}; the key was not judged`,
      settings: null,
    },
  };
}

/** Statuses of a path or a method that a server does not know: they say nothing of the key. */
const ABSENT: ReadonlySet<number> = new Set([404, 405, 410, 501]);

/** Paths of later versions, whose forms are not spoken here. */
const OTHER_PATHS = ['/connectivity/v2/report', '/reporting/v2/reporting-service'];

type SeriesOf = readonly SeriesAsked[];
const BYTES: SeriesOf = [
  { metric: 'uplink_bytes', aggregation: 'COUNT' },
  { metric: 'downlink_bytes', aggregation: 'COUNT' },
];
const TIME: SeriesOf = [{ metric: 'time_usage_seconds', aggregation: 'COUNT' }];
const AVERAGE: SeriesOf = [
  { metric: 'uplink_bandwidth', aggregation: 'AVG' },
  { metric: 'downlink_bandwidth', aggregation: 'AVG' },
];
const SAMPLES: SeriesOf = [
  { metric: 'uplink_bandwidth', aggregation: 'none' },
  { metric: 'downlink_bandwidth', aggregation: 'none' },
];

function formOf(account: string, value: string, dimension: EntityRef['dimension'], series: SeriesOf, grid: Grid) {
  const namesDimension = dimension !== 'account';
  return { filters: filtersFor(account, { dimension, value }), series, namesDimension, grid };
}

/** What was seen does not tell. */
function untold(question: string, trap: string, evidence: string): Finding {
  return { question, trap, answer: null, evidence, settings: null };
}

class Probe {
  constructor(
    private readonly asking: LookOptions,
    private readonly targets: ProbeTargets,
    private readonly patience: Pick<ProbeOptions, 'clock' | 'waitSeconds' | 'sleep'>,
  ) {}

  steps(): (() => Promise<Finding>)[] {
    return [
      () => this.edge(),
      () => this.label(),
      () => this.filterLogic(),
      () => this.idJson(),
      () => this.unit(),
      () => this.rounding(),
      () => this.percentile(),
      () => this.scope(),
      () => this.range(),
    ];
  }

  private look(
    entity: EntityRef,
    series: SeriesOf,
    grid: Grid,
    range: { start: EpochSeconds; end: EpochSeconds },
    changes: Partial<Settings> = {},
  ): Promise<Look> {
    const asking = { ...this.asking, dialect: { ...this.asking.dialect, ...changes } };
    return lookAt(asking, formOf(this.targets.account, entity.value, entity.dimension, series, grid), range);
  }

  private get whole(): EntityRef {
    return { dimension: 'account', value: this.targets.account };
  }

  private get site(): EntityRef | undefined {
    const { site } = this.targets;
    return site === undefined ? undefined : { dimension: 'customer_site_id', value: site };
  }

  private get subscribers(): EntityRef[] {
    return this.targets.msisdns.map((value) => ({ dimension: 'msisdn', value }));
  }

  /** A closed UTC day that late usage can no longer be expected for: the one before yesterday. */
  private closedDay(): { start: EpochSeconds; end: EpochSeconds } {
    const today = Math.floor(this.patience.clock() / DAY) * DAY;
    return { start: today - 2 * DAY, end: today - DAY };
  }

  private async edge(): Promise<Finding> {
    const { start } = this.closedDay();
    const range = { start, end: start + 3 * HOUR };
    const labels = [...(await this.look(this.whole, BYTES, 'HOUR', range)).values('uplink_bytes', 'COUNT').keys()];
    const [first, last] = [labels.includes(range.start), labels.includes(range.end)];
    const answer = first ? (last ? 'r_inclusive' : 'half_open') : last ? 'open_closed' : null;
    const evidence = `3 hours asked, ${labels.length} labels answered, ${first ? 'with' : 'without'} the start, ${last ? 'with' : 'without'} the end`;
    // The range is padded and cut again, so nothing depends on it.
    return { question: 'labels at the edges of a range', trap: 'T1, T6', answer, evidence, settings: null };
  }

  private async label(): Promise<Finding> {
    const question = 'what a label stands for';
    const proven = (answer: 'start' | 'end', evidence: string): Finding => ({
      question,
      trap: 'T2',
      answer,
      evidence,
      settings: { label: answer, proven: { label: true } },
    });
    const before = await this.openHour();
    if (isPositive(before.values.get(before.next))) {
      return proven('end', 'an hour that is labelled by the next full hour has traffic already');
    }
    if (this.patience.waitSeconds > 0) {
      await this.patience.sleep(this.patience.waitSeconds);
      const after = await this.openHour();
      if (after.next === before.next) {
        const grown = [before.next - HOUR, before.next].filter((label) => hasGrown(before.values, after.values, label));
        if (grown.length === 1) {
          const answer = grown[0] === before.next ? 'end' : 'start';
          return proven(answer, `the hour that grows is labelled by its ${answer}`);
        }
      }
      const evidence = `no hour grew within ${this.patience.waitSeconds} s: wait longer, within one hour`;
      return untold(question, 'T2', evidence);
    }
    const evidence = 'the last label with traffic is the hour that is running; --wait proves whether it is its start';
    return untold(question, 'T2', evidence);
  }

  private async openHour() {
    const next = Math.floor(this.patience.clock() / HOUR) * HOUR + HOUR;
    const look = await this.look(this.whole, BYTES, 'HOUR', { start: next - 4 * HOUR, end: next + HOUR });
    return { next, values: look.values('downlink_bytes', 'COUNT') };
  }

  private async filterLogic(): Promise<Finding> {
    const question = 'how the filters of a clause combine';
    const unknown = (evidence: string) => untold(question, 'T27', evidence);
    const subscribers = this.subscribers.slice(0, 2);
    if (subscribers.length === 0) return unknown('no subscriber was named');
    const range = this.closedDay();
    const bytesOf = async (entity: EntityRef) =>
      (await this.look(entity, BYTES, 'HOUR', range)).values('downlink_bytes', 'COUNT');
    const whole = await bytesOf(this.whole);
    const parts = await Promise.all(subscribers.map(bytesOf));
    const busy = [...whole].filter(([, value]) => isPositive(value));
    if (busy.length === 0 || parts.some((part) => part.size === 0))
      return unknown('nobody was active on the day before yesterday');
    const differing = parts.map(
      (part) => busy.filter(([label, value]) => part.has(label) && !isSame(part.get(label), value)).length,
    );
    const evidence = `${differing.map((count) => `a subscriber differs from the account in ${count}`).join(', ')} of ${busy.length} hours with traffic`;
    if (differing.every((count) => count > 0)) {
      return { question, trap: 'T27', answer: 'and', evidence, settings: { filter_logic: 'and' } };
    }
    if (differing.length === 2 && differing.every((count) => count === 0)) {
      return { question, trap: 'T27', answer: 'or', evidence, settings: { filter_logic: 'or' } };
    }
    return unknown(`${evidence}; name two subscribers that were active`);
  }

  private async idJson(): Promise<Finding> {
    const question = 'how a subscriber is asked for';
    const [subscriber] = this.subscribers;
    if (!subscriber) {
      return untold(question, 'T29', 'no subscriber was named');
    }
    const forms = await Promise.all(
      (['number', 'string'] as const).map(async (form) => {
        const look = await this.look(subscriber, BYTES, 'HOUR', this.closedDay(), { id_json: form });
        return { form, look, items: look.values('uplink_bytes', 'COUNT').size };
      }),
    );
    const taken = forms.filter(({ items }) => items > 0).map(({ form }) => form);
    const evidence = forms
      .map(({ form, look, items }) => {
        const echo = look.echo.get('msisdn');
        return `as a ${form}: ${look.status}, ${items} hours, echoed as a ${echo?.isNumber ? 'number' : 'string'}`;
      })
      .join('; ');
    const [first] = taken;
    const answer = taken.length === 2 ? 'number or string' : (first ?? null);
    // The documented form wins where both are taken.
    return { question, trap: 'T29', answer, evidence, settings: first === undefined ? null : { id_json: first } };
  }

  private async unit(): Promise<Finding> {
    const question = 'unit and base of rates';
    const unknown = (evidence: string) => untold(question, 'T18, T19', evidence);
    const [entity = this.site] = this.subscribers;
    if (!entity) return unknown('neither a subscriber nor a site was named');
    const range = this.closedDay();
    const [bytes, time, rates] = await Promise.all([
      this.look(entity, BYTES, 'HOUR', range),
      this.look(entity, TIME, 'HOUR', range),
      this.look(entity, AVERAGE, 'HOUR', range),
    ]);
    const seconds = time.values('time_usage_seconds', 'COUNT');
    const rate = rates.values('downlink_bandwidth', 'AVG');
    const megabits = new Map(
      [...bytes.values('downlink_bytes', 'COUNT')].map(([label, text]) => [
        label,
        times(decimalFromNumberText(text), BITS_PER_MEGABIT_BYTE),
      ]),
    );
    const hours = [...rate].filter(
      ([label, text]) => isPositive(text) && megabits.get(label)?.isPositive() && isPositive(seconds.get(label)),
    );
    if (hours.length === 0) return unknown(`no hour has bytes, time and a rate (${entity.dimension})`);
    for (const [unit, perMbps] of UNITS) {
      for (const base of ['active seconds', 'wall clock'] as const) {
        const agrees = hours.every(([label, text]) => {
          const over = base === 'wall clock' ? new Decimal(HOUR) : decimalFromNumberText(seconds.get(label) ?? '');
          const expected = Ratio.of(times(megabits.get(label) ?? new Decimal(0), perMbps), over);
          return isWithin(Ratio.of(decimalFromNumberText(text)), expected);
        });
        if (!agrees) continue;
        const evidence = `bytes ÷ ${base} is the rate in ${unit} in ${hours.length} of ${hours.length} hours (${entity.dimension})`;
        const settings = base === 'active seconds' ? { unit, proven: { unit: true } } : { unit };
        return { question, trap: 'T18, T19', answer: `${unit}, over ${base}`, evidence, settings };
      }
    }
    const [label = 0, text = ''] = hours[0] ?? [];
    const apart = Ratio.of(decimalFromNumberText(text)).dividedBy(
      Ratio.of(megabits.get(label) ?? new Decimal(1), decimalFromNumberText(seconds.get(label) ?? '1')),
    );
    return unknown(
      `a rate is ${apart.toTruncated(3)} times bytes ÷ seconds; name a subscriber, whose seconds are one's own`,
    );
  }

  private async rounding(): Promise<Finding> {
    const question = 'whether rates are rounded';
    const entity = this.site ?? this.subscribers[0];
    const look = entity && (await this.look(entity, SAMPLES, 'SLOT', this.closedDay()));
    const samples = look ? [...look.values('downlink_bandwidth', 'none').values()].filter(isPositive) : [];
    if (samples.length < 100) {
      const evidence = `${samples.length} samples above 0; 100 are needed`;
      return untold(question, 'T20', evidence);
    }
    // As they were answered, in whatever unit that is.
    const isRounded = looksRounded(PackedValues.of(samples), 0);
    return {
      question,
      trap: 'T20',
      answer: isRounded ? 'to 2 decimals' : 'no',
      evidence: `${samples.length} samples above 0, ${isRounded ? 'hardly any' : 'most'} with a third decimal`,
      settings: { round_dp: isRounded ? '2' : 'none' },
    };
  }

  private async percentile(): Promise<Finding> {
    const question = 'what a percentile answers';
    const entity = this.site ?? this.subscribers[0];
    if (!entity) return untold(question, 'T21', 'no site was named');
    const counts = new Map<number, number>();
    for (const comparison_value of [1, 0.95, 0.5, 95]) {
      // The schema knows one value because one is billed; here the others are asked for to learn what it means.
      const percentile = { mode: 'local', comparison_value } as unknown as Settings['percentile'];
      const look = await this.look(entity, SAMPLES, 'SLOT', this.closedDay(), { percentile });
      counts.set(comparison_value, look.values('downlink_bandwidth', 'none').size);
    }
    const [all = 0, upper = 0, half = 0, percent = 0] = counts.values();
    const evidence = [...counts].map(([value, count]) => `${value}: ${count}`).join(', ');
    const answer =
      all === 0 && percent === 0
        ? null
        : all === upper && all === half
          ? 'the whole series, whatever is asked'
          : percent > all
            ? 'a share in percent: 1 is not the whole series'
            : half < upper && upper < all
              ? 'a share as a fraction: 1 is the whole series'
              : null;
    // Percentiles are ranked here from the whole series; nothing else is spoken.
    return { question, trap: 'T21', answer, evidence: `samples of a day: ${evidence}`, settings: null };
  }

  private async scope(): Promise<Finding> {
    const question = 'whose rate a site reports';
    const unknown = (evidence: string) => untold(question, 'T23', evidence);
    const { site, subscribers } = this;
    if (!site || subscribers.length < 2) return unknown('name a site and all its subscribers, at least two');
    const range = this.closedDay();
    const rateOf = async (entity: EntityRef) =>
      (await this.look(entity, AVERAGE, 'HOUR', range)).values('downlink_bandwidth', 'AVG');
    const whole = await rateOf(site);
    const parts = await Promise.all(subscribers.map(rateOf));
    const hours = [...whole].filter(
      ([label, value]) => isPositive(value) && parts.filter((part) => isPositive(part.get(label))).length >= 2,
    );
    if (hours.length === 0) return unknown('no hour in which two of the subscribers were active');
    const rates = (label: EpochSeconds) => parts.map((part) => decimalFromNumberText(part.get(label) ?? '0'));
    const agrees = (of: (rates: Decimal[]) => Decimal) =>
      hours.every(([label, value]) => isWithin(Ratio.of(decimalFromNumberText(value)), Ratio.of(of(rates(label)))));
    const evidence = `${hours.length} hours, ${subscribers.length} subscribers`;
    if (agrees((all) => sum(all))) {
      return { question, trap: 'T23', answer: 'all subscribers', evidence, settings: { scope: 'all_ues' } };
    }
    if (agrees((all) => Decimal.max(...all))) {
      return {
        question,
        trap: 'T23',
        answer: 'the busiest subscriber',
        evidence: `${evidence}: do not bill rates`,
        settings: null,
      };
    }
    return unknown(`${evidence}: the rate is neither their sum nor the highest; name all subscribers of the site`);
  }

  /** What one request may ask for of each grid, without the padding that a pull adds. */
  private async range(): Promise<Finding> {
    const question = 'longest range';
    const of = this.site ?? this.subscribers[0];
    const asked: [Grid, EntityRef, SeriesOf][] = [
      ['DAY', this.whole, BYTES],
      ['HOUR', this.whole, BYTES],
      ...(of ? ([['SLOT', of, SAMPLES]] as [Grid, EntityRef, SeriesOf][]) : []),
    ];
    const tried: string[] = [];
    const found: [Grid, number][] = [];
    for (const [grid, entity, series] of asked) {
      const days = await this.longestRange(entity, series, grid, tried);
      found.push([grid, days]);
    }
    const evidence = tried.join('; ');
    const none = found.filter(([, days]) => days === 0).map(([grid]) => grid);
    if (none.length > 0) {
      return untold(
        question,
        'T35',
        `${evidence}: no range is taken whole; ask the vendor, and set chunk_days.${none[0]}`,
      );
    }
    const limited = found.filter(([grid, days]) => days < DEFAULT_SETTINGS.chunk_days[grid]);
    return {
      question,
      trap: 'T35',
      answer:
        limited.length === 0 ? `at least ${found[0]?.[1]} days` : limited.map((each) => each.join(' ')).join(', '),
      evidence,
      settings: limited.length === 0 ? null : { chunk_days: Object.fromEntries(limited) },
    };
  }

  /** By bisection: whole days, up to the default of a dialect, that are answered with status 200 and to the end. 0: none. */
  private async longestRange(entity: EntityRef, series: SeriesOf, grid: Grid, tried: string[]): Promise<number> {
    const width = GRID_SECONDS[grid];
    const { end } = this.closedDay();
    const ask = async (days: number) => {
      // Padded by a bucket on both sides, as a pull would be.
      const look = await this.look(entity, series, grid, { start: end - days * DAY - width, end: end + width });
      const labels = series.map(
        ({ metric, aggregation }) =>
          [...look.values(metric, aggregation).keys()].filter((label) => label > end - DAY && label < end).length,
      );
      return { status: look.status, labels };
    };
    const alone = await ask(1);
    tried.push(`${grid} 1: ${alone.status}`);
    if (alone.status !== 200) return 0;
    // An answer that is cut says nothing of it: the last day then has fewer labels than when it is asked for alone.
    const isWhole = async (days: number) => {
      const { status, labels } = await ask(days);
      const whole = status === 200 && labels.every((count, index) => count === alone.labels[index]);
      tried.push(`${days}: ${status === 200 && !whole ? 'cut' : status}`);
      return whole;
    };
    let taken = 1;
    let refused = DEFAULT_SETTINGS.chunk_days[grid] + 1;
    for (let days = refused - 1; refused - taken > 1; days = Math.floor((taken + refused) / 2)) {
      if (await isWhole(days)) taken = days;
      else refused = days;
    }
    return taken;
  }
}

const UNITS: readonly (readonly [Settings['unit'], Decimal])[] = [
  ['Mbps', new Decimal(1)],
  ['kbps', new Decimal('1e3')],
  ['bps', new Decimal('1e6')],
];

function isPositive(text: string | undefined): boolean {
  return text !== undefined && decimalFromNumberText(text).greaterThan(0);
}

function isSame(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && decimalFromNumberText(a).equals(decimalFromNumberText(b));
}

function hasGrown(before: ReadonlyMap<number, string>, after: ReadonlyMap<number, string>, label: number): boolean {
  const [earlier, later] = [before.get(label) ?? '0', after.get(label) ?? '0'];
  return decimalFromNumberText(later).greaterThan(decimalFromNumberText(earlier));
}

/** Equal within 1 %. */
function isWithin(value: Ratio, expected: Ratio): boolean {
  const apart = value.minus(expected);
  const bound = expected.times(Ratio.of(PERCENT));
  return apart.compare(bound) <= 0 && apart.compare(bound.negated()) >= 0;
}
