import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Whether String.prototype is fast once a program was run: V8 tells, in a process of its own. */
function isFastAfter(program: string): boolean {
  const script = `${program}\nprocess.stdout.write(String(%HasFastProperties(String.prototype)));`;
  const flags = ['--allow-natives-syntax', '--input-type=module', '--eval', script];
  return execFileSync(process.execPath, flags, { cwd: resolve(import.meta.dirname, '../../..') }).toString() === 'true';
}

const WORKER = `
  await import('#runtime');
  await import('./dist/apps/worker/src/index.js');`;

it('what a worker imports makes the methods of strings slow, and opening the service makes them fast again', () => {
  expect(isFastAfter('')).toBe(true);
  // When this is true, ioredis was mended, and the remedy can go.
  expect(isFastAfter(WORKER)).toBe(false);
  const opened = `${WORKER}
    const { openService } = await import('#runtime');
    openService({ databaseUrl: 'postgresql://service@127.0.0.1:1/none', secretKey: 'x', settleHours: 0 });`;
  expect(isFastAfter(`${opened}\nsetImmediate(() => process.exit());`)).toBe(true);
});
