/** What is told of a queue that is away. */
export type QueueOutageEntry =
  | { readonly event: 'queue_away'; readonly code: string; readonly message: string }
  | { readonly event: 'queue_back'; readonly seconds: number; readonly errors: number };

/**
 * Tells of an outage of the queue twice, when it begins and when it is over: the queue's clients report each connection
 * that is refused, several times a second.
 */
export class QueueOutage {
  #since: number | undefined;
  #errors = 0;
  #asking = false;

  /**
   * @param ask resolves when the queue answers; it may take as long as the outage does
   * @param tell what to log
   * @param elapsedMs a clock that never goes back
   */
  constructor(
    private readonly ask: () => Promise<unknown>,
    private readonly tell: (entry: QueueOutageEntry) => void,
    private readonly elapsedMs: () => number = () => performance.now(),
  ) {}

  /** A client of the queue met an error. */
  failed(error: unknown): void {
    this.#errors += 1;
    if (this.#since === undefined) {
      this.#since = this.elapsedMs();
      const { code = 'unknown', message = '' } = error as { code?: string; message?: string };
      this.tell({ event: 'queue_away', code, message });
    }
    if (this.#asking) return;
    this.#asking = true;
    this.ask().then(
      () => this.#back(),
      () => {
        // The next error asks again.
        this.#asking = false;
      },
    );
  }

  #back(): void {
    this.#asking = false;
    if (this.#since === undefined) return;
    const seconds = Math.round((this.elapsedMs() - this.#since) / 1_000);
    this.tell({ event: 'queue_back', seconds, errors: this.#errors });
    this.#since = undefined;
    this.#errors = 0;
  }
}

/** Asks once at a time: a caller that asks while an answer is owed gets that one. A queue that is away keeps all questions. */
export function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let owed: Promise<T> | undefined;
  return () => {
    owed ??= ask().finally(() => {
      owed = undefined;
    });
    return owed;
  };
}

/** Waits for what may never end, such as the end of a connection to a queue that is away. Answers whether it did end. */
export async function endsWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const ended = work.then(
    () => true,
    () => true,
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}
