import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../support/process.js';

/** A cell of amounts such as `2400.00 INR`, in minor units. */
const minor = (cell: string | undefined) => BigInt((cell ?? '').replace(/[^\d-]/g, ''));

describe('npm run demo', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meterline-demo-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(['demo', './demo/state'])('refuses to keep its state at %s, where the PDFs are made anew', async (data) => {
    const demo = run('apps/standalone/src/demo.ts', ['--exit', '--data', data], {});
    expect(await demo.ended()).toBe(1);
    expect(demo.output()).toContain('a folder outside of demo/');
  });

  it('prints what each account has to pay and what that comes to, and leaves the PDFs', async () => {
    const source = ['-C', 'source', '--import', resolve('test/support/run-source.mjs')];
    const demo = [resolve('apps/standalone/src/demo.ts'), '--exit', '--accounts', '4', '--data', join(folder, 'state')];
    const { PATH = '' } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, [...source, ...demo], {
      cwd: folder,
      env: { PATH },
    });

    const cells = stdout.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));
    for (const [seller, prefix, currency] of [
      ['northwind', 'NW', 'USD'],
      ['bharat', 'BM', 'INR'],
    ] as const) {
      const rows = cells.filter(([, name]) => name === seller);
      const invoices = rows.filter(([, , , number]) => number?.startsWith(prefix));
      const total = rows.find(([, , , number]) => number === 'total');
      expect(invoices).toHaveLength(2);
      expect(total?.[2]).toBe('2 invoices');
      for (const column of [4, 5, 6]) {
        expect(minor(total?.[column])).toBe(invoices.reduce((sum, row) => sum + minor(row[column]), 0n));
      }
      expect(total?.[6]).toMatch(new RegExp(` ${currency}$`));
    }
    // Rupees are payable in whole ones, which net and tax do not come to.
    const inRupees = cells.find(([, name, , number]) => name === 'bharat' && number === 'total');
    expect(minor(inRupees?.[4]) + minor(inRupees?.[5])).not.toBe(minor(inRupees?.[6]));
    const pdfs = await readdir(join(folder, 'demo'));
    expect(pdfs.sort()).toEqual(
      [1, 2].flatMap((number) => [`BM-2026-00000${number}.pdf`, `NW-2026-00000${number}.pdf`]).sort(),
    );
  });
});
