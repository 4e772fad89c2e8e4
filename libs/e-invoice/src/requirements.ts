import type { TaxCategory } from '#invoicing';
import { isRegisterScheme } from './code-lists.js';
import type { ElectronicAddress, ElectronicContent, Registration } from './document.js';
import type { Format } from './format.js';
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
  return [scheme !== null && !isRegisterScheme(scheme) && `${path}/scheme`, isBlank(id) && `${path}/id`];
}

/** What is wrong with an electronic address that is given. */
function missingOfAddress(path: string, address: ElectronicAddress | null | undefined): (string | false)[] {
  if (!address) return [];
  return [!ADDRESS_SCHEMES.has(address.scheme) && `${path}/scheme`, isBlank(address.id) && `${path}/id`];
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

/** Electronic address schemes (EAS) of the Connecting Europe Facility that EN 16931 rules 1.3.16 know. */
const ADDRESS_SCHEMES: ReadonlySet<string> = new Set(
  (
    '0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 0190 0191 ' +
    '0192 0193 0194 0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 0215 0216 0217 0218 ' +
    '0219 0220 0221 0225 0230 0235 0240 0242 0244 0245 0246 0248 9910 9913 9914 9915 9918 9919 9920 9922 9923 9924 9925 ' +
    '9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942 9943 9944 9945 9946 9947 9948 ' +
    '9949 9950 9951 9952 9953 9957 9959 AN AQ AS AU EM'
  ).split(' '),
);
