import type { ElectronicContent } from '../../document.js';
import { format } from '../../format.js';
import { isBlank, missingInGermany, present } from '../../requirements.js';
import { writeUbl } from '../../syntaxes/ubl.js';

/** Peppol BIS Billing 3.0 (release 3.0.21), billing process 01. */
export const peppol = format({
  kind: 'peppol',
  mediaType: 'application/xml',
  layoutVersion: 1,
  customization: 'urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0',
  process: 'urn:fdc:peppol.eu:2017:poacc:billing:01:1.0',
  typeCodes: { invoice: '380', credit_note: '381', debit_note: '383' },
  emailIsAnAddress: false,
  alwaysSaysWhereTo: false,
  settlementIsRequired: isWithinGermany,
  missing,
  write: writeUbl,
});

function missing(content: ElectronicContent): string[] {
  const { supplier, customer, kind } = content;
  const [seller, buyer] = [supplier.address?.country, customer.address?.country];
  const isWithinTheNetherlands = seller === 'NL' && buyer === 'NL';
  const hasReference = !isBlank(customer.e_invoice?.buyer_reference) || !isBlank(customer.e_invoice?.order_reference);
  return [
    ...present([
      // Addresses on the Peppol network: an e-mail address is none (R010, R020).
      !onPeppol(supplier.e_invoice?.endpoint?.scheme) && '/seller/e_invoice/endpoint',
      !onPeppol(customer.e_invoice?.endpoint?.scheme) && '/e_invoice/endpoint',
      // R003: an order reference does as well.
      !hasReference && '/e_invoice/buyer_reference',
      // DK-R-002 and DK-R-014, NL-R-003 and NL-R-005.
      seller === 'DK' && supplier.registration?.scheme !== '0184' && '/seller/registration',
      seller === 'NL' && !isDutch(supplier.registration?.scheme) && '/seller/registration',
      isWithinTheNetherlands && !isDutch(customer.registration?.scheme) && '/registration',
      // NL-R-002, NL-R-004, NL-R-007.
      seller === 'NL' && isBlank(supplier.address?.postal_code) && '/seller/address/postal_code',
      isWithinTheNetherlands && isBlank(customer.address?.postal_code) && '/address/postal_code',
      seller === 'NL' && kind !== 'credit_note' && isBlank(supplier.bank?.iban) && '/seller/bank/iban',
    ]),
    ...(isWithinGermany(content) ? missingInGermany(content) : []),
  ];
}

function isWithinGermany({ supplier, customer }: ElectronicContent): boolean {
  return supplier.address?.country === 'DE' && customer.address?.country === 'DE';
}

/** Schemes of EN 16931 that Peppol has not (CL008), beside those of letters, which are addresses of other networks. */
const NOT_ON_PEPPOL: ReadonlySet<string> = new Set(
  '0037 0147 0154 0158 0170 0177 0193 0194 0202 0203 0205 0212 0213 0215 0217 0219 0220'.split(' '),
);

function onPeppol(scheme: string | undefined): boolean {
  return scheme !== undefined && /^\d{4}$/.test(scheme) && !NOT_ON_PEPPOL.has(scheme);
}

/** KVK and OIN. */
function isDutch(scheme: string | null | undefined): boolean {
  return scheme === '0106' || scheme === '0190';
}
