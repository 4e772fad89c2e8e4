import { Decimal, decimal, formatAmount, minorUnits, minus, plus, Ratio, type RoundingMode, sum, times } from '#money';
import { type RatedLine, taxNameKey } from '#rating';
import { type TaxedLine, taxesOn } from './account-taxes.js';
import type { AccountTax, TaxGroup, Totals } from './invoice.js';

export interface TotalsOptions {
  readonly currency: string;
  readonly rounding: RoundingMode;
  /** To what multiple of the currency the payable amount is rounded, half-up. */
  readonly payableRounding: 'none' | '1' | '0.05';
}

/**
 * Net, tax per group, gross and payable of some lines. A group is one (component name, category, rate); its tax is
 * rounded once on the sum of its line amounts, so CGST and SGST are two groups on one base. The rate is the one in force
 * on the last day of a line's segment; which taxes a line bears is said at `taxesOn`.
 *
 * @throws InvoicingError `tax_name_unmatched`, `tax_category_unmatched`, `ambiguous_taxes`,
 * `tax_rate_contradicts_category`, as `taxesOn`
 */
export function totalsOf(
  lines: readonly (TaxedLine & Pick<RatedLine, 'amount'>)[],
  taxes: readonly AccountTax[],
  options: TotalsOptions,
): Totals {
  const { currency, rounding } = options;
  const digits = minorUnits(currency);
  const groups = new Map<string, { tax: AccountTax; base: Decimal }>();
  for (const line of lines) {
    for (const tax of taxesOn(line, taxes)) {
      const key = JSON.stringify([taxNameKey(tax.name), tax.category, decimal(tax.rate).toFixed()]);
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

function roundedPayable(gross: Decimal, to: TotalsOptions['payableRounding']): Decimal {
  return to === 'none' ? gross : times(Ratio.of(gross, to).round(0), decimal(to));
}
