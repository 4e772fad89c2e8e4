import { nearest, PackedValues, textOf } from '#metering';
import type { WrittenValues } from './dialect.js';
import { compareNumbers } from './number-text.js';

/** Further apart than this, as a part of themselves, two doubles tell which number is the larger. */
const APART = 1e-12;

/** The values of the items of an answer, in the order they came. */
export class AnsweredValues {
  readonly #texts: readonly string[] | undefined;
  readonly #written: WrittenValues | undefined;
  readonly #doubles: ArrayLike<number>;

  constructor(values: readonly string[] | WrittenValues) {
    if ('sums' in values) {
      this.#written = values;
      this.#doubles = values.doubles;
    } else {
      this.#texts = values;
      this.#doubles = Float64Array.from(values, nearest);
    }
  }

  /** The exact sum of each series of the question where it was added up as it was read. */
  get sums(): WrittenValues['sums'] | undefined {
    return this.#written?.sums;
  }

  /** The exact text of an item's value. */
  textAt(item: number): string {
    if (!this.#written) return this.#texts?.[item] ?? '';
    const { bytes, starts, ends } = this.#written;
    return textOf(bytes, starts[item] ?? 0, ends[item] ?? 0);
  }

  /** Exact order of the values of two items: below 0, 0, above 0. */
  compare(one: number, other: number): number {
    const [a, b] = [this.#doubles[one] ?? 0, this.#doubles[other] ?? 0];
    const margin = (a + b) * APART;
    if (a < b - margin) return -1;
    return a > b + margin ? 1 : compareNumbers(this.textAt(one), this.textAt(other));
  }

  /** Whether a value is certainly below a bound. */
  isBelow(item: number, bound: number): boolean {
    return (this.#doubles[item] ?? 0) < bound * (1 - APART);
  }

  /** The values of the items named, packed; a gap where none is, by a number below 0. */
  packed(items: Int32Array): PackedValues {
    if (!this.#written) return PackedValues.of(Array.from(items, (item) => (item < 0 ? null : this.textAt(item))));
    const { bytes, starts, ends, doubles } = this.#written;
    const { length } = items;
    let size = Math.max(0, length - 1);
    for (const item of items) if (item >= 0) size += (ends[item] ?? 0) - (starts[item] ?? 0);
    const lines = new Uint8Array(size);
    const packedEnds = new Uint32Array(length);
    const packedDoubles = new Float64Array(length);
    let to = 0;
    for (let position = 0; position < length; position += 1) {
      const item = items[position] ?? -1;
      if (position > 0) {
        lines[to] = LINE_END;
        to += 1;
      }
      const end = item < 0 ? 0 : (ends[item] ?? 0);
      for (let at = item < 0 ? 0 : (starts[item] ?? 0); at < end; at += 1) {
        lines[to] = bytes[at] ?? 0;
        to += 1;
      }
      packedEnds[position] = to;
      packedDoubles[position] = item < 0 ? NaN : (doubles[item] ?? 0);
    }
    return new PackedValues(lines, packedEnds, packedDoubles);
  }
}

const LINE_END = 0x0a;
