import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plans } from '#billing';
import { Piscina } from 'piscina';
import { type EstimateSize, workOf } from './estimate.js';
import { type Estimate, type EstimateWork, type NoEstimate, rateMonth } from './estimate-rating.js';
import { pack, type PackedWork } from './packed-work.js';

/** Microseconds for which an estimate may keep all other requests waiting. */
const ON_THE_LOOP = 20_000;

/** Large estimates at a time: one is rated, the others wait, some ten seconds each at the most. */
const MOST_AT_ONCE = 9;

/** Milliseconds for which a thread without work is kept. */
const IDLE_MS = 60_000;

const THREAD_MEMORY = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 };

/** Rates estimates: small ones at once, larger ones in a thread, while other requests are answered. */
export class Estimates {
  readonly #plans: Plans;
  #pool: Piscina<PackedWork, Estimate | NoEstimate> | undefined;
  /** Large ones that were not answered yet. */
  #large = 0;

  constructor(plans: Plans) {
    this.#plans = plans;
  }

  async rate(work: EstimateWork, size: EstimateSize): Promise<Estimate | NoEstimate> {
    if (workOf(size) <= ON_THE_LOOP) return rateMonth(work, this.#plans);
    // Most processes are never asked for a large one: the thread starts with the first, and holds no process up when idle.
    this.#pool ??= new Piscina({
      filename: workerFile(),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      resourceLimits: THREAD_MEMORY,
    });
    if (this.#large >= MOST_AT_ONCE) {
      return none('busy', 'estimate_busy', 'other large estimates are being made; ask again in a while');
    }
    this.#large += 1;
    try {
      return await this.#pool.run(await pack(work));
    } catch (error) {
      if ((error as { code?: unknown } | undefined)?.code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
      return none('period', 'estimate_too_large', 'the month takes more memory than an estimate may have');
    } finally {
      this.#large -= 1;
    }
  }
}

function none(by: NoEstimate['by'], code: string, message: string): NoEstimate {
  return { outcome: 'none', by, reason: { code, message } };
}

/** The worker's compiled file: under the test runner, which compiles on the fly, the one of the build made before. */
function workerFile(): string {
  const besideUs = import.meta.url.endsWith('.ts') ? '../../../dist/libs/usage/src/' : './';
  const file = fileURLToPath(new URL(`${besideUs}estimate-worker.js`, import.meta.url));
  if (!existsSync(file)) throw new Error(`no compiled worker at ${file}; run "npm run build" first`);
  return file;
}
