import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { previewWork, type PreviewRequest } from '#billing';
import { Piscina } from 'piscina';
import { Problem } from '../problems/problem.js';
import { previewed, type PreviewWorkerAnswer } from './preview-worker.js';

/** Microseconds that a request may keep all others waiting for. */
const ON_THE_LOOP = 20_000;

/** Previews that wait for the thread. With `MOST_WORK` each, the last of them waits for a minute or two. */
const MOST_WAITING = 8;

/** Milliseconds for which a thread without work is kept: a person who tries prices asks again. */
const IDLE_MS = 60_000;

const THREAD_MEMORY = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 };

/** Answers previews: small ones at once, larger ones in a thread of their own, while other requests are answered. */
@Injectable()
export class Previews implements OnApplicationShutdown {
  #pool: Piscina<string, PreviewWorkerAnswer> | undefined;

  /**
   * The answer as JSON.
   *
   * @throws Problem what `preview` refuses as 422, and `preview_busy` when too many larger ones are waiting already
   */
  async answer(request: PreviewRequest): Promise<string> {
    if (previewWork(request) <= ON_THE_LOOP) return shown(previewed(request));
    const pool = this.#threads();
    if (pool.queueSize >= MOST_WAITING) {
      throw new Problem(503, 'preview_busy', 'other large previews are being rated; send this one again in a while', {
        headers: { 'retry-after': '10' },
      });
    }
    const rated = await pool.run(JSON.stringify(request)).catch((error: unknown) => {
      throw isOutOfMemory(error) ? tooLargeToHold() : error;
    });
    return shown(rated);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#pool?.destroy();
  }

  /** Most processes are never asked for a large preview: the thread starts with the first. */
  #threads(): Piscina<string, PreviewWorkerAnswer> {
    this.#pool ??= new Piscina<string, PreviewWorkerAnswer>({
      filename: workerFile(),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      resourceLimits: THREAD_MEMORY,
    });
    return this.#pool;
  }
}

function shown(made: PreviewWorkerAnswer): string {
  switch (made.outcome) {
    case 'rated':
      return made.answer;
    case 'thrown':
      throw Object.assign(new Error(made.message), { code: made.code });
    case 'refused':
      throw new Problem(422, made.code, made.message, { errors: made.errors });
  }
}

function isOutOfMemory(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function tooLargeToHold(): Problem {
  const message = 'takes more memory than a preview may have: rate fewer entities, charges or days at once';
  return new Problem(422, 'preview_too_large', `the preview ${message}`, { errors: [{ pointer: '', message }] });
}

/** The worker's compiled file: under the test runner, which compiles on the fly, the one of the build made before. */
function workerFile(): string {
  const besideUs = import.meta.url.endsWith('.ts') ? '../../../../dist/apps/api/src/rating/' : './';
  const file = fileURLToPath(new URL(`${besideUs}preview-worker.js`, import.meta.url));
  if (!existsSync(file)) throw new Error(`no compiled worker at ${file}; run "npm run build" first`);
  return file;
}
