import { z } from 'zod';
import { atMost, text } from './contract.js';
import { bic, iban } from './identity.js';

/** Where a seller is paid: what a payer copies by hand or scans, so a slip is refused here. */

/** As banks print it, with what they group it by. */
const LONGEST = 64;

/** A number of a bank, kept without the blanks and dashes that it is grouped by. */
const number = (form: RegExp, message: string, isRight: (digits: string) => boolean = () => true) =>
  z
    .string()
    .max(LONGEST, atMost(LONGEST))
    .overwrite((given) => given.replace(/[\s-]/g, '').toUpperCase())
    .refine((digits) => form.test(digits) && isRight(digits), message);

const routingNumber = number(
  /^(0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)\d{7}$/,
  'must be an ABA routing number of nine digits with its check digit, such as "021000021"',
  hasAbaCheckDigit,
);

/** The weighted sum of the nine digits is a multiple of ten (ABA, Routing Number Administrative Procedures). */
function hasAbaCheckDigit(digits: string): boolean {
  const weights = [3, 7, 1];
  const sum = [...digits].reduce(
    (total, digit, index) => total + Number.parseInt(digit, 10) * (weights[index % 3] ?? 0),
    0,
  );
  return sum % 10 === 0;
}

/** The third block of an IBAN of CH or LI names the institution; 30000 to 31999 are those that take a QR reference. */
const QR_IBAN = /^(CH|LI)\d{2}3[01]\d{3}/;

const qrIban = iban
  .refine((given) => QR_IBAN.test(given), 'must be a QR-IBAN of CH or LI, such as "CH44 3199 9123 0008 8901 2"')
  .meta({ description: 'Kept without blanks. Swiss payers get a QR-bill with a QR reference for it.' });

/** Virtual payment address (NPCI, UPI linking specification). */
const upiId = z
  .string()
  .max(LONGEST, atMost(LONGEST))
  .regex(/^[A-Za-z0-9._-]{2,}@[A-Za-z][A-Za-z0-9]+$/, 'must be a UPI ID such as "acme.billing@okbank"');

const optional = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().optional();

export const bankAccount = z
  .strictObject({
    iban: iban.nullable().default(null),
    bic: bic.nullable().default(null),
    account_holder: optional(text(70)),
    bank_name: optional(text(100)),
    branch: optional(text(100)),
    account_number: optional(number(/^[A-Z0-9]{1,34}$/, 'must be 1 to 34 letters and digits')),
    routing_number: optional(routingNumber),
    sort_code: optional(number(/^\d{6}$/, 'must be a sort code of six digits, such as "20-00-00"')),
    ifsc: optional(number(/^[A-Z]{4}0[A-Z0-9]{6}$/, 'must be an IFSC of eleven characters, such as "HDFC0000123"')),
    bank_code: optional(number(/^[A-Z0-9]{1,20}$/, 'must be 1 to 20 letters and digits')),
    upi_id: optional(upiId),
    qr_iban: optional(qrIban),
  })
  .superRefine(({ account_number: account, ...bank }, context) => {
    for (const member of ['routing_number', 'sort_code', 'ifsc', 'bank_code'] as const) {
      if (!bank[member] || account || bank.iban) continue;
      const message = `names a bank and no account: give account_number or iban as well`;
      context.addIssue({ code: 'custom', path: [member], message });
    }
  })
  .meta({
    description:
      'Where the seller is paid, printed with how to pay: IBAN and BIC, or an account number with what names its bank. ' +
      '`bank_code` is what names it in other countries, such as a BSB.',
  });
