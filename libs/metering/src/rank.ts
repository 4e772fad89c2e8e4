import { type Decimal, isPlainDecimal } from '#money';
import { MeteringError } from './metering-error.js';

/**
 * Nearest rank: k = ⌈p·N/100⌉, counted from 1, in integers. Equals PostgreSQL's `percentile_disc`. For the 95th of a
 * 29-day month (8,352 slots) this is 7,935, where rounding gives 7,934.
 *
 * @param percentile above 0, at most 100, as plain decimal text; else throws `bad_measure`
 */
export function nearestRank(percentile: string, n: number): number {
  const [whole = '', fraction = ''] = percentile.split('.');
  const hundred = 100n * 10n ** BigInt(fraction.length);
  const p = isPlainDecimal(percentile) ? BigInt(`${whole}${fraction}`) : 0n;
  if (p <= 0n || p > hundred) {
    throw new MeteringError(
      'bad_measure',
      `a percentile is above 0 and at most 100, not ${JSON.stringify(percentile)}`,
    );
  }
  return Number.parseInt(String((p * BigInt(n) + hundred - 1n) / hundred), 10);
}

/** Samples that can be ordered cheaply and compared exactly. Values are not negative. */
export interface RankableSamples {
  /** The samples that count, in time order. */
  readonly slots: Int32Array;
  /** Each slot's value as a double, off by at most `relativeError` of itself. */
  readonly approximate: Float64Array;
  readonly relativeError: number;
  /** The exact value of a slot. Equal values should be the same object: it saves comparing them. */
  exact(slot: number): Decimal;
}

/** Below this, doubles lose relative precision; such values are always compared exactly. */
const TINY = 1e-290;

/**
 * The slot at rank `k` (from 1) in ascending order of exact value, equal values in time order. Doubles only narrow the
 * search: whatever lies within their error of the k-th double is ordered by exact value.
 */
export function slotAtRank(samples: RankableSamples, k: number): number {
  const { slots, approximate } = samples;
  const doubles = new Float64Array(slots.length);
  for (let i = 0; i < slots.length; i++) doubles[i] = approximate[slots[i] ?? 0] ?? 0;
  const middle = select(doubles, k - 1);
  const margin = middle * 4 * samples.relativeError + TINY;
  let below = 0;
  const close: { slot: number; value: Decimal }[] = [];
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] ?? 0;
    const value = approximate[slot] ?? 0;
    if (value < middle - margin) below += 1;
    else if (value <= middle + margin) close.push({ slot, value: samples.exact(slot) });
  }
  const [first] = close;
  // A quiet site reports one value all month; then time order is all there is.
  if (!close.every(({ value }) => value === first?.value)) {
    close.sort((a, b) => (a.value === b.value ? 0 : a.value.comparedTo(b.value)) || a.slot - b.slot);
  }
  const found = close[k - 1 - below];
  if (found === undefined)
    throw new MeteringError('bad_measure', `there is no rank ${k} among ${slots.length} samples`);
  return found.slot;
}

/** Hoare's selection: the value that sorting would put at `position`. Reorders its input. */
function select(values: Float64Array, position: number): number {
  let left = 0;
  let right = values.length - 1;
  while (left < right) {
    const pivot = values[position] ?? 0;
    let i = left;
    let j = right;
    while (i <= j) {
      while ((values[i] ?? 0) < pivot) i += 1;
      while ((values[j] ?? 0) > pivot) j -= 1;
      if (i > j) break;
      const value = values[i] ?? 0;
      values[i] = values[j] ?? 0;
      values[j] = value;
      i += 1;
      j -= 1;
    }
    if (j < position) left = i;
    if (i > position) right = j;
  }
  return values[position] ?? 0;
}
