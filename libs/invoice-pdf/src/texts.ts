import { addDays } from '#calendar';
import { type Address, type InvoiceLine, shownValue, type TaxCategory, withoutSubscriberNumber } from '#invoicing';
import { longDate, type Wording } from '#wording';
import { addressLines } from './address-lines.js';
import { countryName } from './country-names/index.js';
import { InvoicePdfError } from './invoice-pdf-error.js';
import type { PrintableInvoice } from './printable-invoice.js';
import { closingSum, roundedQuantity } from './reading.js';

const VAT_COUNTRIES = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' '),
);

/** What stands in a document as a page has it in one language: figures, dates, parties, units. */
export class Texts {
  constructor(readonly words: Wording) {}

  /** "Invoice", or "Draft invoice" while it may still change. */
  documentTitle({ kind, status, gst }: PrintableInvoice): string {
    if (kind === 'invoice' && gst) return this.words.gst.title(status === 'draft');
    return this.words.title(kind, status === 'draft');
  }

  /** What the footer and the pages after the first call the document. */
  documentName(document: PrintableInvoice): string {
    const title = this.documentTitle(document);
    return document.status === 'draft' ? title : `${title} ${document.number}`;
  }

  /**
   * A decimal string with thousands separators and exactly the decimals it came with; nothing is rounded and no binary
   * float is involved. A host in another country prints the same.
   */
  grouped(decimal: string): string {
    if (!/^-?\d+(\.\d+)?$/.test(decimal)) {
      throw new InvoicePdfError('malformed_document', `not a plain decimal number: ${JSON.stringify(decimal)}`);
    }
    return this.words.figure(decimal);
  }

  /** The quantity for its column, rounded for reading (and marked so) when it has too many decimals. */
  shortQuantity(quantity: string): { text: string; isRounded: boolean } {
    const rounded = roundedQuantity(quantity);
    if (rounded === undefined) return { text: this.grouped(quantity), isRounded: false };
    return { text: `~${this.grouped(rounded)}`, isRounded: true };
  }

  /** `80.00 + 55.20 = 135.20` under a line of several steps; null where it has no such sum. */
  closingSum(line: InvoiceLine): string | null {
    const closing = closingSum(line);
    if (!closing) return null;
    const [first = '', ...others] = closing.terms;
    const added = others.map((term) =>
      term.startsWith('-') ? ` - ${this.grouped(term.slice(1))}` : ` + ${this.grouped(term)}`,
    );
    return `${this.grouped(first)}${added.join('')} ${closing.isExact ? '=' : '~'} ${this.grouped(closing.amount)}`;
  }

  /** "31 Oct 2026". */
  longDate(date: string): string {
    if (!/^\d{4}-(0[1-9]|1[0-2])-\d{2}$/.test(date)) {
      throw new InvoicePdfError('malformed_document', `not a date YYYY-MM-DD: ${JSON.stringify(date)}`);
    }
    return longDate(date, this.words);
  }

  /** The days of a half-open range as a payer reads them, both ends included: "1 Oct 2026 – 31 Oct 2026". */
  dateRange(startDate: string, endDate: string): string {
    const lastDate = addDays(endDate, -1);
    const first = this.longDate(startDate);
    return lastDate <= startDate ? first : this.words.days(first, this.longDate(lastDate));
  }

  /** "30 Sep 2026 18:30 UTC" for a UTC stamp. */
  longStamp(stamp: string): string {
    const instant = instantOf(stamp).toISOString();
    return this.words.instant(this.longDate(instant.slice(0, 10)), instant.slice(11, 16));
  }

  /** An address in printed lines, the country's name last. */
  addressLines(address: Address | null): string[] {
    return address ? [...addressLines(address), countryName(address.country, this.words.language)] : [];
  }

  /** What a party's tax number is called where it lives. */
  taxIdLabel(country: string | undefined): string {
    if (country === 'IN') return 'GSTIN';
    const { vat, other } = this.words.taxNumber;
    return country && VAT_COUNTRIES.has(country) ? vat : other;
  }

  /** A tax category of UNCL5305 in words. */
  taxCategoryName(category: string): string {
    return this.words.taxCategories[category as TaxCategory] ?? category;
  }

  /** A line's unit as a payer reads it; fees that are counted per entity have its dimension for a unit. */
  unitName(unit: string): string {
    const { things } = this.words;
    return Object.hasOwn(things, unit) ? things[unit as keyof typeof things] : unit;
  }

  /** The entity of a line; the numbers of a subscriber are personal data, so all but their last four digits are hidden. */
  entityLabel(entity: InvoiceLine['entity']): string | null {
    if (!entity) return null;
    const value = shownValue(entity);
    switch (entity.dimension) {
      case 'account':
        return null;
      case 'customer_site_id':
        return this.words.site(entity.name && entity.name !== value ? `${entity.name} (${value})` : value);
      case 'msisdn':
      case 'imsi': {
        const name = withoutSubscriberNumber(entity.name ?? '', entity);
        return [`${this.words.things[entity.dimension]} ${value}`, name].filter(Boolean).join(' · ');
      }
    }
  }
}

/** The instant of an RFC 3339 stamp. */
export function instantOf(stamp: string): Date {
  const instant = new Date(stamp);
  if (Number.isNaN(instant.getTime())) {
    throw new InvoicePdfError('malformed_document', `not an RFC 3339 stamp: ${JSON.stringify(stamp)}`);
  }
  return instant;
}

/** IBAN in groups of four, as banks print it. */
export function ibanGroups(iban: string): string {
  return iban.replace(/\s+/g, '').replace(/(.{4})(?=.)/g, '$1 ');
}
