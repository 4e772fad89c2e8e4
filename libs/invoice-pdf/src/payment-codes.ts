import type { BankAccount, IssuedInvoice } from '#invoicing';
import { isCredit } from './first-page.js';

/** What a payer's telephone reads of a document, in the words of each standard. Pure: payloads only, nothing is drawn. */

/** Whether the document asks for money. */
export function isToBePaid({ kind, payable }: Pick<IssuedInvoice, 'kind' | 'payable'>): boolean {
  return kind !== 'credit_note' && !isCredit(payable) && /[1-9]/.test(payable);
}

/** Those of the EPC's list of SEPA countries (EPC409-09) that are of the EEA; of others a transfer needs the BIC. */
const EEA = new Set(
  'AT BE BG HR CY CZ DK EE FI FR DE GI GR HU IS IE IT LV LI LT LU MT NL NO PL PT RO SK SI ES SE'.split(' '),
);
const SEPA_BEYOND = new Set('AD AL CH GB MC MD ME MK RS SM VA'.split(' '));

/** EPC069-12: amounts beyond it are no credit transfer of the scheme. */
const EPC_MOST = 12;
const EPC_NAME = 70;

/**
 * The code of a SEPA credit transfer (EPC069-12, version 002): `BCD`, character set UTF-8, and the document's number as
 * unstructured remittance. Undefined where the account cannot be reached that way.
 */
export function epcPayload(of: {
  readonly name: string;
  readonly iban: string;
  readonly bic: string | null;
  readonly amount: string;
  readonly remittance: string;
}): string | undefined {
  const country = of.iban.slice(0, 2);
  if (!EEA.has(country) && !(SEPA_BEYOND.has(country) && of.bic !== null)) return undefined;
  if (of.amount.length > EPC_MOST) return undefined;
  return [
    ...['BCD', '002', '1', 'SCT', of.bic ?? '', cut(of.name, EPC_NAME), of.iban, `EUR${of.amount}`],
    ...['', '', cut(of.remittance, 140)],
  ].join('\n');
}

/** A payment by UPI (NPCI, UPI linking specification 1.6): payee, reference, note and amount in rupees. */
export function upiPayload(of: {
  readonly upiId: string;
  readonly name: string;
  readonly amount: string;
  readonly number: string;
}): string {
  const members = { pn: of.name, tr: of.number, tn: of.number, am: of.amount, cu: 'INR' };
  const said = Object.entries(members).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `upi://pay?pa=${of.upiId}&${said.join('&')}`;
}

/** The code beside the bank's details, or undefined where the document has none. */
export function transferCode(document: IssuedInvoice): string | undefined {
  const { supplier, currency, payable, number } = document;
  const { bank } = supplier;
  if (!bank || !isToBePaid(document)) return undefined;
  const name = onOneLine(holderOf(document));
  if (currency === 'INR' && bank.upi_id) return upiPayload({ upiId: bank.upi_id, name, amount: payable, number });
  if (currency !== 'EUR' || !bank.iban) return undefined;
  const iban = unspaced(bank.iban);
  return epcPayload({ name, iban, bic: bank.bic, amount: payable, remittance: number });
}

/** Who is paid: the account's holder where that is not the seller's name. */
export function holderOf({ supplier }: Pick<IssuedInvoice, 'supplier'>): string {
  return supplier.bank?.account_holder || supplier.name;
}

/** What the payment part and the receipt of a Swiss QR-bill say, and their code. */
export interface SwissBill {
  readonly iban: string;
  readonly creditor: SwissParty;
  readonly debtor: SwissParty | null;
  readonly currency: 'CHF' | 'EUR';
  readonly amount: string;
  readonly reference: { readonly type: 'QRR' | 'SCOR' | 'NON'; readonly text: string };
  readonly message: string;
}

/** A structured address, type S. The number of a house stands with its street. */
export interface SwissParty {
  readonly name: string;
  readonly street: string;
  readonly postalCode: string;
  readonly town: string;
  readonly country: string;
}

/** Swiss Implementation Guidelines QR-bill 2.3, 4.2.2: 999 999 999.99 at most. */
const SWISS_MOST = 12;

/**
 * The Swiss QR-bill of a document, by the Implementation Guidelines QR-bill 2.3: for Swiss francs, and for euros where the
 * payer is in Switzerland or Liechtenstein or has no other code. Undefined where the account is in neither country, or what the
 * payload must say is not known or not in its character set.
 */
