import { fromStamp } from '#calendar';
import type { ElectronicDocument } from '#e-invoice';
import {
  type AccountTax,
  correctionOf,
  type DraftInvoice,
  issueInvoice,
  type IssuedInvoice,
  type Totals,
  totalsOf,
} from '#invoicing';
import type { RatedLine } from '#rating';

/** Documents of two parties that have all that any format of an electronic invoice asks for. Holds no rule. */

type Draft = Omit<DraftInvoice, 'inputs_hash'>;

const ISSUED_AT = fromStamp('2026-11-05T08:00:00Z');

/** Two German parties; every member that Peppol and XRechnung ask for, none that is optional. */
export const GERMAN_PARTIES = {
  supplier: {
    reference: 'acme',
    name: 'Acme Netz & Söhne GmbH',
    address: address('Hafenstraße 1', 'Hamburg', '20457', 'DE'),
    tax_id: 'DE123456789',
    email: 'rechnung@acme.example',
    bank: { iban: 'DE89 3704 0044 0532 0130 00', bic: 'COBADEFFXXX' },
    contact: { name: 'Buchhaltung', phone: '+49 40 123456', email: 'rechnung@acme.example' },
    e_invoice: { endpoint: { scheme: '9930', id: 'DE123456789' } },
  },
  customer: {
    reference: '4711',
    name: 'Freie und Hansestadt <Amt>',
    address: address('Rathausmarkt 1', 'Hamburg', '20095', 'DE'),
    tax_id: 'DE987654321',
    email: 'amt@stadt.example',
    e_invoice: {
      profile: null,
      buyer_reference: '02000000-ABC-12',
      order_reference: 'PO-77',
      endpoint: { scheme: '0204', id: '02000000-ABC-12' },
    },
  },
} satisfies Pick<ElectronicDocument, 'supplier' | 'customer'>;

function address(line1: string, city: string, postalCode: string, country: string) {
  return { line1, line2: null, city, region: null, postal_code: postalCode, country };
}

/** The parties where the buyer lives in another country. */
export function partiesTo(country: string, taxId: string | null): Pick<ElectronicDocument, 'supplier' | 'customer'> {
  const { supplier, customer } = GERMAN_PARTIES;
  return {
    supplier,
    customer: { ...customer, address: address('Main Street 1', 'Town', '1000', country), tax_id: taxId },
  };
}

/** The draft as the first document that is issued for a period. */
export function issued(
  draft: Draft,
  parties: Pick<ElectronicDocument, 'supplier' | 'customer'> = GERMAN_PARTIES,
): ElectronicDocument {
  const document = issueInvoice(
    { ...draft, ...parties, inputs_hash: 'inputs' },
    { id: 'first', number: 'INV-2026-000001', issuedAt: ISSUED_AT, sellerTimeZone: 'UTC' },
  );
  return { ...document, ...parties };
}

/** What corrects a document once the period is rated again; null when nothing differs. `nothing` takes it back as a whole. */
export function corrected(
  original: ElectronicDocument,
  rerated: { lines: readonly RatedLine[]; totals: Totals } | 'nothing',
): ElectronicDocument | null {
  const nothing = { taxes: [], net: '0', tax: '0', gross: '0', rounding: '0', payable: '0' };
  const correction = correctionOf({
    original,
    issued: [original],
    rerated: rerated === 'nothing' ? { lines: [], totals: nothing } : rerated,
    // Nothing was credited by hand, so nothing is taxed again.
    taxing: null,
    dialectSha256: null,
    layoutVersion: 1,
  });
  if (correction === null) return null;
  const { id, number } = original;
  const document: IssuedInvoice = issueInvoice(
    { ...correction, inputs_hash: 'inputs' },
    { id: 'second', number: 'CN-2026-000001', issuedAt: ISSUED_AT, sellerTimeZone: 'UTC', corrects: { id, number } },
  );
  return { ...document, supplier: original.supplier, customer: original.customer };
}

/** The draft with other taxes of the account, its lines as they are. */
export function taxed(draft: Draft, taxes: readonly AccountTax[]): Draft {
  const { lines, currency } = draft;
  return { ...draft, ...totalsOf(lines, taxes, { currency, rounding: 'half_up', payableRounding: 'none' }) };
}
