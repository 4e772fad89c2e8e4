import { type BillingPeriod, monthPeriod, toStamp } from '#calendar';
import {
  type AccountTax,
  correctionOf,
  type DraftInvoice,
  type InvoiceContent,
  type InvoiceLine,
  type IssuedInvoice,
  type Party,
  totalsOf,
  type Totals,
} from '#invoicing';
import { type BucketSeries, type Dimension, type Grid, GRID_SECONDS, type Metric } from '#metering';
import {
  type GivenQuantity,
  parseTariffPlan,
  presumedAdvances,
  rate,
  type RatedLine,
  type RegisteredEntity,
  segmentsOf,
} from '#rating';

/** What one invoice is made from; the lines are rated, never written down. */
interface Story {
  currency: string;
  period: BillingPeriod;
  charges: unknown[];
  discounts?: unknown[];
  entities?: RegisteredEntity[];
  usage?: BucketSeries[];
  quantities?: GivenQuantity[];
  /** Whether its lines carry what pictures are drawn from; those of earlier layouts do not. */
  charts?: boolean;
}

const ACCOUNT = { dimension: 'account' as const, value: 'acct-48213' };

function ratedLines(story: Story): InvoiceLine[] {
  const { period, currency, charges, discounts = [], entities = [], usage = [], quantities, charts } = story;
  const document = {
    code: 'edge-business',
    name: 'Edge Business',
    currency,
    effective_from: '2026-01-01',
    charges,
    discounts,
  };
  const parsed = parseTariffPlan(document);
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.errors));
  const version = {
    code: 'edge-business',
    version: 3,
    effectiveFrom: '2026-01-01',
    plan: parsed.plan,
    sha256: 'ab'.repeat(32),
  };
  const subscriptions = [{ planCode: 'edge-business', startDate: '2026-01-01', endDate: null }];
  const terms = { period, subscriptions, versions: [version] };
  const outcome = rate({
    currency,
    rounding: 'half_up',
    period,
    segments: segmentsOf(terms),
    advances: presumedAdvances({ ...terms, entities }),
    account: ACCOUNT,
    entities,
    usage,
    quantities,
    charts,
  });
  if (outcome.outcome === 'held') throw new Error(JSON.stringify(outcome.reasons));
  return numbered(outcome.lines);
}

function numbered(lines: readonly RatedLine[]): InvoiceLine[] {
  return lines.map((line, index) => ({ ...line, position: index + 1 }));
}

/** A series over the whole period, its values by slot number. */
function series(
  period: BillingPeriod,
  metric: Metric,
  grid: Grid,
  entity: { dimension: Dimension; value: string },
  value: (slot: number) => string,
): BucketSeries {
  const count = (period.end - period.start) / GRID_SECONDS[grid];
  const values = Array.from({ length: count }, (_, slot) => value(slot));
  return { entity, metric, grid, owned: { start: period.start, end: period.end }, firstStart: period.start, values };
}

function periodOf(period: BillingPeriod): InvoiceContent['period'] {
  return {
    label: period.label,
    start: toStamp(period.start),
    end: toStamp(period.end),
    start_date: period.startDate,
    end_date: period.endDate,
    time_zone: period.timeZone,
    measured: null,
  };
}

const october = monthPeriod('2026-10', 'America/Los_Angeles');

const northwind: InvoiceContent['supplier'] = {
  reference: 'northwind',
  name: 'Northwind Transit Inc.',
  address: {
    line1: '1201 Third Avenue',
    line2: 'Suite 2200',
    city: 'Seattle',
    region: 'WA',
    postal_code: '98101',
    country: 'US',
  },
  tax_id: '91-1144442',
  email: 'billing@northwind.example',
  bank: { iban: 'DE89370400440532013000', bic: 'COBADEFFXXX' },
};

const harborPine: Party = {
  reference: ACCOUNT.value,
  name: 'Harbor & Pine Logistics LLC',
  address: {
    line1: '88 Pier Road',
    line2: null,
    city: 'Oakland',
    region: 'CA',
    postal_code: '94607',
    country: 'US',
  },
  tax_id: '94-3320511',
  email: 'accounts@harborpine.example',
};

const site = (value: string, name: string, activeFrom = '2026-01-01'): RegisteredEntity => ({
  dimension: 'customer_site_id',
  value,
  name,
  activeFrom,
  activeUntil: null,
});

/** The full number of the one subscriber, which no page may show. */
export const MSISDN = '14155550123';

