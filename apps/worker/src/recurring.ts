import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

/**
 * Work that a worker repeats by a timer of its own and not by a job of the queue: what a queue has lost, it cannot send.
 * Several workers may do it at the same time. A worker that stops finishes what it is at.
 */
export class Recurring implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  /** What the last run failed with. */
  #failing: string | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  /**
   * @param work answers whether there is more to do at once
   * @param onError told of a failure, `repeated` while the same is met run after run
   * @param begins whether the worker does it first when it starts, or one interval later
   */
  constructor(
    private readonly every_ms: number,
    private readonly work: () => Promise<boolean>,
    private readonly onError: (error: unknown, repeated: boolean) => void,
    private readonly begins: 'at_start' | 'later' = 'later',
  ) {}

  onApplicationBootstrap(): void {
    if (this.begins === 'at_start') this.#running = this.#run();
    else this.#after(this.every_ms);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #after(delay_ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, delay_ms);
  }

  async #run(): Promise<void> {
    const more = await this.work().then(
      (again) => {
        this.#failing = undefined;
        return again;
      },
      (error: unknown) => {
        const failure = codeOf(error);
        this.onError(error, failure === this.#failing);
        this.#failing = failure;
        return false;
      },
    );
    this.#after(more ? 0 : this.every_ms);
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
