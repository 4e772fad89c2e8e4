import { Ratio } from '#money';
import { badValue, isReportedValue } from './exact-sum.js';
import type { BucketSeries } from './usage.js';

// The controls and the measure of one account read the same samples.
const known = new WeakMap<BucketSeries, Float64Array>();

/**
 * The double nearest to each value of a series, NaN for a gap: to tell what is far apart, never to bill. Reading a month of
 * samples into exact numbers costs many times as much. Throws `bad_value`.
 */
export function approximations(series: BucketSeries): Float64Array {
  const doubles =
    known.get(series) ?? Float64Array.from(series.values, (text) => (text === null ? NaN : nearest(text)));
  known.set(series, doubles);
  return doubles;
}

/** The double nearest to a value, 0 only where `scaled` is 0, too. Throws `bad_value`. */
export function nearest(text: string): number {
  if (!isReportedValue(text)) throw badValue(text);
  // eslint-disable-next-line no-restricted-syntax -- Whatever lies near a bound is compared exactly.
  return Number(text);
}

/** More than doubles that were added and multiplied some million times are off by, as a part of themselves. */
const ERROR = 1e-9;
/** Exact integers are cut at 10^-30, so that numbers as small as these are compared by them. */
const SMALL = 1e-12;

/**
 * Whether `one` exceeds `other`, numbers not below 0 that were made of `approximations` by additions and multiplications alone:
 * by the doubles where they are far apart, else by the exact numbers.
 */
export function exceeds(one: number, other: number, isExactly: () => boolean): boolean {
  if (one === 0) return false;
  const margin = (one + other) * ERROR + SMALL;
  if (one > other + margin) return true;
  return one < other - margin ? false : isExactly();
}

/**
 * By how many percent `one` exceeds `other`, cut to a tenth: by the doubles unless a tenth begins within their error, where the
 * exact numbers tell.
 */
export function truncatedTenths(one: number, other: number, exactly: () => string): string {
  const tenths = ((one - other) / other) * 1_000;
  const cut = Math.floor(tenths);
  const margin = (tenths + 2_000) * 10 * ERROR;
  const isNear = tenths - cut < margin || cut + 1 - tenths < margin;
  return isNear ? exactly() : Ratio.of(cut, 10).toTruncated(1);
}
