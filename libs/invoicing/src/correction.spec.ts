import fc from 'fast-check';
import { fromStamp, monthPeriod, startOfDay, toStamp } from '#calendar';
import { Decimal, decimal } from '#money';
import type { RatedLine } from '#rating';
import { correctionOf } from './correction.js';
import { assertConserved, draftInvoice, issueInvoice } from './documents.js';
import type { AccountTax, Address, IssuedInvoice } from './invoice.js';
import { totalsOf, type TotalsOptions } from './totals.js';

const ADDRESS: Address = {
  line1: 'MG Road 1',
  line2: null,
  city: 'Bengaluru',
  region: 'Karnataka',
  postal_code: '560001',
  country: 'IN',
};
const OCTOBER = monthPeriod('2026-10', 'Asia/Kolkata');
const GST: AccountTax[] = [
  { name: 'CGST', category: 'S', rate: '9' },
  { name: 'SGST', category: 'S', rate: '9' },
  { name: 'Zero', category: 'Z', rate: '0' },
];
const RUPEES: TotalsOptions = { currency: 'INR', rounding: 'half_up', payableRounding: '1' };

interface Told {
  charge: string;
  amount: string;
  quantity?: string;
  site?: string;
  category?: 'S' | 'Z';
  description?: string;
  /** Local dates of a segment that is not the whole month, the end exclusive. */
  days?: readonly [string, string];
}

function line({
  charge,
  amount,
  quantity = '1',
  site,
  category = 'S',
  description = charge,
  days = ['2026-10-01', '2026-11-01'],
}: Told): RatedLine {
  const exact = { numerator: amount, denominator: '1' };
  return {
    charge,
    kind: 'usage',
    description,
    entity: site === undefined ? null : { dimension: 'customer_site_id', value: site, name: null },
    segment: {
      start: toStamp(startOfDay(days[0], 'Asia/Kolkata')),
      end: toStamp(startOfDay(days[1], 'Asia/Kolkata')),
      start_date: days[0],
      end_date: days[1],
    },
    quantity,
    unit: 'GB',
    amount,
    unrounded_amount: decimal(amount).toFixed(),
    tax_category: category,
    commodity_code: null,
    derivation: {
      version: 1,
      plan: null,
      basis: { kind: 'one_time', unit_amount: amount },
      steps: [],
      amount: exact,
      rounding: { mode: 'half_up', digits: 2 },
    },
  };
}

function rerated(told: Told[], taxes = GST, options = RUPEES) {
  const lines = told.map(line);
  return { lines, totals: totalsOf(lines, taxes, options) };
}

function issuedFirst(told: Told[], taxes = GST, options = RUPEES): IssuedInvoice {
  const seller = {
    code: 'edge-in',
    name: 'Edge Networks India',
    address: ADDRESS,
    taxId: '29AABCS1429B1ZB',
    email: null,
    bank: null,
    paymentTermsDays: 15,
  };
  const account = {
    id: 'account-1',
    externalId: '62c4',
    name: 'Customer',
    address: ADDRESS,
    taxId: null,
    email: null,
    currency: options.currency,
    paymentTermsDays: null,
  };
  const draft = draftInvoice({
    seller,
    account,
    period: OCTOBER,
    measured: null,
    ...rerated(told, taxes, options),
    revision: 1,
    dialectSha256: 'old dialect',
    layoutVersion: 1,
  });
  return issueInvoice(
    { ...draft, inputs_hash: 'f00d' },
    {
      id: 'id-1',
      number: 'INV-2026-000001',
      issuedAt: fromStamp('2026-11-04T06:00:00Z'),
      sellerTimeZone: 'Asia/Kolkata',
    },
  );
}

function issueNext(original: IssuedInvoice, correction: NonNullable<ReturnType<typeof correctionOf>>): IssuedInvoice {
  return issueInvoice(
    { ...correction, inputs_hash: 'beef' },
    {
      id: `id-${correction.revision}`,
      number: `CN-2026-${String(correction.revision).padStart(6, '0')}`,
      issuedAt: fromStamp('2026-11-12T06:00:00Z'),
      sellerTimeZone: 'Asia/Kolkata',
      corrects: { id: original.id, number: original.number },
    },
  );
}

const correct = (issued: IssuedInvoice[], again: ReturnType<typeof rerated>, taxes = GST, options = RUPEES) =>
  correctionOf({
    original: issued[0] as IssuedInvoice,
    issued,
    rerated: again,
    taxing: { taxes, options },
    dialectSha256: 'new dialect',
    layoutVersion: 2,
  });

