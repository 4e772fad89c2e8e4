import { isUtf8 } from 'node:buffer';
import { RuleBroken } from './refusal.js';

/** A JSON number as it was written: no digit passes through a binary float. */
export class NumberText {
  constructor(readonly text: string) {}
}

export type JsonValue = string | boolean | null | NumberText | JsonValue[] | JsonObject;
/** A Map, so that no member name can reach a prototype. */
export type JsonObject = Map<string, JsonValue>;

/** Far above what the API's answers need (4) and far below what would exhaust the stack. */
const DEEPEST = 32;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// eslint-disable-next-line no-control-regex -- JSON forbids exactly these
const PLAIN_STRING = /"[^"\\\u0000-\u001f]*"/y;

/**
 * Reads one JSON value (RFC 8259, UTF-8 without a byte order mark) and nothing after it. Stricter than JSON.parse in two
 * ways: a member name may stand once in an object, whatever its value, and nesting is bounded. Numbers keep their text.
 *
 * @throws RuleBroken `malformed_json`, `duplicate_json_key`, and `value_not_a_number` for NaN and Infinity
 */
export function parseStrictJson(body: Buffer): JsonValue {
  if (!isUtf8(body)) throw new RuleBroken('malformed_json', 'the answer is not UTF-8');
  return new StrictReader(body.toString('utf8')).document();
}

class StrictReader {
  #at = 0;
  constructor(readonly text: string) {}

  document(): JsonValue {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.text.length) throw this.#malformed('something follows the JSON value');
    return value;
  }

  #value(depth: number): JsonValue {
    this.#skipSpace();
    const { text } = this;
    switch (text[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    this.#enter(depth);
    const members: JsonObject = new Map();
    if (this.#take('}')) return members;
    do {
      this.#skipSpace();
      if (this.text[this.#at] !== '"') throw this.#malformed('a member name is expected');
      const name = this.#string();
      if (!this.#take(':')) throw this.#malformed('a colon is expected');
      const value = this.#value(depth);
      if (members.has(name)) {
        throw new RuleBroken('duplicate_json_key', `an object names a member twice, before character ${this.#at}`);
      }
      members.set(name, value);
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#malformed('a comma or the end of an object is expected');
    return members;
  }

  #array(depth: number): JsonValue[] {
    this.#enter(depth);
    const items: JsonValue[] = [];
    if (this.#take(']')) return items;
    do items.push(this.#value(depth));
    while (this.#take(','));
    if (!this.#take(']')) throw this.#malformed('a comma or the end of an array is expected');
    return items;
  }

  #string(): string {
    const plain = this.#match(PLAIN_STRING);
    if (plain !== undefined) return plain.slice(1, -1);
    const end = this.#closingQuote();
    try {
      const value = JSON.parse(this.text.slice(this.#at, end + 1)) as string;
      this.#at = end + 1;
      return value;
    } catch {
      throw this.#malformed('a string is malformed');
    }
  }

  #closingQuote(): number {
    for (let from = this.#at + 1; ;) {
      const quote = this.text.indexOf('"', from);
      if (quote < 0) throw this.#malformed('a string does not end');
      let escapes = 0;
      while (this.text[quote - 1 - escapes] === '\\') escapes += 1;
      if (escapes % 2 === 0) return quote;
      from = quote + 1;
    }
  }

  #number(): NumberText {
    const number = this.#match(NUMBER);
    if (number !== undefined) return new NumberText(number);
    if (/^-?(?:NaN|Infinity)/.test(this.text.slice(this.#at, this.#at + 9))) {
      throw new RuleBroken('value_not_a_number', `NaN or Infinity stands at character ${this.#at}`);
    }
    throw this.#malformed(this.#at < this.text.length ? 'a value is expected' : 'the answer ends early');
  }

  #word<T extends JsonValue>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.#at)) throw this.#malformed('a value is expected');
    this.#at += word.length;
    return value;
  }

  #enter(depth: number): void {
    if (depth > DEEPEST) throw this.#malformed(`values are nested more than ${DEEPEST} deep`);
    this.#at += 1;
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    const { text } = this;
    for (; ; this.#at += 1) {
      const code = text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  /** Says where, never what: the text around it may be a customer's. */
  #malformed(what: string): RuleBroken {
    return new RuleBroken('malformed_json', `${what} at character ${this.#at} of ${this.text.length}`);
  }
}
