import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { monthPeriod } from '#calendar';
import { type AccountTax, draftInvoice, totalsOf } from '#invoicing';
import { type BucketSeries, type EntityRef, type Grid, type Metric, ownedBuckets } from '#metering';
import { formatAmount, decimal, sum } from '#money';
import {
  advancesOf,
  type GivenQuantity,
  parseTariffPlan,
  presumedAdvances,
  rate,
  type RegisteredEntity,
  segmentsOf,
} from '#rating';
import { lowestTerms, recomputeByFractions, sumOfSteps } from '../support/exact-recompute.js';
import { planVersion } from '../support/rating-story.js';

/**
 * Stories of accounts, one folder each: the plan (or its versions), the usage, what the invoice must say, and beside them
 * how its amounts were worked out by hand. `UPDATE_GOLDEN=1` rewrites `invoice.json` and never what was worked out.
 */
const FOLDER = resolve('test/golden');
const ACCOUNT: EntityRef = { dimension: 'account', value: '4711' };

/** Shaped like the request of a preview. `{n}` in a member with `for_n` runs from the first number to the last. */
interface Usage {
  period: string;
  time_zone?: string;
  subscription?: { starts_at?: string; ends_at?: string };
  /** Instead of `subscription`, where there are several plans. */
  subscriptions?: { plan: string; starts_at: string; ends_at?: string }[];
  /** Fees that the invoice before has billed for the period; absent = presumed of a subscription that began before it. */
  billed_ahead?: { plan: string; version: number; charge: string; count: number }[];
  rounding?: 'half_up' | 'half_even';
  payable_rounding?: 'none' | '1' | '0.05';
  taxes?: AccountTax[];
  entities?: {
    for_n?: [number, number];
    dimension: 'customer_site_id' | 'msisdn';
    value: string;
    active_from?: string;
  }[];
  usage?: UsageItem[];
}

interface UsageItem {
  for_n?: [number, number];
  metric: 'bytes' | 'time' | 'bandwidth';
  entity?: EntityRef;
  direction?: 'uplink' | 'downlink';
  quantity?: string;
  grid?: Grid;
  /** Every bucket that the period owns, as counts of equal values. */
  runs?: [number, string][];
}

const METRICS: Readonly<Record<string, Metric>> = {
  'bytes uplink': 'uplink_bytes',
  'bytes downlink': 'downlink_bytes',
  'bandwidth uplink': 'uplink_bandwidth',
  'bandwidth downlink': 'downlink_bandwidth',
  time: 'time_usage_seconds',
};

function each<T extends { for_n?: [number, number] }>(items: readonly T[] = []): T[] {
  return items.flatMap(({ for_n: range, ...item }) => {
    const [first, last] = range ?? [0, 0];
    return Array.from(
      { length: last - first + 1 },
      (_, position) => JSON.parse(JSON.stringify(item).replaceAll('{n}', `${first + position}`)) as T,
    );
  });
}

function billed(plans: Record<string, unknown>[], story: Usage) {
  const period = monthPeriod(story.period, story.time_zone ?? 'UTC');
  const versions = plans.map((document, position) => planVersion(document, position + 1));
  const { currency } = versions[0]?.plan ?? { currency: '' };
  const rounding = story.rounding ?? 'half_up';
  const term = story.subscription ?? {};
  const items = each(story.usage);
  const listed = each(story.entities).map(
    ({ dimension, value, active_from: activeFrom = '2020-01-01' }): RegisteredEntity => {
      return { dimension, value, name: null, activeFrom, activeUntil: null };
    },
  );
  const known = new Set(listed.map(({ value }) => value));
  const used = items.flatMap(({ entity }): RegisteredEntity[] => {
    if (!entity || entity.dimension === 'account' || known.has(entity.value)) return [];
    known.add(entity.value);
    const { dimension, value } = entity;
    return [{ dimension, value, name: null, activeFrom: '2020-01-01', activeUntil: null }];
  });
  const subscriptions = story.subscriptions ?? [{ plan: 'plan', starts_at: period.startDate, ...term }];
  const terms = {
    period,
    subscriptions: subscriptions.map(({ plan, starts_at: startDate, ends_at: endDate = null }) => {
      return { planCode: plan, startDate, endDate };
    }),
    versions,
  };
  const entities = [...listed, ...used];
  const billedAhead = story.billed_ahead?.map(({ plan, ...fee }) => ({ planCode: plan, ...fee }));
  const rated = rate({
    currency,
    rounding,
    period,
    segments: segmentsOf(terms),
    advances: billedAhead
      ? advancesOf({ ...terms, billed: billedAhead, counted: null })
      : presumedAdvances({ ...terms, entities }),
    account: ACCOUNT,
    entities,
    usage: items.flatMap(({ metric, direction, entity = ACCOUNT, grid, runs }): BucketSeries[] => {
      if (!grid || !runs) return [];
      const { firstStart, count } = ownedBuckets(period, grid);
      const values = runs.flatMap(([times, value]) => new Array<string>(times).fill(value));
      if (values.length !== count) throw new Error(`${values.length} values for ${count} buckets`);
      const of = METRICS[direction ? `${metric} ${direction}` : metric];
      if (!of) throw new Error(`there is no ${metric} ${direction}`);
      return [{ entity, metric: of, grid, owned: period, firstStart, values }];
    }),
    quantities: items.flatMap(({ metric, direction, entity, quantity }): GivenQuantity[] =>
      quantity === undefined ? [] : [{ metric, direction, entity, quantity }],
    ),
  });
  if (rated.outcome === 'held') throw new Error(JSON.stringify(rated.reasons));
  const payableRounding = story.payable_rounding ?? 'none';
  const totals = totalsOf(rated.lines, story.taxes ?? [], { currency, rounding, payableRounding });
  const nobody = { address: null, taxId: null, email: null, bank: null };
  return draftInvoice({
    seller: { code: 'acme', name: 'Acme', paymentTermsDays: 30, ...nobody },
    account: { id: 'account', externalId: '4711', name: 'Account', currency, paymentTermsDays: null, ...nobody },
    period,
    measured: null,
    lines: rated.lines,
    totals,
    revision: 1,
    dialectSha256: null,
    layoutVersion: 1,
  });
}

