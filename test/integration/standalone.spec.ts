import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { request } from 'undici';
import { eventually } from '../support/eventually.js';
import { readMetrics } from '../support/metrics.js';
import { spawnNode } from '../support/process.js';

const MAIN = resolve('dist/apps/standalone/src/main.js');

/** A built program, started as a newcomer would start it. */
class Program {
  output = '';
  readonly #process: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;

  constructor(file: string, args: string[], environment: NodeJS.ProcessEnv = {}) {
    const started = spawnNode([file, ...args], { PATH: process.env.PATH, LOG_LEVEL: 'warn', ...environment });
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.#process = started;
    this.ended = once(this.#process, 'exit').then(([code, signal]) => ({ code, signal }));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async says(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => pattern.exec(this.output) ?? undefined).catch(() => {
      throw new Error(`it never said ${pattern}: ${this.output}`);
    });
  }
}

const ADDRESS = /answers on (http:\/\/127\.0\.0\.1:\d+)/;

describe('the standalone', () => {
  let folder: string;
  const programs: Program[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meterline-standalone-'));
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) {
      program.kill('SIGTERM');
      await program.ended;
    }
    await rm(folder, { recursive: true, force: true });
  });

  function start(...args: string[]): Program {
    const program = new Program(MAIN, ['--data', folder, ...args]);
    programs.push(program);
    return program;
  }

  async function get(url: string, key?: string): Promise<{ status: number; body: string }> {
    const answer = await request(url, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });
    return { status: answer.statusCode, body: await answer.body.text() };
  }

  it('shows its first admin key once, keeps it for its owner only, and lets nobody in without it', async () => {
    const first = start('--port', '0');
    const [, url = ''] = await first.says(ADDRESS);
    const [, key = ''] = await first.says(/\n(mtl_\w+)\n/);
    expect((await get(`${url}/health/ready`)).status).toBe(200);
    expect((await get(`${url}/v1/sellers`)).status).toBe(401);
    // One process, one place to scrape: what the API, the worker and the process tell, each once.
    const { samples } = readMetrics((await get(`${url}/metrics`, key)).body);
    expect([...samples.keys()]).toEqual(
      expect.arrayContaining([
        'meterline_database_up',
        'meterline_documents_rendered_total',
        'process_cpu_seconds_total',
      ]),
    );
    expect(await get(`${url}/v1/sellers`, key)).toEqual({ status: 200, body: '{"data":[],"next_cursor":null}' });
    expect((await stat(join(folder, 'admin-key'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'secret-key'))).mode & 0o777).toBe(0o600);
    first.kill('SIGTERM');
    expect(await first.ended).toEqual({ code: 0, signal: null });

    const second = start('--port', '0');
    const [, again = ''] = await second.says(ADDRESS);
    expect(second.output).not.toContain(key);
    expect((await get(`${again}/v1/sellers`, key)).status).toBe(200);
  });

  it('takes its PostgreSQL with it when it is killed', async () => {
    const program = start('--port', '0');
    await program.says(ADDRESS);
    const pidFile = join(folder, 'postgres', 'postmaster.pid');
    expect(Number.parseInt(await readFile(pidFile, 'utf8'), 10)).toBeGreaterThan(1);
    program.kill('SIGKILL');
    // The server removes its pid file as the last thing it does.
    await eventually(async () => ((await exists(pidFile)) ? undefined : true));
  });

  it('starts again at once after a kill −9, whose PostgreSQL may still run', async () => {
    const first = start('--port', '0');
    await first.says(ADDRESS);
    first.kill('SIGKILL');
    await first.ended;
    const second = start('--port', '0');
    const [, url = ''] = await second.says(ADDRESS);
    expect((await get(`${url}/health/ready`)).status).toBe(200);
  });

  it('removes a pid file whose number now belongs to another program', async () => {
    const first = start('--port', '0');
    await first.says(ADDRESS);
    first.kill('SIGTERM');
    expect([await first.ended, first.output]).toEqual([{ code: 0, signal: null }, expect.any(String)]);
    await writeFile(join(folder, 'postgres', 'postmaster.pid'), `${process.pid}\n${folder}\n0\n5432\n\n127.0.0.1\n`);
    await writeFile(join(folder, 'meterline.pid'), '1\n');
    const second = start('--port', '0');
    await second.says(ADDRESS);
  });

  it('refuses a folder that another process holds, and says which', async () => {
    const first = start('--port', '0');
    await first.says(ADDRESS);
    const second = start('--port', '0');
    expect((await second.ended).code).toBe(1);
    expect(second.output).toContain(`another Meterline (process ${first.pid}) uses ${folder}`);
    // So does the demo, in words and not by where in its code.
    const demo = new Program(resolve('dist/apps/standalone/src/demo.js'), ['--data', folder]);
    expect((await demo.ended).code).toBe(1);
    expect(demo.output).toMatch(/^another Meterline \(process \d+\) uses [^\n]*\n$/);
  });

  it('takes its keys and its address from the environment, as servers do, and says so when the port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    const environment = {
      PORT: `${port}`,
      HOST: '127.0.0.1',
      METERLINE_ADMIN_KEY: 'an-admin-key-of-24-chars',
      METERLINE_SECRET_KEY: '5e'.repeat(32),
      OUTBOUND_ALLOW: 'http://127.0.0.0/8',
      API_REQUESTS_PER_MINUTE: '77',
    };
    const refused = new Program(MAIN, ['--data', folder], environment);
    expect((await refused.ended).code).toBe(1);
    expect(refused.output).toContain(`port ${port} on 127.0.0.1 is taken`);
    expect(refused.output).toContain('PORT');
    await new Promise((closed) => squatter.close(closed));

    const program = new Program(MAIN, ['--data', folder], environment);
    programs.push(program);
    const [, url = ''] = await program.says(ADDRESS);
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect((await get(`${url}/v1/sellers`, environment.METERLINE_ADMIN_KEY)).status).toBe(200);
    const post = (path: string, body: object, key = environment.METERLINE_ADMIN_KEY) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const report_api = { base_url: 'http://127.0.0.1:9', api_key: 'k' };
    const seller = { code: 's', name: 'S', country: 'US', currency: 'USD', time_zone: 'UTC', report_api };
    expect((await post('/v1/sellers', seller)).status).toBe(201);
    const made = await post('/v1/api-keys', { name: 'reads', scopes: ['read'] });
    const { key } = (await made.json()) as { key: string };
    const asked = await fetch(`${url}/v1/sellers`, { headers: { authorization: `Bearer ${key}` } });
    expect(asked.headers.get('ratelimit-limit')).toBe('77');
    // Keys that are given are written nowhere.
    expect([await exists(join(folder, 'admin-key')), await exists(join(folder, 'secret-key'))]).toEqual([false, false]);
  });
});

