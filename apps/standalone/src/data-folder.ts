import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newApiKey } from '#persistence/catalogue';
import { stopEmbeddedPostgres } from './embedded-postgres.js';

/** The folder in which one standalone keeps its state, held by one process at a time. */
export interface DataFolder {
  readonly path: string;
  /** The first admin key; made once, readable by its owner only. */
  readonly adminKey: string;
  /** Whether the key was made just now and has never been shown. */
  readonly adminKeyIsNew: boolean;
  /** METERLINE_SECRET_KEY for this folder, 64 hexadecimal digits; undefined when another one was given. */
  readonly secretKey: string | undefined;
  release(): Promise<void>;
}

/**
 * Takes a data folder, creating it and its keys on first use. A pid file that a killed process left behind is ignored.
 * Keys that are `given` are not kept there. `startAnew` throws earlier state away once the folder is ours, stopping a server that a killed process left running.
 *
 * @throws Error when another living process holds it
 */
export async function takeDataFolder(
  path: string,
  startAnew: boolean,
  given: { readonly adminKey?: string | undefined; readonly secretKey?: unknown } = {},
): Promise<DataFolder> {
  await mkdir(path, { recursive: true });
  const pidFile = join(path, 'meterline.pid');
  await claim(pidFile, path);
  if (startAnew) await forget(path);
  const admin =
    given.adminKey === undefined
      ? await once(join(path, 'admin-key'), newApiKey)
      : { text: given.adminKey, isNew: false };
  const secret =
    given.secretKey === undefined
      ? (await once(join(path, 'secret-key'), () => randomBytes(32).toString('hex'))).text
      : undefined;
  return {
    path,
    adminKey: admin.text,
    adminKeyIsNew: admin.isNew,
    secretKey: secret,
    release: () => rm(pidFile, { force: true }),
  };
}

async function forget(path: string): Promise<void> {
  await stopEmbeddedPostgres(path);
  for (const name of ['postgres', 'postgres-password', 'admin-key', 'secret-key']) {
    await rm(join(path, name), { recursive: true, force: true });
  }
}

async function claim(pidFile: string, path: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(pidFile, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
    if (isMeterline(pid)) {
      throw new Error(`another Meterline (process ${pid}) uses ${path}; stop it first or choose another --data folder`);
    }
    await rm(pidFile, { force: true });
  }
}

function isMeterline(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    // A pid may have been given to another program since; only a Node process can be ours.
    return process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('node');
  } catch {
    return false;
  }
}

async function once(file: string, make: () => string): Promise<{ text: string; isNew: boolean }> {
  try {
    const text = make();
    await writeFile(file, `${text}\n`, { flag: 'wx', mode: 0o600 });
    return { text, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { text: (await readFile(file, 'utf8')).trim(), isNew: false };
  }
}
