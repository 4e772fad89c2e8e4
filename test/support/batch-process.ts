import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { CloseStep } from '#close';
import type { Patience } from '#persistence';
import { SECRET_KEY } from './catalogue.js';
import type { Closing } from './closing.js';

interface Task {
  readonly closeId: string;
  /** Releases the drafts when the batch is worked on, and works on it again. */
  readonly released: boolean;
  readonly end: Place & { readonly by: 'SIGKILL' | 'SIGSTOP' };
}

/** The n-th statement of the process, or the first one after a step was passed. */
export type Place = { readonly before: number } | { readonly after: CloseStep };

/** A process that works on one batch at a time, until it is killed or frozen before a statement: test/crash/batches.mjs. */
export interface BatchProcess {
  readonly child: ChildProcess;
  /**
   * @returns `at`: the step that it passed last, undefined when the batch was done before; `goOn`: lets one that is frozen
   * go on, until it is done with the batch
   */
  work(task: Task): Promise<{ at: CloseStep | 'none' | undefined; goOn(): Promise<void> }>;
}

export function startBatchProcess(
  { serviceUrl, simulator }: Pick<Closing, 'serviceUrl' | 'simulator'>,
  patience: Patience,
): BatchProcess {
  const told = {
    databaseUrl: serviceUrl,
    reportUrl: simulator.url,
    secretKey: SECRET_KEY.toString('hex'),
    patience,
  };
  const child = spawn(process.execPath, [resolve('test/crash/batches.mjs'), JSON.stringify(told)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await said.next();
    if (done) throw new Error('the process ended and did not say why');
    return JSON.parse(value) as { at?: CloseStep | 'none'; done?: number };
  };
  const ready = next();
  const exit = once(child, 'exit');
  return {
    child,
    async work(task) {
      await ready;
      child.stdin.write(`${JSON.stringify(task)}\n`);
      const { at } = await next();
      if (at !== undefined && task.end.by === 'SIGKILL') await exit;
      return {
        at,
        async goOn() {
          if (at === undefined) return;
          child.kill('SIGCONT');
          await next();
        },
      };
    },
  };
}
