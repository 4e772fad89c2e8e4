import { type Decimal, decimal } from '#money';

/** A number of a JSON text with its decimals as they are to stand there: no binary float ever holds it. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

export type Json = string | JsonNumber | { readonly [member: string]: Json | undefined } | readonly Json[];

/** An amount of rupees with its two decimals. */
export function rupees(amount: Decimal): JsonNumber {
  return new JsonNumber(amount.isZero() ? '0.00' : amount.toFixed(2));
}

/** A plain number with no more decimals than it has. */
export function plainNumber(text: string): JsonNumber {
  return new JsonNumber(decimal(text).toFixed());
}

/** Compact JSON with its members in their order; what is undefined is left out. */
export function jsonText(value: Json): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(jsonText).join(',')}]`;
  const members = Object.entries(value as { readonly [member: string]: Json | undefined });
  return `{${members.flatMap(([name, of]) => (of === undefined ? [] : [`${JSON.stringify(name)}:${jsonText(of)}`])).join(',')}}`;
}
