import type { Decimal } from '#money';
import { nearest } from './approximation.js';
import { ExactSum } from './exact-sum.js';
import { NumberReader } from './number-reader.js';
import type { BucketSeries } from './usage.js';

const LINE_END = 0x0a;

/**
 * The values of a series as one run of bytes, a line for each bucket and an empty one for a gap, as they are kept and hashed.
 * A text of its own for each of tens of thousands of samples costs more memory and time than everything that is done with
 * them; of most samples nothing but the double is ever asked.
 */
export class PackedValues {
  /**
   * @param lines the values, joined by line ends
   * @param ends where each line ends in `lines`
   * @param doubles the double nearest to each value, NaN for a gap: to tell what is far apart, never to bill
   */
  constructor(
    readonly lines: Uint8Array<ArrayBuffer>,
    private readonly ends: Uint32Array,
    readonly doubles: Float64Array,
  ) {}

  /** Throws `bad_value` for a text that is no number without a sign. */
  static of(values: readonly (string | null)[]): PackedValues {
    const lines = bytesOf(values.map((value) => value ?? '').join('\n'));
    const ends = new Uint32Array(values.length);
    const doubles = new Float64Array(values.length);
    const reader = new NumberReader();
    let at = 0;
    values.forEach((value, position) => {
      const end = at + (value ?? '').length;
      ends[position] = end;
      const isUsual = value !== null && reader.read(lines, at) && reader.end === end;
      doubles[position] = value === null ? NaN : isUsual ? reader.double() : nearest(value);
      at = end + 1;
    });
    return new PackedValues(lines, ends, doubles);
  }

  /** So many gaps. */
  static gaps(count: number): PackedValues {
    const ends = Uint32Array.from({ length: count }, (_, position) => position);
    return new PackedValues(
      new Uint8Array(Math.max(0, count - 1)).fill(LINE_END),
      ends,
      new Float64Array(count).fill(NaN),
    );
  }

  /** Parts that follow each other, as one. */
  static joined(parts: readonly PackedValues[]): PackedValues {
    const filled = parts.filter(({ length }) => length > 0);
    const [only] = filled;
    if (only && filled.length === 1) return only;
    const count = filled.reduce((total, { length }) => total + length, 0);
    const bytes = filled.reduce((total, { lines }) => total + lines.length + 1, 0);
    const lines = new Uint8Array(Math.max(0, bytes - 1)).fill(LINE_END);
    const ends = new Uint32Array(count);
    const doubles = new Float64Array(count);
    let [at, position] = [0, 0];
    for (const part of filled) {
      lines.set(part.lines, at);
      doubles.set(part.doubles, position);
      for (let own = 0; own < part.length; own += 1) ends[position + own] = at + (part.ends[own] ?? 0);
      position += part.length;
      at += part.lines.length + 1;
    }
    return new PackedValues(lines, ends, doubles);
  }

  get length(): number {
    return this.ends.length;
  }

  /** Whether there is no value at a position; also where there is no such position. */
  isGap(position: number): boolean {
    return Number.isNaN(this.doubles[position] ?? NaN);
  }

  /** The exact text of a value; null for a gap, also where there is no such position. */
  textAt(position: number): string | null {
    return this.isGap(position) ? null : textOf(this.lines, this.startOf(position), this.ends[position] ?? 0);
  }

  texts(): (string | null)[] {
    return Array.from(this.ends, (_, position) => this.textAt(position));
  }

  /** How many there are that are no gap. */
  received(): number {
    let count = 0;
    for (let position = 0; position < this.length; position += 1) if (!this.isGap(position)) count += 1;
    return count;
  }

  /** The exact sum; gaps count nothing. */
  total(): Decimal {
    const total = new ExactSum();
    const reader = new NumberReader();
    for (let position = 0; position < this.length; position += 1) {
      if (this.isGap(position)) continue;
      if (reader.read(this.lines, this.startOf(position))) total.addRead(reader);
      else total.add(this.textAt(position) ?? '');
    }
    return total.total();
  }

  private startOf(position: number): number {
    return position === 0 ? 0 : (this.ends[position - 1] ?? 0) + 1;
  }
}

/** Letters of numbers, one byte each; 0 for what is no such letter, which makes it no number. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    bytes[at] = code < 0x80 ? code : 0;
  }
  return bytes;
}

/** The text of a number that stands in bytes. */
export function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at += 1) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

// The controls and the measure of one account read the same samples.
const known = new WeakMap<BucketSeries, PackedValues>();

/** A series of packed values, whose texts are made when they are asked for. */
export function packedSeries(of: Omit<BucketSeries, 'values'>, packed: PackedValues): BucketSeries {
  let texts: (string | null)[] | undefined;
  const series = {
    ...of,
    get values() {
      return (texts ??= packed.texts());
    },
  };
  known.set(series, packed);
  return series;
}

/** The same values as those of a series, under another metric or from other answers. */
export function relabelled(series: BucketSeries, as: Pick<BucketSeries, 'metric' | 'rawSha256'>): BucketSeries {
  const { entity, grid, owned, firstStart } = series;
  return packedSeries({ entity, grid, owned, firstStart, ...as }, packedValues(series));
}

/** The values of a series, packed. Throws `bad_value` for a text that is no number without a sign. */
export function packedValues(series: BucketSeries): PackedValues {
  const before = known.get(series);
  if (before) return before;
  const packed = PackedValues.of(series.values);
  known.set(series, packed);
  return packed;
}

/** How many values a series has. */
export function countOfValues(series: BucketSeries): number {
  return known.get(series)?.length ?? series.values.length;
}
