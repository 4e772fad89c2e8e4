import fc from 'fast-check';
import { fromStamp, monthPeriod } from '#calendar';
import { Decimal, decimal } from '#money';
import { adjustmentLine, type RatedLine } from '#rating';
import { correctionOf } from './correction.js';
import { adjustmentNoteOf, creditOf, type CreditRequest } from './credit.js';
import { assertConserved, draftInvoice, issueInvoice } from './documents.js';
import type { AccountTax, DraftInvoice, IssuedInvoice } from './invoice.js';
import { totalsOf, type TotalsOptions } from './totals.js';

const OCTOBER = monthPeriod('2026-10', 'UTC');
const EUR: TotalsOptions = { currency: 'EUR', rounding: 'half_up', payableRounding: 'none' };
const VAT: AccountTax[] = [
  { name: 'VAT', category: 'S', rate: '19' },
  { name: 'VAT reduced', category: 'S', rate: '7' },
];
const GST: AccountTax[] = [
  { name: 'CGST', category: 'S', rate: '9' },
  { name: 'SGST', category: 'S', rate: '9' },
  { name: 'Zero', category: 'Z', rate: '0' },
];

interface Told {
  charge: string;
  amount: string;
  quantity?: string;
  tax?: string;
  category?: 'S' | 'Z';
}

function line({ charge, amount, quantity = '1', tax, category }: Told): RatedLine {
  return {
    charge,
    kind: 'usage',
    description: charge,
    entity: null,
    segment: {
      start: '2026-10-01T00:00:00Z',
      end: '2026-11-01T00:00:00Z',
      start_date: OCTOBER.startDate,
      end_date: OCTOBER.endDate,
    },
    quantity,
    unit: 'GB',
    amount,
    unrounded_amount: decimal(amount).toFixed(),
    tax_category: tax === undefined ? (category ?? 'S') : null,
    ...(tax !== undefined && { tax }),
    commodity_code: null,
    derivation: {
      version: 1,
      plan: null,
      basis: { kind: 'one_time', unit_amount: amount },
      steps: [],
      amount: { numerator: amount, denominator: '1' },
      rounding: { mode: 'half_up', digits: 2 },
    },
  };
}

type Draft = Omit<DraftInvoice, 'inputs_hash'>;

/** The documents of one account and period, as they are issued one after the other. */
class Month {
  readonly issued: IssuedInvoice[] = [];

  constructor(
    readonly taxes: readonly AccountTax[],
    readonly options: TotalsOptions = EUR,
  ) {}

  get original(): IssuedInvoice {
    const [first] = this.issued;
    if (!first) throw new Error('nothing is billed');
    return first;
  }

  bill(told: readonly Told[]): this {
    const lines = told.map(line);
    const party = { address: null, taxId: null, email: null };
    this.issue(
      draftInvoice({
        seller: { code: 'acme', name: 'Acme', ...party, bank: null, paymentTermsDays: 30 },
        account: {
          ...{ id: 'account', externalId: '62c4', name: 'Customer', ...party },
          ...{ currency: this.options.currency, paymentTermsDays: null },
        },
        period: OCTOBER,
        measured: null,
        lines,
        totals: totalsOf(lines, this.taxes, this.options),
        revision: 1,
        dialectSha256: null,
        layoutVersion: 1,
      }),
    );
    return this;
  }

  credit(request: CreditRequest): ReturnType<typeof creditOf> {
    const { original, issued, taxes, options } = this;
    const note = creditOf({ original, issued, request, taxing: { taxes, options }, layoutVersion: 1 });
    if (!('outcome' in note)) this.issue(note);
    return note;
  }

  /** An adjustment, noted at once. */
  adjust(amount: string, taxCategory: 'S' | 'Z' = 'S', reason = 'goodwill'): ReturnType<typeof adjustmentNoteOf> {
    const { original, issued, taxes, options } = this;
    const of = {
      id: `${issued.length}`,
      amount,
      reason,
      tax: null,
      taxCategory,
      by: 'clerk',
      at: '2026-11-04T06:00:00Z',
    };
    const line = adjustmentLine(of, OCTOBER, options.currency);
    const note = adjustmentNoteOf({ original, issued, line, taxing: { taxes, options }, layoutVersion: 1 });
    if (!('outcome' in note)) this.issue(note);
    return note;
  }

