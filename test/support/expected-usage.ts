/**
 * What the simulator's accounts use, recomputed here window by window from the published formula of the simulated
 * traffic, with integers only. It shares no code with the simulator or with anything that bills.
 */
const WINDOW = 300;
const WINDOWS_A_DAY = 288;
const DIRECTIONS = { up: { B: 50_000, b: 10, A: 200, C: 2 }, down: { B: 1_000_000, b: 100, A: 4_000, C: 40 } } as const;

export type Direction = keyof typeof DIRECTIONS;

/** Multipliers k < 288 with k mod 4 = 1 that 3 does not divide, ascending; the seed picks one. */
const MULTIPLIERS = Array.from({ length: WINDOWS_A_DAY }, (_, k) => k).filter((k) => k % 4 === 1 && k % 3 !== 0);

/** Quarter bytes of one leaf in one window, with fractions switched on. */
export function quarterBytes(leaf: number, window: number, direction: Direction, seed: number): bigint {
  const { B, b, A, C } = DIRECTIONS[direction];
  const K = MULTIPLIERS[seed % 48] ?? 0;
  const r = (K * window + 37 * leaf + seed) % WINDOWS_A_DAY;
  const day = Math.floor(window / WINDOWS_A_DAY);
  const whole = B + b * (leaf % 1000) + A * r + C * (day % 97);
  return BigInt(whole) * 4n + BigInt(window % 4);
}

/** Seconds with traffic of one leaf in one window. */
export function activeSeconds(window: number): bigint {
  return BigInt(100 + (Math.floor(window / WINDOWS_A_DAY) % 97));
}

/** The windows of the buckets of `width` seconds that start in `[start, end)`, in order. */
export function windowsOwned(start: number, end: number, width: number): number[] {
  const windows: number[] = [];
  for (let bucket = Math.ceil(start / width) * width; bucket < end; bucket += width) {
    for (let at = bucket; at < bucket + width; at += WINDOW) windows.push(at / WINDOW);
  }
  return windows;
}

/** `numerator ÷ denominator` rounded half-up to an integer; both positive. */
export function halfUp(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator);
}

/** The exact value of a double's shortest text, as an integer of 10^-30. */
export function scaled(value: number): bigint {
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const places = 30 + Number.parseInt(exponent, 10) - fraction.length;
  return BigInt(whole + fraction) * 10n ** BigInt(places);
}

/** The ranked sample: nearest rank ⌈p·N/100⌉ of values ascending. */
export function nearestRank(values: readonly bigint[], percent: number): bigint {
  const ascending = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return ascending[Math.floor((percent * values.length + 99) / 100) - 1] ?? 0n;
}

/** An integer of minor units as a plain amount with two decimals. */
export function amount(minor: bigint): string {
  if (minor < 0n) return `-${amount(-minor)}`;
  return `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}`;
}

/** The minor units of a plain amount with two decimals. */
export function cents(text: string): bigint {
  return BigInt(text.replace('.', ''));
}
