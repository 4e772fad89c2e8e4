import { domainToASCII } from 'node:url';
import { hasItsForm, isAddressScheme, isRegisterScheme, PROFILES } from '#e-invoice';
import { electronicFormatIBAN, isValidBIC, isValidIBAN } from 'ibantools';
import { stdnum } from 'stdnum';
import { STATE_CODES, stateOfGstin } from '#invoicing';
import { z } from 'zod';
import { atMost, text } from './contract.js';
import { Problem } from './problems/problem.js';

/** Texts that identify a party: they are frozen on documents and read by banks and tax offices, so a slip is refused here. */

/** An IBAN has 34 characters at the most; it may be given with blanks. */
const LONGEST_BANK_TEXT = 64;

/** ISO 13616, check digits and the country's own form; blanks are left out, as banks exchange it. */
export const iban = z
  .string()
  .max(LONGEST_BANK_TEXT, atMost(LONGEST_BANK_TEXT))
  .overwrite((text) => electronicFormatIBAN(text) ?? text)
  .refine((text) => isValidIBAN(text), 'must be an IBAN with its check digits, such as "DE89 3704 0044 0532 0130 00"')
  .meta({ description: 'Kept without blanks.' });

/** ISO 9362. */
export const bic = z
  .string()
  .max(LONGEST_BANK_TEXT, atMost(LONGEST_BANK_TEXT))
  .overwrite((text) => text.trim().toUpperCase())
  .refine((text) => isValidBIC(text), 'must be a BIC of 8 or 11 characters, such as "COBADEFFXXX"');

/** An address with a local part of dotted atoms (RFC 5322, in any script by RFC 6531) and a domain (IDNA, also as punycode). */
export const email = z
  .string()
  .max(254, atMost(254))
  .refine(isEmail, 'must be an e-mail address such as "billing@example.com"')
  .meta({ format: 'idn-email' });

const ATOM = /^[^\s\p{C}()<>[\]:;@\\,."]+$/u;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Bytes, RFC 5321 4.5.3.1.1. */
const LONGEST_LOCAL = 64;

function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  const [local, domain] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  if (Buffer.byteLength(local) > LONGEST_LOCAL || !local.split('.').every((atom) => ATOM.test(atom))) return false;
  // Blanks and the like vanish on the way to ASCII, so what they stand in is looked at before.
  if (!domain.split('.').every((label) => ATOM.test(label))) return false;
  const labels = domainToASCII(domain).split('.');
  return labels.length > 1 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}

/** A name or number that another system gave, such as a reference of the customer's. */
const REFERENCE_LENGTH = 100;

