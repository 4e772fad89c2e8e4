import { addDays } from '#calendar';
import type { Address, DraftInvoice, InvoiceLine, IssuedInvoice, TaxCategory } from '#invoicing';
import { countryName } from './country-names.js';
import { townLines } from './town-lines.js';
import { InvoicePdfError } from './invoice-pdf-error.js';

/** A document of either state, as it is printed. */
export type PrintableInvoice = DraftInvoice | IssuedInvoice;

/** Decimals after which a quantity no longer fits its column; the exact one then stands beneath the line. */
const QUANTITY_DECIMALS = 6;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const KIND_NAMES = { invoice: 'Invoice', credit_note: 'Credit note', debit_note: 'Debit note' } as const;

const TAX_CATEGORIES: Readonly<Record<TaxCategory, string>> = {
  S: 'Standard rate',
  Z: 'Zero rated',
  E: 'Exempt',
  AE: 'Reverse charge',
  K: 'Intra-Community supply',
  G: 'Export',
  O: 'Outside the scope of tax',
};

const ENTITY_UNITS: ReadonlyMap<string, string> = new Map([
  ['account', 'account'],
  ['customer_site_id', 'site'],
  ['msisdn', 'MSISDN'],
  ['imsi', 'IMSI'],
]);

const VAT_COUNTRIES = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' '),
);

/** "Invoice", or "Draft invoice" while it may still change. */
export function documentTitle(document: PrintableInvoice): string {
  const name = KIND_NAMES[document.kind];
  return document.status === 'draft' ? `Draft ${name.toLowerCase()}` : name;
}

/** What the footer and the pages after the first call the document. */
export function documentName(document: PrintableInvoice): string {
  return document.status === 'draft' ? documentTitle(document) : `${documentTitle(document)} ${document.number}`;
}

/**
 * A decimal string with thousands separators and exactly the decimals it came with; nothing is rounded and no binary
 * float is involved. The locale is fixed: a host in another country prints the same.
 */
export function grouped(decimal: string): string {
  if (!/^-?\d+(\.\d+)?$/.test(decimal)) {
    throw new InvoicePdfError('malformed_document', `not a plain decimal number: ${JSON.stringify(decimal)}`);
  }
  const [whole = '', ...decimals] = decimal.split('.');
  return [whole.replace(/\B(?=(?:\d{3})+$)/g, ','), ...decimals].join('.');
}

/** The quantity for its column, cut (marked by an ellipsis, never rounded) when it has too many decimals. */
export function shortQuantity(quantity: string): { text: string; cut: boolean } {
  const [whole = '', fraction = ''] = quantity.split('.');
  if (fraction.length <= QUANTITY_DECIMALS) return { text: grouped(quantity), cut: false };
  return { text: `${grouped(`${whole}.${fraction.slice(0, QUANTITY_DECIMALS)}`)}…`, cut: true };
}

/** "31 Oct 2026". */
export function longDate(date: string): string {
  const [year = '', month = '', day = ''] = date.split('-');
  const name = MONTHS[Number.parseInt(month, 10) - 1];
  if (!name || !/^\d{4}$/.test(year) || !/^\d{2}$/.test(day)) {
    throw new InvoicePdfError('malformed_document', `not a date YYYY-MM-DD: ${JSON.stringify(date)}`);
  }
  return `${day.replace(/^0/, '')} ${name} ${year}`;
}

/** The days of a half-open range as a payer reads them, both ends included: "1 Oct 2026 – 31 Oct 2026". */
export function dateRange(startDate: string, endDate: string): string {
  const lastDate = addDays(endDate, -1);
  return lastDate <= startDate ? longDate(startDate) : `${longDate(startDate)} – ${longDate(lastDate)}`;
}

/** "30 Sep 2026 18:30 UTC" for a UTC stamp. */
export function longStamp(stamp: string): string {
  const instant = instantOf(stamp).toISOString();
  return `${longDate(instant.slice(0, 10))} ${instant.slice(11, 16)} UTC`;
}

/** The instant of an RFC 3339 stamp. */
export function instantOf(stamp: string): Date {
  const instant = new Date(stamp);
  if (Number.isNaN(instant.getTime())) {
    throw new InvoicePdfError('malformed_document', `not an RFC 3339 stamp: ${JSON.stringify(stamp)}`);
  }
  return instant;
}

/** An address in printed lines, a short street on one of them, the country's name last. */
export function addressLines(address: Address | null): string[] {
  if (!address) return [];
  const street = joined([address.line1, address.line2], ', ');
  return [
    ...(street.length <= 46 ? [street] : [address.line1, address.line2]),
    ...townLines(address),
    countryName(address.country),
  ].filter((line): line is string => Boolean(line));
}

/** What a party's tax number is called where it lives. */
export function taxIdLabel(country: string | undefined): string {
  if (country === 'IN') return 'GSTIN';
  return country && VAT_COUNTRIES.has(country) ? 'VAT ID' : 'Tax ID';
}

/** A tax category of UNCL5305 in words. */
export function taxCategoryName(category: string): string {
  return TAX_CATEGORIES[category as TaxCategory] ?? category;
}

/** IBAN in groups of four, as banks print it. */
export function ibanGroups(iban: string): string {
  return iban.replace(/\s+/g, '').replace(/(.{4})(?=.)/g, '$1 ');
}

/** A line's unit as a payer reads it; fees that are counted per entity have its dimension for a unit. */
export function unitName(unit: string): string {
  return ENTITY_UNITS.get(unit) ?? unit;
}

/** The entity of a line; the numbers of a subscriber are personal data, so all but their last four digits are hidden. */
export function entityLabel(entity: InvoiceLine['entity']): string | null {
  if (!entity) return null;
  const value = shownValue(entity);
  switch (entity.dimension) {
    case 'account':
      return null;
    case 'customer_site_id':
      return `Site ${entity.name && entity.name !== value ? `${entity.name} (${value})` : value}`;
    case 'msisdn':
      return joined([`MSISDN ${value}`, withoutSubscriberNumber(entity.name ?? '', entity)], ' · ');
    case 'imsi':
      return joined([`IMSI ${value}`, withoutSubscriberNumber(entity.name ?? '', entity)], ' · ');
  }
}

/** Hides the subscriber's number wherever a text of its line repeats it. */
export function withoutSubscriberNumber(text: string, entity: InvoiceLine['entity']): string {
  return entity && entity.value.length > 4 ? text.replaceAll(entity.value, shownValue(entity)) : text;
}

function shownValue(entity: NonNullable<InvoiceLine['entity']>): string {
  if (entity.dimension !== 'msisdn' && entity.dimension !== 'imsi') return entity.value;
  return `••••${entity.value.length > 4 ? entity.value.slice(-4) : ''}`;
}

function joined(parts: readonly (string | null)[], separator: string): string {
  return parts.filter(Boolean).join(separator);
}
