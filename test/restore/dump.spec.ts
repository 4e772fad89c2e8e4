import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { serviceLogin } from '#persistence';
import { freePort } from '../../apps/standalone/src/embedded-postgres.js';
import { createEmptyDatabase } from '../support/postgres.js';
import { closeMonth, numbersOf } from '../support/restored-month.js';

describe('a dump', () => {
  it('restored into a new database starts, and the next month is billed with the next numbers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meterline-dump-'));
    try {
      const dump = join(folder, 'meterline.dump');
      const url = await createEmptyDatabase();
      expect(await closeMonth(url, '2026-08')).toEqual(numbersOf(1));
      execFileSync('pg_dump', ['--format=custom', `--file=${dump}`, url]);
      const restored = await createEmptyDatabase();
      execFileSync('pg_restore', ['--exit-on-error', `--dbname=${restored}`, dump]);
      expect(await closeMonth(restored, '2026-09')).toEqual(numbersOf(2));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('restored into a new cluster, which has none of the roles, says what to run, and then goes on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meterline-cluster-'));
    const cluster = await startCluster(folder);
    try {
      const dump = join(folder, 'meterline.dump');
      const url = await createEmptyDatabase();
      expect(await closeMonth(url, '2026-08')).toEqual(numbersOf(1));
      execFileSync('pg_dump', ['--format=custom', `--file=${dump}`, url]);
      await cluster.asOwner('postgres', 'CREATE DATABASE meterline');
      const restored = cluster.urlOf('postgres', 'meterline');
      const { stderr } = spawnSync('pg_restore', [`--dbname=${restored}`, dump], { encoding: 'utf8' });
      expect(stderr).toContain('role "meterline_service" does not exist');

      await cluster.asOwner('meterline', "CREATE ROLE meterline_app LOGIN PASSWORD 'of-the-service'");
      const lesser = cluster.urlOf('meterline_app', 'meterline');
      await expect(serviceLogin(lesser)).rejects.toMatchObject({
        code: 'privileges_missing',
        message: expect.stringContaining('run `meterline migrate`') as string,
      });
      expect(await closeMonth(restored, '2026-09')).toEqual(numbersOf(2));
      // The roles are there now: what is left is to let this login in.
      await cluster.asOwner('meterline', 'GRANT meterline_service TO meterline_app');
      expect(await serviceLogin(lesser)).toEqual({ url: lesser, wasOwner: false });
    } finally {
      cluster.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** A cluster of its own, of the tools' version. PostgreSQL does not run as root. */
async function startCluster(folder: string) {
  const [port, isRoot] = [await freePort(), process.getuid?.() === 0];
  if (isRoot) execFileSync('chown', ['postgres', folder]);
  const run = (tool: string, args: string[]) => {
    const program = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
    const [first, rest] = isRoot ? ['runuser', ['-u', 'postgres', '--', program, ...args]] : [program, args];
    execFileSync(first, rest, { cwd: folder, stdio: 'ignore' });
  };
  const data = join(folder, 'data');
  run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust']);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder}`;
  run('pg_ctl', ['-D', data, '-l', join(folder, 'log'), '-w', '-o', options, 'start']);
  const urlOf = (user: string, database: string) => `postgresql://${user}@127.0.0.1:${port}/${database}`;
  return {
    urlOf,
    async asOwner(database: string, sql: string) {
      const owner = new pg.Client({ connectionString: urlOf('postgres', database) });
      await owner.connect();
      await owner.query(sql).finally(() => owner.end());
    },
    stop: () => run('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']),
  };
}
