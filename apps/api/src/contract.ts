import { isLocalDate, isMonth, isTimeZone } from '#calendar';
import { LANGUAGES, taxFaults } from '#invoicing';
import { isCountry, unprintableCharacters } from '#invoice-pdf';
import { isCurrency, isPlainDecimal } from '#money';
import { textFault } from '#rating';
import { REPORT_KEY_FORM } from '#report-client';
import { z } from 'zod';

/** The words that every resource of the contract is made of. */

// Letters of either case are the same id.
export const id = z.uuid().toLowerCase().meta({ description: 'An id given by this service.' });

const ID = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi;

/** A text with every id in it as this service writes it. */
export function lowerCaseIds(text: string): string {
  return text.replaceAll(ID, (id) => id.toLowerCase());
}

/** Text that names a thing by its id, such as `account:<id>`. */
export const withId = (schema: z.ZodType<string>) => schema.transform(lowerCaseIds);

export const text = (longest = 200) =>
  z.string().min(1, 'must not be empty').max(longest, atMost(longest)).superRefine(seen);

/** A text that is longer is not looked at any further: what would be looked for in it takes its time. */
export const atMost = (longest: number) => ({ error: `must have at most ${longest} characters`, abort: true }) as const;

/** A text that is read by people holds nothing that they do not see; an empty one is refused by its length. */
function seen(value: string, context: z.RefinementCtx): void {
  const message = value === '' ? undefined : (textFault(value) ?? undrawableFault(value));
  if (message !== undefined) context.addIssue({ code: 'custom', message });
}

/** A name that no typeface has would hold the bill of its account months later, so it is told where it is written. */
function undrawableFault(value: string): string | undefined {
  const characters = unprintableCharacters(value);
  return characters.length === 0
    ? undefined
    : `must not hold ${characters.slice(0, 5).join(' ')}, which no typeface has`;
}

export const code = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    'must be 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit',
  );

export const currency = z.string().refine(isCurrency, 'must be an active ISO 4217 currency code such as "EUR"');

/** What is often written instead of a code of ISO 3166-1. */
const NO_COUNTRY: Readonly<Record<string, string>> = { UK: 'GB', EL: 'GR' };

export const country = z.string().refine(isCountry, {
  error: ({ input }) => {
    const meant = NO_COUNTRY[String(input)];
    return `must be an ISO 3166-1 country code of two letters such as "${meant ?? 'DE'}"`;
  },
});

export const language = z.enum(LANGUAGES, {
  error: `must be the BCP 47 tag of a language that documents are written in: ${LANGUAGES.join(', ')}`,
});

export const timeZone = z.string().refine(isTimeZone, 'must be an IANA time zone such as "Europe/Berlin"');

export const localDate = z
  .string()
  .refine(isLocalDate, 'must be a date YYYY-MM-DD that exists, from 1900 on')
  .meta({ format: 'date', description: 'A local date; starts are inclusive, ends exclusive.' });

export const month = z
  .string()
  .refine(isMonth, 'must be a month YYYY-MM, from 1970 on')
  .meta({ description: 'A calendar month, `YYYY-MM`.' });

/** Longer numbers are typing errors, and none of their digits would be lost: every product of a rating is exact. */
const LONGEST_DECIMAL = 60;

export const decimalText = z
  .string()
  .max(LONGEST_DECIMAL, atMost(LONGEST_DECIMAL))
  .refine(isPlainDecimal, 'must be a decimal as a string, such as "12.5"');

export const amount = z.string().meta({ description: 'An amount with exactly the decimals of its currency.' });

export const stamp = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC.' });

export const reportApiKey = z
  .string()
  .regex(REPORT_KEY_FORM, 'must be 1 to 512 printable ASCII characters without blanks');

export const address = z.strictObject({
  line1: text(),
  line2: text().nullable().default(null),
  city: text(),
  region: text().nullable().default(null),
  postal_code: z.string().max(20, atMost(20)).superRefine(seen).default(''),
  country,
});

/** One tax of an account. The category is one of UNCL5305 and fixes the rate, which is in percent. */
const accountTax = z.strictObject({
  name: text(40),
  category: z.enum(['S', 'Z', 'E', 'AE', 'K', 'G', 'O']),
  rate: decimalText.refine(
    (rate) => isPlainDecimal(rate) && /^(100(\.0+)?|\d{1,2}(\.\d{1,4})?)$/.test(rate),
    'must be a percentage from "0" to "100" with at most 4 decimals',
  ),
  valid_from: localDate.nullable().optional(),
  valid_until: localDate.nullable().optional(),
  exemption_reason: text(500).nullable().optional(),
  component_of: text(40)
    .nullable()
    .optional()
    .meta({ description: 'What it is called together with the other taxes that fall on the same supply.' }),
});

/** The taxes of an account, as they are read. */
export const accountTaxes = z.array(accountTax).max(20);

/** The taxes of an account, as they may be written. */
export const givenTaxes = accountTaxes.superRefine((taxes, context) => {
  // A rate that is no number has been refused by itself.
  if (!taxes.every(({ rate }) => isPlainDecimal(rate))) return;
  for (const { path, message } of taxFaults(taxes)) context.addIssue({ code: 'custom', path: [...path], message });
});

/** The query of every list. */
export const listQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(400).optional().meta({ description: 'The next_cursor of the page before.' }),
};

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item), next_cursor: z.string().nullable() });

/** A part of a path that names something by its id. */
export const pathId = { schema: id };
export const pathCode = { schema: code };

export const notice = z.object({ code: z.string(), message: z.string() }).meta({ id: 'Notice' });

export const problemDetails = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(z.object({ pointer: z.string(), message: z.string(), code: z.string().optional() })),
    billable_at: stamp.optional().meta({ description: 'With `period_not_billable`: when it will be.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