  rateAgain(told: readonly Told[]): Draft | null {
    const { original, issued, taxes, options } = this;
    const lines = told.map(line);
    const rerated = { lines, totals: totalsOf(lines, taxes, options) };
    const taxing = { taxes, options };
    const note = correctionOf({ original, issued, rerated, taxing, dialectSha256: null, layoutVersion: 1 });
    if (note) this.issue(note);
    return note;
  }

  issue(draft: Draft): void {
    const revision = this.issued.length + 1;
    const corrects = this.issued[0] && { id: this.issued[0].id, number: this.issued[0].number };
    this.issued.push(
      issueInvoice(
        { ...draft, inputs_hash: 'f00d' },
        {
          id: `id-${revision}`,
          number: `${revision === 1 ? 'INV' : 'CN'}-2026-${String(revision).padStart(6, '0')}`,
          issuedAt: fromStamp('2026-11-04T06:00:00Z'),
          sellerTimeZone: 'UTC',
          corrects,
        },
      ),
    );
  }

  sum(of: 'net' | 'tax' | 'gross' | 'rounding' | 'payable'): string {
    return added(this.issued.map((document) => document[of]));
  }

  lines(): Record<string, string> {
    const charges = [...new Set(this.issued.flatMap(({ lines }) => lines.map(({ charge }) => charge)))];
    const all = this.issued.flatMap(({ lines }) => lines);
    const of = (charge: string) => all.filter((each) => each.charge === charge).map(({ amount }) => amount);
    return Object.fromEntries(charges.map((charge) => [charge, added(of(charge))]));
  }
}

function added(amounts: readonly string[]): string {
  return amounts.reduce((total, amount) => total.plus(amount), new Decimal(0)).toFixed();
}

const refused = (code: string, pointer: string) => expect.objectContaining({ outcome: 'refused', code, pointer });

