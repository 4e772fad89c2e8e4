import { addDays, type LocalDate } from '#calendar';
import { Decimal, decimal, formatAmount, minorUnits, minus, plus, Ratio, type RoundingMode, sum, times } from '#money';
import type { RatedLine } from '#rating';
import type { AccountTax, TaxCategory, TaxGroup, Totals } from './invoice.js';
import { InvoicingError } from './invoicing-error.js';

export interface TotalsOptions {
  readonly currency: string;
  readonly rounding: RoundingMode;
  /** To what multiple of the currency the payable amount is rounded, half-up. */
  readonly payableRounding: 'none' | '1' | '0.05';
}

const NO_TAX: AccountTax = { name: 'Not subject to tax', category: 'O', rate: '0' };

/**
 * Net, tax per group, gross and payable of some lines. A group is one (component name, category, rate); its tax is
 * rounded once on the sum of its line amounts, so CGST and SGST are two groups on one base. The rate is the one in force
 * on the last day of a line's segment.
 *
 * @throws InvoicingError `tax_category_unmatched` when no tax of the account answers to a line, `ambiguous_taxes` when one
 * component would be charged twice
 */
export function totalsOf(
  lines: readonly Pick<RatedLine, 'amount' | 'tax_category' | 'segment' | 'charge'>[],
  taxes: readonly AccountTax[],
  options: TotalsOptions,
): Totals {
  const { currency, rounding } = options;
  const digits = minorUnits(currency);
  const groups = new Map<string, { tax: AccountTax; base: Decimal }>();
  for (const line of lines) {
    for (const tax of taxesOn(line, taxes)) {
      const key = JSON.stringify([tax.name, tax.category, decimal(tax.rate).toFixed()]);
      const group = groups.get(key) ?? { tax, base: new Decimal(0) };
      groups.set(key, { tax: group.tax, base: plus(group.base, decimal(line.amount)) });
    }
  }
  const taxed = [...groups.values()].map(({ tax, base }) => ({
    tax,
    base,
    amount: Ratio.of(times(base, decimal(tax.rate)), 100).round(digits, rounding),
  }));
  const net = sum(lines.map(({ amount }) => decimal(amount)));
  const tax = sum(taxed.map(({ amount }) => amount));
  const gross = plus(net, tax);
  const payable = roundedPayable(gross, options.payableRounding);
  const format = (amount: Decimal) => formatAmount(amount, currency);
  return {
    taxes: taxed.map(({ tax: { name, category, rate, exemption_reason }, base, amount }): TaxGroup => ({
      name,
      category,
      rate: decimal(rate).toFixed(),
      base: format(base),
      amount: format(amount),
      exemption_reason: exemption_reason ?? null,
    })),
    net: format(net),
    tax: format(tax),
    gross: format(gross),
    rounding: format(minus(payable, gross)),
    payable: format(payable),
  };
}

/**
 * The taxes on one line: those of its category in force on its last day; without a category, the account's first. An
 * account without taxes is not subject to any.
 */
function taxesOn(line: Pick<RatedLine, 'tax_category' | 'segment' | 'charge'>, taxes: readonly AccountTax[]) {
  if (taxes.length === 0) return [NO_TAX];
  const { end_date } = line.segment;
  const inForce = taxes.filter((tax) => isInForceBefore(end_date, tax));
  const category = line.tax_category ?? inForce[0]?.category;
  const chosen = inForce.filter((tax) => tax.category === category);
  const names = chosen.map(({ name }) => name);
  const twice = names.find((name, position) => names.indexOf(name) !== position);
  if (twice !== undefined) {
    throw new InvoicingError(
      'ambiguous_taxes',
      `the account has ${twice} of category ${category} twice on ${addDays(end_date, -1)}; end the old one with valid_until`,
    );
  }
  if (chosen.length > 0) return chosen;
  const name = ZERO_RATED[category ?? ''];
  if (name === undefined) {
    throw new InvoicingError(
      'tax_category_unmatched',
      `charge ${line.charge} needs a tax of ${category ? `category ${category}` : 'the account'} in force on ${addDays(end_date, -1)}, ` +
        'but the account has none; add it to its taxes',
    );
  }
  return [{ name, category: category as TaxCategory, rate: '0' }];
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

/** Whether the tax is in force on the day before `end`. Dates compare as text, so no day is counted back. */
function isInForceBefore(end: LocalDate, { valid_from, valid_until }: AccountTax): boolean {
  return (valid_from == null || valid_from < end) && (valid_until == null || end <= valid_until);
}

function roundedPayable(gross: Decimal, to: TotalsOptions['payableRounding']): Decimal {
  return to === 'none' ? gross : times(Ratio.of(gross, to).round(0), decimal(to));
}
