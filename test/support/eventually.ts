/** Only what hangs takes as long, on a machine however busy. */
const PATIENCE_MS = 100_000;

/** Looks until there is something to see, and answers it; fails when there is nothing after a patience of at least 100 s. */
export async function eventually<T>(look: () => Promise<T | undefined>, atLeast_ms = PATIENCE_MS): Promise<T> {
  for (const until = Date.now() + Math.max(atLeast_ms, PATIENCE_MS); ;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error('it did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
