import { CloseError } from './close-error.js';

const TIMEOUT_MS = 3_000;

/**
 * Bounds how long a queue is waited for: a Redis that is away does not refuse what it is sent, its client holds it back for
 * as long as that takes. While an answer is owed the queue is asked nothing more, or all that was repeated meanwhile would
 * come upon it when it is back.
 *
 * @returns what throws CloseError `queue_silent`, retryable, when the queue does not answer in time
 */
export function withTimeout<T>(enqueue: (jobs: T) => Promise<void>): (jobs: T) => Promise<void> {
  let owed = 0;
  const silent = () => new CloseError('queue_silent', `the queue has taken nothing for ${TIMEOUT_MS} ms`, true);
  return async (jobs) => {
    if (owed > 0) throw silent();
    const taken = enqueue(jobs);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        owed += 1;
        const answered = () => (owed -= 1);
        taken.then(answered, answered);
        reject(silent());
      }, TIMEOUT_MS);
    });
    await Promise.race([taken, timeout]).finally(() => clearTimeout(timer));
  };
}
