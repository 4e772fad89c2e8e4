import { addDays } from '#calendar';
import { knownEntities, type RegisteredEntity } from './entities.js';
import { RatingError } from './rating-error.js';
import { type PlanVersion, type RatingSegment, type SegmentsInput, versionInForce, wholePeriod } from './segment.js';
import { runsAcross } from './span.js';
import type { RecurringCharge } from './tariff-plan.js';

/** A fee that an invoice billed in advance: for the whole of the period after its own. */
export interface FeeBilledAhead {
  readonly planCode: string;
  readonly version: number;
  /** Code of the charge. */
  readonly charge: string;
  /** For how many things: the account, sites or subscribers. */
  readonly count: number;
}

/** What the invoices before and after this period's have to do with its fees in advance. */
export interface Advances {
  readonly billed: readonly Advance[];
  /**
   * The next period's invoice may be issued already, when this period is billed late or anew. Then the fees that it counted
   * as billed by this one; null when it is not issued, and this one decides what is billed ahead.
   */
  readonly counted: readonly FeeBilledAhead[] | null;
}

/** What the invoice before billed for this period, on the assumption that nothing would change. */
export interface Advance {
  /** The whole period as it was assumed: one subscription under one version. */
  readonly segment: RatingSegment;
  /** In the order of the plan's charges. */
  readonly fees: readonly { readonly charge: RecurringCharge; readonly count: number }[];
}

/**
 * The advances of a period from what was billed, as other invoices say.
 *
 * @throws RatingError `unknown_advance` for a fee of a plan that the account did not have when the period began
 */
export function advancesOf({
  billed,
  counted,
  ...of
}: SegmentsInput & {
  readonly billed: readonly FeeBilledAhead[];
  readonly counted: readonly FeeBilledAhead[] | null;
}): Advances {
  const last = addDays(of.period.startDate, -1);
  const billing = [...new Set(billed.map(({ planCode, version }) => `${version} ${planCode}`))].sort();
  return {
    counted,
    billed: billing.map((key) => {
      const fees = billed.filter(({ planCode, version }) => `${version} ${planCode}` === key);
      const version = of.versions.find((each) => `${each.version} ${each.code}` === key);
      const subscription = of.subscriptions.find(
        ({ planCode, startDate, endDate }) =>
          planCode === version?.code && startDate <= last && (endDate === null || endDate > last),
      );
      const charges = version && feesInAdvance(version);
      const unknown = fees.find(({ charge }) => !charges?.some(({ code }) => code === charge));
      if (!version || !subscription || !charges || unknown) {
        const [{ planCode = '', charge = '' } = {}] = unknown ? [unknown] : fees;
        throw new RatingError(
          'unknown_advance',
          `fee ${JSON.stringify(charge)} of plan ${JSON.stringify(planCode)} was billed in advance for this period, but ` +
            `the account has no such fee on ${last}; void the invoice that billed it`,
        );
      }
      return {
        segment: wholePeriod(of.period, subscription, version),
        fees: charges.flatMap((charge) => {
          const count = fees.find((fee) => fee.charge === charge.code)?.count ?? 0;
          return count > 0 ? [{ charge, count }] : [];
        }),
      };
    }),
  };
}

/**
 * The advances of a period when no invoice is known: the subscription that ran into it is presumed to have been billed
 * ahead, by the version in force on the day before and for all that was there then and went on. For previews, for estimates
 * of a month whose month before is still to be closed, and for documents whose inputs were kept before advances were.
 */
export function presumedAdvances({
  period,
  subscriptions,
  versions,
  entities,
}: SegmentsInput & { readonly entities: readonly RegisteredEntity[] }): Advances {
  const subscription = subscriptions.find((each) => runsAcross(each, period.startDate));
  const version = subscription && versionInForce(versions, subscription, addDays(period.startDate, -1));
  if (!subscription || !version) return { billed: [], counted: null };
  const known = knownEntities(entities).filter(({ ranges }) =>
    ranges.some((range) => runsAcross(range, period.startDate)),
  );
  const fees = feesInAdvance(version)
    .map((charge) => ({
      charge,
      count: charge.per === 'account' ? 1 : known.filter(({ ref }) => ref.dimension === charge.per).length,
    }))
    .filter(({ count }) => count > 0);
  return { billed: [{ segment: wholePeriod(period, subscription, version), fees }], counted: null };
}

function feesInAdvance({ plan }: PlanVersion): RecurringCharge[] {
  return plan.charges.filter((charge) => charge.type === 'recurring').filter(({ timing }) => timing === 'in_advance');
}
