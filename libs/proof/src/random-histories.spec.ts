import fc from 'fast-check';
import {
  accountTotals,
  type BillingTerms,
  billingTask,
  draftAccount,
  Plans,
  rateAccount,
  reversalOf,
  taxingOf,
  termsOf,
} from '#billing';
import { fromStamp, monthPeriod } from '#calendar';
import { canonicalJson } from '#canonical-json';
import {
  adjustmentNoteOf,
  correctionOf,
  creditOf,
  type CreditRequest,
  type DraftInvoice,
  type IssuedInvoice,
  issueInvoice,
  lineKey,
  originalOf,
  rebilled,
} from '#invoicing';
import { type BucketSeries, ownedBuckets } from '#metering';
import { type Adjustment, adjustmentLine, parseTariffPlan } from '#rating';
import { sha256 } from './crypto.js';
import { invoiceEvidence } from './evidence.js';
import { verifyInvoice } from './verify-invoice.js';

const HISTORIES = 10_000;
const PERIOD = monthPeriod('2026-08', 'UTC');
const hashOf = (document: unknown) => sha256(canonicalJson(document));

function plan() {
  const parsed = parseTariffPlan({
    ...{ code: 'plan', name: 'Plan', currency: 'INR', effective_from: '2020-01-01' },
    charges: [
      {
        ...{ code: 'traffic', name: 'Traffic', type: 'usage' },
        measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'B' },
        price: { model: 'per_unit', unit_price: '0.013' },
      },
      { code: 'fee', name: 'Fee', type: 'recurring', amount: '49.99' },
      { code: 'post', name: 'Post', type: 'recurring', amount: '10.05', tax_category: 'Z' },
    ],
    discounts: [{ type: 'percentage', value: '10', applies_to: ['traffic', 'fee'] }],
  });
  if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
  return parsed.plan;
}
const PLAN = plan();
const PLANS = new Plans(hashOf);

const address = { line1: 'x', line2: null, city: 'x', region: 'x', postal_code: '1', country: 'IN' };
const party = { name: 'x', currency: 'INR', timeZone: 'UTC', taxId: 'x', address, email: null } as const;
const TERMS: BillingTerms = {
  seller: {
    ...party,
    ...{ id: 's', code: 'acme', country: 'IN', invoicePrefix: 'INV', fiscalYearStart: 1, numberStart: 1 },
    ...{ rounding: 'half_up', payableRounding: '1', paymentTermsDays: 14, edgePolicy: 'own_by_start' },
    ...{ unregisteredUsage: 'warn', bank: null, reportApi: null },
  },
  account: {
    ...{ ...party, id: 'a', externalId: '4711', paymentTermsDays: null, edgePolicy: null },
    taxes: [
      { name: 'CGST', category: 'S', rate: '9' },
      { name: 'SGST', category: 'S', rate: '9' },
      { name: 'Zero', category: 'Z', rate: '0' },
    ],
  },
  entities: [],
  subscriptions: [{ planCode: 'plan', startDate: '2020-01-01', endDate: null }],
  versions: [{ code: 'plan', version: 1, effectiveFrom: '2020-01-01', document: PLAN, sha256: hashOf(PLAN) }],
};

type Draft = Omit<DraftInvoice, 'inputs_hash'>;

/** What an account's month goes through: each document is issued together with the evidence that it is verified from. */
class History {
  readonly documents: IssuedInvoice[] = [];
  /** Facts that the present original was issued from. */
  #facts = TERMS;
  #edits = 0;
  /** The bytes that the present original was rated with as long as they only grew; infinite once they fell. */
  peak = 0;
  /** What the last rating came to, net. */
  rated = 0n;

  get original(): IssuedInvoice {
    const original = originalOf(this.documents);
    if (!original) throw new Error('nothing is billed');
    return original;
  }

