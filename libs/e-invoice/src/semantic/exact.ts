import { decimal, minorUnits, minus, plus, Ratio, sum, times } from '#money';
import { type Refusal, refused } from '../refusal.js';
import { comesTo, isRoundingOf } from './line-price.js';
import type { AllowanceOrCharge, LineTax, SemanticInvoice } from './semantic-invoice.js';

/**
 * Holds an invoice against the arithmetic of EN 16931 without the slack that official rules leave (a VAT that is wrong by
 * 0.99 passes them): BR-CO-10 to BR-CO-17, the bases of VAT (BR-S-08 and its like), each line's net, and the decimals of the
 * currency. Written against the numbers that go into the file, not against those they were taken from.
 *
 * @param roundings how many the tax of a breakdown is made of: 1 on an invoice; a correction's is the difference of two taxes,
 * each rounded once
 * @returns the amounts that do not agree, or null
 */
export function inexact(invoice: SemanticInvoice, roundings: number): Refusal | null {
  const { lines, allowances, charges, taxes, totals, currency } = invoice;
  const digits = minorUnits(currency);
  const form = new RegExp(digits === 0 ? '^-?\\d+$' : `^-?\\d+\\.\\d{${digits}}$`);
  const faults: (string | false)[] = [
    ...everyAmount(invoice).map(
      ([term, amount]) => !form.test(amount) && `${term} ${amount} has not ${digits} decimals`,
    ),
    ...lines.map(({ id, net, price: { quantity, price, baseQuantity } }) => {
      const of = {
        quantity: decimal(quantity),
        unitPrice: decimal(price),
        base: baseQuantity === null ? null : decimal(baseQuantity),
      };
      return (
        !comesTo(of, decimal(net)) &&
        `line ${id}: ${quantity} × ${price}${baseQuantity === null ? '' : ` ÷ ${baseQuantity}`} is not ${net}`
      );
    }),
    !total(lines.map(({ net }) => net)).equals(decimal(totals.lines)) && `BR-CO-10: the lines are not ${totals.lines}`,
    !total(allowances.map(({ amount }) => amount)).equals(decimal(totals.allowances)) &&
      `BR-CO-11: the allowances are not ${totals.allowances}`,
    !total(charges.map(({ amount }) => amount)).equals(decimal(totals.charges)) &&
      `BR-CO-12: the charges are not ${totals.charges}`,
    !plus(minus(decimal(totals.lines), decimal(totals.allowances)), decimal(totals.charges)).equals(
      decimal(totals.net),
    ) && `BR-CO-13: lines, allowances and charges are not ${totals.net}`,
    !total(taxes.map(({ amount }) => amount)).equals(decimal(totals.tax)) &&
      `BR-CO-14: the taxes are not ${totals.tax}`,
    !plus(decimal(totals.net), decimal(totals.tax)).equals(decimal(totals.gross)) &&
      `BR-CO-15: net and tax are not ${totals.gross}`,
    !plus(decimal(totals.gross), decimal(totals.rounding)).equals(decimal(totals.payable)) &&
      `BR-CO-16: gross and rounding are not ${totals.payable}`,
    ...taxes.flatMap((tax) => {
      const isOfTax = (other: { readonly tax: LineTax }) =>
        other.tax.category === tax.category && other.tax.rate === tax.rate;
      const ofTax = (parts: readonly AllowanceOrCharge[]) => total(parts.filter(isOfTax).map(({ amount }) => amount));
      const base = plus(minus(total(lines.filter(isOfTax).map(({ net }) => net)), ofTax(allowances)), ofTax(charges));
      const product = Ratio.of(times(decimal(tax.base), decimal(tax.rate)), 100);
      return [
        !base.equals(decimal(tax.base)) && `the lines at ${tax.category} ${tax.rate} % are not ${tax.base}`,
        !isRoundingOf(decimal(tax.amount), product, digits, roundings) &&
          `BR-CO-17: ${tax.rate} % of ${tax.base} is not ${tax.amount}`,
      ];
    }),
    lines.length === 0 && 'BR-16: there is no line',
  ];
  const found = faults.filter((fault) => fault !== false);
  if (found.length === 0) return null;
  return refused('amounts_not_exact', found.slice(0, 5).join('; '));
}

function total(amounts: readonly string[]) {
  return sum(amounts.map(decimal));
}

function everyAmount({ lines, allowances, charges, taxes, totals }: SemanticInvoice): [term: string, amount: string][] {
  return [
    ...lines.map(({ id, net }): [string, string] => [`line ${id}`, net]),
    ...[...allowances, ...charges].map(({ reason, amount }): [string, string] => [reason, amount]),
    ...taxes.flatMap(({ category, base, amount }): [string, string][] => [
      [`base of ${category}`, base],
      [`tax of ${category}`, amount],
    ]),
    ...Object.entries(totals),
  ];
}
