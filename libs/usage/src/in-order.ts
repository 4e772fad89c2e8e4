/**
 * Works through items, some of them ahead of the one whose result is waited for, and hands the results out in the order of
 * the items. The first one is worked on alone. A caller that stops listening aborts what is under way.
 */
export async function* inOrder<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const rest = new AbortController();
  const ahead: Promise<R>[] = [];
  let begun = 0;
  try {
    for (const [position, item] of items.entries()) {
      const until = position === 0 ? 1 : Math.min(items.length, position + atOnce);
      for (const next of items.slice(begun, until)) {
        const result = work(next, rest.signal);
        // What fails ahead of its turn is told in its turn, or was not wanted any more.
        result.catch(() => undefined);
        ahead.push(result);
        begun += 1;
      }
      yield [item, await (ahead.shift() as Promise<R>)];
    }
  } finally {
    // A reason that is made once: without one the controller makes an error with its stack, for each account.
    rest.abort(STOPPED);
    await Promise.allSettled(ahead);
  }
}

const STOPPED = new Error('the caller listens no more');