describe('creditOf', () => {
  const told: Told[] = [
    { charge: 'traffic', amount: '100.00', quantity: '400', tax: 'VAT' },
    { charge: 'books', amount: '50.00', quantity: '2', tax: 'VAT reduced' },
  ];

  it('credits an amount of a line in the taxes of that line, and says why and both amounts', () => {
    const month = new Month(VAT).bill(told);
    expect(month.original).toMatchObject({ net: '150.00', tax: '22.50', gross: '172.50' });
    expect(month.credit({ reason: 'two days down', lines: [{ position: 1, amount: '33.33' }] })).toMatchObject({
      kind: 'credit_note',
      revision: 2,
      credit: { reason: 'two days down', billed: '172.50', left: '132.84' },
      lines: [
        {
          ...{
            position: 1,
            charge: 'traffic',
            tax: 'VAT',
            quantity: '0',
            amount: '-33.33',
            unrounded_amount: '-33.33',
          },
          credit: { billed: '100.00', left: '66.67' },
        },
      ],
      // 19 % of 66.67 is 12.67 (12.6673): of 19.00, 6.33 is credited.
      taxes: [{ name: 'VAT', category: 'S', rate: '19', base: '-33.33', amount: '-6.33' }],
      net: '-33.33',
      tax: '-6.33',
      gross: '-39.66',
      notes: [{ code: 'corrects', number: 'INV-2026-000001', date: '2026-11-04' }],
    });
  });

  it('a quantity is worth its share of the line, and the last of it takes what is left', () => {
    const month = new Month(VAT).bill([{ charge: 'traffic', amount: '100.00', quantity: '3', tax: 'VAT' }]);
    const third: CreditRequest = { reason: 'a third', lines: [{ position: 1, quantity: '1' }] };
    const amounts = [1, 2, 3].map(() => {
      const note = month.credit(third);
      if ('outcome' in note) throw new Error(note.message);
      return note.lines.map(({ amount, quantity }) => [amount, quantity]);
    });
    // 100.00 / 3, then 66.67 / 2, then what is left.
    expect(amounts).toEqual([[['-33.33', '-1']], [['-33.34', '-1']], [['-33.33', '-1']]]);
    for (const part of ['net', 'tax', 'gross'] as const) expect(month.sum(part)).toBe('0');
    expect(month.credit(third)).toEqual(refused('quantity_not_creditable', '/lines/0/quantity'));
  });

  it('an amount without lines is spread over tax classes and lines by largest remainder', () => {
    const month = new Month(VAT).bill([
      { charge: 'a', amount: '10.00', tax: 'VAT' },
      { charge: 'b', amount: '10.00', tax: 'VAT' },
      { charge: 'c', amount: '10.00', tax: 'VAT' },
      { charge: 'd', amount: '30.00', tax: 'VAT reduced' },
      { charge: 'discount', amount: '-6.00', tax: 'VAT' },
    ]);
    // 24.00 stands at 19 % and 30.00 at 7 %: of 10.00, 4.444… and 5.555…; the cent goes to 5.555.
    const note = month.credit({ reason: 'goodwill', amount: '10.00' });
    expect(note).toMatchObject({
      lines: [
        { charge: 'a', amount: '-1.48' },
        { charge: 'b', amount: '-1.48' },
        { charge: 'c', amount: '-1.48' },
        { charge: 'd', amount: '-5.56' },
      ],
      taxes: [
        { name: 'VAT', base: '-4.44' },
        { name: 'VAT reduced', base: '-5.56' },
      ],
      net: '-10.00',
    });
  });

  it('never credits more than stands: of a line, under a tax, in all, and of nothing', () => {
    const discounted: Told[] = [...told, { charge: 'discount', amount: '-20.00', tax: 'VAT' }];
    const month = new Month(VAT).bill(discounted);
    const reason = 'too much';
    const of = (amount: string, position = 1): CreditRequest => ({ reason, lines: [{ position, amount }] });
    expect(month.credit(of('100.01'))).toEqual(refused('credit_exceeds_what_stands', '/lines/0/amount'));
    // 100.00 stands of the line, but only 80.00 at 19 %.
    expect(month.credit(of('80.01'))).toEqual(refused('credit_exceeds_what_stands', '/lines'));
    expect(month.credit(of('1.00', 3))).toEqual(refused('credit_exceeds_what_stands', '/lines/0/amount'));
    expect(month.credit({ reason, amount: '130.01' })).toEqual(refused('credit_exceeds_what_stands', '/amount'));
    const twice = { reason, lines: [...[1, 1].map((position) => ({ position, amount: '50.01' }))] };
    expect(month.credit(twice)).toEqual(refused('credit_exceeds_what_stands', '/lines/1/amount'));
    expect(month.credit(of('1.00', 4))).toEqual(refused('line_not_found', '/lines/0/position'));
    expect(month.credit(of('0.001'))).toEqual(refused('too_many_decimals', '/lines/0/amount'));
    expect(month.credit({ reason, lines: [{ position: 1, quantity: '0.001' }] })).toEqual(
      refused('credit_of_nothing', '/lines/0/quantity'),
    );
    expect(month.issued).toHaveLength(1);
    expect(month.credit({ reason, amount: '130.00' })).toMatchObject({ net: '-130.00', gross: '-148.70' });
    for (const total of ['net', 'tax', 'gross'] as const) expect(month.sum(total)).toBe('0');
    expect(month.credit({ reason, amount: '0.01' })).toEqual(refused('credit_exceeds_what_stands', '/amount'));
  });

  it('is about the whole month: also what a debit note billed can be credited, and what a note took back cannot', () => {
    const month = new Month(VAT).bill(told);
    month.rateAgain([{ ...told[0], amount: '120.00' } as Told, { ...told[1], amount: '20.00' } as Told]);
    expect(month.credit({ reason: 'r', lines: [{ position: 1, amount: '120.00' }] })).toMatchObject({
      lines: [{ amount: '-120.00', credit: { billed: '120.00', left: '0.00' } }],
    });
    expect(month.credit({ reason: 'r', lines: [{ position: 2, amount: '20.01' }] })).toEqual(
      refused('credit_exceeds_what_stands', '/lines/0/amount'),
    );
  });

  it('refuses where what was billed does not follow from lines and taxes', () => {
    const month = new Month(VAT).bill(told);
    const { original, issued } = month;
    const taxing = { taxes: [{ name: 'VAT', category: 'S' as const, rate: '16' }, ...VAT.slice(1)], options: EUR };
    const request = { reason: 'r', amount: '1.00' };
    expect(creditOf({ original, issued, request, taxing, layoutVersion: 1 })).toMatchObject({
      outcome: 'refused',
      code: 'credit_not_computable',
    });
  });
});

