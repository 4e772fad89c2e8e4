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
 * A month of slots is 1.7 MB in 17,856 items and needs the exact text of every number: JSON.parse has lost it, and a
 * lossless generic parser takes many times as long.
 */
export function scanReportBody(body: Buffer): ReportBody | undefined {
  try {
    return new Scanner(body).report();
  } catch (error) {
    if (error === SURPRISE || error instanceof RuleBroken) return undefined;
    throw error;
  }
}

class Scanner {
  private at = 0;
  private count = 0;
  private readonly series: Uint8Array;
  private readonly stamps: Float64Array;
  private readonly values: string[] = [];

  constructor(private readonly body: Buffer) {
    const most = Math.ceil(body.length / SHORTEST_ITEM);
    this.series = new Uint8Array(most);
    this.stamps = new Float64Array(most);
  }

  report(): ReportBody {
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
      values: this.values,
      offsets: new Set(this.count > 0 ? ['+00:00'] : []),
    };
  }

  private result(): void {
    this.expect(0x5b);
    if (this.take(0x5d)) return;
    do {
      this.expect(0x5b);
      if (this.take(0x5d)) continue;
      do this.item();
      while (this.take(COMMA));
      this.expect(0x5d);
    } while (this.take(COMMA));
    this.expect(0x5d);
  }

  private item(): void {
    let metric = -1;
    let aggregation = -1;
    let stamp = Number.NaN;
    let value = '';
    this.expect(0x7b);
    do {
      this.expect(QUOTE);
      switch (this.body[this.at]) {
        case 0x74:
          if (!Number.isNaN(stamp) || !this.takeWord(TIME_STAMP)) throw SURPRISE;
          this.expect(COLON);
          stamp = this.stamp();
          break;
        case 0x6e:
          if (metric >= 0 || !this.takeWord(NAME)) throw SURPRISE;
          this.expect(COLON);
          metric = this.oneOf(METRIC_WORDS, 0);
          break;
        case 0x76:
          if (value !== '' || !this.takeWord(VALUE)) throw SURPRISE;
          this.expect(COLON);
          value = this.value();
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
    if (metric < 0 || value === '' || Number.isNaN(stamp)) throw SURPRISE;
    this.series[this.count] = metric * AGGREGATIONS.length + Math.max(0, aggregation);
    this.stamps[this.count] = stamp;
    this.values.push(value);
    this.count += 1;
  }

  private oneOf(words: readonly Buffer[], from: number): number {
    this.expect(QUOTE);
    for (let index = from; index < words.length; index += 1) {
      const candidate = words[index];
      if (candidate && this.takeWord(candidate)) return index;
    }
    throw SURPRISE;
  }

  /** `"YYYY-MM-DDThh:mm:ss+00:00"` */
  private stamp(): number {
    this.expect(QUOTE);
    const { body, at } = this;
    if (body[at + 4] !== MINUS || body[at + 7] !== MINUS || body[at + 10] !== 0x54) throw SURPRISE;
    if (body[at + 13] !== COLON || body[at + 16] !== COLON) throw SURPRISE;
    const instant = instantOf(
      this.twoDigits(at) * 100 + this.twoDigits(at + 2),
      this.twoDigits(at + 5),
      this.twoDigits(at + 8),
      this.twoDigits(at + 11),
      this.twoDigits(at + 14),
      this.twoDigits(at + 17),
    );
    this.at = at + 19;
    if (instant === undefined || !this.takeWord(OFFSET)) throw SURPRISE;
    return instant;
  }

  private twoDigits(at: number): number {
    const tens = (this.body[at] ?? 0) - ZERO;
    const ones = (this.body[at + 1] ?? 0) - ZERO;
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw SURPRISE;
    return tens * 10 + ones;
  }

  private value(): string {
    this.skipSpace();
    const { body } = this;
    const start = this.at;
    this.digits();
    if (body[start] === ZERO && this.at > start + 1) throw SURPRISE;
    const integerDigits = this.at - start;
    if (body[this.at] === POINT) {
      this.at += 1;
      this.digits();
    }
    const hasExponent = body[this.at] === LOWER_E || body[this.at] === UPPER_E;
    if (hasExponent) {
      this.at += 1;
      if (body[this.at] === 0x2b || body[this.at] === MINUS) this.at += 1;
      this.digits();
    }
    const text = body.toString('latin1', start, this.at);
    if (hasExponent || integerDigits > 20 || text.length > 40) requireMeasurement(text, () => '');
    return text;
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

  private takeWord(expected: Buffer): boolean {
    const { body, at } = this;
    for (let index = 0; index < expected.length; index += 1) {
      if (body[at + index] !== expected[index]) return false;
    }
    this.at = at + expected.length;
    return true;
  }
}