describe('a wrong environment', () => {
  const GOOD = {
    DATABASE_URL: 'postgresql://nobody:s3cretpass@127.0.0.1:1/none',
    REPORT_API_URL: 'http://127.0.0.1:1',
    REPORT_API_KEY: 'the-report-key',
    METERLINE_SECRET_KEY: 'ab'.repeat(32),
    METERLINE_ADMIN_KEY: 'mtl_admin_key_of_twenty_or_more',
  };

  it.each(['worker', 'api'])('stops the %s and names every bad variable together, without its value', async (app) => {
    const program = new Program(resolve(`dist/apps/${app}/src/main.js`), [], {
      ...GOOD,
      DATABASE_URL: 'mysql://nobody:s3cretpass@host/none',
      SETTLE_HOURS: 'soon-ish',
      METERLINE_SECRET_KEY: 'tooshort-secret',
      REPORT_API_KEY: undefined,
    });
    expect((await program.ended).code).toBe(1);
    for (const name of [
      'DATABASE_URL',
      'SETTLE_HOURS',
      'METERLINE_SECRET_KEY',
      'REPORT_API_KEY is required but unset',
    ]) {
      expect(program.output).toContain(name);
    }
    for (const value of ['s3cretpass', 'soon-ish', 'tooshort-secret']) expect(program.output).not.toContain(value);
  });

  it('stops the standalone too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meterline-standalone-'));
    try {
      const program = new Program(MAIN, ['--data', folder], { REPORT_API_URL: 'ftp://nowhere' });
      expect((await program.ended).code).toBe(1);
      expect(program.output).toContain('REPORT_API_URL');
      await expect(readFile(join(folder, 'meterline.pid'))).rejects.toThrow();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
