import { type Patience, PATIENCE, secretKeySchema } from '#persistence';
import { type ReportLimits, requestsPerSecondSchema } from '#persistence/catalogue';
import { OutboundAddresses, plainUrl, REPORT_KEY_FORM } from '#report-client';
import { z } from 'zod';
import { redisPlace } from './redis-places.js';

/** Thrown when a process was told what it cannot work with. */
export class EnvironmentError extends Error {
  readonly code = 'invalid_environment';

  constructor(sentence: string, options?: ErrorOptions) {
    super(`the environment is not usable:${sentence}`, options);
    this.name = 'EnvironmentError';
  }
}

/** What one API key, and one address without a key, may ask of one process where the environment does not say. */
export const DEFAULT_LIMITS = { requestsPerMinute: 3_000, streams: 20, unauthorizedPerMinute: 300 } as const;

const url = (protocols: RegExp, what: string) =>
  z.string().refine((text) => protocols.test(text) && URL.canParse(text), `must be ${what}`);

const databaseUrl = url(/^postgres(ql)?:\/\//, 'a URL postgres://user:password@host:port/database');

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

const portNumber = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform((text) => Number.parseInt(text, 10))
  .refine((port) => port <= 65_535, 'must be a port number');

const count = (byDefault: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,6}$/, 'must be a whole number from 1 to 9999999')
    .default(`${byDefault}`)
    .transform((text) => Number.parseInt(text, 10));

/** Every variable that a program of the service reads, with its form and its default. A program picks those it has a use for. */
export const variables = z.object({
  DATABASE_URL: databaseUrl,
  /** The owner's login, for migrations. */
  MIGRATION_DATABASE_URL: databaseUrl,
  /** A login that only reads. */
  READER_DATABASE_URL: databaseUrl,
  /** Default: the database. */
  QUEUE_URL: z
    .string()
    .refine(
      (text) => redisPlace(text) !== undefined || databaseUrl.safeParse(text).success,
      'must be a URL postgres://…, redis://…, redis-cluster://host:port,host:port or redis-sentinel://host:port,host:port/master',
    )
    .optional(),
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
  METERLINE_ADMIN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{20,512}$/, 'must be 20 to 512 printable ASCII characters without spaces'),
  /** Where the API answers. */
  PORT: portNumber.prefault('3000'),
  HOST: z.string().min(1).default('0.0.0.0'),
  /** Requests a minute with one API key to one process. */
  API_REQUESTS_PER_MINUTE: count(DEFAULT_LIMITS.requestsPerMinute),
  /** Requests a minute of one address to one process without a known key. */
  API_UNAUTHORIZED_PER_MINUTE: count(DEFAULT_LIMITS.unauthorizedPerMinute),
  /** Event streams that one API key may have open at one process. */
  API_STREAMS: count(DEFAULT_LIMITS.streams),
  /** Where a worker says how it is; default: nowhere. */
  HEALTH_PORT: portNumber.optional(),
});

/** The variables that the API and the worker both read, for `variables.pick`. */
export const SERVICE_VARIABLES = {
  DATABASE_URL: true,
  QUEUE_URL: true,
  REPORT_API_URL: true,
  REPORT_API_KEY: true,
  OUTBOUND_ALLOW: true,
  REPORT_API_CONCURRENCY: true,
  REPORT_API_REQUESTS_PER_SECOND: true,
  SETTLE_HOURS: true,
  DATABASE_IDLE_IN_TRANSACTION_SECONDS: true,
  DATABASE_LOCK_TIMEOUT_SECONDS: true,
  METERLINE_SECRET_KEY: true,
  LOG_LEVEL: true,
} as const;

/** The variables that a command reads that writes to the database itself, for `variables.pick`. */
export const COMMAND_VARIABLES = {
  DATABASE_URL: true,
  DATABASE_IDLE_IN_TRANSACTION_SECONDS: true,
  DATABASE_LOCK_TIMEOUT_SECONDS: true,
  METERLINE_SECRET_KEY: true,
} as const;

/** What a program that picked certain variables reads. */
type Read<Name extends keyof z.output<typeof variables>> = Pick<z.output<typeof variables>, Name>;

/** The limits of report APIs that the environment sets. */
export function reportLimits(
  environment: Read<'REPORT_API_CONCURRENCY' | 'REPORT_API_REQUESTS_PER_SECOND'>,
): ReportLimits {
  const { REPORT_API_CONCURRENCY: concurrency, REPORT_API_REQUESTS_PER_SECOND: requestsPerSecond = null } = environment;
  return { concurrency, requestsPerSecond };
}

/** How long the environment lets PostgreSQL bear with a process that stopped in the middle of something. */
export function databasePatience(
  environment: Read<'DATABASE_IDLE_IN_TRANSACTION_SECONDS' | 'DATABASE_LOCK_TIMEOUT_SECONDS'>,
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

function notListening(cause: unknown, sentence: string): EnvironmentError {
  return new EnvironmentError(` ${sentence}`, { cause });
}

/**
 * Parses the environment once, at boot.
 *
 * @throws EnvironmentError that names every bad variable and what it must be, never its value
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
  throw new EnvironmentError(`\n${lines.join('\n')}`);
}

/** What one API key, and one address without a key, may ask, as the environment says. */
export function apiLimits(
  environment: Read<'API_REQUESTS_PER_MINUTE' | 'API_STREAMS' | 'API_UNAUTHORIZED_PER_MINUTE'>,
): { requestsPerMinute: number; streams: number; unauthorizedPerMinute: number } {
  return {
    requestsPerMinute: environment.API_REQUESTS_PER_MINUTE,
    streams: environment.API_STREAMS,
    unauthorizedPerMinute: environment.API_UNAUTHORIZED_PER_MINUTE,
  };
}

/** Parses the environment of a program; one that is not usable ends the program with 1 and a sentence for each fault. */
export function environmentOrExit<Shape extends z.ZodType>(schema: Shape): z.output<Shape> {
  try {
    return parseEnvironment(schema, process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
