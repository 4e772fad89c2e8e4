import stopPostgres from './global-teardown.mjs';

/** Far longer than what is being closed takes; the process ends by itself before. */
const PATIENCE_MS = 60_000;

export default async function stop() {
  await globalThis.stopTestRedis?.();
  await stopPostgres();
  // The tests run in this process: a connection that a test left open would keep it for ever.
  setTimeout(() => {
    process.stderr.write(`a test on Redis left open: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  }, PATIENCE_MS).unref();
}