describe('a correction of what was credited by hand', () => {
  const told: Told[] = [{ charge: 'traffic', amount: '100.00', quantity: '100', tax: 'VAT' }];
  const again = (amount: string): Told[] => [{ ...told[0], amount, quantity: amount.slice(0, -3) } as Told];

  it('keeps the credit: late usage bills what it adds and no cent of what was credited', () => {
    const month = new Month(VAT).bill(told);
    month.credit({ reason: 'goodwill', amount: '30.00' });
    expect(month.rateAgain(told)).toBeNull();
    expect(month.rateAgain(again('110.00'))).toMatchObject({
      kind: 'debit_note',
      lines: [{ amount: '10.00', quantity: '10', correction: { rerated: '110.00', billed: '100.00' } }],
    });
    expect(month.sum('net')).toBe('80');
    expect(month.rateAgain(again('110.00'))).toBeNull();
  });

  it('credits no more than the line comes to now, and bills it again when it comes to more', () => {
    const month = new Month(VAT).bill(told);
    month.credit({ reason: 'goodwill', lines: [{ position: 1, quantity: '80' }] });
    // 20.00 stands; of 50.00, the credit of 80.00 leaves nothing, and nothing more can be credited.
    expect(month.rateAgain(again('50.00'))).toMatchObject({ kind: 'credit_note', net: '-20.00' });
    expect(month.sum('gross')).toBe('0');
    expect(month.credit({ reason: 'more', amount: '0.01' })).toEqual(refused('credit_exceeds_what_stands', '/amount'));
    expect(month.rateAgain(again('90.00'))).toMatchObject({ kind: 'debit_note', net: '10.00' });
    expect(month.sum('net')).toBe('10');
  });

  it('takes back what is left, and no more, when the period is voided', () => {
    const month = new Month(VAT).bill(told);
    month.credit({ reason: 'goodwill', amount: '33.33' });
    expect(month.rateAgain([])).toMatchObject({ kind: 'credit_note', net: '-66.67' });
    for (const total of ['net', 'tax', 'gross'] as const) expect(month.sum(total)).toBe('0');
  });
});

