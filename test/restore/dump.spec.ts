import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
});
