import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { eventually } from '../support/eventually.js';

const SECRET = 'of-the-process-that-started-it';

describe('a test run that ends before its end', () => {
  let temporary: string;

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'meterline-killed-'));
  });
  afterEach(() => rm(temporary, { recursive: true, force: true }));

  /** Starts a run of two files, each of which starts a program, makes a database and then waits; answers once all wait. */
  const start = async (environment: NodeJS.ProcessEnv = {}) => {
    const [support, specs] = [resolve('test/support'), await mkdtemp(join(temporary, 'specs-'))];
    const spec = `
      import { rename, writeFile } from 'node:fs/promises';
      import { run } from ${JSON.stringify(join(support, 'process.ts'))};
      import { createTestDatabase } from ${JSON.stringify(join(support, 'postgres.ts'))};
      it('waits', async () => {
        const program = run(${JSON.stringify(join(specs, 'program.ts'))}, [], {});
        await program.says(/waits/);
        const { url } = await createTestDatabase();
        const file = process.env.SPECS + '/' + process.pid;
        await writeFile(file, [process.pid, program.child.pid, url].join(' '));
        await rename(file, file + '.pids');
        await new Promise((never) => setInterval(never, 3_600_000));
      });`;
    await Promise.all(['a', 'b'].map((name) => writeFile(join(specs, `${name}.spec.ts`), spec)));
    await writeFile(
      join(specs, 'program.ts'),
      `process.stdout.write('waits'); setInterval(() => undefined, 3_600_000);`,
    );
    const config = `
      import all from ${JSON.stringify(pathToFileURL(resolve('jest.config.mjs')).href)};
      export default { ...all, rootDir: ${JSON.stringify(resolve('.'))}, roots: [${JSON.stringify(specs)}], testMatch: ['**/*.spec.ts'] };`;
    await writeFile(join(specs, 'jest.config.mjs'), config);
    const jest = ['node_modules/jest/bin/jest.js', '--config', join(specs, 'jest.config.mjs')];
    const run = spawn(process.execPath, ['--experimental-vm-modules', ...jest], {
      env: { PATH: process.env.PATH, TMPDIR: temporary, SPECS: specs, METERLINE_SECRET_KEY: SECRET, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    run.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const waiting = await eventually(async () => {
      if (run.exitCode !== null) throw new Error(`the run ended: ${output}`);
      const names = (await readdir(specs)).filter((name) => name.endsWith('.pids'));
      return names.length === 2 && names;
    });
    const told = await Promise.all(waiting.map(async (name) => (await readFile(join(specs, name), 'utf8')).split(' ')));
    return {
      run,
      processes: told.flatMap(([worker, program]) => [Number(worker), Number(program)]),
      databases: told.map(([, , url]) => new URL(url ?? '').pathname.slice(1)),
    };
  };
  const folders = async () => (await readdir(temporary)).filter((name) => name.startsWith('meterline-'));

  it.each(['SIGINT', 'SIGKILL'] as const)('by %s leaves no process and no folder behind', async (signal) => {
    const { run, processes } = await start();
    const [folder = ''] = await folders();
    const pidFile = join(temporary, folder, 'postgres', 'postmaster.pid');
    const postmaster = Number.parseInt(await readFile(pidFile, 'utf8'), 10);
    expect([postmaster, ...processes].filter(isAlive)).toHaveLength(5);
    // The server was given nothing of what its parent has: no variable, and no right of root.
    expect(await readFile(`/proc/${postmaster}/environ`, 'utf8')).not.toContain(SECRET);
    const status = await readFile(`/proc/${postmaster}/status`, 'utf8');
    for (const kept of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
      expect(status).toMatch(new RegExp(`^${kept}:\\s0+$`, 'm'));
    expect(status).not.toMatch(/^Uid:\s0\s/m);

    run.kill(signal);
    await once(run, 'exit');
    await eventually(() => ![postmaster, ...processes].some(isAlive));
    await eventually(async () => (await folders()).length === 0);
  });

  it('leaves no database to the next run on a server that stays', async () => {
    const server = process.env.TEST_DATABASE_URL ?? '';
    const { run, processes, databases } = await start({ TEST_DATABASE_URL: server });
    run.kill('SIGKILL');
    await once(run, 'exit');
    await eventually(() => !processes.some(isAlive));
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    try {
      const left = async () => {
        const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
        return rows.map(({ datname }) => datname);
      };
      expect(await left()).toEqual(expect.arrayContaining(databases));
      const own = (await left()).filter((name) => name.startsWith(`${process.env.TEST_RUN}_`));
      await client.query(`CREATE DATABASE ${process.env.TEST_RUN}_kept`);
      const next = await start({ TEST_DATABASE_URL: server });
      const names = await left();
      for (const name of databases) expect(names).not.toContain(name);
      expect(names).toEqual(expect.arrayContaining([...own, ...next.databases, `${process.env.TEST_RUN}_kept`]));
      next.run.kill('SIGKILL');
      await once(next.run, 'exit');
    } finally {
      await client.end();
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
