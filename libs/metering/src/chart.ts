import { Decimal, Ratio, times } from '#money';
import { GRID_SECONDS } from './usage.js';

/**
 * What a picture of the samples behind a percentile is drawn from, years after the samples themselves are gone. Each value is a
 * whole number of `unit`, rounded half up from the exact sample, as two letters of base64 (RFC 4648, the higher six bits first);
 * `//` stands where nothing counts.
 */
export interface RateChart {
  /** Mbps; 1, 2 or 5 times a power of ten. */
  unit: string;
  /** Slots of the measured interval in each column but the last, which may have fewer; whole hours. */
  slots_per_column: number;
  /** The lowest and the highest sample of each column. */
  lowest: string;
  highest: string;
  /** The samples at the ranks of `chartRanks`. */
  ranked: string;
}

/** Bytes of each local day of the measured interval, as the values of a `RateChart` but cut; null: not needed. */
export interface DayChart {
  /** Bytes. */
  unit: string;
  uplink: string | null;
  downlink: string | null;
}

const SLOTS_PER_HOUR = GRID_SECONDS.HOUR / GRID_SECONDS.SLOT;
const MOST_COLUMNS = 128;

/** Slots of a column: whole hours, so many that a month has at most 128 columns. */
export function slotsPerColumn(slots: number): number {
  return SLOTS_PER_HOUR * Math.max(1, Math.ceil(slots / (MOST_COLUMNS * SLOTS_PER_HOUR)));
}

const RANKS_UP_TO_BILLED = 48;
const RANKS_ABOVE = 16;

/** The ranks, from 1, whose samples a chart has: from the lowest to the one that is billed, then up to the highest. */
export function chartRanks(n: number, k: number): number[] {
  const below = Array.from(
    { length: RANKS_UP_TO_BILLED },
    (_, point) => 1 + Math.floor(((k - 1) * point) / (RANKS_UP_TO_BILLED - 1)),
  );
  const above = Array.from({ length: RANKS_ABOVE }, (_, point) => k + Math.ceil(((n - k) * (point + 1)) / RANKS_ABOVE));
  return [...below, ...above];
}

/** What two letters hold without the one that says that nothing counts. */
const MOST = 4_094;
const GAP = 4_095;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CODES = new Map(Array.from(LETTERS, (letter, code) => [letter, code]));

/** The finest unit in which a value still fits; `double` is the double nearest to it. */
export interface ChartUnit {
  readonly exact: Decimal;
  readonly double: number;
}

export function chartUnit(highest: Decimal): ChartUnit {
  const exponent = highest.isZero() ? 0 : highest.e - 4;
  for (let power = exponent; ; power += 1) {
    for (const factor of [1, 2, 5]) {
      const exact = new Decimal(`${factor}e${power}`);
      if (highest.isZero() || times(exact, new Decimal(MOST)).greaterThanOrEqualTo(highest)) {
        return { exact, double: power < 0 ? factor / 10 ** -power : factor * 10 ** power };
      }
    }
  }
}

/**
 * A sample as a whole number of a unit: by its double, unless that is so near to where the next number begins that only the
 * exact value can tell.
 */
export function inUnit(double: number, unit: ChartUnit, relativeError: number, exact: () => Decimal): number {
  const place = double / unit.double + 0.5;
  const whole = Math.floor(place);
  const margin = place * (4 * relativeError + 1e-12);
  if (place - whole > margin && whole + 1 - place > margin) return whole;
  return Number.parseInt(Ratio.of(exact(), unit.exact).round(0).toFixed(0), 10);
}

/** Values as letters; null is a gap. */
export function packChart(values: readonly (number | null)[]): string {
  let text = '';
  for (const value of values) {
    const code = value ?? GAP;
    text += LETTERS.charAt(code >> 6) + LETTERS.charAt(code & 63);
  }
  return text;
}

/** The values of a text that `packChart` wrote; of another one as much as can be read. */
export function unpackChart(text: string): (number | null)[] {
  return Array.from({ length: Math.floor(text.length / 2) }, (_, index) => {
    const code = ((CODES.get(text.charAt(2 * index)) ?? 63) << 6) + (CODES.get(text.charAt(2 * index + 1)) ?? 63);
    return code === GAP ? null : code;
  });
}

/** Whole bytes of days in the finest unit in which all of them fit, but not below one. Null: that direction is not needed. */
export function dayChart(uplink: readonly bigint[] | null, downlink: readonly bigint[] | null): DayChart {
  let most = 0n;
  for (const day of [...(uplink ?? []), ...(downlink ?? [])]) if (day > most) most = day;
  const unit = most <= BigInt(MOST) ? 1n : BigInt(chartUnit(new Decimal(most.toString())).exact.toFixed());
  const packed = (days: readonly bigint[] | null): string | null =>
    days && packChart(days.map((day) => Number.parseInt((day / unit).toString(), 10)));
  return { unit: unit.toString(), uplink: packed(uplink), downlink: packed(downlink) };
}
