import { accountControl } from './account-control.js';
import type { Controlled, ControlFinding, ControlledUsage } from './controlled-usage.js';
import { dayControl } from './day-control.js';
import { rateControl } from './rate-control.js';
import { indexOf } from './series.js';

/**
 * Holds what was pulled for one account against itself: entities against the account's own series, rates against bytes,
 * days against hours. A control whose series are not at hand says nothing. Throws `inconsistent_series`,
 * `duplicate_series`, `bad_value`.
 */
export function controlUsage(of: ControlledUsage): ControlFinding[] {
  const controlled: Controlled = { ...of, index: indexOf(of.usage) };
  return [...accountControl(controlled), ...rateControl(controlled), ...dayControl(controlled)];
}
