import type { DraftInvoice, InvoiceLine, IssuedInvoice } from '#invoicing';

type Content = Omit<IssuedInvoice, 'status'>;

const period = {
  label: '2026-10',
  start: '2026-10-01T00:00:00Z',
  end: '2026-11-01T00:00:00Z',
  start_date: '2026-10-01',
  end_date: '2026-11-01',
  time_zone: 'UTC',
  measured: null,
};

const NO_BASIS = { kind: 'one_time', unit_amount: '0' } as const;

interface Step {
  kind: string;
  quantity?: string;
  unit_price?: string;
}

/** A line for the page: what it computes to is rating's business, the page prints what it is given. */
export function line(
  position: number,
  description: string,
  figures: { quantity: string; unit: string; amount: string },
  steps: Step[],
  more: Partial<InvoiceLine> = {},
): InvoiceLine {
  return {
    position,
    charge: `charge-${position}`,
    kind: 'usage',
    description,
    entity: null,
    segment: { start: period.start, end: period.end, start_date: period.start_date, end_date: period.end_date },
    unrounded_amount: figures.amount,
    tax_category: null,
    commodity_code: null,
    derivation: {
      version: 1,
      plan: { code: 'edge-business', version: 3, sha256: 'ab'.repeat(32) },
      basis: NO_BASIS,
      steps: steps.map(({ kind, quantity = null, unit_price = null }) => ({
        kind: kind as InvoiceLine['derivation']['steps'][number]['kind'],
        quantity,
        unit_price,
        tier: null,
        amount: { numerator: '0', denominator: '1' },
      })),
      amount: { numerator: figures.amount, denominator: '1' },
      rounding: { mode: 'half_up', digits: 2 },
    },
    ...figures,
    ...more,
  };
}

const site = (value: string, name: string | null) => ({ dimension: 'customer_site_id' as const, value, name });

const dollars: Content = {
  kind: 'invoice',
  id: '0198f0a4-0000-7000-8000-000000000001',
  number: 'INV-2026-000123',
  issued_at: '2026-11-04T09:30:00Z',
  issue_date: '2026-11-04',
  due_date: '2026-12-04',
  inputs_hash: '4be93a5d'.repeat(8),
  corrects: null,
  seller: 'northwind',
  account: '0198f0a4-0000-7000-8000-0000000000aa',
  supplier: {
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
  },
  customer: {
    reference: 'acct-48213',
    name: 'Harbor & Pine Logistics <West>',
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
  },
  period,
  currency: 'USD',
  lines: [
    line(
      1,
      'Platform fee',
      { quantity: '1', unit: 'period', amount: '499.00' },
      [{ kind: 'fee', quantity: '1', unit_price: '499.00' }],
      { kind: 'recurring' },
    ),
    line(
      2,
      'Site fee',
      { quantity: '3', unit: 'customer_site_id', amount: '120.00' },
      [{ kind: 'fee', quantity: '3', unit_price: '40.00' }],
      { kind: 'recurring' },
    ),
    line(3, 'Data transfer', { quantity: '2742.918223001', unit: 'GB', amount: '142.15' }, [
      { kind: 'included' },
      { kind: 'tier', quantity: '1000', unit_price: '0.08' },
      { kind: 'tier', quantity: '1242.918223001', unit_price: '0.05' },
    ]),
    line(
      4,
      '95th percentile bandwidth',
      { quantity: '137.4482', unit: 'Mbps', amount: '643.41' },
      [
        { kind: 'commit', quantity: '100', unit_price: '4.00' },
        { kind: 'burst', quantity: '37.4482', unit_price: '6.50' },
      ],
      { entity: site('site-0042', 'Oakland Pier 7') },
    ),
    line(
      5,
      'Connected time',
      { quantity: '731', unit: 'hour', amount: '8.77' },
      [{ kind: 'unit', quantity: '731', unit_price: '0.012' }],
      { entity: { dimension: 'msisdn', value: '14155550123', name: 'Crane gateway' } },
    ),
    line(6, 'Discount 10%', { quantity: '1', unit: 'item', amount: '-14.22' }, [{ kind: 'discount' }], {
      kind: 'discount',
    }),
  ],
  taxes: [
    { name: 'Sales tax', category: 'S', rate: '8.75', base: '1399.11', amount: '122.42', exemption_reason: null },
  ],
  net: '1399.11',
  tax: '122.42',
  gross: '1521.53',
  rounding: '0.00',
  payable: '1521.53',
  revision: 1,
  payment_terms_days: 30,
  notes: [
    'Bandwidth is billed as reported: averages over the seconds with traffic in each 5 minutes.',
    'Questions about this invoice: billing@northwind.example.',
  ],
  dialect_sha256: 'cd'.repeat(32),
  layout_version: 1,
};

