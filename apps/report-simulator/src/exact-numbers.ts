const QUARTERS = ['', '.25', '.5', '.75'];

/**
 * The exact decimal of `quarterBytes` · `factor` / 4, at any size: a double would print 2251799813685247.75 as …247.8
 * and cannot hold it at all a little further up.
 */
export function bytesText(quarterBytes: number | bigint, factor = 1): string {
  if (typeof quarterBytes === 'number' && Number.isSafeInteger(quarterBytes * factor)) {
    const quarters = quarterBytes * factor;
    return `${Math.floor(quarters / 4)}${QUARTERS[quarters % 4] ?? ''}`;
  }
  const quarters = BigInt(quarterBytes) * BigInt(factor);
  return `${quarters / 4n}${QUARTERS[Number(quarters % 4n)] ?? ''}`;
}

/**
 * The rate of `quarterBytes` / 4 bytes in `seconds`, in Mbps × `scale` (a power of 1000): bytes · 8 / 10^6 / seconds in
 * doubles, divided in that order. The order decides the last digit: 103388.25 B in 169 s is 0.004894118343195267 here
 * and …266 in one division.
 */
export function rateOf(quarterBytes: number, seconds: number, scale: number): number {
  // bytes · 8 / 10^6 = quarters / 500,000; the scale joins the whole number on its side, so nothing is rounded twice.
  return (scale < 1e6 ? quarterBytes / (500_000 / scale) : quarterBytes * (scale / 500_000)) / seconds;
}

/** The same rate rounded half up to 2 decimals, exactly. */
export function rateTo2Decimals(quarterBytes: number, seconds: number, scale: number): number {
  const numerator = BigInt(quarterBytes) * BigInt(scale);
  const denominator = 500_000n * BigInt(seconds);
  return Number((200n * numerator + denominator) / (2n * denominator)) / 100;
}

/** Nearest rank: ⌈share · count⌉ for a share written in decimal digits ("0.95"), divided by `whole` (100 for percent). */
export function nearestRank(share: number | string, whole: 1 | 100, count: number): number {
  const [digits = '', exponent = '0'] = String(share).split('e');
  const [units = '', decimals = ''] = digits.split('.');
  // A share below 1e-21 or so has more places than digits; one of 100 has none: the places are never negative.
  const denominator = BigInt(whole) * 10n ** BigInt(decimals.length - Number(exponent));
  return Number((BigInt(units + decimals) * BigInt(count) + denominator - 1n) / denominator);
}