const dollarStory: Story = {
  currency: 'USD',
  period: october,
  charges: [
    { code: 'platform', name: 'Platform fee', type: 'recurring', amount: '499.00' },
    { code: 'site-fee', name: 'Site fee', type: 'recurring', amount: '40.00', per: 'customer_site_id' },
    {
      code: 'traffic',
      name: 'Data transfer',
      type: 'usage',
      measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' },
      included: '500',
      price: {
        model: 'graduated',
        tiers: [
          { up_to: '1000', unit_price: '0.08' },
          { up_to: null, unit_price: '0.05' },
        ],
      },
    },
    {
      code: 'burst',
      name: '95th percentile bandwidth',
      type: 'usage',
      measure: {
        metric: 'bandwidth',
        aggregation: 'percentile',
        percentile: '95',
        per: 'customer_site_id',
        direction: 'uplink',
        missing: 'zero',
        unit: 'Mbps',
      },
      filter: { customer_site_id: ['site-0042'] },
      price: { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' },
    },
    {
      code: 'airtime',
      name: 'Connected time',
      type: 'usage',
      measure: { metric: 'time', per: 'msisdn', unit: 'hour', round: { to: '1', mode: 'up' } },
      price: { model: 'per_unit', unit_price: '0.012' },
    },
  ],
  discounts: [{ type: 'percentage', value: '10', applies_to: ['traffic'] }],
  entities: [
    site('site-0042', 'Oakland Pier 7'),
    site('site-0051', 'Alameda Yard', '2026-10-16'),
    { dimension: 'msisdn', value: MSISDN, name: 'Crane gateway', activeFrom: '2026-01-01', activeUntil: null },
  ],
  usage: [
    series(october, 'uplink_bytes', 'HOUR', ACCOUNT, () => '500000000'),
    series(october, 'downlink_bytes', 'HOUR', ACCOUNT, (hour) => `${3_000_000_000 + hour}`),
    // 7919 and 8928 share no divisor: the samples are 0.00, 0.02, … 178.54 Mbps, each once.
    series(
      october,
      'uplink_bandwidth',
      'SLOT',
      { dimension: 'customer_site_id', value: 'site-0042' },
      (slot) => `${((slot * 7919) % 8928) / 50}`,
    ),
    series(october, 'time_usage_seconds', 'HOUR', { dimension: 'msisdn', value: MSISDN }, () => '1800'),
  ],
};

const SALES_TAX: AccountTax[] = [{ name: 'Sales tax', category: 'S', rate: '8.75' }];

function totalsIn(currency: string, lines: readonly RatedLine[], taxes: AccountTax[]): Totals {
  return totalsOf(lines, taxes, { currency, rounding: 'half_up', payableRounding: currency === 'INR' ? '1' : 'none' });
}

const ISSUED = {
  status: 'issued',
  id: '0198f0a4-0000-7000-8000-000000000001',
  issued_at: '2026-11-04T09:30:00Z',
  issue_date: '2026-11-04',
  due_date: '2026-12-04',
  corrects: null,
} as const;

function content(story: Story, taxes: AccountTax[]): InvoiceContent & { inputs_hash: string } {
  const lines = ratedLines(story);
  return {
    kind: 'invoice',
    inputs_hash: '4be93a5d'.repeat(8),
    seller: 'northwind',
    account: '0198f0a4-0000-7000-8000-0000000000aa',
    supplier: northwind,
    customer: harborPine,
    period: periodOf(story.period),
    currency: story.currency,
    lines,
    ...totalsIn(story.currency, lines, taxes),
    revision: 1,
    payment_terms_days: 30,
    notes: [
      'Bandwidth is billed as reported: averages over the seconds with traffic in each 5 minutes.',
      'Questions about this invoice: billing@northwind.example.',
    ],
    dialect_sha256: 'cd'.repeat(32),
    layout_version: 1,
  };
}

/**
 * One page. By hand: fees 499.00 and 40 + 40 × 16/31 = 60.645… → 60.65; 2604.000276396 GB less 500 included: 1000 × 0.08 +
 * 1104.000276396 × 0.05 = 135.20; rank 8482 of 8928 is 169.62 Mbps: 100 × 4.00 + 69.62 × 6.50 = 852.53; 372 h × 0.012 =
 * 4.464 → 4.46; 10 % of 135.20 off. Net 1538.32, tax at 8.75 % 134.603 → 134.60, gross 1672.92.
 */
export function dollarInvoice({ charts = false } = {}): IssuedInvoice {
  return { ...content({ ...dollarStory, charts }, SALES_TAX), ...ISSUED, number: 'INV-2026-000123' };
}

/** The same before it is issued. */
export function dollarDraft(): DraftInvoice {
  return { ...content(dollarStory, SALES_TAX), status: 'draft' };
}

/**
 * Rupees with two tax components, a period cut at +05:30, the payable rounded to the rupee. By hand: 1,250,000.00 + 183 ×
 * 499.35 = 1,341,381.05; twice 120,724.29; gross 1,582,829.63.
 */
export function rupeeInvoice(): IssuedInvoice {
  const period = monthPeriod('2026-10', 'Asia/Kolkata');
  const base = content(
    {
      currency: 'INR',
      period,
      charges: [
        {
          code: 'vsat',
          name: 'VSAT access, 20 Mbps committed',
          type: 'recurring',
          amount: '1250000.00',
          commodity_code: '998413',
        },
        {
          code: 'traffic',
          name: 'Data transfer',
          type: 'usage',
          measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GiB' },
          price: { model: 'package', size: '100', package_price: '499.35' },
          commodity_code: '998413',
        },
      ],
      quantities: [{ metric: 'bytes', quantity: '19546757300000' }],
    },
    [
      { name: 'CGST', category: 'S', rate: '9' },
      { name: 'SGST', category: 'S', rate: '9' },
    ],
  );
  return {
    ...base,
    ...ISSUED,
    number: 'MH-26-000017',
    supplier: {
      reference: 'satlink-in',
      name: 'Satlink Networks Private Limited',
      address: {
        line1: '4th Floor, Tower B, Prestige Tech Park',
        line2: 'Outer Ring Road',
        city: 'Bengaluru',
        region: 'Karnataka',
        postal_code: '560103',
        country: 'IN',
      },
      tax_id: '29AABCS1429B1ZB',
      email: 'accounts@satlink.example',
      bank: null,
    },
    customer: {
      reference: 'acct-90017',
      name: 'हिमालय Freight Movers LLP',
      address: {
        line1: '12 Mahatma Gandhi Road',
        line2: null,
        city: 'Mysuru',
        region: 'Karnataka',
        postal_code: '570001',
        country: 'IN',
      },
      tax_id: '29AAGFH2212C1Z8',
      email: null,
    },
    period: { ...periodOf(period), measured: { start: '2026-09-30T19:00:00Z', end: '2026-10-31T19:00:00Z' } },
    notes: ['Usage is measured in whole hours UTC; every hour belongs to the period in which it starts.'],
  };
}

/**
 * What the dollar invoice must be corrected by when its downlink was 0.3 GB less in each of the 744 hours. By hand:
 * 2380.800276396 GB come to 80.00 + 1880.800276396 − 1000 at 0.05 = 124.04, 11.16 less; its discount to 12.40, 1.12 less;
 * net −10.04; tax 133.72, 0.88 less.
 */
export function creditNote(): IssuedInvoice {
  const original = dollarInvoice();
  const usage = dollarStory.usage?.map((each) =>
    each.metric === 'downlink_bytes'
      ? series(october, 'downlink_bytes', 'HOUR', ACCOUNT, (hour) => `${2_700_000_000 + hour}`)
      : each,
  );
  const lines = ratedLines({ ...dollarStory, ...(usage && { usage }) });
  const correction = correctionOf({
    original,
    issued: [original],
    rerated: { lines, totals: totalsIn('USD', lines, SALES_TAX) },
    taxing: { taxes: SALES_TAX, options: { currency: 'USD', rounding: 'half_up', payableRounding: 'none' } },
    dialectSha256: null,
    layoutVersion: 1,
  });
  if (!correction) throw new Error('nothing to correct');
  return {
    ...correction,
    ...ISSUED,
    inputs_hash: '77'.repeat(32),
    number: 'CN-2026-000004',
    corrects: { id: original.id, number: original.number },
  };
}

/** Euros over many sites, one line each: 5 Mbps committed at 2.00, what lies above at 3.00. */
export function manySites(count: number): IssuedInvoice {
  const period = monthPeriod('2026-10', 'Europe/Warsaw');
  const sites = Array.from({ length: count }, (_, index) =>
    site(`site-${String(index + 1).padStart(4, '0')}`, `Zażółć gęślą jaźń ${index + 1}`),
  );
  const base = content(
    {
      currency: 'EUR',
      period,
      charges: [
        {
          code: 'managed',
          name: 'Managed bandwidth',
          type: 'usage',
          measure: {
            metric: 'bandwidth',
            aggregation: 'percentile',
            percentile: '95',
            per: 'customer_site_id',
            direction: 'uplink',
            missing: 'zero',
            unit: 'Mbps',
          },
          price: { model: 'commit_burst', commit: '5', commit_unit_price: '2.00', burst_unit_price: '3.00' },
        },
      ],
      entities: sites,
      quantities: sites.map(({ dimension, value }, index) => ({
        metric: 'bandwidth',
        direction: 'uplink',
        entity: { dimension, value },
        quantity: `${(index % 20) + 1}.25`,
      })),
    },
    [{ name: 'VAT', category: 'S', rate: '23' }],
  );
  return {
    ...base,
    ...ISSUED,
    number: 'INV-2026-000777',
    supplier: {
      ...northwind,
      name: 'Wisła Łączność S.A.',
      address: {
        line1: 'ul. Piotrkowska 104',
        line2: null,
        city: 'Łódź',
        region: null,
        postal_code: '90-926',
        country: 'PL',
      },
      tax_id: 'PL7251801126',
    },
  };
}
