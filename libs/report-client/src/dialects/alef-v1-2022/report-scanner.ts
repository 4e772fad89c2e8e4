import { ExactSum, nearest, NumberReader, textOf } from '#metering';
import type { WrittenValues } from '../../dialect.js';
import { requireMeasurement } from '../../number-text.js';
import { RuleBroken } from '../../refusal.js';
import {
  AGGREGATIONS,
  type Echo,
  ECHO_MEMBERS,
  type EchoMember,
  instantOf,
  METRICS,
  type ReportBody,
} from './report-body.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const UPPER_E = 0x45;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;

/** A word as it stands in the text, closing quote included: what follows its opening quote. */
const word = (text: string) => Buffer.from(`${text}"`, 'latin1');
const METRIC_WORDS = METRICS.map(word);
const AGGREGATION_WORDS = AGGREGATIONS.map(word);
const ECHO_WORDS = ECHO_MEMBERS.map((member) => ({ member, word: word(member) }));
const RESULT = word('result');
const TIME_STAMP = word('time_stamp');
const NAME = word('name');
const VALUE = word('value');
const AGGREGATION_TYPE = word('aggregation_type');
const OFFSET = word('+00:00');

/** `{"time_stamp":"…","name":"uplink_bytes","value":0}`: no item is shorter. */
const SHORTEST_ITEM = 74;

/** Thrown at the first thing that is not as expected; carries nothing because nothing is told. */
const SURPRISE = new Error('not the usual form');

/**
 * Reads a report in its usual form straight from the bytes: any order of members, any whitespace, stamps in +00:00, no
 * escapes. It judges nothing. Whatever it does not expect, right or wrong, gives undefined, and the strict reader has the
 * word; what it does read, the strict reader would read alike (the specs compare both on mangled reports).
 *
 * A month of slots is 1.7 MB in 17,856 items and needs every digit of every number: JSON.parse has lost them, and a
 * lossless generic parser takes many times as long.
 */
export function scanReportBody(body: Buffer): (ReportBody & { readonly values: WrittenValues }) | undefined {
  try {
    return new Scanner(body).report();
  } catch (error) {
    if (error === SURPRISE || error instanceof RuleBroken) return undefined;
    throw error;
  }
}

interface ItemModel {
  readonly start: number;
  readonly stampAt: number;
  readonly stampEnd: number;
  readonly valueAt: number;
  readonly valueEnd: number;
  readonly end: number;
  readonly series: number;
}

class Scanner {
  private at = 0;
  private count = 0;
  private readonly series: Uint8Array;
  private readonly stamps: Float64Array;
  private readonly starts: Uint32Array;
  private readonly ends: Uint32Array;
  private readonly doubles: Float64Array;
  /** By series. */
  private readonly sums: ExactSum[] = [];
  private readonly reader = new NumberReader();
  /** What `number` took, where it began, and its text where the reader could not read it. */
  private numberAt = 0;
  private unusual: string | undefined;
  /** What `takeStamp` took. */
  private instant = 0;
  /** Where the parts of the latest item read by `item` stand, and which series it is of. */
  private model: ItemModel = { start: 0, stampAt: 0, stampEnd: 0, valueAt: -1, valueEnd: 0, end: 0, series: 0 };

  constructor(private readonly body: Buffer) {
    const most = Math.ceil(body.length / SHORTEST_ITEM);
    this.series = new Uint8Array(most);
    this.stamps = new Float64Array(most);
    this.starts = new Uint32Array(most);
    this.ends = new Uint32Array(most);
    this.doubles = new Float64Array(most);
  }

  report(): ReportBody & { readonly values: WrittenValues } {
    const echo = new Map<EchoMember, Echo>();
    let hasResult = false;
    this.expect(0x7b);
    do {
      this.expect(QUOTE);
      if (this.takeWord(RESULT)) {
        if (hasResult) throw SURPRISE;
        hasResult = true;
        this.expect(COLON);
        this.result();
      } else {
        const member = ECHO_WORDS.find((candidate) => this.takeWord(candidate.word))?.member;
        if (member === undefined || echo.has(member)) throw SURPRISE;
        this.expect(COLON);
        echo.set(member, this.echo());
      }
    } while (this.take(COMMA));
    this.expect(0x7d);
    this.skipSpace();
    if (!hasResult || this.at !== this.body.length) throw SURPRISE;
    return {
      echo,
      count: this.count,
      series: this.series,
      stamps: this.stamps,
      values: {
        bytes: this.body,
        starts: this.starts,
        ends: this.ends,
        doubles: this.doubles,
        sums: this.sums,
      },
      offsets: new Set(this.count > 0 ? ['+00:00'] : []),
    };
  }

