/** Only what hangs takes as long, on a machine however busy; a test that waits twice still ends before jest ends it. */
export const PATIENCE_MS = 600_000;

/** Looks until there is something to see, and answers it; fails when there is nothing after a patience that only hanging uses up. */
export async function eventually<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  for (const until = Date.now() + PATIENCE_MS; ;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error('it did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
