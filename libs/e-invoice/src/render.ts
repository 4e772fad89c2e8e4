import type { DraftInvoice } from '#invoicing';
import { minorUnits } from '#money';
import { isListedCurrency } from './code-lists.js';
import type { ElectronicContent, ElectronicDocument } from './document.js';
import { FORMATS, type FormatKind, formOf } from './formats/index.js';
import { inv01 } from './formats/inv01/format.js';
import { isRefusal, type Refusal, refused } from './refusal.js';
import { missingFrom } from './requirements.js';
import { inexact } from './semantic/exact.js';
import { semanticInvoice } from './semantic/of-document.js';
import { mergedGroups, taxesOfLines } from './semantic/taxes-of-lines.js';
import { characterNotInXml } from './syntaxes/xml.js';

/** A document in one electronic form: the text of the file, to be kept as UTF-8. */
export interface Rendition {
  readonly outcome: 'written';
  readonly kind: FormatKind;
  readonly mediaType: string;
  readonly layoutVersion: number;
  readonly text: string;
}

/** Decimals that an amount has at most in EN 16931 (BR-DEC). */
const MOST_DECIMALS = 2;

/**
 * What a draft or a document lacks to be written in a format: paths of members of the account, and of its seller below
 * `/seller`, as `/e_invoice/buyer_reference` or `/seller/contact/email`. Empty when it has all of them.
 */
export function missingFor(kind: FormatKind, content: ElectronicContent): string[] {
  return kind === inv01.kind ? inv01.missing(content) : missingFrom(FORMATS[kind], content);
}

/**
 * Whether amounts of a currency can stand in an electronic invoice: with at most two decimals, and on the list (BR-CL-04); in
 * India they are rupees.
 */
export function hasElectronicForm(currency: string, profile: string): boolean {
  return profile === inv01.kind
    ? currency === 'INR'
    : minorUnits(currency) <= MOST_DECIMALS && isListedCurrency(currency);
}

/** The electronic form that the customer of a document wants, as it was frozen on it; undefined: the PDF alone. */
export function wantedForm({ customer }: Pick<ElectronicContent, 'customer'>): ReturnType<typeof formOf> {
  return formOf(customer.e_invoice?.profile);
}

/**
 * Why a draft could not be written in the form that its customer wants once it is issued; undefined when it can, or when
 * the customer wants none. What a number and the dates of the issue add can change neither answer.
 */
export function objectionTo(draft: Omit<DraftInvoice, 'inputs_hash'>): Refusal | undefined {
  const form = wantedForm(draft);
  if (!form) return undefined;
  const day = draft.period.end_date;
  const provisional = {
    id: '',
    number: '0',
    issued_at: draft.period.end,
    issue_date: day,
    due_date: day,
    corrects: null,
  };
  const rendition = renderEInvoice(form.kind, { ...draft, ...provisional, status: 'issued', inputs_hash: '' });
  return isRefusal(rendition) ? rendition : undefined;
}

/**
 * Writes an issued document in a format. The same document always gives the same text. What cannot be said exactly is refused
 * and never bent: see `RefusalCode`.
 *
 * Whatever is written keeps the arithmetic of EN 16931 to the cent and has every member that the format requires. What an
 * address or a reference means to a network (a check digit, a participant that exists) is not looked at.
 */
export function renderEInvoice(kind: FormatKind, document: ElectronicDocument): Rendition | Refusal {
  if (kind === inv01.kind) {
    const text = inv01.write(document);
    if (typeof text !== 'string') return text;
    const { mediaType, layoutVersion } = inv01;
    return { outcome: 'written', kind, mediaType, layoutVersion, text };
  }
  const format = FORMATS[kind];
  if (minorUnits(document.currency) > MOST_DECIMALS) {
    const decimals = `${document.currency} has ${minorUnits(document.currency)} decimals, EN 16931 at most ${MOST_DECIMALS}`;
    return refused('currency_not_in_e_invoices', `${decimals}; the PDF is the invoice`);
  }
  if (!isListedCurrency(document.currency)) {
    const message = `${document.currency} is not on the list of currencies of EN 16931; the PDF is the invoice`;
    return refused('currency_not_in_e_invoices', message);
  }
  const missing = missingFrom(format, document);
  if (missing.length > 0) {
    return refused('e_invoice_incomplete', `the format ${kind} requires ${missing.join(', ')}`, missing);
  }
  const groups = mergedGroups(document.taxes);
  if (groups.length > 1 && groups.some(({ category }) => category === 'O')) {
    const message =
      'lines outside the scope of VAT stand beside others; EN 16931 wants an invoice of their own for them';
    return refused('outside_scope_beside_taxed', message);
  }
  const taxes = taxesOfLines(document, groups);
  if (isRefusal(taxes)) return taxes;
  const invoice = semanticInvoice(document, format, groups, taxes);
  // The tax of a correction is the difference of two taxes, each rounded on its own sum.
  const roundings = document.corrects === null ? 1 : 2;
  const fault = inexact(invoice, roundings);
  if (fault) return fault;
  const text = format.write(invoice);
  const character = characterNotInXml(text);
  if (character !== null) {
    return refused('character_not_in_xml', `a name, note or description holds ${character}, which XML cannot carry`);
  }
  return { outcome: 'written', kind, mediaType: format.mediaType, layoutVersion: format.layoutVersion, text };
}
