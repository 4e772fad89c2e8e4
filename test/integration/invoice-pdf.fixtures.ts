import { type BillingPeriod, monthPeriod, toStamp } from '#calendar';
import type { DraftInvoice, InvoiceContent, InvoiceLine, IssuedInvoice, Party, TaxGroup } from '#invoicing';
import { type BucketSeries, type Dimension, type Grid, GRID_SECONDS, type Metric } from '#metering';
import { decimal, formatAmount, Ratio, sum } from '#money';
import { type GivenQuantity, parseTariffPlan, rate, type RatedLine, type RegisteredEntity, segmentsOf } from '#rating';

/** What one invoice is made from; the lines are rated, never written down. */
interface Story {
  currency: string;
  period: BillingPeriod;
  charges: unknown[];
  discounts?: unknown[];
  entities?: RegisteredEntity[];
  usage?: BucketSeries[];
  quantities?: GivenQuantity[];
}

const ACCOUNT = { dimension: 'account' as const, value: 'acct-48213' };

function ratedLines(story: Story): InvoiceLine[] {
  const { period, currency, charges, discounts = [], entities = [], usage = [], quantities } = story;
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
  const segments = segmentsOf({
    period,
    subscriptions: [{ planCode: 'edge-business', startDate: '2026-01-01', endDate: null }],
    versions: [version],
  });
  const outcome = rate({
    currency,
    rounding: 'half_up',
    period,
    segments,
    account: ACCOUNT,
    entities,
    usage,
    quantities,
  });
  if (outcome.outcome === 'held') throw new Error(JSON.stringify(outcome.reasons));
  return numbered(outcome.lines);
}

function numbered(lines: readonly RatedLine[]): InvoiceLine[] {
  return lines.map((line, index) => ({ ...line, position: index + 1 }));
}

/** Totals of lines that are all taxed alike; every component on the whole net. */
function totalsOf(
  lines: readonly InvoiceLine[],
  currency: string,
  components: { name: string; rate: string }[],
): Pick<InvoiceContent, 'taxes' | 'net' | 'tax' | 'gross' | 'rounding' | 'payable'> {
  const net = sum(lines.map((line) => decimal(line.amount)));
  const amounts = components.map(({ rate: percent }) =>
    Ratio.of(net)
      .times(Ratio.of(decimal(percent)))
      .dividedBy(Ratio.of(100))
      .round(2, 'half_up'),
  );
  const taxes: TaxGroup[] = components.map((component, index) => ({
    ...component,
    category: 'S',
    base: formatAmount(net, currency),
    amount: formatAmount(amounts[index] ?? decimal('0'), currency),
    exemption_reason: null,
  }));
  const tax = sum(amounts);
  const gross = formatAmount(sum([net, tax]), currency);
  return {
    taxes,
    net: formatAmount(net, currency),
    tax: formatAmount(tax, currency),
    gross,
    rounding: '0.00',
    payable: gross,
  };
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

const ISSUED = {
  status: 'issued',
  id: '0198f0a4-0000-7000-8000-000000000001',
  issued_at: '2026-11-04T09:30:00Z',
  issue_date: '2026-11-04',
  due_date: '2026-12-04',
  corrects: null,
} as const;

function content(story: Story, taxes: { name: string; rate: string }[]): InvoiceContent & { inputs_hash: string } {
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
    ...totalsOf(lines, story.currency, taxes),
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
export function dollarInvoice(): IssuedInvoice {
  return { ...content(dollarStory, [{ name: 'Sales tax', rate: '8.75' }]), ...ISSUED, number: 'INV-2026-000123' };
}

/** The same before it is issued. */
export function dollarDraft(): DraftInvoice {
  return { ...content(dollarStory, [{ name: 'Sales tax', rate: '8.75' }]), status: 'draft' };
}

/** Rupees with two tax components, a period cut at +05:30, the payable rounded to the rupee. */
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
      { name: 'CGST', rate: '9' },
      { name: 'SGST', rate: '9' },
    ],
  );
  return {
    ...base,
    ...ISSUED,
    // 1,250,000.00 + 183 × 499.35 = 1,341,381.05; twice 120,724.29; gross 1,582,829.63, paid in whole rupees.
    rounding: '0.37',
    payable: '1582830.00',
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

/** A credit note over part of the dollar invoice's traffic. */
export function creditNote(): IssuedInvoice {
  const invoice = dollarInvoice();
  const traffic = invoice.lines.find((line) => line.charge === 'traffic');
  if (!traffic) throw new Error('the dollar invoice has no traffic');
  const derivation = {
    ...traffic.derivation,
    steps: [
      {
        kind: 'unit' as const,
        quantity: '-240.5',
        unit_price: '0.05',
        tier: null,
        amount: { numerator: '-12.025', denominator: '1' },
      },
    ],
  };
  const lines = [
    {
      ...traffic,
      position: 1,
      description: 'Data transfer, corrected usage',
      quantity: '-240.5',
      amount: '-12.03',
      unrounded_amount: '-12.025',
      derivation,
    },
  ];
  return {
    ...invoice,
    kind: 'credit_note',
    number: 'CN-2026-000004',
    corrects: { id: invoice.id, number: invoice.number },
    lines,
    ...totalsOf(lines, 'USD', [{ name: 'Sales tax', rate: '8.75' }]),
    notes: ['Reason: a late usage report for 14 October 2026.'],
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
    [{ name: 'VAT', rate: '23' }],
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
