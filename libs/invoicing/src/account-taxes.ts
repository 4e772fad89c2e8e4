import { addDays, type LocalDate } from '#calendar';
import { decimal } from '#money';
import { type RatedLine, taxNameKey } from '#rating';
import type { AccountTax, TaxCategory } from './invoice.js';
import { InvoicingError } from './invoicing-error.js';

/** One thing wrong with the taxes of an account: where (a path into the list) and what would be right. */
export interface TaxFault {
  readonly path: readonly [position: number, member: keyof AccountTax];
  readonly message: string;
}

/** What decides the taxes of a line. */
export type TaxedLine = Pick<RatedLine, 'tax_category' | 'tax' | 'segment' | 'charge'>;

/**
 * What is wrong with the taxes of an account; none for a list that may be kept.
 *
 * - A category fixes its rate: S is above 0, the others are 0 (EN 16931, BR-S-5 and its like of Z, E, AE, IC, G, O).
 * - A tax stands once: of two with one name and category only one is in force on a day. Names are compared by `taxNameKey`.
 * - Components of one supply have one category, and what they are called together is the name of none.
 */
export function taxFaults(taxes: readonly AccountTax[]): TaxFault[] {
  const names = new Set(taxes.map(({ name }) => taxNameKey(name)));
  return taxes.flatMap((tax, position) => {
    const faults: TaxFault[] = [];
    const say = (member: keyof AccountTax, message: string) => faults.push({ path: [position, member], message });
    const rate = rateFault(tax);
    if (rate !== undefined) say('rate', rate);
    if (taxNameKey(tax.name) === '') say('name', 'must show a name: it is printed on the invoice');
    if (tax.valid_from != null && tax.valid_until != null && tax.valid_until <= tax.valid_from) {
      say('valid_until', 'must be later than valid_from: it is the first day without the tax');
    }
    const earlier = taxes.slice(0, position).filter((other) => isEverTogether(tax, other));
    if (earlier.some((other) => isSameName(tax, other) && tax.category === other.category)) {
      say(
        'name',
        'must not be the same tax twice: one of this name and category is in force at the same time; end the old one ' +
          'with valid_until, or give another rate a name of its own such as "VAT reduced"',
      );
    }
    const group = groupKey(tax);
    if (group === undefined) return faults;
    if (group === '') say('component_of', 'must show a name');
    if (names.has(group)) say('component_of', 'must not be the name of a tax of the account: charges name either');
    if (earlier.some((other) => groupKey(other) === group && other.category !== tax.category)) {
      say('component_of', 'must not join taxes of different categories: a supply has one');
    }
    return faults;
  });
}

/** What is wrong with the rate of a category, as a predicate; undefined when it is the category's. */
function rateFault({ category, rate }: Pick<AccountTax, 'category' | 'rate'>): string | undefined {
  if (category === 'S')
    return decimal(rate).isZero() ? 'must be above 0: the category S is a standard rate' : undefined;
  return decimal(rate).isZero() ? undefined : `must be 0: the category ${category} carries no tax`;
}

export const NO_TAX: AccountTax = { name: 'Not subject to tax', category: 'O', rate: '0' };

/**
 * The taxes on one line, of those in force on its last day.
 *
 * A charge that names a tax gets the tax of that name, or all components that are called so together. Else it gets those of
 * its category, without one of the account's first. Of several in one category some may be components of one supply (CGST
 * and SGST) and some its alternatives (19 % and 7 %), which rates alone do not tell apart. Components are those that say so
 * by one `component_of`, and those that are so by law (`STATUTORY`). Anything else is ambiguous and thrown: the charge
 * must name one. An account without taxes is not subject to any, whatever a charge names.
 *
 * @throws InvoicingError `tax_name_unmatched` and `tax_category_unmatched` when no tax of the account answers to the line,
 * `ambiguous_taxes` when several do that are not components of one supply, `tax_rate_contradicts_category`
 */
export function taxesOn(line: TaxedLine, taxes: readonly AccountTax[]): readonly AccountTax[] {
  if (taxes.length === 0) return [NO_TAX];
  const { end_date } = line.segment;
  const inForce = taxes.filter((tax) => isInForceBefore(end_date, tax));
  const chosen = line.tax === undefined ? ofCategory(line, inForce) : ofName(line, line.tax, inForce);
  for (const tax of chosen) {
    const fault = rateFault(tax);
    if (fault !== undefined) {
      const rate = `the rate of ${JSON.stringify(tax.name)}, ${tax.rate}, ${fault}`;
      throw new InvoicingError('tax_rate_contradicts_category', `${rate}; mend the taxes of the account`);
    }
  }
  if (!isOneSupply(chosen)) {
    const listed = chosen.map(({ name, category, rate }) => `${JSON.stringify(name)} ${category} ${rate} %`).join(', ');
    throw new InvoicingError(
      'ambiguous_taxes',
      `charge ${line.charge} could bear ${listed} on ${addDays(end_date, -1)}; name one of them as the charge's tax, end ` +
        'the old one with valid_until, or give those that fall on one supply together the same component_of',
    );
  }
  return chosen;
}

