import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import startPostgres from './global-setup.mjs';

/** A real Redis: REDIS_URL, else one on 127.0.0.1:6379, else redis-server if it is installed, else a clear failure. */
export default async function start() {
  await startPostgres();
  process.env.TEST_REDIS_URL =
    process.env.REDIS_URL ?? ((await answers(6379)) ? 'redis://127.0.0.1:6379/15' : await startRedis());
}

/** Runs a server, in a session of its own, until the pipe on its standard input closes: with this process, however it ends. */
const WATCHED =
  'command -v redis-server || exit 127; redis-server "$@" & cat; kill $!; wait $!; rm -rf "$REDIS_FOLDER"';

async function startRedis() {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'meterline-redis-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const watched = spawn('sh', ['-c', WATCHED, 'sh', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH, REDIS_FOLDER: folder },
    detached: true,
  });
  const ended = new Promise((resolve) => watched.once('exit', resolve));
  const failed = ended.then(() => {
    throw new Error('there is no Redis: set REDIS_URL, or install one (apt-get install -y redis-server)');
  });
  failed.catch(() => undefined);
  globalThis.stopTestRedis = async () => {
    watched.stdin.end();
    await ended;
  };
  for (;;) {
    if (await Promise.race([answers(port), failed])) return `redis://127.0.0.1:${port}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
