import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Measured {
  readonly bytes: number;
  readonly laps: readonly { readonly series: number; readonly peak_bytes: number; readonly held_bytes: number }[];
}

/** `npm run bench:fetch -- --series 3000` shows the same of thousands. */
it('months of 5-minute samples pass through a process that keeps none of them', async () => {
  const args = ['--expose-gc', 'bench/fetch.mjs', '--series', '120', '--warm-up', '24', '--json'];
  const { stdout } = await run(process.execPath, args);
  const { bytes, laps } = JSON.parse(stdout) as Measured;
  const [first, last] = [laps[0], laps.at(-1)];
  expect(laps.map(({ series }) => series)).toEqual([30, 30, 30, 30]);
  expect(bytes).toBeGreaterThan(1_700_000);
  // Ninety series later: no more at the worst moment than a tenth more, and not the weight of ten of them held.
  expect(last?.peak_bytes).toBeLessThan((first?.peak_bytes ?? 0) * 1.1);
  expect(last?.held_bytes).toBeLessThan((first?.held_bytes ?? 0) + 10 * bytes);
});