export function swissBill(document: IssuedInvoice): SwissBill | undefined {
  const { supplier, customer, currency, payable, number } = document;
  const iban = swissIban(supplier.bank);
  if (iban === undefined || !isToBePaid(document) || payable.length > SWISS_MOST) return undefined;
  if (currency !== 'CHF' && currency !== 'EUR') return undefined;
  const payer = customer.address?.country;
  if (currency === 'EUR' && payer !== 'CH' && payer !== 'LI' && transferCode(document) !== undefined) return undefined;
  const creditor = swissParty(holderOf(document), supplier.address);
  if (!creditor) return undefined;
  return {
    ...{ iban, creditor, currency, amount: payable, message: number },
    debtor: swissParty(customer.name, customer.address) ?? null,
    reference: swissReference(iban, number),
  };
}

/** The payload of the Swiss QR code (Implementation Guidelines QR-bill 2.3, 4.2.2): 31 lines, version 0200, UTF-8. */
export function swissPayload({ iban, creditor, debtor, currency, amount, reference, message }: SwissBill): string {
  const NO_PARTY = ['', '', '', '', '', '', ''];
  const lines = (party: SwissParty | null) =>
    party ? ['S', party.name, party.street, '', party.postalCode, party.town, party.country] : NO_PARTY;
  return [
    ...['SPC', '0200', '1', iban],
    ...lines(creditor),
    // The ultimate creditor is kept for later use.
    ...NO_PARTY,
    ...[amount, currency],
    ...lines(debtor),
    ...[reference.type, reference.text, message, 'EPD'],
  ].join('\n');
}

/** The QR-IBAN where there is one, else an IBAN of the two countries. */
function swissIban(bank: BankAccount | null): string | undefined {
  const given = bank?.qr_iban ?? bank?.iban;
  const iban = given ? unspaced(given) : '';
  return /^(CH|LI)/.test(iban) ? iban : undefined;
}

/** Whether payments to an IBAN need a QR reference: its institution is one of 30000 to 31999. */
function isQrIban(iban: string): boolean {
  return /^(CH|LI)\d{2}3[01]\d{3}/.test(iban);
}

/** A QR reference for a QR-IBAN, else an ISO 11649 reference, else none; all made of the document's number. */
function swissReference(iban: string, number: string): SwissBill['reference'] {
  if (isQrIban(iban)) return { type: 'QRR', text: qrReference(number) };
  const text = creditorReference(number);
  return text === undefined ? { type: 'NON', text: '' } : { type: 'SCOR', text };
}

const QR_REFERENCE_DIGITS = 26;

/**
 * A document's number as 26 digits and their check digit: letters count from A = 10, as in an IBAN, and what is neither letter
 * nor digit is left out. Of a longer one its last digits are taken, for year and sequence stand at the end.
 */
export function qrReference(number: string): string {
  const digits = [...number.toUpperCase()].map((character) =>
    /[A-Z0-9]/.test(character) ? `${Number.parseInt(character, 36)}` : '',
  );
  const text = digits.join('').slice(-QR_REFERENCE_DIGITS).padStart(QR_REFERENCE_DIGITS, '0');
  return `${text}${recursiveCheckDigit(text)}`;
}

/** Modulo 10, recursive (Implementation Guidelines QR-bill 2.3, annex B). */
export function recursiveCheckDigit(digits: string): string {
  const table = [0, 9, 4, 6, 8, 2, 7, 1, 3, 5];
  const carry = [...digits].reduce((last, digit) => table[(last + Number.parseInt(digit, 10)) % 10] ?? 0, 0);
  return `${(10 - carry) % 10}`;
}

/** ISO 11649: `RF`, two check digits and up to 21 letters and digits; undefined where the number is longer. */
export function creditorReference(number: string): string | undefined {
  const text = number.toUpperCase().replace(/[^A-Z0-9]/g, '');
  if (text === '' || text.length > 21) return undefined;
  const digits = [...`${text}RF00`].map((character) => `${Number.parseInt(character, 36)}`).join('');
  return `RF${(98n - (BigInt(digits) % 97n)).toString().padStart(2, '0')}${text}`;
}

/** Implementation Guidelines QR-bill 2.3, 4.1.1: Latin with its supplement and extension A, four Romanian letters, the euro. */
const SWISS_TEXT = /^[\x20-\x7e\u00a0-\u017f\u0218-\u021b\u20ac]+$/;

function swissParty(name: string, address: IssuedInvoice['customer']['address']): SwissParty | undefined {
  if (!address) return undefined;
  const party: SwissParty = {
    name: cut(onOneLine(name), 70),
    street: cut(onOneLine(address.line1), 70),
    postalCode: cut(onOneLine(address.postal_code), 16),
    town: cut(onOneLine(address.city), 35),
    country: address.country,
  };
  return Object.values(party).every((text: string) => SWISS_TEXT.test(text)) ? party : undefined;
}

function onOneLine(text: string): string {
  return text.normalize('NFC').replace(/\s+/g, ' ').trim();
}

function unspaced(text: string): string {
  return text.replace(/\s+/g, '');
}

function cut(text: string, most: number): string {
  return [...text].slice(0, most).join('').trim();
}
