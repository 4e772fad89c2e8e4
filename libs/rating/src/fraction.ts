import { Decimal, Ratio } from '#money';

/** An exact quotient as text: a finite decimal over "1", else two integers without a common divisor. */
export interface Fraction {
  numerator: string;
  denominator: string;
}

/** The one spelling of a quotient, however it was computed. */
export function toFraction(ratio: Ratio): Fraction {
  const scale = Math.max(ratio.numerator.decimalPlaces(), ratio.denominator.decimalPlaces());
  const numerator = scaledInteger(ratio.numerator, scale);
  const denominator = scaledInteger(ratio.denominator, scale);
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  const [n, d] = [numerator / divisor, denominator / divisor];
  const places = finiteDecimalPlaces(d);
  if (places === undefined) return { numerator: n.toString(), denominator: d.toString() };
  const decimalText = new Decimal(`${(n * 10n ** BigInt(places)) / d}e-${places}`).toFixed();
  return { numerator: decimalText, denominator: '1' };
}

export function fromFraction({ numerator, denominator }: Fraction): Ratio {
  return Ratio.of(numerator, denominator);
}

/** For showing: exact where the quotient is a finite decimal of at most 12 places, else cut there. */
export function shown(ratio: Ratio): string {
  return ratio.toTruncated(12);
}

function scaledInteger(value: Decimal, scale: number): bigint {
  const [whole = '0', fraction = ''] = value.toFixed().split('.');
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b > 0n) [a, b] = [b, a % b];
  return a;
}

/** Decimals that a quotient over `denominator` needs, or undefined when it never ends. */
function finiteDecimalPlaces(denominator: bigint): number | undefined {
  let [rest, twos, fives] = [denominator, 0, 0];
  for (; rest % 2n === 0n; rest /= 2n) twos += 1;
  for (; rest % 5n === 0n; rest /= 5n) fives += 1;
  return rest === 1n ? Math.max(twos, fives) : undefined;
}