/** One page: fees, graduated traffic, a percentile, a subscriber and a discount. */
export function dollarInvoice(): IssuedInvoice {
  return structuredClone({ ...dollars, status: 'issued' });
}

/** The same before it is issued. */
export function dollarDraft(): DraftInvoice {
  const { id: _id, number: _number, issued_at: _at, issue_date: _date, due_date: _due, ...rest } = dollars;
  const { corrects: _corrects, ...content } = rest;
  return structuredClone({ ...content, status: 'draft' });
}

/** Rupees with two tax components, a period cut at +05:30, the payable rounded to the rupee. */
export function rupeeInvoice(): IssuedInvoice {
  const base = dollarInvoice();
  return {
    ...base,
    number: 'MH-26-000017',
    currency: 'INR',
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
    period: {
      label: '2026-10',
      start: '2026-09-30T18:30:00Z',
      end: '2026-10-31T18:30:00Z',
      start_date: '2026-10-01',
      end_date: '2026-11-01',
      time_zone: 'Asia/Kolkata',
      measured: { start: '2026-09-30T19:00:00Z', end: '2026-10-31T19:00:00Z' },
    },
    lines: [
      line(
        1,
        'VSAT access, 20 Mbps committed',
        { quantity: '1', unit: 'period', amount: '1250000.00' },
        [{ kind: 'fee', quantity: '1', unit_price: '1250000.00' }],
        { kind: 'recurring', commodity_code: '998413' },
      ),
      line(
        2,
        'Data transfer',
        { quantity: '18204.337', unit: 'GiB', amount: '91021.69' },
        [{ kind: 'unit', quantity: '18204.337', unit_price: '5.00' }],
        {
          commodity_code: '998413',
          segment: {
            start: '2026-10-15T18:30:00Z',
            end: '2026-10-31T18:30:00Z',
            start_date: '2026-10-16',
            end_date: '2026-11-01',
          },
        },
      ),
    ],
    taxes: [
      { name: 'CGST', category: 'S', rate: '9', base: '1341021.69', amount: '120691.95', exemption_reason: null },
      { name: 'SGST', category: 'S', rate: '9', base: '1341021.69', amount: '120691.95', exemption_reason: null },
    ],
    net: '1341021.69',
    tax: '241383.90',
    gross: '1582405.59',
    rounding: '0.41',
    payable: '1582406.00',
    notes: ['Usage is measured in whole hours UTC; every hour belongs to the period in which it starts.'],
  };
}

/** A credit note over one line of the dollar invoice. */
export function creditNote(): IssuedInvoice {
  const base = dollarInvoice();
  return {
    ...base,
    kind: 'credit_note',
    number: 'CN-2026-000004',
    corrects: { id: base.id, number: base.number },
    lines: [
      line(1, 'Data transfer, corrected usage', { quantity: '-240.5', unit: 'GB', amount: '-12.03' }, [
        { kind: 'tier', quantity: '-240.5', unit_price: '0.05' },
      ]),
    ],
    taxes: [{ name: 'Sales tax', category: 'S', rate: '8.75', base: '-12.03', amount: '-1.05', exemption_reason: null }],
    net: '-12.03',
    tax: '-1.05',
    gross: '-13.08',
    rounding: '0.00',
    payable: '-13.08',
    notes: ['Reason: a late usage report for 14 October 2026.'],
  };
}

/** Euros over many sites; every line costs 10.00 + its position in cents, so totals follow from the count. */
export function manySites(count: number): IssuedInvoice {
  const base = dollarInvoice();
  const cents = (amount: bigint): string => `${amount / 100n}.${String(amount % 100n).padStart(2, '0')}`;
  const lines = Array.from({ length: count }, (_, index) => {
    const amount = cents(1000n + BigInt(index + 1));
    return line(
      index + 1,
      `Managed bandwidth ${String(index + 1).padStart(4, '0')}`,
      { quantity: '1', unit: 'Mbps', amount },
      [
        { kind: 'commit', quantity: '1', unit_price: amount },
        { kind: 'burst', quantity: '0', unit_price: '6.50' },
      ].slice(0, (index % 3) + (index % 5 === 0 ? 0 : 1)),
      { entity: site(`site-${index + 1}`, `Zażółć gęślą jaźń ${index + 1}, Łódź`) },
    );
  });
  const net = BigInt(count) * 1000n + (BigInt(count) * BigInt(count + 1)) / 2n;
  const tax = (net * 23n + 50n) / 100n;
  return {
    ...base,
    number: 'INV-2026-000777',
    currency: 'EUR',
    supplier: {
      ...base.supplier,
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
    lines,
    taxes: [{ name: 'VAT', category: 'S', rate: '23', base: cents(net), amount: cents(tax), exemption_reason: null }],
    net: cents(net),
    tax: cents(tax),
    gross: cents(net + tax),
    rounding: '0.00',
    payable: cents(net + tax),
  };
}
