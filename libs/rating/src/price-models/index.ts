import { z } from 'zod';
import type { Ratio } from '#money';
import { commitBurst } from './commit-burst.js';
import { flat } from './flat.js';
import { graduated } from './graduated.js';
import { packages } from './package.js';
import { perUnit } from './per-unit.js';
import type { PriceModel, PriceStep, ToldStep, WholeAmount } from './price-model.js';
import { stairstep } from './stairstep.js';
import { volume } from './volume.js';

/** Every price model, in the order in which errors and the JSON Schema name them. A new one is a file and a row here. */
const MODELS = [flat, perUnit, graduated, volume, packages, stairstep, commitBurst] as const;

type Models = typeof MODELS;
type SchemasOf<M extends readonly { schema: z.ZodObject }[]> = { [I in keyof M]: M[I]['schema'] };

/** The price of a charge in a plan document. */
export const priceSchema = z.discriminatedUnion(
  'model',
  MODELS.map(({ schema }) => schema) as unknown as SchemasOf<Models>,
);

export type Price = z.output<typeof priceSchema>;

/** Every kind of step that a price model has. */
export type PriceStepKind = ReturnType<Models[number]['steps']>[number]['kind'];

const BY_NAME: ReadonlyMap<string, (typeof MODELS)[number]> = new Map(
  MODELS.map((model) => [model.schema.shape.model.value, model]),
);

/** The model of a price; a price is the input of its own model only, which the compiler cannot follow. */
function modelOf(price: Price): PriceModel<z.ZodObject, PriceStepKind> {
  const model = BY_NAME.get(price.model);
  if (!model) throw new RangeError(`no price model ${price.model}`);
  return model as unknown as PriceModel<z.ZodObject, PriceStepKind>;
}

/** What a quantity costs, in exact steps: see `PriceModel.steps`. */
export function priceSteps(price: Price, quantity: Ratio): PriceStep<PriceStepKind>[] {
  return modelOf(price).steps(price, quantity);
}

/** How the steps of a price shrink with a part of the period: see `PriceModel.scales`. */
export function scalesAs(price: Price): 'measured' | 'counted' {
  return modelOf(price).scales;
}

/** The amounts of a price that are charged as they stand: see `PriceModel.wholeAmounts`. */
export function wholeAmountsOf(price: Price): WholeAmount[] {
  return modelOf(price).wholeAmounts(price);
}

/** A step of a price in a short sentence; undefined for a kind that its model does not have. */
export function tellPriceStep(price: Price, kind: string, told: ToldStep): string | undefined {
  const { tell } = modelOf(price);
  return Object.hasOwn(tell, kind) ? tell[kind as PriceStepKind](told, price) : undefined;
}

/** How much work a price makes for a rating: see `PriceModel.work`. */
export function priceWork(price: Price): { steps: number; looks: number } {
  return modelOf(price).work(price);
}

/** Whether a price has a commit at all, paid by the unit or not. */
export function hasCommit(price: Price): boolean {
  return modelOf(price).recommit !== undefined;
}

/** A price with another commit, which is `level` times the agreed one; null where no commit is paid by the unit. */
export function recommitted(price: Price, level: string): (Price & { commit: string }) | null {
  return (modelOf(price).recommit?.(price, level) ?? null) as (Price & { commit: string }) | null;
}