describe('adjustmentNoteOf', () => {
  const told: Told[] = [
    { charge: 'traffic', amount: '100.00' },
    { charge: 'post', amount: '50.00', category: 'Z' },
  ];

  it('is a credit note or a debit note of one line, in the tax of that line', () => {
    const month = new Month(GST).bill(told);
    expect(month.adjust('-10.05')).toMatchObject({
      kind: 'credit_note',
      lines: [{ kind: 'adjustment', description: 'goodwill', quantity: '1', amount: '-10.05', tax_category: 'S' }],
      taxes: [
        // 9 % of 89.95 is 8.10 (8.0955): of 9.00, 0.90 is credited.
        { name: 'CGST', base: '-10.05', amount: '-0.90' },
        { name: 'SGST', base: '-10.05', amount: '-0.90' },
      ],
      gross: '-11.85',
      credit: { reason: 'goodwill', billed: '168.00', left: '156.15' },
    });
    const debit = month.adjust('5.00', 'Z');
    expect(debit).toMatchObject({ kind: 'debit_note', net: '5.00', tax: '0.00' });
    expect(debit).not.toHaveProperty('credit');
  });

  it('credits no more than stands under its tax', () => {
    const month = new Month(GST).bill(told);
    expect(month.adjust('-50.01', 'Z')).toEqual(refused('credit_exceeds_what_stands', '/amount'));
    expect(month.adjust('-50.00', 'Z')).toMatchObject({ net: '-50.00' });
    expect(month.adjust('-0.01', 'Z')).toEqual(refused('credit_exceeds_what_stands', '/amount'));
  });

  it('stays when the usage is rated again, a credit as far as something is left, and goes with a void', () => {
    const month = new Month(GST).bill(told);
    month.adjust('-80.00');
    month.adjust('20.00');
    expect(month.rateAgain(told)).toBeNull();
    expect(month.sum('net')).toBe('90');
    // 30.00 and the 20.00 that were charged stand at 18 %: of the 80.00, 50.00 stays.
    month.rateAgain([{ charge: 'traffic', amount: '30.00' }, told[1] as Told]);
    expect(month.sum('net')).toBe('50');
    month.rateAgain(told);
    expect(month.sum('net')).toBe('90');
    const { original, issued } = month;
    const nothing = { lines: [], totals: totalsOf([], [], EUR) };
    const taken = correctionOf({
      ...{ original, issued, rerated: nothing, taxing: null, dialectSha256: null, layoutVersion: 1 },
    });
    expect(taken).toMatchObject({ net: '-90.00' });
  });
});

