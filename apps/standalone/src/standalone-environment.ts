import { SERVICE_VARIABLES, variables } from '#runtime';

/**
 * The standalone brings its own database and, unless they are given, its own keys; a report API is only needed once
 * something is closed. It answers on this machine alone, unless HOST says otherwise.
 */
export const standaloneEnvironment = variables
  .pick({
    ...SERVICE_VARIABLES,
    METERLINE_ADMIN_KEY: true,
    PORT: true,
    API_REQUESTS_PER_MINUTE: true,
    API_STREAMS: true,
    API_UNAUTHORIZED_PER_MINUTE: true,
  })
  .omit({ DATABASE_URL: true })
  .extend({ HOST: variables.shape.HOST.removeDefault().default('127.0.0.1') })
  .partial({ REPORT_API_URL: true, REPORT_API_KEY: true, METERLINE_ADMIN_KEY: true, METERLINE_SECRET_KEY: true })
  .refine(({ REPORT_API_URL, REPORT_API_KEY }) => (REPORT_API_URL === undefined) === (REPORT_API_KEY === undefined), {
    path: ['REPORT_API_KEY'],
    message: 'and REPORT_API_URL are set together or not at all',
  })
  .transform(({ REPORT_API_URL, REPORT_API_KEY, ...others }) => ({
    ...others,
    reportApi:
      REPORT_API_URL !== undefined && REPORT_API_KEY !== undefined
        ? { baseUrl: REPORT_API_URL, apiKey: REPORT_API_KEY }
        : undefined,
  }));

/** The demo closes against a simulator of its own, takes a free port where none is asked for, and logs warnings only. */
export const demoEnvironment = variables
  .pick({
    METERLINE_ADMIN_KEY: true,
    METERLINE_SECRET_KEY: true,
    PORT: true,
    DATABASE_IDLE_IN_TRANSACTION_SECONDS: true,
    DATABASE_LOCK_TIMEOUT_SECONDS: true,
  })
  .partial({ METERLINE_ADMIN_KEY: true, METERLINE_SECRET_KEY: true })
  .extend({
    HOST: variables.shape.HOST.removeDefault().default('127.0.0.1'),
    LOG_LEVEL: variables.shape.LOG_LEVEL.removeDefault().default('warn'),
  });