function ofName({ charge, segment }: TaxedLine, name: string, inForce: readonly AccountTax[]): AccountTax[] {
  const key = taxNameKey(name);
  const named = inForce.filter((tax) => taxNameKey(tax.name) === key);
  const chosen = named.length > 0 ? named : inForce.filter((tax) => groupKey(tax) === key);
  if (chosen.length > 0) return chosen;
  throw new InvoicingError(
    'tax_name_unmatched',
    `charge ${charge} names the tax ${JSON.stringify(name)}, but the account has none of that name in force on ` +
      `${addDays(segment.end_date, -1)}; add it to its taxes`,
  );
}

function ofCategory({ charge, segment, tax_category }: TaxedLine, inForce: readonly AccountTax[]): AccountTax[] {
  const category = tax_category ?? inForce[0]?.category;
  const chosen = inForce.filter((tax) => tax.category === category);
  if (chosen.length > 0) return chosen;
  const name = ZERO_RATED[category ?? ''];
  if (name !== undefined) return [{ name, category: category as TaxCategory, rate: '0' }];
  throw new InvoicingError(
    'tax_category_unmatched',
    `charge ${charge} needs a tax of ${category ? `category ${category}` : 'the account'} in force on ` +
      `${addDays(segment.end_date, -1)}, but the account has none; add it to its taxes`,
  );
}

// UNCL5305 categories that carry no tax by their nature.
const ZERO_RATED: Readonly<Record<string, string>> = {
  Z: 'Zero rated',
  E: 'Exempt',
  AE: 'Reverse charge',
  K: 'Intra-community supply',
  G: 'Export outside the EU',
  O: NO_TAX.name,
};

/** Whether a group of taxes has its name from its category, because the account has no tax of that category. */
export function isNameOfCategory(name: string, category: TaxCategory): boolean {
  return ZERO_RATED[category] === name;
}

/** Whether the taxes fall on one supply together: one tax, or components of one, each once. */
function isOneSupply(taxes: readonly AccountTax[]): boolean {
  const [first] = taxes;
  if (first === undefined || taxes.length === 1) return true;
  if (taxes.some(({ category }) => category !== first.category)) return false;
  if (new Set(taxes.map(({ name }) => taxNameKey(name))).size < taxes.length) return false;
  const group = groupKey(first);
  return group === undefined ? isStatutory(taxes) : taxes.every((tax) => groupKey(tax) === group);
}

/**
 * Taxes that two authorities levy on one supply by law, by the abbreviation in their names: in India CGST with SGST or UTGST
 * (CGST Act 2017 s. 9, UTGST Act 2017 s. 7), in Canada GST with a province's PST, QST or RST (Excise Tax Act s. 165).
 */
const STATUTORY: Readonly<Record<string, { readonly country: string; readonly levy: string }>> = {
  cgst: { country: 'IN', levy: 'central' },
  sgst: { country: 'IN', levy: 'state' },
  utgst: { country: 'IN', levy: 'state' },
  gst: { country: 'CA', levy: 'federal' },
  pst: { country: 'CA', levy: 'provincial' },
  qst: { country: 'CA', levy: 'provincial' },
  rst: { country: 'CA', levy: 'provincial' },
};

function isStatutory(taxes: readonly AccountTax[]): boolean {
  const levies = taxes.map((tax) => {
    if (groupKey(tax) !== undefined) return undefined;
    const word = taxNameKey(tax.name)
      .split(/[^a-z]+/)
      .find((part) => Object.hasOwn(STATUTORY, part));
    return word === undefined ? undefined : STATUTORY[word];
  });
  const [first] = levies;
  const each = new Set(levies.map((levy) => levy?.levy));
  return levies.every((levy) => levy !== undefined && levy.country === first?.country) && each.size === taxes.length;
}

function groupKey({ component_of }: AccountTax): string | undefined {
  return component_of == null ? undefined : taxNameKey(component_of);
}

function isSameName(a: AccountTax, b: AccountTax): boolean {
  return taxNameKey(a.name) === taxNameKey(b.name);
}

/** Whether there is a day on which both are in force. */
function isEverTogether(a: AccountTax, b: AccountTax): boolean {
  const startsBefore = (one: AccountTax, other: AccountTax) =>
    one.valid_from == null || other.valid_until == null || one.valid_from < other.valid_until;
  return startsBefore(a, b) && startsBefore(b, a);
}

/** Whether the tax is in force on the day before `end`. Dates compare as text, so no day is counted back. */
function isInForceBefore(end: LocalDate, { valid_from, valid_until }: AccountTax): boolean {
  return (valid_from == null || valid_from < end) && (valid_until == null || end <= valid_until);
}
