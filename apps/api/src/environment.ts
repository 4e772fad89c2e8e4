import { serviceEnvironment } from '#close';
import { z } from 'zod';

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
  HOST: z.string().min(1).default('0.0.0.0'),
});
