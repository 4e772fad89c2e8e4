import { nearest, PackedValues, textOf } from '#metering';
import type { WrittenValues } from './dialect.js';
import { compareNumbers } from './number-text.js';

/** Further apart than this, as a part of themselves, two doubles tell which number is the larger. */
const APART = 1e-12;

/** The values of the items of an answer, in the order they came. */
export class AnsweredValues {
  readonly #texts: readonly string[] | undefined;
  readonly #written: WrittenValues | undefined;
  readonly #doubles: Float64Array;

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
    const a = this.#doubles[one] ?? 0;
    const b = this.#doubles[other] ?? 0;
    const margin = (a + b) * APART;
    if (a < b - margin) return -1;
    if (a > b + margin) return 1;
    // Idle samples are many, and equal.
    return a === 0 && b === 0 ? 0 : compareNumbers(this.textAt(one), this.textAt(other));
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
    const packedEnds = new Uint32Array(length);
    const packedDoubles = new Float64Array(length);
    /** Where the value of each item goes. */
    const places = new Int32Array(starts.length).fill(-1);
    let to = 0;
    for (let position = 0; position < length; position += 1) {
      const item = items[position] ?? -1;
      if (item < 0) packedDoubles[position] = NaN;
      else {
        packedDoubles[position] = doubles[item] ?? 0;
        places[item] = to;
        to += (ends[item] ?? 0) - (starts[item] ?? 0);
      }
      packedEnds[position] = to;
      to += 1;
    }
    const lines = new Uint8Array(Math.max(0, to - 1)).fill(LINE_END);
    // In the order of the answer, which is megabytes long and sorted by value: jumping about in it costs more than reading it.
    for (let item = 0; item < places.length; item += 1) {
      let place = places[item] ?? -1;
      if (place < 0) continue;
      const end = ends[item] ?? 0;
      for (let at = starts[item] ?? 0; at < end; at += 1) {
        lines[place] = bytes[at] ?? 0;
        place += 1;
      }
    }
    return new PackedValues(lines, packedEnds, packedDoubles);
  }
}

const LINE_END = 0x0a;
