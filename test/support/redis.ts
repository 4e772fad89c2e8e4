/** The Redis of this run, found or started before any suite by the global setup. */
export function redisUrl(): string {
  const url = process.env.TEST_REDIS_URL;
  if (!url)
    throw new Error('TEST_REDIS_URL is unset: run these suites through npm run test:redis, which finds a Redis');
  return url;
}