  private result(): void {
    this.expect(0x5b);
    if (this.take(0x5d)) return;
    do {
      this.expect(0x5b);
      if (this.take(0x5d)) continue;
      do {
        if (!this.itemAlike()) this.item();
      } while (this.take(COMMA));
      this.expect(0x5d);
    } while (this.take(COMMA));
    this.expect(0x5d);
  }

  /**
   * Reads an item that differs from the latest one read by `item` in its stamp and value alone, which is how a program writes a
   * whole series. False, with nothing read, for any other.
   */
  private itemAlike(): boolean {
    const { start, stampAt, stampEnd, valueAt, valueEnd, end, series } = this.model;
    if (valueAt < stampEnd) return false;
    const from = this.at;
    const isRead = this.takeSame(start, stampAt) && this.takeStamp() && this.takeSame(stampEnd, valueAt);
    const code = this.body[this.at] ?? 0;
    if (isRead && code >= ZERO && code <= 0x39) {
      this.number();
      const ends = this.at;
      if (this.takeSame(valueEnd, end)) {
        this.keep(series, this.instant, ends);
        return true;
      }
    }
    this.at = from;
    return false;
  }

  private item(): void {
    let metric = -1;
    let aggregation = -1;
    let stamp = Number.NaN;
    let hasValue = false;
    const model = { start: this.at, stampAt: 0, stampEnd: 0, valueAt: 0, valueEnd: 0, end: 0, series: 0 };
    this.expect(0x7b);
    do {
      this.expect(QUOTE);
      switch (this.body[this.at]) {
        case 0x74:
          if (!Number.isNaN(stamp) || !this.takeWord(TIME_STAMP)) throw SURPRISE;
          this.expect(COLON);
          this.expect(QUOTE);
          model.stampAt = this.at;
          if (!this.takeStamp()) throw SURPRISE;
          stamp = this.instant;
          model.stampEnd = this.at;
          break;
        case 0x6e:
          if (metric >= 0 || !this.takeWord(NAME)) throw SURPRISE;
          this.expect(COLON);
          metric = this.oneOf(METRIC_WORDS, 0);
          break;
        case 0x76:
          if (hasValue || !this.takeWord(VALUE)) throw SURPRISE;
          this.expect(COLON);
          this.skipSpace();
          model.valueAt = this.at;
          this.number();
          hasValue = true;
          model.valueEnd = this.at;
          break;
        case 0x61:
          if (aggregation >= 0 || !this.takeWord(AGGREGATION_TYPE)) throw SURPRISE;
          this.expect(COLON);
          aggregation = this.oneOf(AGGREGATION_WORDS, 1);
          break;
        default:
          throw SURPRISE;
      }
    } while (this.take(COMMA));
    this.expect(0x7d);
    if (metric < 0 || !hasValue || Number.isNaN(stamp)) throw SURPRISE;
    model.end = this.at;
    model.series = metric * AGGREGATIONS.length + Math.max(0, aggregation);
    this.model = model;
    this.keep(model.series, stamp, model.valueEnd);
  }

  /** Keeps an item whose value is what `number` took. */
  private keep(series: number, stamp: number, valueEnd: number): void {
    const { count, unusual } = this;
    this.series[count] = series;
    this.stamps[count] = stamp;
    this.starts[count] = this.numberAt;
    this.ends[count] = valueEnd;
    const sum = (this.sums[series] ??= new ExactSum());
    if (unusual === undefined) {
      this.doubles[count] = this.reader.double();
      sum.addRead(this.reader);
    } else {
      this.doubles[count] = nearest(unusual);
      sum.add(unusual);
    }
    this.count = count + 1;
  }

