import { type BillingTerms, billingTask, draftAccount, Plans, termsOf } from '#billing';
import { fromStamp, monthPeriod } from '#calendar';
import { canonicalJson } from '#canonical-json';
import { type IssuedInvoice, issueInvoice, LANGUAGES, type Language } from '#invoicing';
import { parseTariffPlan } from '#rating';
import { sha256 } from './crypto.js';
import { invoiceEvidence } from './evidence.js';
import { verifyInvoice } from './verify-invoice.js';

const PERIOD = monthPeriod('2026-08', 'UTC');
const hashOf = (document: unknown) => sha256(canonicalJson(document));

function planOf() {
  const parsed = parseTariffPlan({
    ...{ code: 'plan', name: 'Plan', currency: 'EUR', effective_from: '2020-01-01', minimum_spend: '100.00' },
    charges: [{ code: 'fee', name: 'Fee', type: 'recurring', amount: '49.99', timing: 'in_advance' }],
    discounts: [{ type: 'fixed', value: '5.00', applies_to: ['fee'] }],
  });
  if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
  return parsed.plan;
}
const PLAN = planOf();
const PLANS = new Plans(hashOf);
const VERSIONS = [{ code: 'plan', version: 1, effectiveFrom: '2020-01-01', document: PLAN, sha256: hashOf(PLAN) }];

const address = { line1: 'x', line2: null, city: 'x', region: 'x', postal_code: '1', country: 'FR' };
const party = { name: 'x', currency: 'EUR', timeZone: 'UTC', taxId: 'x', address, email: null } as const;

function termsWith(seller: Language | null, account: Language | null): BillingTerms {
  return {
    seller: {
      ...party,
      ...{ id: 's', code: 'acme', country: 'FR', invoicePrefix: 'INV', fiscalYearStart: 1, numberStart: 1 },
      ...{ rounding: 'half_up', payableRounding: 'none', paymentTermsDays: 14, edgePolicy: 'own_by_start' },
      ...{ unregisteredUsage: 'warn', bank: null, reportApi: null, language: seller },
    },
    account: {
      ...{ ...party, id: 'a', externalId: '4711', paymentTermsDays: null, edgePolicy: null, language: account },
      taxes: [{ name: 'TVA', category: 'AE', rate: '0' }],
    },
    entities: [],
    subscriptions: [{ planCode: 'plan', startDate: '2020-01-01', endDate: null }],
    versions: VERSIONS,
  };
}

function issued(terms: BillingTerms): IssuedInvoice {
  const as = { dialectSha256: null, layoutVersion: 4, revision: 1, zero: 'issue' as const };
  const drafted = draftAccount(billingTask(terms, PERIOD.label, PLANS), [], as);
  if (drafted.outcome !== 'drafted') throw new Error(`not drafted: ${JSON.stringify(drafted)}`);
  const of = { id: 'i', number: 'INV-2026-000001', issuedAt: fromStamp('2026-09-04T06:00:00Z'), sellerTimeZone: 'UTC' };
  return issueInvoice({ ...drafted.draft, inputs_hash: hashOf({ ...termsOf(terms, PERIOD), usage: [] }) }, of);
}

function verdictOn(document: IssuedInvoice, terms: BillingTerms) {
  const evidence = invoiceEvidence({
    ...{ document, document_sha256: hashOf(document), inputs: { ...termsOf(terms, PERIOD), usage: [] } },
    ...{ earlier: [], waived: [], usage: [], facts: { ...termsOf(terms, PERIOD), versions: VERSIONS } },
  });
  return verifyInvoice(JSON.stringify(evidence));
}

/** A document of a release without languages. */
function asBefore({ language: _, lines, ...document }: IssuedInvoice): IssuedInvoice {
  return { ...document, lines: lines.map(({ title: _, ...line }) => line), notes: ['Reverse charge'] };
}

describe('the language of a document', () => {
  it("is the account's, else the seller's, else English", () => {
    expect(issued(termsWith('de', 'fr')).language).toBe('fr');
    expect(issued(termsWith('de', null)).language).toBe('de');
    expect(issued(termsWith(null, null)).language).toBe('en');
  });

  it('is in no hash of inputs, changes nothing else, and verifies', () => {
    const documents = LANGUAGES.map((language) => issued(termsWith('en', language)));
    expect(new Set(documents.map(({ inputs_hash: hash }) => hash)).size).toBe(1);
    const contents = documents.map(({ language: _, ...content }) => canonicalJson(content));
    expect(new Set(contents).size).toBe(1);
    for (const [index, document] of documents.entries()) {
      expect(document.language).toBe(LANGUAGES[index]);
      expect(verdictOn(document, termsWith('en', document.language ?? null))).toMatchObject({ outcome: 'valid' });
    }
  });

  it('that no document has is named', () => {
    const document = { ...issued(termsWith(null, null)), language: 'sv' as Language };
    expect(verdictOn(document, termsWith(null, null))).toMatchObject({ outcome: 'invalid', path: 'document.language' });
  });

  it('was not said before there was a choice: what was issued then, in sentences, verifies as it is', () => {
    const before = asBefore(issued(termsWith(null, null)));
    expect(before.lines.map(({ description }) => description)).toEqual([
      'Fee, in advance',
      'Discount 5.00 EUR on Fee',
      'Minimum spend, Plan',
    ]);
    expect(verdictOn(before, termsWith('fr', 'de'))).toMatchObject({ outcome: 'valid' });
    const altered = { ...before, notes: ['Reverse charge applies'] };
    expect(verdictOn(altered, termsWith(null, null))).toMatchObject({ outcome: 'invalid', path: 'document.notes[0]' });
  });
});
