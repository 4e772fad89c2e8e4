import { setTimeout as wait } from 'node:timers/promises';
import { inOrder } from './in-order.js';

describe('in order', () => {
  const listen = async (delays: number[], atOnce: number) => {
    const seen = { now: 0, most: 0, begun: [] as number[] };
    const results: [number, number][] = [];
    const work = async (delay: number) => {
      seen.begun.push(delay);
      seen.most = Math.max(seen.most, (seen.now += 1));
      await wait(delay);
      seen.now -= 1;
      return delay * 2;
    };
    for await (const [item, result] of inOrder(delays, atOnce, work)) results.push([item, result]);
    return { ...seen, results };
  };

  it('hands results out in the order of the items, however long each took', async () => {
    const { results, most } = await listen([1, 30, 2, 20, 3, 10], 3);
    expect(results).toEqual([1, 30, 2, 20, 3, 10].map((delay) => [delay, delay * 2]));
    expect(most).toBe(3);
    expect((await listen([], 3)).results).toEqual([]);
  });

  it('begins the others only when the first is done', async () => {
    const begun: string[] = [];
    const work = async (name: string) => {
      begun.push(name);
      await wait(5);
    };
    const results = inOrder(['first', 'second', 'third'], 4, work);
    await results.next();
    expect(begun).toEqual(['first']);
    await results.next();
    expect(begun).toEqual(['first', 'second', 'third']);
    await results.return(undefined);
  });

  it('stops what is under way when nobody listens any more, and begins nothing new', async () => {
    const aborted: number[] = [];
    const begun: number[] = [];
    const work = async (item: number, signal: AbortSignal) => {
      begun.push(item);
      if (item < 2) return item;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      aborted.push(item);
      throw new Error('aborted');
    };
    for await (const [item] of inOrder([0, 1, 2, 3, 4, 5, 6], 3, work)) if (item === 1) break;
    expect([begun, aborted]).toEqual([
      [0, 1, 2, 3],
      [2, 3],
    ]);
  });

  it('throws what an item throws, in its turn', async () => {
    const work = async (item: string) => {
      if (item === 'bad') throw new Error('so it is');
      await wait(10);
      return item;
    };
    const heard: string[] = [];
    const all = async () => {
      for await (const [item] of inOrder(['one', 'two', 'bad', 'three'], 4, work)) heard.push(item);
    };
    await expect(all()).rejects.toThrow('so it is');
    expect(heard).toEqual(['one', 'two']);
  });
});