type Billed = ReturnType<typeof billed>;

/** What the invoice says, line by line, and what it comes to. */
function invoiceOf({ kind, currency, period, lines, taxes, net, tax, gross, rounding, payable }: Billed) {
  return {
    kind,
    currency,
    period: { start: period.start, end: period.end },
    lines: lines.map(({ position, charge, description, entity, segment, quantity, unit, amount, derivation }) => ({
      position,
      charge,
      description,
      entity: entity && `${entity.dimension} ${entity.value}`,
      segment: `${segment.start_date}/${segment.end_date}`,
      quantity,
      unit,
      amount,
      steps: derivation.steps.map((step) => `${step.kind} ${lowestTerms(step.amount)}`),
    })),
    taxes,
    net,
    tax,
    gross,
    rounding,
    payable,
  };
}

/** Amounts in the form in which they are worked out by hand. Hundreds of lines of a charge stand together. */
function amountsOf({ kind, currency, lines, taxes, net, gross, rounding, payable }: Billed): string[] {
  const charges = [...new Set(lines.map(({ charge }) => charge))];
  return [
    ...charges.flatMap((charge) => {
      const amounts = lines.filter((line) => line.charge === charge).map(({ amount }) => amount);
      if (amounts.length < 100) return amounts.map((amount) => `${charge} ${amount}`);
      return [`${charge} × ${amounts.length} ${formatAmount(sum(amounts.map(decimal)), currency)}`];
    }),
    `net ${net}`,
    ...taxes.map((group) => `${group.name} ${group.category} ${group.rate} % ${group.amount}`),
    `gross ${gross}`,
    ...(/[1-9]/.test(rounding) ? [`rounding ${rounding}`] : []),
    `payable ${payable}`,
    ...(kind === 'invoice' ? [] : [kind]),
  ];
}

const entries = await readdir(FOLDER, { withFileTypes: true });
const stories = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

describe('golden stories', () => {
  it('are at least a dozen', () => expect(stories.length).toBeGreaterThanOrEqual(12));

  describe.each(stories)('%s', (name) => {
    const file = (part: string) => join(FOLDER, name, part);
    let plans: Record<string, unknown>[];
    let draft: Billed;
    beforeAll(async () => {
      const read = async (part: string) => JSON.parse(await readFile(file(part), 'utf8')) as unknown;
      plans = [await read('tariff-plan.json')].flat() as Record<string, unknown>[];
      draft = billed(plans, (await read('usage.json')) as Usage);
    });

    it('comes to the amounts that were worked out by hand', async () => {
      const [, block = ''] = /```amounts\n([\s\S]*?)```/.exec(await readFile(file('story.md'), 'utf8')) ?? [];
      // Both in one order: of the versions of a plan, each has its lines.
      const worked = block.trim().split('\n');
      expect([...amountsOf(draft)].sort()).toEqual([...worked].sort());
    });

    it('says what it said before', async () => {
      const said = invoiceOf(draft);
      if (process.env.UPDATE_GOLDEN) await writeFile(file('invoice.json'), `${JSON.stringify(said, null, 2)}\n`);
      expect(said).toEqual(JSON.parse(await readFile(file('invoice.json'), 'utf8')));
    });

    it('has lines that follow from their derivations alone, in fractions', () => {
      for (const { amount, derivation } of draft.lines) {
        const second = recomputeByFractions(derivation);
        expect(second.amount).toBe(amount);
        expect(second.exact).toBe(lowestTerms(derivation.amount));
        expect(sumOfSteps(derivation)).toBe(second.exact);
      }
    });

    it('has plans that are read back as they were written', () => {
      for (const document of plans) {
        const parsed = parseTariffPlan(document);
        if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
        expect(parseTariffPlan(JSON.parse(JSON.stringify(parsed.plan)))).toEqual(parsed);
      }
    });
  });
});
