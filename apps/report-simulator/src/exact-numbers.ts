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

/** How a rate is written: bits per second × `scale` / 10^6, rounded to 2 decimals when `roundedTo2` is set. */
export interface RateNotation {
  /** A power of 1000: 1 writes Mbps, 1000 kbps, 10^6 bps; profiles and faults multiply further. */
  scale: number;
  roundedTo2: boolean;
}

/** The rate of `quarterBytes` / 4 bytes in `seconds`: the shortest decimal of the correctly rounded exact quotient. */
export function rateText(quarterBytes: number, seconds: number, notation: RateNotation): string {
  // bytes · 8 / 10^6 / seconds = quarters / (500,000 · seconds); powers of 1000 are taken out of the divisor first.
  const numerator = notation.scale >= 1e6 ? quarterBytes * (notation.scale / 500_000) : quarterBytes;
  const denominator = notation.scale >= 1e6 ? seconds : (500_000 / notation.scale) * seconds;
  if (notation.roundedTo2) {
    const [n, d] = exactOperands(quarterBytes, seconds, notation.scale);
    return String(Number((200n * n + d) / (2n * d)) / 100);
  }
  if (Number.isSafeInteger(numerator)) return String(numerator / denominator);
  return String(roundedQuotient(...exactOperands(quarterBytes, seconds, notation.scale)));
}

function exactOperands(quarterBytes: number, seconds: number, scale: number): [bigint, bigint] {
  return [BigInt(quarterBytes) * BigInt(scale), 500_000n * BigInt(seconds)];
}

/** The double nearest to n / d, ties to even, for positive operands of any size. */
export function roundedQuotient(n: bigint, d: bigint): number {
  if (n === 0n) return 0;
  // At least 64 quotient bits: more than the 53 of a double, and the remainder survives as a sticky last bit.
  const shift = Math.max(0, 64 - n.toString(2).length + d.toString(2).length);
  const shifted = n << BigInt(shift);
  const quotient = shifted / d;
  return Number(shifted % d === 0n ? quotient : quotient | 1n) / 2 ** shift;
}
