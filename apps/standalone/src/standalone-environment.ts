import { z } from 'zod';
import { apiEnvironment } from '../../api/src/index.js';

/**
 * The standalone brings its own database and, unless they are given, its own keys; a report API is only needed once
 * something is closed. It answers on this machine alone, unless HOST says otherwise.
 */
export const standaloneEnvironment = apiEnvironment
  .pick({
    QUEUE_URL: true,
    REPORT_API_URL: true,
    REPORT_API_KEY: true,
    OUTBOUND_ALLOW: true,
    REPORT_API_CONCURRENCY: true,
    REPORT_API_REQUESTS_PER_SECOND: true,
    SETTLE_HOURS: true,
    DATABASE_IDLE_IN_TRANSACTION_SECONDS: true,
    DATABASE_LOCK_TIMEOUT_SECONDS: true,
    LOG_LEVEL: true,
    METERLINE_ADMIN_KEY: true,
    METERLINE_SECRET_KEY: true,
    PORT: true,
    API_REQUESTS_PER_MINUTE: true,
    API_STREAMS: true,
  })
  .extend({ HOST: z.string().min(1).default('127.0.0.1') })
  .partial({ REPORT_API_URL: true, REPORT_API_KEY: true, METERLINE_ADMIN_KEY: true, METERLINE_SECRET_KEY: true })
  .refine(({ REPORT_API_URL, REPORT_API_KEY }) => (REPORT_API_URL === undefined) === (REPORT_API_KEY === undefined), {
    path: ['REPORT_API_KEY'],
    message: 'and REPORT_API_URL are set together or not at all',
  })
  .transform(({ REPORT_API_URL, REPORT_API_KEY, OUTBOUND_ALLOW, ...others }) => ({
    ...others,
    addresses: OUTBOUND_ALLOW,
    limits: { requestsPerMinute: others.API_REQUESTS_PER_MINUTE, streams: others.API_STREAMS },
    reportApi:
      REPORT_API_URL !== undefined && REPORT_API_KEY !== undefined
        ? { baseUrl: REPORT_API_URL, apiKey: REPORT_API_KEY }
        : undefined,
  }));

/** The demo closes against a simulator of its own, takes a free port where none is asked for, and logs warnings only. */
export const demoEnvironment = apiEnvironment
  .pick({ METERLINE_ADMIN_KEY: true, METERLINE_SECRET_KEY: true, PORT: true })
  .partial({ METERLINE_ADMIN_KEY: true, METERLINE_SECRET_KEY: true })
  .extend({
    HOST: z.string().min(1).default('127.0.0.1'),
    LOG_LEVEL: apiEnvironment.shape.LOG_LEVEL.removeDefault().default('warn'),
  });
