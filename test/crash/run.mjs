import { spawn } from 'node:child_process';
import { Command, InvalidArgumentError } from 'commander';

/** The crash suite at any size: `npm run test:crash -- --accounts 500 --kills 50 --seeds 3`. */
const options = new Command('test:crash')
  .description(
    'Closes a month while workers are killed, on PostgreSQL and on Redis; PostgreSQL restarts, Redis is flushed.',
  )
  .option('--accounts <n>', 'accounts to close', count, 60)
  .option('--kills <n>', 'workers to kill in each run', count, 12)
  .option('--seeds <n>', 'runs, each with another order of deaths', count, 1)
  .parse()
  .opts();

const jest = spawn(
  process.execPath,
  ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--config', 'jest.crash.config.mjs'],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      CRASH_ACCOUNTS: String(options.accounts),
      CRASH_KILLS: String(options.kills),
      CRASH_SEEDS: String(options.seeds),
    },
  },
);
jest.once('exit', (code) => {
  process.exitCode = code ?? 1;
});

function count(text) {
  const value = Number.parseInt(text, 10);
  if (!/^\d+$/.test(text) || value < 1 || value > 10_000) throw new InvalidArgumentError('a whole number, 1 to 10000');
  return value;
}