  /** Bills the month, for the first time or anew after a void. */
  bill(bytes: number, byHand: Pick<BillingTerms, 'adjustments' | 'edits'>): void {
    this.#facts = { ...TERMS, ...byHand };
    const task = this.#task();
    const usage = usageOf(bytes);
    const as = { dialectSha256: null, layoutVersion: 1, revision: 1, zero: 'issue' as const };
    const drafted = draftAccount(task, usage, as);
    if (drafted.outcome !== 'drafted') throw new Error(`not drafted: ${JSON.stringify(drafted)}`);
    [this.peak, this.rated] = [bytes, centsOf(drafted.draft.net)];
    const draft = this.documents.length === 0 ? drafted.draft : rebilled(drafted.draft, this.documents);
    this.#issue(draft, { ...termsOf(this.#facts, PERIOD), usage: fingerprints(usage), ...this.#named() }, usage);
  }

  credit(request: CreditRequest): boolean {
    const note = creditOf({ ...this.#standing(), request, layoutVersion: 1 });
    if ('outcome' in note) return false;
    this.#issue(note, { original: this.original.id, ...this.#named(), credit: request });
    return true;
  }

  adjust(adjustment: Adjustment): boolean {
    const line = adjustmentLine(adjustment, PERIOD, 'INR');
    const note = adjustmentNoteOf({ ...this.#standing(), line, layoutVersion: 1 });
    if ('outcome' in note) return false;
    this.#issue(note, { original: this.original.id, ...this.#named(), adjustments: [adjustment] });
    return true;
  }

  rateAgain(bytes: number): void {
    const task = this.#task();
    const usage = usageOf(bytes);
    const rated = rateAccount(task, usage);
    if (rated.outcome === 'held') throw new Error(rated.reason.message);
    const rerated = { lines: rated.lines, totals: accountTotals(task, rated.lines) };
    [this.peak, this.rated] = [bytes < this.peak ? Infinity : bytes, centsOf(rerated.totals.net)];
    const correct = () => correctionOf({ ...this.#standing(), rerated, dialectSha256: null, layoutVersion: 1 });
    const note = correct();
    if (note === null) return;
    this.#issue(note, { original: this.original.id, ...this.#named(), usage: fingerprints(usage) }, usage);
    expect(correct()).toBeNull();
  }

  void(): void {
    const note = reversalOf(this.documents, 1);
    if (note) this.#issue(note, { original: this.original.id, ...this.#named() });
    for (const part of ['net', 'tax', 'gross', 'payable'] as const) expect(this.cents(part)).toBe(0n);
  }

  cents(part: 'net' | 'tax' | 'gross' | 'payable'): bigint {
    return this.documents.reduce((total, document) => total + centsOf(document[part]), 0n);
  }

  nextId(): string {
    this.#edits += 1;
    return `${this.#edits}`;
  }

  #task() {
    return billingTask(this.#facts, PERIOD.label, PLANS);
  }

  #standing() {
    return { original: this.original, issued: [...this.documents], taxing: taxingOf(this.#facts) };
  }

  #named() {
    if (this.documents.length === 0) return {};
    return {
      documents: this.documents.map((each) => ({
        ...{ revision: each.revision, number: each.number, document_sha256: hashOf(each) },
      })),
    };
  }

  #issue(draft: Draft, inputs: object, usage: readonly BucketSeries[] = []): void {
    const earlier = [...this.documents];
    const corrects = draft.replaces || earlier.length === 0 ? undefined : this.original;
    const document = issueInvoice(
      { ...draft, inputs_hash: hashOf(inputs) },
      {
        id: `id-${draft.revision}`,
        number: `${draft.kind}-2026-${draft.revision}`.replaceAll('_', '-'),
        issuedAt: fromStamp('2026-09-04T06:00:00Z'),
        sellerTimeZone: 'UTC',
        corrects: corrects && { id: corrects.id, number: corrects.number },
      },
    );
    this.documents.push(document);
    const { versions } = TERMS;
    const evidence = invoiceEvidence({
      document,
      document_sha256: hashOf(document),
      inputs,
      earlier,
      facts: { ...termsOf(this.#facts, PERIOD), versions },
      waived: [],
      usage: fingerprints(usage).map((fingerprint, at) => ({
        ...fingerprint,
        ...{ raw_sha256: '', dialect_sha256: '', series: usage[at] ?? null },
      })),
    });
    expect(verifyInvoice(JSON.stringify(evidence))).toMatchObject({ outcome: 'valid', number: document.number });
  }
}

function usageOf(bytes: number): BucketSeries[] {
  const { firstStart, count } = ownedBuckets(PERIOD, 'DAY');
  const entity = { dimension: 'account' as const, value: '4711' };
  const owned = { start: PERIOD.start, end: PERIOD.end };
  return (['uplink_bytes', 'downlink_bytes'] as const).map((metric, at) => ({
    ...{ entity, metric, grid: 'DAY' as const, owned, firstStart },
    values: Array.from({ length: count }, (_, day) => (day === 0 && at === 0 ? `${bytes}` : '0')),
  }));
}

function fingerprints(usage: readonly BucketSeries[]) {
  return usage.map(({ metric, grid, firstStart, values }) => ({
    ...{ entity: 'account:4711', metric, revision: 1 },
    values_sha256: sha256(`${grid} ${firstStart}\n${values.join('\n')}`),
  }));
}

function centsOf(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

function text(cents: bigint | number): string {
  const digits = `${cents}`.replace('-', '').padStart(3, '0');
  return `${`${cents}`.startsWith('-') ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Half away from zero, in minor units. */
function ninePercent(cents: bigint): bigint {
  const magnitude = cents < 0n ? -cents : cents;
  const rounded = (magnitude * 9n + 50n) / 100n;
  return cents < 0n ? -rounded : rounded;
}

describe('histories of invoices, lines and credits by hand, voids and late usage', () => {
  const amount = fc.integer({ min: -6_000, max: 6_000 }).filter((cents) => cents !== 0);
  const category = fc.constantFrom('S' as const, 'Z' as const);
  const byHand = fc.array(
    fc.record({ amount, category, of: fc.constantFrom('adjustment', 'line', 'note', 'leave_out') }),
    {
      maxLength: 3,
    },
  );
  const bytes = fc.nat(20_000);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('credit' as const), percent: fc.integer({ min: 1, max: 110 }) }),
    fc.record({
      kind: fc.constant('credit_lines' as const),
      lines: fc.array(
        fc.record({ line: fc.nat(6), percent: fc.integer({ min: 1, max: 110 }), quantity: fc.boolean() }),
        {
          ...{ minLength: 1, maxLength: 2 },
        },
      ),
    }),
    fc.record({ kind: fc.constant('adjust' as const), amount, category }),
    fc.record({ kind: fc.constant('late' as const), bytes }),
    fc.record({ kind: fc.constant('void' as const), bytes, byHand }),
  );

  it('over-credit no tax group, come to what their lines say, and are verified document by document', () => {
    const done: Record<string, number> = {};
    const count = (what: string) => (done[what] = (done[what] ?? 0) + 1);
    const decided = (history: History, some: { amount: number; category: 'S' | 'Z'; of: string }[]) => {
      const made = (cents: number, taxCategory: 'S' | 'Z') => ({
        ...{ id: history.nextId(), amount: text(cents), reason: 'by hand', tax: null, taxCategory },
        ...{ by: 'clerk', at: '2026-09-01T00:00:00Z' },
      });
      const adjustments: Adjustment[] = [];
      const edits: NonNullable<BillingTerms['edits']>[number][] = [];
      for (const { amount: cents, category: of, of: what } of some) {
        const { id, by, at } = made(cents, of);
        if (what === 'adjustment') adjustments.push(made(cents, of));
        else if (what === 'line') edits.push({ ...made(cents, of), kind: 'line' });
        else if (what === 'note') edits.push({ id, by, at, kind: 'note', text: 'as agreed' });
        else {
          const line = rateAccount(billingTask(TERMS, PERIOD.label, PLANS), usageOf(1));
          const fee = line.outcome === 'rated' ? line.lines.find(({ charge }) => charge === 'fee') : undefined;
          const left = { line: fee ? lineKey(fee) : '', description: 'Fee', reason: 'not delivered' };
          edits.push({ id, by, at, kind: 'leave_out', ...left });
        }
      }
      return { ...(adjustments.length > 0 && { adjustments }), ...(edits.length > 0 && { edits }) };
    };
    fc.assert(
      fc.property(bytes, byHand, fc.array(step, { maxLength: 4 }), (first, some, steps) => {
        const history = new History();
        history.bill(first, decided(history, some));
        for (const each of steps) {
          const before = groupsOf(history);
          let isByHand = false;
          switch (each.kind) {
            case 'credit': {
              const cents = (history.cents('net') * BigInt(each.percent)) / 100n;
              isByHand = cents > 0n && history.credit({ reason: 'r', amount: text(cents) });
              break;
            }
            case 'credit_lines': {
              const lines = each.lines.map(({ line, percent, quantity }) => {
                const of = history.original.lines[
                  line % history.original.lines.length
                ] as (typeof history.original.lines)[0];
                const share = (value: bigint) => text(((value < 0n ? -value : value) * BigInt(percent)) / 100n);
                return quantity
                  ? { position: of.position, quantity: share(BigInt(Math.round(Number(of.quantity) * 100))) }
                  : { position: of.position, amount: share(centsOf(of.amount)) };
              });
              isByHand = history.credit({ reason: 'r', lines });
              break;
            }
            case 'adjust': {
              const of = { id: history.nextId(), reason: 'goodwill', tax: null, taxCategory: each.category };
              const adjusted = history.adjust({
                ...of,
                amount: text(each.amount),
                by: 'clerk',
                at: '2026-09-05T00:00:00Z',
              });
              isByHand = adjusted && each.amount < 0;
              break;
            }
            case 'late': {
              const [isGrowing, stood, rated] = [each.bytes >= history.peak, history.cents('net'), history.rated];
              history.rateAgain(each.bytes);
              // Usage that only grows bounds no credit: what was decided by hand stays to the cent.
              if (isGrowing) expect(history.cents('net') - stood).toBe(history.rated - rated);
              break;
            }
            case 'void':
              history.void();
              history.bill(each.bytes, decided(history, each.byHand));
              break;
          }
          count(isByHand ? `${each.kind} credited` : each.kind);
          const groups = groupsOf(history);
          for (const [name, { base, tax }] of groups) {
            // Only what a rating and what was drawn into it come to may be below 0.
            if (isByHand) {
              expect(base >= 0n || base === before.get(name)?.base).toBe(true);
              expect(tax >= 0n || tax === before.get(name)?.tax).toBe(true);
            }
          }
          const all = history.documents.flatMap(({ lines }) => lines);
          const net = (of: (category: string | null) => boolean) =>
            all.reduce((total, line) => (of(line.tax_category) ? total + centsOf(line.amount) : total), 0n);
          const taxed = net((of) => of !== 'Z');
          const [zero, tax] = [net((of) => of === 'Z'), 2n * ninePercent(taxed)];
          expect([history.cents('net'), history.cents('tax')]).toEqual([taxed + zero, tax]);
          expect(history.cents('gross')).toBe(taxed + zero + tax);
          expect(groups.get('CGST') ?? { base: 0n, tax: 0n }).toEqual({ base: taxed, tax: ninePercent(taxed) });
        }
      }),
      { numRuns: HISTORIES },
    );
    // The histories are not all refusals.
    for (const what of ['credit credited', 'credit_lines credited', 'adjust credited', 'late', 'void']) {
      expect([what, (done[what] ?? 0) > HISTORIES / 20]).toEqual([what, true]);
    }
  }, 3_600_000);
});

function groupsOf(history: History): Map<string, { base: bigint; tax: bigint }> {
  const groups = new Map<string, { base: bigint; tax: bigint }>();
  for (const { name, base, amount } of history.documents.flatMap(({ taxes }) => taxes)) {
    const { base: before, tax } = groups.get(name) ?? { base: 0n, tax: 0n };
    groups.set(name, { base: before + centsOf(base), tax: tax + centsOf(amount) });
  }
  return groups;
}
