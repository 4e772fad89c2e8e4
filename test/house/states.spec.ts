import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

it('a state of a close or of an account is set by the statements of account-states.ts alone', async () => {
  const writers = new Set<string>();
  for (const room of ['libs', 'apps']) {
    for (const name of await readdir(room, { recursive: true })) {
      if (!name.endsWith('.ts') || name.includes('generated')) continue;
      const text = await readFile(join(room, name), 'utf8');
      if (/UPDATE\s+close(_account)?(\s+\w+)?\s+SET\b((?!\bWHERE\b)[^`])*\bstate\s*=\s*['$]/.test(text))
        writers.add(name);
    }
  }
  expect([...writers]).toEqual(['persistence/src/closes/account-states.ts']);
});
