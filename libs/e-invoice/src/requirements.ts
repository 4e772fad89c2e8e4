import type { ElectronicAddress, Registration, TaxCategory } from '#invoicing';
import { isAddressScheme, isRegisterScheme } from './code-lists.js';
import type { ElectronicContent } from './document.js';
import type { Format } from './format.js';
import { hasItsForm } from './identifier-forms.js';
import { vatIdOf } from './vat-id.js';

/**
 * What a document lacks to be written in a format: members of the account, and of its seller below `/seller`, by the paths
 * they have in the REST contract, each once and in order. Empty when nothing is missing. A draft can be asked about as well
 * as an issued document. An exemption's reason has the position of its tax group on the document.
 */
export function missingFrom(format: Format, content: ElectronicContent): string[] {
  return [...new Set([...missingForEn16931(content), ...format.missing(content)])];
}

/** What EN 16931-1 itself requires: BR-06 to BR-11, and the numbers and reasons that tax categories call for. */
function missingForEn16931(content: ElectronicContent): string[] {
  const { supplier, customer, taxes } = content;
  const has = (...categories: TaxCategory[]) => taxes.some(({ category }) => categories.includes(category));
  const sellerVatId = vatIdOf(supplier);
  const buyerIsKnown = vatIdOf(customer) !== null || (customer.registration ?? null) !== null;
  return present([
    isBlank(supplier.name) && '/seller/name',
    supplier.address === null && '/seller/address',
    supplier.address !== null && isBlank(supplier.address.country) && '/seller/address/country',
    // Export and intra-Community supply need the VAT identifier itself, the others any number of a tax office.
    (has('K', 'G') ? sellerVatId === null : has('S', 'Z', 'E', 'AE') && isBlank(supplier.tax_id)) && '/seller/tax_id',
    isBlank(customer.name) && '/name',
    customer.address === null && '/address',
    customer.address !== null && isBlank(customer.address.country) && '/address/country',
    ((has('K') && vatIdOf(customer) === null) || (has('AE') && !buyerIsKnown)) && '/tax_id',
    ...taxes.map(
      ({ category, exemption_reason: reason }, position) =>
        category === 'E' && isBlank(reason) && `/taxes/${position}/exemption_reason`,
    ),
    ...missingOfRegistration('/seller/registration', supplier.registration),
    ...missingOfRegistration('/registration', customer.registration),
    ...missingOfAddress('/seller/e_invoice/endpoint', supplier.e_invoice?.endpoint),
    ...missingOfAddress('/e_invoice/endpoint', customer.e_invoice?.endpoint),
  ]);
}

function missingOfRegistration(path: string, registration: Registration | null | undefined): (string | false)[] {
  if (!registration) return [];
  const { scheme, id } = registration;
  return [scheme !== null && !isRegisterScheme(scheme) && `${path}/scheme`, isNone(scheme, id) && `${path}/id`];
}

/** What is wrong with an electronic address that is given. */
function missingOfAddress(path: string, address: ElectronicAddress | null | undefined): (string | false)[] {
  if (!address) return [];
  return [!isAddressScheme(address.scheme) && `${path}/scheme`, isNone(address.scheme, address.id) && `${path}/id`];
}

function isNone(scheme: string | null, id: string): boolean {
  return isBlank(id) || !hasItsForm(scheme, id);
}

/** What Germany asks of both parties (BR-DE-2 to BR-DE-9, BR-DE-15, BR-DE-23; the same as DE-R of Peppol). */
export function missingInGermany({ kind, supplier, customer }: ElectronicContent): string[] {
  const { contact } = supplier;
  return present([
    isBlank(supplier.address?.city) && '/seller/address/city',
    isBlank(supplier.address?.postal_code) && '/seller/address/postal_code',
    isBlank(contact?.name) && '/seller/contact/name',
    !PHONE.test(contact?.phone ?? '') && '/seller/contact/phone',
    !EMAIL.test(contact?.email ?? supplier.email ?? '') && '/seller/contact/email',
    kind !== 'credit_note' && isBlank(supplier.bank?.iban) && '/seller/bank/iban',
    isBlank(customer.address?.city) && '/address/city',
    isBlank(customer.address?.postal_code) && '/address/postal_code',
    isBlank(customer.e_invoice?.buyer_reference) && '/e_invoice/buyer_reference',
  ]);
}

export function present(paths: readonly (string | false)[]): string[] {
  return paths.filter((path) => path !== false);
}

export function isBlank(text: string | null | undefined): boolean {
  return text === null || text === undefined || text.trim() === '';
}

/** BR-DE-27 and BR-DE-28. */
const PHONE = /(?:\d.*){3}/;
const EMAIL = /^[^@\s]+@(?:[^@.\s]+\.)+[^@.\s]+$/;
