/** Looks until there is something to see, and answers it; fails when that takes longer than `within_ms`. */
export async function eventually<T>(look: () => Promise<T | undefined>, within_ms: number): Promise<T> {
  for (const until = Date.now() + within_ms; ;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error('it did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