describe('correctionOf', () => {
  const told: Told[] = [
    { charge: 'traffic', amount: '1000.50', quantity: '512.25' },
    { charge: 'site-fee', amount: '40.00', site: 'A' },
    { charge: 'site-fee', amount: '40.00', site: 'B' },
  ];
  const original = issuedFirst(told);

  it('is nothing when rating again gives the same, in whatever order and words', () => {
    expect(correct([original], rerated(told))).toBeNull();
    expect(correct([original], rerated([...told].reverse()))).toBeNull();
    expect(
      correct([original], rerated(told.map((each) => ({ ...each, description: 'renamed', quantity: '2' })))),
    ).toBeNull();
  });

  it('credits what was too much, line by line and group by group', () => {
    const again = rerated(
      told.map((each) => (each.charge === 'traffic' ? { ...each, amount: '990.00', quantity: '500' } : each)),
    );
    // Net 1080.50 → 1070.00. 9 %: 97.245 → 97.25 before, 96.30 after. Payable 1275 before, 1262.60 → 1263 after.
    expect(original).toMatchObject({ net: '1080.50', tax: '194.50', gross: '1275.00', payable: '1275.00' });
    expect(correct([original], again)).toEqual({
      status: 'draft',
      kind: 'credit_note',
      language: 'en',
      seller: 'edge-in',
      account: 'account-1',
      supplier: original.supplier,
      customer: original.customer,
      period: original.period,
      currency: 'INR',
      lines: [
        {
          ...line({ charge: 'traffic', amount: '990.00' }),
          position: 1,
          quantity: '-12.25',
          amount: '-10.50',
          unrounded_amount: '-10.5',
          correction: { rerated: '990.00', billed: '1000.50' },
        },
      ],
      taxes: [
        { name: 'CGST', category: 'S', rate: '9', base: '-10.50', amount: '-0.95', exemption_reason: null },
        { name: 'SGST', category: 'S', rate: '9', base: '-10.50', amount: '-0.95', exemption_reason: null },
      ],
      net: '-10.50',
      tax: '-1.90',
      gross: '-12.40',
      rounding: '0.40',
      payable: '-12.00',
      revision: 2,
      payment_terms_days: 15,
      notes: [{ code: 'corrects', number: 'INV-2026-000001', date: '2026-11-04' }],
      dialect_sha256: 'new dialect',
      layout_version: 2,
    });
  });

  it('debits what was too little, with lines that are new', () => {
    const again = rerated([...told, { charge: 'site-fee', amount: '40.00', site: 'C' }]);
    expect(correct([original], again)).toMatchObject({
      kind: 'debit_note',
      lines: [{ entity: { value: 'C' }, amount: '40.00', correction: { rerated: '40.00', billed: '0.00' } }],
      net: '40.00',
    });
  });

  it('takes back a line that fell away, as it was last billed', () => {
    expect(correct([original], rerated(told.slice(0, 2)))).toMatchObject({
      kind: 'credit_note',
      lines: [
        { entity: { value: 'B' }, quantity: '-1', amount: '-40.00', correction: { rerated: '0.00', billed: '40.00' } },
      ],
    });
  });

  it('a line whose tax category changed moves between the groups', () => {
    const again = rerated(told.map((each) => (each.site === 'A' ? { ...each, category: 'Z' as const } : each)));
    expect(correct([original], again)).toMatchObject({
      kind: 'credit_note',
      lines: [
        { tax_category: 'Z', amount: '40.00' },
        { tax_category: 'S', amount: '-40.00' },
      ],
      taxes: [
        { name: 'CGST', base: '-40.00', amount: '-3.60' },
        { name: 'SGST', base: '-40.00', amount: '-3.60' },
        { name: 'Zero', base: '40.00', amount: '0.00' },
      ],
      net: '0.00',
      tax: '-7.20',
    });
  });

  it('keeps the segments of one charge apart', () => {
    const halves: Told[] = [
      { charge: 'traffic', amount: '500.00', days: ['2026-10-01', '2026-10-16'] },
      { charge: 'traffic', amount: '500.00', days: ['2026-10-16', '2026-11-01'] },
    ];
    const again = rerated(halves.map((half, i) => ({ ...half, amount: i === 0 ? '490.00' : '520.00' })));
    expect(correct([issuedFirst(halves)], again)?.lines).toMatchObject([
      { segment: { start_date: '2026-10-01' }, amount: '-10.00' },
      { segment: { start_date: '2026-10-16' }, amount: '20.00' },
    ]);
  });

  it('usage that moved from one site to another is a debit note of nothing', () => {
    const again = rerated(
      told.map((each) => ({ ...each, amount: { A: '45.00', B: '35.00' }[each.site ?? ''] ?? each.amount })),
    );
    expect(correct([original], again)).toMatchObject({
      kind: 'debit_note',
      lines: [
        { entity: { value: 'A' }, amount: '5.00' },
        { entity: { value: 'B' }, amount: '-5.00' },
      ],
      taxes: [],
      gross: '0.00',
      payable: '0.00',
    });
  });

  it('counts what earlier corrections already corrected', () => {
    const lower = rerated([{ charge: 'traffic', amount: '900.00', quantity: '450' }, ...told.slice(1)]);
    const first = correct([original], lower);
    if (!first) throw new Error('no correction');
    const issued = [original, issueNext(original, first)];
    expect(correct(issued, lower)).toBeNull();
    const again = correct(
      issued,
      rerated([{ charge: 'traffic', amount: '950.00', quantity: '470' }, ...told.slice(1)]),
    );
    expect(again).toMatchObject({
      kind: 'debit_note',
      revision: 3,
      lines: [{ amount: '50.00', quantity: '20', correction: { rerated: '950.00', billed: '900.00' } }],
    });
  });

  it('refuses documents of another account, period or currency', () => {
    const foreign = expect.objectContaining({ code: 'foreign_document', retryable: false });
    const same = rerated(told);
    const november = { ...original.period, start: '2026-10-31T18:30:00Z', end: '2026-11-30T18:30:00Z' };
    expect(() => correct([original, { ...original, account: 'account-2' }], same)).toThrow(foreign);
    expect(() => correct([original, { ...original, seller: 'edge-nl' }], same)).toThrow(foreign);
    expect(() => correct([original, { ...original, currency: 'USD' }], same)).toThrow(foreign);
    expect(() => correct([original, { ...original, period: november }], same)).toThrow(foreign);
    const longer = { ...original.period, end: november.end };
    expect(() => correct([original, { ...original, period: longer }], same)).toThrow(foreign);
  });

  it('refuses a set without the original, and documents that do not add up', () => {
    const same = rerated(told);
    const taxing = { taxes: GST, options: RUPEES };
    const without = { original, issued: [], rerated: same, taxing, dialectSha256: null, layoutVersion: 1 };
    expect(() => correctionOf(without)).toThrow(expect.objectContaining({ code: 'original_missing' }));
    const notConserved = expect.objectContaining({ code: 'not_conserved' });
    expect(() => correct([{ ...original, net: '1.00' }], same)).toThrow(notConserved);
    expect(() => correct([original], { ...same, totals: { ...same.totals, tax: '0.00' } })).toThrow(notConserved);
  });

  it('the documents of a period always come to its last rating, by line, group and total', () => {
    const version = fc.uniqueArray(
      fc.record({
        charge: fc.constantFrom('a', 'b', 'c'),
        site: fc.constantFrom('A', 'B', undefined),
        category: fc.constantFrom('S', 'Z'),
        units: fc.integer({ min: -50_000, max: 200_000 }),
        gigabytes: fc.nat(1_000),
      }),
      { selector: ({ charge, site, category }) => `${charge} ${site} ${category}`, minLength: 1, maxLength: 6 },
    );
    const currency = fc.constantFrom<TotalsOptions>(
      RUPEES,
      { currency: 'JPY', rounding: 'half_even', payableRounding: 'none' },
      { currency: 'BHD', rounding: 'half_up', payableRounding: '0.05' },
    );
    const digitsOf: Record<string, number> = { INR: 2, JPY: 0, BHD: 3 };
    fc.assert(
      fc.property(fc.array(version, { minLength: 2, maxLength: 4 }), currency, (versions, options) => {
        const digits = digitsOf[options.currency] ?? 2;
        const ratings = versions.map((lines) =>
          lines.map(({ units, gigabytes, ...each }): Told => ({
            charge: each.charge,
            category: each.category,
            ...(each.site === undefined ? {} : { site: each.site }),
            amount: new Decimal(units).div(10 ** digits).toFixed(digits),
            quantity: String(gigabytes),
          })),
        );
        const [first = [], ...later] = ratings;
        const issued = [issuedFirst(first, GST, options)];
        for (const told of later) {
          const again = rerated(told, GST, options);
          const correction = correct(issued, again);
          if (correction) {
            assertConserved(correction);
            expect(correction.kind).toBe(correction.gross.startsWith('-') ? 'credit_note' : 'debit_note');
            issued.push(issueNext(issued[0] as IssuedInvoice, correction));
          }
          for (const part of ['net', 'tax', 'gross', 'rounding', 'payable'] as const) {
            expect(added(issued.map((document) => document[part]))).toBe(decimal(again.totals[part]).toFixed());
          }
          const billed = issued.flatMap((document) => document.lines);
          const groups = issued.flatMap((document) => document.taxes);
          for (const { charge, entity, tax_category } of [...billed, ...again.lines]) {
            const same = (other: RatedLine) =>
              other.charge === charge && other.entity?.value === entity?.value && other.tax_category === tax_category;
            expect(added(billed.filter(same).map((each) => each.amount))).toBe(
              added(again.lines.filter(same).map((each) => each.amount)),
            );
          }
          for (const { name } of [...groups, ...again.totals.taxes]) {
            for (const part of ['base', 'amount'] as const) {
              expect(added(groups.filter((group) => group.name === name).map((group) => group[part]))).toBe(
                added(again.totals.taxes.filter((group) => group.name === name).map((group) => group[part])),
              );
            }
          }
          expect(correct(issued, again)).toBeNull();
        }
      }),
      { numRuns: 200 },
    );
  });
});

function added(amounts: string[]): string {
  return amounts.reduce((total, amount) => total.plus(amount), new Decimal(0)).toFixed();
}
