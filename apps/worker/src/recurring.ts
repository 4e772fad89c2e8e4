import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

/**
 * Work that a worker repeats by a timer of its own and not by a job of the queue: what a queue has lost, it cannot send.
 * Several workers may do it at the same time. A worker that stops finishes what it is at.
 */
export class Recurring implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  /** @param work answers whether there is more to do at once */
  constructor(
    private readonly every_ms: number,
    private readonly work: () => Promise<boolean>,
    private readonly onError: (error: unknown) => void,
  ) {}

  onApplicationBootstrap(): void {
    this.#after(this.every_ms);
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
    const more = await this.work().catch((error: unknown) => {
      this.onError(error);
      return false;
    });
    this.#after(more ? 0 : this.every_ms);
  }
}
