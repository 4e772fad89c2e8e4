/** Work of one process, most of which is done side by side, and some only while nothing else is. */
export class ReadWriteLock {
  #holders = 0;
  /** Ends when all that is to be done alone is done. */
  #last: Promise<void> = Promise.resolve();
  #onIdle: (() => void) | undefined;

  /** Works beside others, after what waits to be done alone. */
  async shared<T>(work: () => Promise<T>): Promise<T> {
    for (let last: Promise<void> | undefined; last !== this.#last;) {
      last = this.#last;
      await last;
    }
    this.#holders += 1;
    try {
      return await work();
    } finally {
      this.#holders -= 1;
      if (this.#holders === 0) this.#onIdle?.();
    }
  }

  /** Works when what is in hand is done, while nothing else begins. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let done = () => {};
    this.#last = new Promise((end) => (done = end));
    try {
      await before;
      if (this.#holders > 0) await new Promise<void>((idle) => (this.#onIdle = idle));
      return await work();
    } finally {
      done();
    }
  }
}
