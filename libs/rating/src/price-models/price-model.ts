import type { z } from 'zod';
import { decimal, Ratio } from '#money';
import type { ExplanationWords } from '../explanation-words.js';

/** One visible step of a price: what was multiplied by what. Amounts are exact; they add up to the price. */
export interface PriceStep<Kind extends string = string> {
  readonly kind: Kind;
  /** In the charge's unit, or a number of things where the model counts. Null where nothing is multiplied. */
  readonly quantity: Ratio | null;
  readonly unitPrice: string | null;
  readonly amount: Ratio;
  /** Edges of the tier: the quantity lies above `from`, up to and including `upTo` (null = open). */
  readonly tier?: { readonly from: string; readonly upTo: string | null };
}

/** A step as it was computed, in the figures of a language and with its words. */
export interface ToldStep {
  readonly words: ExplanationWords;
  /** The amount with at least the currency's decimals. */
  readonly amount: string;
  /** `1,000 GB`; empty where nothing is multiplied. */
  readonly quantity: string;
  /** The quantity without its unit. */
  readonly count: string;
  /** ` × 0.08`; empty without a unit price. */
  readonly at: string;
  /** ` × 15/31`, the share of the period; empty for the whole. */
  readonly share: string;
  /** ` × 0.08 × 15/31 = 40.00`, the share only where the quantity does not hold it. */
  readonly product: string;
  /** `up to 1,000 GB`; empty without a tier. */
  readonly tier: string;
  readonly withUnit: (quantity: string) => string;
}

/** An amount of a plan with the path to it within the price. */
export interface WholeAmount {
  readonly path: readonly (string | number)[];
  readonly amount: string;
}

/** How a charge is priced: everything that differs from one model to the next. */
export interface PriceModel<Schema extends z.ZodObject, Kind extends string> {
  /** The price in a plan document; its member `model` is the model's name. */
  readonly schema: Schema;
  /**
   * What a quantity costs, in exact steps. The quantity is in the unit of the price and already without its allowance; edges
   * are continuous and inclusive: 1000 is in the tier up to 1000, 1000.5 in the next.
   */
  steps(price: z.output<Schema>, quantity: Ratio): PriceStep<Kind>[];
  /**
   * How the steps of a sum shrink with a part of the period: `measured` quantities do and keep their price; what is `counted`
   * keeps its number and becomes smaller and cheaper.
   */
  readonly scales: 'measured' | 'counted';
  /**
   * The amounts that reach a line without being multiplied by a quantity. More decimals than the currency has would print as
   * one amount and be charged as another. Unit prices are not among them: they may be as fine as they like.
   */
  wholeAmounts(price: z.output<Schema>): WholeAmount[];
  /** Each kind of step in a short sentence. */
  readonly tell: { readonly [K in Kind]: (told: ToldStep, price: z.output<Schema>) => string };
  /** At most how many steps a quantity comes to beyond the first, and how many tiers are looked at for them. */
  work(price: z.output<Schema>): { steps: number; looks: number };
  /** The same price with its commit multiplied; only where a commit is paid by the unit. */
  recommit?(price: z.output<Schema>, level: string): (z.output<Schema> & { commit: string }) | null;
}

/** Checks a model against its own schema and kinds of steps. */
export function priceModel<Schema extends z.ZodObject, Kind extends string>(
  model: PriceModel<Schema, Kind>,
): PriceModel<Schema, Kind> {
  return model;
}

export const exact = (text: string) => Ratio.of(decimal(text));

/** A quantity at a unit price. */
export function priced<Kind extends string>(kind: Kind, quantity: Ratio, unitPrice: string): PriceStep<Kind> {
  return { kind, quantity, unitPrice, amount: quantity.times(exact(unitPrice)) };
}

/** The sentence of a step that is nothing but a product. */
export const tellProduct = ({ quantity, product }: ToldStep) => `${quantity}${product}`;

export const NO_WORK = { steps: 0, looks: 0 } as const;