describe('histories of billing, credits by hand and late usage', () => {
  const usage = fc.uniqueArray(
    fc.record({
      charge: fc.constantFrom('a', 'b', 'c', 'd'),
      category: fc.constantFrom('S' as const, 'Z' as const),
      units: fc.integer({ min: -3_000, max: 20_000 }),
      gigabytes: fc.nat(1_000),
    }),
    { selector: ({ charge, category }) => `${charge} ${category}`, minLength: 1, maxLength: 6 },
  );
  const credit = fc.oneof(
    fc.record({ share: fc.integer({ min: 1, max: 130 }) }),
    fc.record({
      lines: fc.array(
        fc.record({
          line: fc.nat(5),
          share: fc.integer({ min: 1, max: 130 }),
          of: fc.constantFrom('amount' as const, 'quantity' as const),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  );
  const adjustment = fc.record({
    adjusted: fc.integer({ min: -9_000, max: 9_000 }).filter((units) => units !== 0),
    category: fc.constantFrom('S' as const, 'Z' as const),
  });
  const currencies = fc.constantFrom<TotalsOptions>(
    { currency: 'INR', rounding: 'half_up', payableRounding: '1' },
    { currency: 'JPY', rounding: 'half_even', payableRounding: 'none' },
    { currency: 'BHD', rounding: 'half_up', payableRounding: '0.05' },
  );
  const digitsOf: Record<string, number> = { INR: 2, JPY: 0, BHD: 3 };

  it('never over-credit a line, a tax group or the month, and always come to what the lines say', () => {
    let credits = 0;
    let refusals = 0;
    fc.assert(
      fc.property(
        usage,
        fc.array(fc.oneof(credit, credit, adjustment, usage), { maxLength: 6 }),
        currencies,
        (first, steps, options) => {
          const digits = digitsOf[options.currency] ?? 2;
          const toldOf = (lines: typeof first) =>
            lines.map(({ units, gigabytes, ...each }): Told => ({
              ...each,
              amount: new Decimal(units).div(10 ** digits).toFixed(digits),
              quantity: String(gigabytes),
            }));
          const month = new Month(GST, options).bill(toldOf(first));
          let rated = toldOf(first);
          for (const step of steps) {
            const before = month.issued.length;
            if (Array.isArray(step)) {
              rated = toldOf(step);
              month.rateAgain(rated);
              // The same usage again corrects nothing.
              expect(month.rateAgain(rated)).toBeNull();
            } else if ('adjusted' in step) {
              const stood = month.sum('net');
              const note = month.adjust(new Decimal(step.adjusted).div(10 ** digits).toFixed(digits), step.category);
              if ('outcome' in note) expect(note.code).toBe('credit_exceeds_what_stands');
              else if (step.adjusted < 0) expect(stood.startsWith('-') || month.sum('net').startsWith('-')).toBe(false);
            } else {
              const share = (text: string, percent: number, places: number) =>
                new Decimal(text).abs().times(percent).div(100).toFixed(places, Decimal.ROUND_UP);
              const request: CreditRequest =
                'share' in step
                  ? { reason: 'r', amount: share(month.sum('net'), step.share, digits) }
                  : {
                      reason: 'r',
                      lines: step.lines.map(({ line: index, share: percent, of }) => {
                        const { lines } = month.original;
                        const { position, amount, quantity } = lines[index % lines.length] as (typeof lines)[0];
                        return of === 'amount'
                          ? { position, amount: share(amount, percent, digits) }
                          : { position, quantity: share(quantity, percent, 3) };
                      }),
                    };
              const left = month.sum('net');
              const note = month.credit(request);
              if ('outcome' in note) {
                refusals += 1;
                expect(month.issued).toHaveLength(before);
                // What is left in all can be credited, wherever an amount above 0 is left under no tax below 0.
                if ('share' in step && step.share <= 100 && !left.startsWith('-')) {
                  expect(['credit_of_nothing', 'credit_exceeds_what_stands']).toContain(note.code);
                }
                continue;
              }
              credits += 1;
              expect(note.kind).toBe('credit_note');
              for (const { amount, credit: said } of note.lines) {
                expect(new Decimal(amount).isNegative()).toBe(true);
                expect(new Decimal(said?.left ?? '-1').isNegative()).toBe(false);
                expect(added([said?.billed ?? '', amount])).toBe(new Decimal(said?.left ?? '').toFixed());
              }
              for (const group of note.taxes) {
                const all = month.issued.flatMap(({ taxes }) => taxes).filter(({ name }) => name === group.name);
                for (const part of ['base', 'amount'] as const) {
                  expect(new Decimal(group[part]).greaterThan(0)).toBe(false);
                  expect(new Decimal(added(all.map((each) => each[part]))).isNegative()).toBe(false);
                }
              }
              for (const total of ['net', 'gross'] as const) expect(month.sum(total).startsWith('-')).toBe(false);
            }
            // By an arithmetic of the test's own: tax once on what all lines come to, in minor units.
            const standing = month.issued.flatMap(({ lines }) => lines);
            const net = (category: 'S' | 'Z') =>
              new Decimal(added(standing.filter((each) => each.tax_category === category).map(({ amount }) => amount)));
            const mode = options.rounding === 'half_even' ? Decimal.ROUND_HALF_EVEN : Decimal.ROUND_HALF_UP;
            const tax = net('S').times(9).div(100).toDecimalPlaces(digits, mode).times(2);
            expect(month.sum('net')).toBe(net('S').plus(net('Z')).toFixed());
            expect(month.sum('tax')).toBe(tax.toFixed());
            expect(month.sum('gross')).toBe(net('S').plus(net('Z')).plus(tax).toFixed());
            month.issued.forEach(assertConserved);
            // No line is credited below 0 that did not come out below 0 by its rating.
            for (const { charge, category } of rated) {
              const of = standing.filter((each) => each.charge === charge && each.tax_category === category);
              const came = rated.find((each) => each.charge === charge && each.category === category)?.amount ?? '0';
              const stands = new Decimal(added(of.map(({ amount }) => amount)));
              expect(stands.greaterThanOrEqualTo(Decimal.min(0, came)) && stands.lessThanOrEqualTo(came)).toBe(true);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
    // The histories are not all refusals.
    expect(credits).toBeGreaterThan(refusals / 4);
  });
});
