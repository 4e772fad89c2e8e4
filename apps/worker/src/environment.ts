import { serviceEnvironment } from '#close';
import { z } from 'zod';

/** What a worker reads from its environment. */
export const workerEnvironment = serviceEnvironment.extend({
  /** Where the worker says how it is; default: nowhere. */
  HEALTH_PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform((text) => Number.parseInt(text, 10))
    .refine((port) => port <= 65_535, 'must be a port number')
    .optional(),
});
