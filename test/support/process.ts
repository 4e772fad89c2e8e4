import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
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

export function run(script: string, args: readonly string[], environment: Record<string, string>): Program {
  const { PATH = '', TZ } = process.env;
  const child = spawn(
    process.execPath,
    ['-C', 'source', '--import', resolve('test/support/run-source.mjs'), resolve(script), ...args],
    { env: { PATH, ...(TZ !== undefined && { TZ }), ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
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
