import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { PATIENCE_MS } from './eventually.js';

/** A program of this repository, run from its sources in a process of its own. */
export interface Program {
  readonly child: ChildProcess;
  /** Everything it has written so far. */
  readonly output: () => string;
  /** Waits until it has written something that matches; fails when it ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends SIGTERM, if it still runs, and waits for its end. Answers its exit code. */
  terminate(): Promise<number | null>;
  /** Waits for its end. */
  ended(): Promise<number | null>;
}

const ENDS_WITH_ITS_RUN = pathToFileURL(resolve('test/support/ends-with-its-run.mjs')).href;

/** Starts Node with `args`, in a process that does not outlive this one, however this one ends. */
export function spawnNode(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, ['--import', ENDS_WITH_ITS_RUN, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  }) as ChildProcess as ChildProcessByStdio<null, Readable, Readable>;
}

export function run(script: string, args: readonly string[], environment: Record<string, string>): Program {
  const { PATH = '', TZ } = process.env;
  const child = spawnNode(
    ['-C', 'source', '--import', resolve('test/support/run-source.mjs'), resolve(script), ...args],
    { PATH, ...(TZ !== undefined && { TZ }), ...environment },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  return {
    child,
    output: () => text,
    async says(pattern) {
      for (const until = Date.now() + PATIENCE_MS; ;) {
        const match = pattern.exec(text);
        if (match) return match;
        if (child.exitCode !== null || Date.now() > until) throw new Error(`${script} never said ${pattern}:\n${text}`);
        await new Promise((wait) => setTimeout(wait, 20));
      }
    },
    async terminate() {
      child.kill('SIGTERM');
      return exit;
    },
    ended: () => exit,
  };
}
