import type { InvoiceLine } from '#invoicing';
import type { Texts } from './texts.js';

/** Tiers that a price is told with. */
const MOST_TIERS_TOLD = 24;

/** What a charge costs, told once for all of its lines: `up to 1,000 GB at 0.08`, `above 1,000 GB at 0.05`. */
export function priceTerms(texts: Texts, { derivation: { basis } }: InvoiceLine): string[] {
  if (basis.kind !== 'usage') return [];
  const { terms } = texts.words.annex;
  const of = (quantity: string): string => `${texts.grouped(quantity)} ${texts.unitName(basis.unit)}`;
  const bounds = [
    basis.minimum_amount === null ? '' : terms.minimum(texts.grouped(basis.minimum_amount)),
    basis.maximum_amount === null ? '' : terms.maximum(texts.grouped(basis.maximum_amount)),
  ];
  const told = [
    basis.included === null ? '' : terms.included(of(basis.included)),
    ...modelTerms(texts, basis.price, of),
    ...bounds,
  ].filter((text) => text !== '');
  return [told.join(' · ')];
}

type UsagePrice = Extract<InvoiceLine['derivation']['basis'], { kind: 'usage' }>['price'];

function modelTerms(texts: Texts, price: UsagePrice, of: (quantity: string) => string): string[] {
  const { terms } = texts.words.annex;
  const money = (amount: string): string => texts.grouped(amount);
  switch (price.model) {
    case 'flat':
      return [money(price.amount)];
    case 'per_unit':
      return [terms.per(of('1'), money(price.unit_price))];
    case 'package':
      return [terms.per(of(price.size), money(price.package_price))];
    case 'graduated':
    case 'volume':
      return tiersTold(texts, price.tiers, of);
    case 'stairstep':
      return tiersTold(
        texts,
        price.tiers.map(({ up_to, amount }) => ({ up_to, unit_price: amount })),
        of,
      );
    case 'commit_burst': {
      const committed = price.commit_unit_price ?? price.commit_amount ?? '0';
      const commit = terms.commit(of(price.commit), money(committed));
      if (price.burst_unit_price !== undefined) return [commit, terms.aboveCommit(money(price.burst_unit_price))];
      return [commit, ...tiersTold(texts, price.burst_tiers ?? [], of)];
    }
  }
}

interface Tier {
  readonly up_to: string | null;
  readonly unit_price: string;
  readonly flat_fee?: string | undefined;
}

function tiersTold(texts: Texts, tiers: readonly Tier[], of: (quantity: string) => string): string[] {
  const { terms } = texts.words.annex;
  const told = tiers.slice(0, MOST_TIERS_TOLD).map(({ up_to: upTo, unit_price: unitPrice, flat_fee: fee }, index) => {
    const price = [texts.grouped(unitPrice), ...(fee === undefined ? [] : [texts.grouped(fee)])].join(' + ');
    if (upTo !== null) return terms.upTo(of(upTo), price);
    const below = tiers[index - 1]?.up_to;
    return below === undefined || below === null ? price : terms.above(of(below), price);
  });
  return tiers.length > MOST_TIERS_TOLD ? [...told, '…'] : told;
}
