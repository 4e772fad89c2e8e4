import { z } from 'zod';
import { decimal, isPlainDecimal } from '#money';

const UNSIGNED_DECIMAL = /^(0|[1-9]\d*)(\.\d+)?$/;
/** Longer numbers are typing errors; the bound keeps every product of a rating inside the exact arithmetic. */
const LONGEST_DECIMAL = 60;

/** An error that says what would be right, and that the member is required where it is missing. */
export const requiredOr = (message: string) => (issue: { input?: unknown }) =>
  issue.input === undefined ? `is required and ${message}` : message;

/** A decimal of a plan that is not negative, as a string. */
export const unsigned = z
  .string({ error: requiredOr('must be a decimal string such as "0.08"') })
  .regex(UNSIGNED_DECIMAL, { error: 'must be a decimal string that is not negative, such as "0.08"', abort: true })
  .max(LONGEST_DECIMAL, { error: `must have at most ${LONGEST_DECIMAL} characters` })
  .meta({ description: 'A decimal that is not negative, as a string.' });

const isPositive = (value: string) => isPlainDecimal(value) && !decimal(value).isZero();
const isPercent = (value: string) => isPlainDecimal(value) && !decimal(value).greaterThan(100);

export const positive = unsigned.refine(isPositive, { error: 'must be greater than 0' });

export const percent = positive.refine(isPercent, { error: 'must be greater than 0 and at most 100' });
