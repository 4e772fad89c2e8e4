import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
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

async function startRedis() {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'meterline-redis-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const failed = new Promise((_, reject) => {
    server.once('error', () =>
      reject(new Error('there is no Redis: set REDIS_URL, or install one (apt-get install -y redis-server)')),
    );
  });
  globalThis.stopTestRedis = async () => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (await Promise.race([answers(port), failed])) return `redis://127.0.0.1:${port}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('redis-server did not answer within 10 seconds');
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