/** Digits with what is written between them, at least three (BR-DE-27). */
const phone = text(40).regex(/^[+(]?\d(?:[\d ()./-]*\d)+$/, 'must be a telephone number such as "+49 40 123456"');

/** Who answers questions about an invoice. */
export const contact = z
  .strictObject({
    name: text().nullable().default(null),
    phone: phone.nullable().default(null),
    email: email.nullable().default(null),
  })
  .meta({ description: 'Who answers questions about an invoice; XRechnung wants all three.' });

/** An entry in a register of companies. */
export const registration = z
  .strictObject({
    scheme: z
      .string()
      .refine(isRegisterScheme, 'must be a code of ISO 6523 ICD such as "0002", or null where the register has none')
      .nullable()
      .default(null),
    id: text(REFERENCE_LENGTH),
  })
  .superRefine(inItsForm)
  .meta({ description: 'The entry in a register of companies; `scheme` is a code of ISO 6523 ICD.' });

/** Where a party receives electronic documents. */
export const endpoint = z
  .strictObject({
    scheme: z
      .string()
      .refine(isAddressScheme, 'must be a code of the EAS list such as "0204", "9930" or "EM" (an e-mail address)'),
    id: text(REFERENCE_LENGTH),
  })
  .superRefine(inItsForm)
  .superRefine(({ scheme, id }, context) => {
    if (scheme !== 'EM' || isEmail(id)) return;
    context.addIssue({ code: 'custom', path: ['id'], message: 'must be an e-mail address, as the scheme says' });
  })
  .meta({ description: 'An electronic address; `scheme` is a code of the EAS list.' });

/** What an account wants of electronic invoices, and what they say of it. */
export const accountEInvoice = z
  .strictObject({
    profile: z
      .enum(PROFILES)
      .nullable()
      .default(null)
      .meta({
        description:
          'The form that is made of each document beside the PDF; `factur-x` stands inside of it. Null: none is made until it is ' +
          'asked for. What a form asks for and the parties lack holds the account in its close (`e_invoice_incomplete`).',
      }),
    buyer_reference: text(REFERENCE_LENGTH)
      .nullable()
      .default(null)
      .meta({ description: 'What the buyer asked to be told back: in Germany the Leitweg-ID of an authority.' }),
    order_reference: text(REFERENCE_LENGTH)
      .nullable()
      .default(null)
      .meta({ description: "The number of the buyer's purchase order, printed on every document." }),
    contract_reference: text(REFERENCE_LENGTH)
      .nullable()
      .optional()
      .meta({ description: 'The number of the contract, printed on every document.' }),
    endpoint: endpoint.nullable().default(null),
  })
  .meta({ description: 'What the account wants of electronic invoices, and what they say of it.' });

/** Digits, length and check digit of the schemes that have a form of their own. */
function inItsForm({ scheme, id }: { scheme: string | null; id: string }, context: z.RefinementCtx): void {
  if (hasItsForm(scheme, id)) return;
  const message = `must be a number of the scheme ${scheme} with its check digits, without blanks`;
  context.addIssue({ code: 'custom', path: ['id'], message });
}

/** VAT numbers by the prefix that they are written with, as the library has them: the country, and what it calls them. */
const VAT_KINDS: Readonly<Record<string, string>> = {
  ...{
    AT: 'AT.uid',
    BE: 'BE.vat',
    BG: 'BG.vat',
    CY: 'CY.vat',
    CZ: 'CZ.dic',
    DE: 'DE.vat',
    DK: 'DK.cvr',
    EE: 'EE.kmkr',
  },
  ...{
    EL: 'GR.vat',
    ES: 'ES.nif',
    FI: 'FI.alv',
    FR: 'FR.tva',
    HR: 'HR.oib',
    HU: 'HU.anum',
    IE: 'IE.vat',
    IT: 'IT.iva',
  },
  ...{ LT: 'LT.pvm', LU: 'LU.tva', LV: 'LV.pvn', MT: 'MT.vat', NL: 'NL.btw', PL: 'PL.nip', PT: 'PT.nif', RO: 'RO.cif' },
  ...{ SE: 'SE.vat', SI: 'SI.ddv', SK: 'SK.dph', GB: 'GB.vat', XI: 'GB.vat' },
};

/** Countries where a number that begins with such a prefix is one; Greece writes another one than its code. */
const WITH_VAT = new Set([...Object.keys(VAT_KINDS), 'GR']);
/** At most two letters stand before the first digit of one ("GB GD001", "FR XX…"); "SIREN 123" begins with no prefix. */
const WRITTEN = /^([A-Z]{2})((?=[A-Z+*]{0,2}\d)[0-9A-Z+*]+)$/;

/**
 * Full-width letters and digits are the same number, and blanks around it no part of it. A GSTIN is kept as the portal writes it:
 * in capitals and without blanks.
 */
export const taxNumber = text(40).overwrite((given) => {
  const written = given.normalize('NFKC').trim();
  const joined = written.replace(/[\s-]/g, '').toUpperCase();
  return GSTIN.test(joined) ? joined : written;
});

/** State, permanent account number, number of the registration, and two characters more. */
const GSTIN = /^\d{2}[A-Z]{5}\d{4}[A-Z][0-9A-Z]{3}$/;

/** Percent with at most three decimals, above 0. */
const gstRate = z
  .string()
  .regex(/^(?!0+(\.0+)?$)\d{1,2}(\.\d{1,3})?$/, 'must be a percentage above "0" with at most 3 decimals, such as "18"');

export const sellerGst = z
  .strictObject({
    rate: gstRate
      .nullable()
      .default(null)
      .meta({
        description:
          'Of both components together; taxes of accounts that have none of their own follow from it and the place of supply: ' +
          'CGST and SGST (UTGST) within a state, else IGST. Null: the accounts say.',
      }),
    sac: z
      .string()
      .regex(/^(?!0+$)(?:\d{4}|\d{6}|\d{8})$/, 'must be an HSN or SAC of 4, 6 or 8 digits, such as "998422"')
      .nullable()
      .default(null)
      .meta({ description: 'HSN or SAC of lines whose charge has no `commodity_code`.' }),
  })
  .meta({ description: 'Goods and services tax of India.' });

export const accountGst = z
  .strictObject({
    place_of_supply: z.enum(STATE_CODES).nullable().default(null).meta({
      description: 'The code of the state. Null: the state of the GSTIN, else that of the address.',
    }),
    sez: z.boolean().default(false).meta({ description: 'A unit or a developer of a special economic zone.' }),
    with_payment: z
      .boolean()
      .default(true)
      .meta({
        description:
          'Of supplies to a special economic zone or abroad: whether integrated tax is paid on them. False: they go out ' +
          'under a bond or letter of undertaking.',
      }),
  })
  .meta({ description: 'What decides the goods and services tax of India beyond the GSTINs of both.' });

/**
 * Why a tax number cannot be the one of a party in a country; undefined when it may be. A VAT number is known by its prefix;
 * without one it is a national number, of which there are many kinds, and stays free text. In India it is the GSTIN.
 *
 * @param country of the party; undefined: not known
 */
export function taxIdFault(taxId: string, country: string | undefined): string | undefined {
  if (country === 'IN') {
    return isValid('IN.gstin', taxId) && stateOfGstin(taxId) !== undefined
      ? undefined
      : 'must be a GSTIN with the code of its state and its check character, such as "27AAPFU0939F1ZV"';
  }
  if (country !== undefined && !WITH_VAT.has(country)) return undefined;
  const [, prefix = '', number = ''] =
    WRITTEN.exec(
      taxId
        .normalize('NFKC')
        .toUpperCase()
        .replace(/[\s.-]/g, ''),
    ) ?? [];
  if (prefix === 'GR' && country === 'GR') return 'must begin with "EL", as VAT numbers of Greece do';
  const kind = VAT_KINDS[prefix];
  if (kind === undefined || isValid(kind, number)) return undefined;
  return `must be a VAT number of ${prefix} with its check digits; write a national tax number without the prefix`;
}

function isValid(kind: string, number: string): boolean {
  const [country = '', name = ''] = kind.split('.');
  const validator = stdnum[country]?.[name];
  if (!validator) throw new Error(`stdnum has no ${kind}`);
  return validator.validate(number).isValid;
}

/**
 * Refuses a tax number that cannot be the party's, where the number or the country is being written.
 *
 * @param given members of the request; absent ones stay as they are
 * @param kept the party as it is; absent when it is new
 */
export function refuseForeignTaxId(given: TaxedParty, kept: TaxedParty = {}): void {
  if (given.tax_id === undefined && given.address === undefined && given.country === undefined) return;
  const { tax_id: taxId, address, country } = { ...kept, ...given };
  const message = taxId ? taxIdFault(taxId, address?.country ?? country) : undefined;
  if (message === undefined) return;
  throw new Problem(422, 'invalid_request', `/tax_id ${message}`, { errors: [{ pointer: '/tax_id', message }] });
}

interface TaxedParty {
  readonly tax_id?: string | null | undefined;
  readonly address?: { readonly country: string } | null | undefined;
  readonly country?: string | undefined;
}
