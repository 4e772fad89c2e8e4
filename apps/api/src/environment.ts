import { serviceEnvironment } from '#close';
import { z } from 'zod';
import { DEFAULT_LIMITS } from './access/limits.js';

const count = (byDefault: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,6}$/, 'must be a whole number from 1 to 9999999')
    .default(`${byDefault}`)
    .transform((text) => Number.parseInt(text, 10));

/** What a process that serves the API reads from its environment. */
export const apiEnvironment = serviceEnvironment.extend({
  METERLINE_ADMIN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{20,512}$/, 'must be 20 to 512 printable ASCII characters without spaces'),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .default('3000')
    .transform((text) => Number.parseInt(text, 10))
    .refine((port) => port <= 65_535, 'must be a port number'),
  /** Requests a minute with one API key to one process. */
  API_REQUESTS_PER_MINUTE: count(DEFAULT_LIMITS.requestsPerMinute),
  /** Event streams that one API key may have open at one process. */
  API_STREAMS: count(DEFAULT_LIMITS.streams),
  HOST: z.string().min(1).default('0.0.0.0'),
});
