import { z } from 'zod';
import { type TariffPlan, tariffPlanSchema } from './tariff-plan.js';
import { textFault } from './text.js';

/** One thing wrong with a document: where (JSON pointer) and a sentence that names the path and what would be right. */
export interface PlanError {
  pointer: string;
  message: string;
  code?: 'not_supported_yet';
}

/** A plan ready to rate, or everything that is wrong with the document. */
export type ParsedTariffPlan = { outcome: 'valid'; plan: TariffPlan } | { outcome: 'invalid'; errors: PlanError[] };

/** Members that other billing systems know and this release refuses by name, so that an operator does not take a typo for the cause. */
const NOT_SUPPORTED_YET: Readonly<Record<string, string>> = {
  windows: 'time-of-day windows',
  time_windows: 'time-of-day windows',
  tax_inclusive: 'tax-inclusive prices',
  tax_included: 'tax-inclusive prices',
  prices_include_tax: 'tax-inclusive prices',
  pause: 'pauses',
  pauses: 'pauses',
  rollover: 'carried balances',
  carry_over: 'carried balances',
  carry_forward: 'carried balances',
  carried_balance: 'carried balances',
  carried_balances: 'carried balances',
};

/** Reads a tariff plan document. Never throws for what the document says. */
export function parseTariffPlan(document: unknown): ParsedTariffPlan {
  const parsed = tariffPlanSchema.safeParse(document, { error: predicate, reportInput: true });
  if (parsed.success) {
    const errors = textErrors(parsed.data, []);
    return errors.length > 0 ? { outcome: 'invalid', errors } : { outcome: 'valid', plan: parsed.data };
  }
  return { outcome: 'invalid', errors: parsed.error.issues.flatMap(toErrors) };
}

/** The same schema as JSON Schema (draft 2020-12), for editors and other languages. */
export function tariffPlanJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(tariffPlanSchema, { io: 'input' }), title: 'Meterline tariff plan' };
}

/** Looked for here and not by the schema, which also reads plans that are published already. */
function textErrors(value: unknown, path: readonly PropertyKey[]): PlanError[] {
  if (typeof value === 'string') {
    const fault = textFault(value);
    return fault === undefined ? [] : [{ pointer: pointer(path), message: `${dotted(path)} ${fault}` }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    textErrors(part, [...path, Array.isArray(value) ? Number.parseInt(name, 10) : name]),
  );
}

type Issue = z.core.$ZodIssue;

function toErrors(issue: Issue): PlanError[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ pointer: pointer(issue.path), message: `${dotted(issue.path)} ${issue.message}` }];
  }
  return issue.keys.map((key): PlanError => {
    const path = [...issue.path, key];
    const later = Object.hasOwn(NOT_SUPPORTED_YET, key) ? NOT_SUPPORTED_YET[key] : undefined;
    return later === undefined
      ? { pointer: pointer(path), message: `${dotted(path)} must be left out: the plan has no such member here` }
      : {
          pointer: pointer(path),
          message: `${dotted(path)} must be left out: ${later} are not supported yet`,
          code: 'not_supported_yet',
        };
  });
}

/** What would be right, for the issues whose schema does not say it itself. The path is put before it. */
function predicate(issue: z.core.$ZodRawIssue): string {
  const missing = issue.input === undefined ? 'is required and ' : '';
  switch (issue.code) {
    case 'invalid_type':
      return `${missing}must be ${EXPECTED[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `${missing}must be ${oneOf(issue.values)}`;
    case 'invalid_union': {
      const options = Array.isArray(issue.options) ? issue.options : [];
      return `must be ${oneOf(options)}`;
    }
    case 'too_small':
      return issue.origin === 'string'
        ? 'must not be empty'
        : issue.origin === 'array'
          ? `must have at least ${issue.minimum} entry`
          : `must be at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string'
        ? `must have at most ${issue.maximum} characters`
        : issue.origin === 'array'
          ? `must have at most ${issue.maximum} entries`
          : `must be at most ${issue.maximum}`;
    default:
      return 'is not valid';
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a string',
  array: 'an array',
  object: 'an object',
  int: 'a whole number',
  number: 'a whole number',
};

function oneOf(options: readonly unknown[]): string {
  const texts = options.map((option) => JSON.stringify(option));
  return texts.length === 1 ? `${texts[0]}` : `one of ${texts.join(', ')}`;
}

/** `charges[2].price.tiers[1].up_to`: how a person writes the path. */
function dotted(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the plan';
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}

/** RFC 6901. */
function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
