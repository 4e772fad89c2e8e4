import { serviceEnvironment } from '#close';

/** The standalone brings its own database and secret key; a report API is only needed once something is closed. */
export const standaloneEnvironment = serviceEnvironment
  .pick({
    QUEUE_URL: true,
    REPORT_API_URL: true,
    REPORT_API_KEY: true,
    OUTBOUND_ALLOW: true,
    REPORT_API_CONCURRENCY: true,
    REPORT_API_REQUESTS_PER_SECOND: true,
    SETTLE_HOURS: true,
    LOG_LEVEL: true,
  })
  .partial({ REPORT_API_URL: true, REPORT_API_KEY: true })
  .refine(({ REPORT_API_URL, REPORT_API_KEY }) => (REPORT_API_URL === undefined) === (REPORT_API_KEY === undefined), {
    path: ['REPORT_API_KEY'],
    message: 'and REPORT_API_URL are set together or not at all',
  })
  .transform(({ REPORT_API_URL, REPORT_API_KEY, OUTBOUND_ALLOW, ...others }) => ({
    ...others,
    addresses: OUTBOUND_ALLOW,
    reportApi:
      REPORT_API_URL !== undefined && REPORT_API_KEY !== undefined
        ? { baseUrl: REPORT_API_URL, apiKey: REPORT_API_KEY }
        : undefined,
  }));
