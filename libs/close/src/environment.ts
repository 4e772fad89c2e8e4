import {
  type Patience,
  PATIENCE,
  type PrepareQueue,
  type ReportLimits,
  requestsPerSecondSchema,
  secretKeySchema,
  serviceLogin,
} from '#persistence';
import { OutboundAddresses, plainUrl, REPORT_KEY_FORM } from '#report-client';
import { z } from 'zod';
import { CloseError } from './close-error.js';

const url = (protocols: RegExp, what: string) =>
  z.string().refine((text) => protocols.test(text) && URL.canParse(text), `must be ${what}`);

/** The URL of the database that a process of the service was told. */
export const databaseUrl = url(/^postgres(ql)?:\/\//, 'a URL postgres://user:password@host:port/database');

/** A whole number of seconds within bounds. */
const seconds = (least: number, most: number, byDefault: number) => {
  const form = `must be a whole number of seconds from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,5}$/, form)
    .default(String(byDefault))
    .transform((text) => Number.parseInt(text, 10))
    .refine((count) => count >= least && count <= most, form);
};

/** What every process of the service reads from its environment. */
export const serviceEnvironment = z.object({
  DATABASE_URL: databaseUrl,
  /** Default: the database. */
  QUEUE_URL: url(/^(postgres(ql)?|rediss?):\/\//, 'a URL postgres://… or redis://…').optional(),
  REPORT_API_URL: z
    .string()
    .refine(
      (text) => plainUrl(text) !== undefined,
      'must be https://host[:port][/path] (or http://… on a trusted network), without user, query and fragment',
    ),
  REPORT_API_KEY: z.string().regex(REPORT_KEY_FORM, 'must be 1 to 512 printable ASCII characters without blanks'),
  /** Addresses that sellers may name for their report APIs beside public ones over HTTPS. */
  OUTBOUND_ALLOW: z
    .string()
    .default('')
    .refine(
      (list) => OutboundAddresses.canParse(list),
      'must be host names, addresses or ranges such as 10.0.0.0/8, separated by commas, with http:// before one where plain ' +
        'HTTP is allowed',
    )
    .transform((list) => OutboundAddresses.parse(list)),
  /** Requests with one key in flight, of all processes together. */
  REPORT_API_CONCURRENCY: z
    .string()
    .regex(/^\d{1,3}$/, 'must be a whole number from 1 to 256')
    .default('8')
    .transform((text) => Number.parseInt(text, 10))
    .refine((count) => count >= 1 && count <= 256, 'must be a whole number from 1 to 256'),
  /** Requests a second with one key, of all processes together; default: as many as the answers take. */
  REPORT_API_REQUESTS_PER_SECOND: requestsPerSecondSchema.optional(),
  SETTLE_HOURS: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number of hours')
    .default('72')
    .transform((text) => Number.parseInt(text, 10)),
  /** A process that froze keeps its locks and its places at report APIs for so long. Less would end loaded ones too. */
  DATABASE_IDLE_IN_TRANSACTION_SECONDS: seconds(5, 3_600, PATIENCE.idleTransaction_ms / 1_000),
  /** How long one account waits for a lock that another process has, before it is put off. */
  DATABASE_LOCK_TIMEOUT_SECONDS: seconds(1, 300, PATIENCE.lock_ms / 1_000),
  METERLINE_SECRET_KEY: secretKeySchema,
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** The limits of report APIs that the environment sets. */
export function reportLimits(
  environment: Pick<z.output<typeof serviceEnvironment>, 'REPORT_API_CONCURRENCY' | 'REPORT_API_REQUESTS_PER_SECOND'>,
): ReportLimits {
  const { REPORT_API_CONCURRENCY: concurrency, REPORT_API_REQUESTS_PER_SECOND: requestsPerSecond = null } = environment;
  return { concurrency, requestsPerSecond };
}

/** How long the environment lets PostgreSQL bear with a process that stopped in the middle of something. */
export function databasePatience(
  environment: Pick<
    z.output<typeof serviceEnvironment>,
    'DATABASE_IDLE_IN_TRANSACTION_SECONDS' | 'DATABASE_LOCK_TIMEOUT_SECONDS'
  >,
): Patience {
  return {
    ...PATIENCE,
    idleTransaction_ms: environment.DATABASE_IDLE_IN_TRANSACTION_SECONDS * 1_000,
    lock_ms: environment.DATABASE_LOCK_TIMEOUT_SECONDS * 1_000,
  };
}

/**
 * Says in a sentence why an address cannot be listened on; any other error is answered as it is.
 *
 * @param setting what names the port: a variable such as `PORT`, or an option
 */
export function listenFailure(error: unknown, setting: string, at: { port: number; host?: string }): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const host = at.host ?? 'this machine';
  switch (code) {
    case 'EADDRINUSE':
      return notListening(
        error,
        `port ${at.port} on ${host} is taken: stop what holds it, or set ${setting} to a free one`,
      );
    case 'EACCES':
      return notListening(
        error,
        `port ${at.port} needs rights that this process lacks: set ${setting} to one above 1023`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return notListening(error, `HOST ${host} is no address of this machine`);
    default:
      return error;
  }
}

function notListening(cause: unknown, sentence: string): CloseError {
  return new CloseError('invalid_environment', `the environment is not usable: ${sentence}`, false, { cause });
}

/**
 * Parses the environment once, at boot.
 *
 * @throws CloseError `invalid_environment` that names every bad variable and what it must be, never its value
 */
export function parseEnvironment<Shape extends z.ZodType>(
  schema: Shape,
  environment: NodeJS.ProcessEnv,
): z.output<Shape> {
  const parsed = schema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, code, message }) => {
    const name = path.join('.');
    return `  ${name} ${code === 'invalid_type' && environment[name] === undefined ? 'is required but unset' : message}`;
  });
  throw new CloseError('invalid_environment', `the environment is not usable:\n${lines.join('\n')}`);
}

/**
 * The URL that a process works with, and a warning where it was told the owner's: a reader of its environment owns the
 * tables.
 */
export async function serviceDatabase(
  url: string,
  prepareQueue: PrepareQueue,
  logger: { warn(entry: { code: string }, message: string): void },
): Promise<string> {
  const login = await serviceLogin(url, prepareQueue);
  if (login.wasOwner) {
    logger.warn(
      { code: 'database_url_of_owner' },
      'DATABASE_URL logs in as an owner of the tables. The service works with a lesser login that was made for it, but this ' +
        "process knows the owner's password: run `npm run migrate` with MIGRATION_DATABASE_URL, and name a lesser login here",
    );
  }
  return login.url;
}
