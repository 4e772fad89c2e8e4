export { type Adjustment, adjustmentLine } from './adjustment-line.js';
export { type Advance, type Advances, advancesOf, type FeeBilledAhead, presumedAdvances } from './advance.js';
export { type Alternatives, alternativesOf } from './alternatives.js';
export { type BilledDiscount, presumedDiscounts } from './billed-discounts.js';
export { type Basis, type Derivation, type DerivationStep, recompute } from './derivation.js';
export { activeEntities, type RegisteredEntity } from './entities.js';
export { explain } from './explain.js';
export type { ExplanationWords, Level, SampleFate } from './explanation-words.js';
export type { Fraction } from './fraction.js';
export { type ParsedTariffPlan, parseTariffPlan, type PlanError, tariffPlanJsonSchema } from './parse-tariff-plan.js';
export { hasCommit, priceSchema, priceWork } from './price-models/index.js';
export { rate } from './rate.js';
export { type LineSegment, type LineTitle, type RatedLine, withoutCharts } from './rated-line.js';
export type {
  GivenQuantity,
  RatingHoldCode,
  RatingInput,
  RatingNotice,
  RatingOutcome,
  RatingWarningCode,
} from './rating.js';
export { RatingError } from './rating-error.js';
export {
  type PlanVersion,
  type RatingSegment,
  type SegmentsInput,
  segmentsOf,
  type SubscriptionTerm,
} from './segment.js';
export { taxNameKey } from './tax-name.js';
export { textFault } from './text.js';
export { type TariffPlan, tariffPlanSchema, type UsageCharge } from './tariff-plan.js';
export {
  METRICS,
  sampleControls,
  type UsageFamily,
  type UsageNeeds,
  usageNeeds,
  type UsagePull,
} from './usage-needs.js';
