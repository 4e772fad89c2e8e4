import type { Notice } from '#billing';
import { type Database, type NewWaiver, type Refusal, waiveHold, type WaiverRefusal } from '#persistence';

/**
 * The holds that an operator may let pass for one account and close, and what it is billed by then. All others have a way
 * out that mends their cause: retry when the report API answers, complete the document, end what is no longer there. That
 * an answer is the account's instead of the entity's (`filter_suspect`) is never let pass: nothing was measured then.
 */
export const WAIVABLE: Readonly<Record<string, string>> = {
  missing_buckets: 'what nobody reported counts 0',
  no_samples: 'a site without any sample counts 0',
  samples_implausible: 'samples that were lost are missing like any others, as the charge says',
  coverage_too_low: 'the measure is taken over what was reported',
  unregistered_usage: 'what belongs to no registered entity is billed by the account alone, or not at all',
  entities_exceed_account: 'every series is billed as it was reported',
  rates_disagree_with_bytes: 'every series is billed as it was reported',
  rates_look_rounded: 'rates are billed as they were reported',
  day_differs_from_hours: 'every series is billed as it was reported',
  label_unproven: 'the dialect is taken as it is set',
  filter_logic_unproven: 'the dialect is taken as it is set',
  rate_unit_unproven: 'the dialect is taken as it is set',
  rate_scope_unknown: 'the dialect is taken as it is set',
};

/** What a clerk reads beside an account that is billed with holds waived. */
export function waiverNotices(codes: readonly string[]): Notice[] {
  return codes.map((code) => ({
    code: 'waived',
    message: `${code} was waived: ${WAIVABLE[code] ?? 'it is let pass'}`,
  }));
}

export type WaiveRefusal = Refusal<WaiverRefusal | 'hold_not_waivable'>;

/** Lets a hold pass. Returns the batches to work on, or why it was not done. */
export async function waive(database: Database, waiver: NewWaiver): Promise<number[] | WaiveRefusal> {
  if (!Object.hasOwn(WAIVABLE, waiver.code)) {
    const message = `${waiver.code} cannot be waived, its cause must be mended; what can: ${Object.keys(WAIVABLE).join(', ')}`;
    return { outcome: 'refused', code: 'hold_not_waivable', message, pointer: '/code' };
  }
  return waiveHold(database, waiver);
}
