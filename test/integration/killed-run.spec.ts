import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '../support/eventually.js';

describe('a test run that ends before its end', () => {
  let temporary: string;

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'meterline-killed-'));
  });
  afterEach(() => rm(temporary, { recursive: true, force: true }));

  it.each(['SIGINT', 'SIGKILL'] as const)('by %s leaves no PostgreSQL and no folder behind', async (signal) => {
    const setup = pathToFileURL(resolve('test/support/global-setup.mjs')).href;
    const script = `await (await import(${JSON.stringify(setup)})).default(); process.stdout.write('started'); setInterval(() => 0, 60_000);`;
    const run = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: process.env.PATH, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(run.stdout, 'data');
    const [folder = ''] = await readdir(temporary);
    const postmaster = Number.parseInt(
      await readFile(join(temporary, folder, 'postgres', 'postmaster.pid'), 'utf8'),
      10,
    );
    expect(isAlive(postmaster)).toBe(true);
    run.kill(signal);
    await once(run, 'exit');
    await eventually(async () => (isAlive(postmaster) ? undefined : true));
    await eventually(async () => ((await readdir(temporary)).length > 0 ? undefined : true));
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
