import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** The simulated report API in a process of its own, so that what it costs is not counted. */
export async function startSimulator({ accounts, sites, subscribers }) {
  const size = ['--accounts', accounts, '--sites', sites, '--subscribers', subscribers].map(String);
  const main = resolve(import.meta.dirname, '../dist/apps/cli/src/main.js');
  const simulator = spawn(process.execPath, [main, 'simulate', '--port', '0', ...size], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await once(simulator.stdout.setEncoding('utf8'), 'data');
  return { url: new URL(/http:\S+/.exec(text)[0]).origin, stop: () => stopChild(simulator) };
}

/** Ends a process that was started here and waits for its end. */
export async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
