import { Decimal, decimal, minus, Ratio, times } from '#money';
import type { MonthBefore, Notice } from '#persistence';

/**
 * A warning when this month's net differs from last month's by more than the seller lets pass: a meter that stopped, a
 * price with a digit too many. Only a warning: a month may really be unlike the one before. Pure.
 *
 * @param net this month's; "0.00" when there is nothing to bill
 */
export function driftWarning(net: string, currency: string, before: MonthBefore): Notice | undefined {
  if (before.net === null || before.driftPercent === null) return undefined;
  const [now, then] = [decimal(net), decimal(before.net)];
  const difference = minus(now, then);
  const limit = times(then.abs(), decimal(before.driftPercent));
  if (difference.isZero() || times(difference.abs(), HUNDRED).lessThanOrEqualTo(limit)) return undefined;
  const share = then.isZero() ? '' : `, ${percentOf(difference, then)} %`;
  const message =
    `net ${net} ${currency} against ${before.net} ${currency} for ${before.label}${share} ` +
    `(more than the ${before.driftPercent} % that the seller lets pass without a warning)`;
  return { code: 'drift', message };
}

const HUNDRED = new Decimal(100);

function percentOf(difference: Decimal, then: Decimal): string {
  const percent = Ratio.of(times(difference, HUNDRED), then.abs()).round(1).toFixed(1);
  return percent.startsWith('-') ? percent : `+${percent}`;
}
