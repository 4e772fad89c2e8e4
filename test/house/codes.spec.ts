import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Code, CODES, isWaivable } from '#billing';

/** The codes in the first column of the table below a heading of the operations guide, of the rows that match. */
async function codesUnder(heading: string, row = /./): Promise<string[]> {
  const guide = await readFile('docs/operations.md', 'utf8');
  const section = new RegExp(`^#+ ${heading}$([^]*?)(?=^#|(?![^]))`, 'm').exec(guide)?.[1] ?? '';
  const rows = section.split('\n').filter((line) => /^\| `/.test(line) && row.test(line));
  return rows.flatMap((line) =>
    [...(line.split(' | ')[0] ?? '').matchAll(/`([a-z0-9_]+)`/g)].map(([, code = '']) => code),
  );
}

describe('the table of holds, warnings and failures', () => {
  const codes = Object.keys(CODES) as Code[];
  const warns = (code: Code) => CODES[code].severity === 'warning';

  it('is explained in the operations guide, each code once and nothing else', async () => {
    expect((await codesUnder('Holds: what to do')).sort()).toEqual(codes.filter((code) => !warns(code)).sort());
    expect((await codesUnder('Warnings')).sort()).toEqual(codes.filter(warns).sort());
    expect((await codesUnder('Holds: what to do', /\| yes[^|]*\|$/)).sort()).toEqual(codes.filter(isWaivable).sort());
  });

  it('has no code that nothing says', async () => {
    const places = [':!libs/billing/src/holds.ts', 'libs/*/src/*.ts', ':!*.spec.ts'];
    const { stdout } = await promisify(execFile)('git', ['grep', '-ohE', "'[a-z0-9_]+'", '--', ...places]);
    const said = new Set(stdout.split('\n'));
    expect(codes.filter((code) => !said.has(`'${code}'`))).toEqual([]);
  });
});
