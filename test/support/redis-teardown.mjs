import stopPostgres from './global-teardown.mjs';

export default async function stop() {
  await globalThis.stopTestRedis?.();
  await stopPostgres();
}
