import { setTimeout as wait } from 'node:timers/promises';
import { runDialectProbe } from './dialect-probe.js';

process.exitCode = await runDialectProbe(process.argv.slice(2), {
  environment: process.env,
  write: (text) => process.stdout.write(text),
  clock: () => Math.floor(Date.now() / 1000),
  sleep: (seconds) => wait(seconds * 1000),
});