  private oneOf(words: readonly Buffer[], from: number): number {
    this.expect(QUOTE);
    for (let index = from; index < words.length; index += 1) {
      const candidate = words[index];
      if (candidate && this.takeWord(candidate)) return index;
    }
    throw SURPRISE;
  }

  /** `YYYY-MM-DDThh:mm:ss+00:00"` into `instant`; false for no such moment. */
  private takeStamp(): boolean {
    const { body, at } = this;
    if (body[at + 4] !== MINUS || body[at + 7] !== MINUS || body[at + 10] !== 0x54) return false;
    if (body[at + 13] !== COLON || body[at + 16] !== COLON) return false;
    const instant = instantOf(
      this.twoDigits(at) * 100 + this.twoDigits(at + 2),
      this.twoDigits(at + 5),
      this.twoDigits(at + 8),
      this.twoDigits(at + 11),
      this.twoDigits(at + 14),
      this.twoDigits(at + 17),
    );
    this.at = at + 19;
    if (instant === undefined || !this.takeWord(OFFSET)) return false;
    this.instant = instant;
    return true;
  }

  private twoDigits(at: number): number {
    const tens = (this.body[at] ?? 0) - ZERO;
    const ones = (this.body[at + 1] ?? 0) - ZERO;
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw SURPRISE;
    return tens * 10 + ones;
  }

  /** Takes a number without a sign. */
  private number(): void {
    const { body, reader } = this;
    const start = this.at;
    this.numberAt = start;
    if (reader.read(body, start)) {
      this.unusual = undefined;
      this.at = reader.end;
      return;
    }
    this.digits();
    if (body[start] === ZERO && this.at > start + 1) throw SURPRISE;
    if (body[this.at] === POINT) {
      this.at += 1;
      this.digits();
    }
    if (body[this.at] === LOWER_E || body[this.at] === UPPER_E) {
      this.at += 1;
      if (body[this.at] === 0x2b || body[this.at] === MINUS) this.at += 1;
      this.digits();
    }
    this.unusual = textOf(body, start, this.at);
    requireMeasurement(this.unusual, () => '');
  }

  private digits(): void {
    const { body } = this;
    const start = this.at;
    let at = start;
    for (let code = body[at] ?? 0; code >= ZERO && code <= 0x39; code = body[at] ?? 0) at += 1;
    if (at === start) throw SURPRISE;
    this.at = at;
  }

  private echo(): Echo {
    this.skipSpace();
    const { body } = this;
    const start = this.at;
    if (body[start] !== QUOTE) {
      this.digits();
      if (body[start] === ZERO && this.at > start + 1) throw SURPRISE;
      const next = body[this.at];
      if (next === POINT || next === LOWER_E || next === UPPER_E) throw SURPRISE;
      return { text: body.toString('latin1', start, this.at), isNumber: true };
    }
    const end = body.indexOf(QUOTE, start + 1);
    if (end < 0) throw SURPRISE;
    for (let at = start + 1; at < end; at += 1) {
      const code = body[at] ?? 0;
      if (code < 0x20 || code > 0x7e || code === BACKSLASH) throw SURPRISE;
    }
    this.at = end + 1;
    return { text: body.toString('latin1', start + 1, end), isNumber: false };
  }

  private skipSpace(): void {
    const { body } = this;
    for (let code = body[this.at]; code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;) {
      this.at += 1;
      code = body[this.at];
    }
  }

  private take(code: number): boolean {
    if (this.body[this.at] !== code) {
      this.skipSpace();
      if (this.body[this.at] !== code) return false;
    }
    this.at += 1;
    return true;
  }

  private expect(code: number): void {
    if (!this.take(code)) throw SURPRISE;
  }

  /** Takes the bytes that stand from `start` to `end`. */
  private takeSame(start: number, end: number): boolean {
    const { body, at } = this;
    const shift = at - start;
    for (let index = start; index < end; index += 1) {
      if (body[index] !== body[index + shift]) return false;
    }
    this.at = end + shift;
    return true;
  }

  private takeWord(expected: Buffer): boolean {
    const { body, at } = this;
    for (let index = 0; index < expected.length; index += 1) {
      if (body[at + index] !== expected[index]) return false;
    }
    this.at = at + expected.length;
    return true;
  }
}
