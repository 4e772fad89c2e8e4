import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';

/** A process of its own that stops an embedded server when this process is gone, however it ended. */
export interface PostgresWatch {
  /** Ends the watch: the server is stopped, or about to be, by this process itself. */
  end(): void;
}

/**
 * What the watching process runs: plain JavaScript, since it has to start from the sources as well as from the build.
 * The pipe on its standard input closes when this process ends, by SIGKILL too. It is in a session of its own, so that
 * Ctrl-C and a signal to the process group do not reach it. A server that is still starting by then is waited for.
 */
const WATCHING = `
const { readFileSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');
const [folder, token, removes] = process.argv.slice(1);
const read = (name) => { try { return readFileSync(join(folder, name), 'utf8'); } catch { return ''; } };
const postmaster = () => {
  const pid = Number.parseInt(read('postgres/postmaster.pid'), 10);
  try { return pid > 0 && process.kill(pid, 0) ? pid : undefined; } catch { return undefined; }
};
let isOver = false;
process.stdin.on('data', () => { isOver = true; }).on('end', async () => {
  for (let rounds = 0, signalled = 0; !isOver && rounds < 600; rounds += 1) {
    if (read('postgres-owner') !== token) return;
    const pid = postmaster();
    if (pid === undefined && signalled > 0) break;
    if (pid !== undefined && signalled !== pid) process.kill((signalled = pid), 'SIGINT');
    await pause(100);
  }
  if (!isOver && removes === 'removes') rmSync(folder, { recursive: true, force: true });
});`;

/**
 * Makes this process the owner of the server on `folder` and has it watched. The watch of an earlier owner, which may
 * still be about to stop a server there, lets the folder alone from now on.
 *
 * @param removesFolder whether the folder goes with a server that this process left behind, as a test run's does
 */
export async function watchPostgres(folder: string, removesFolder: boolean): Promise<PostgresWatch> {
  const token = randomUUID();
  await writeFile(join(folder, 'postgres-owner'), token, { mode: 0o600 });
  const watching = spawn(process.execPath, ['-e', WATCHING, folder, token, removesFolder ? 'removes' : 'keeps'], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // A machine without room for another process still has its server stopped, unless this process is killed.
  watching.on('error', () => undefined);
  watching.stdin.on('error', () => undefined);
  (watching.stdin as Socket).unref();
  watching.unref();
  return { end: () => void watching.stdin.end('over') };
}
