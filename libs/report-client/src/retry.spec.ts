import { DEFAULT_RETRY, retryAfterSeconds, type RetryPolicy, type Tried, withRetries } from './retry.js';

/** A policy on a clock that only sleeping moves; records every wait. */
function timeless(changes: Partial<RetryPolicy> = {}) {
  const waits: number[] = [];
  let elapsed = 0;
  const policy: RetryPolicy = {
    ...DEFAULT_RETRY,
    random: () => 1,
    sleep: async (ms) => {
      waits.push(ms);
      elapsed += ms;
    },
    elapsedMs: () => elapsed,
    ...changes,
  };
  return { policy, waits };
}
const fault = (changes: Partial<Extract<Tried<never>, { done: false }>> = {}): Tried<string> => ({
  done: false,
  code: 'report_api_unavailable',
  message: 'the report API answered 503',
  ...changes,
});

it('gives up after five retries, each allowed twice the wait of the one before', async () => {
  const { policy, waits } = timeless();
  const tries = withRetries(policy, undefined, async () => fault());
  await expect(tries).rejects.toMatchObject({ code: 'report_api_unavailable', retryable: true });
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
});

it('jitters over the whole wait', async () => {
  const draws = [0, 0.5, 0.25];
  const { policy, waits } = timeless({ random: () => draws.shift() ?? 0 });
  await expect(withRetries(policy, undefined, async () => fault())).rejects.toThrow('503');
  expect(waits).toEqual([0, 500, 500, 0, 0]);
});

it('hands back the first value', async () => {
  const { policy, waits } = timeless();
  const answers = [fault(), fault(), { done: true, value: 'report' } as const];
  expect(await withRetries(policy, undefined, async () => answers.shift() ?? fault())).toBe('report');
  expect(waits).toEqual([500, 1_000]);
});

it('waits as long as it is asked to, and no shorter', async () => {
  const { policy, waits } = timeless();
  const answers = [
    fault({ retryAfterSeconds: 30 }),
    fault({ retryAfterSeconds: 0 }),
    { done: true, value: 'x' } as const,
  ];
  await withRetries(policy, undefined, async () => answers.shift() ?? fault());
  expect(waits).toEqual([30_000, 1_000]);
});

it('spends no more than the budget: attempts get what is left of it, and a wait beyond it is not begun', async () => {
  const { policy, waits } = timeless({ budgetMs: 100_000 });
  const allowed: number[] = [];
  const tries = withRetries(policy, undefined, async (timeoutMs) => {
    allowed.push(timeoutMs);
    return fault({ code: 'report_api_rate_limited', retryAfterSeconds: 60 });
  });
  await expect(tries).rejects.toMatchObject({
    code: 'report_api_rate_limited',
    retryable: true,
    retryAfterSeconds: 60,
  });
  expect(waits).toEqual([60_000]);
  expect(allowed).toEqual([100_000, 40_000]);
});

it('does not try again what trying cannot cure', async () => {
  const { policy, waits } = timeless();
  const tries = withRetries(policy, undefined, async () => fault({ code: 'report_api_untrusted' }));
  await expect(tries).rejects.toMatchObject({ code: 'report_api_untrusted', retryable: false });
  expect(waits).toEqual([]);
});

it('stops waiting when aborted', async () => {
  const stop = new AbortController();
  const tries = withRetries({ ...DEFAULT_RETRY, firstDelayMs: 60_000, random: () => 0.9 }, stop.signal, async () => {
    setImmediate(() => stop.abort());
    return fault();
  });
  await expect(tries).rejects.toMatchObject({ code: 'pull_aborted', retryable: true });
});

it('reads Retry-After in both forms', () => {
  const wallClock = () => Date.UTC(2026, 9, 1, 12) / 1000;
  const date = 'Thu, 01 Oct 2026 12:02:00 GMT';
  expect(retryAfterSeconds('120', undefined, wallClock)).toBe(120);
  expect(retryAfterSeconds(date, undefined, wallClock)).toBe(120);
  // The API's clock is an hour ahead of ours; its own Date says so.
  expect(retryAfterSeconds('Thu, 01 Oct 2026 13:00:10 GMT', 'Thu, 01 Oct 2026 13:00:00 GMT', wallClock)).toBe(10);
  expect(retryAfterSeconds('Thu, 01 Oct 2026 11:00:00 GMT', undefined, wallClock)).toBe(0);
  expect(retryAfterSeconds('soon', undefined, wallClock)).toBeUndefined();
  expect(retryAfterSeconds('-5', undefined, wallClock)).toBeUndefined();
  expect(retryAfterSeconds(undefined, undefined, wallClock)).toBeUndefined();
});

it('waits before the gate of its key for so long and no longer, and that wait is not of its budget', async () => {
  const shut = {
    enter: (signal?: AbortSignal) =>
      new Promise<never>((_, fail) => signal?.addEventListener('abort', () => fail(signal.reason))),
    pause: async () => undefined,
  };
  const policy = { ...DEFAULT_RETRY, gateMs: 20 };
  const attempt = async () => ({ done: true as const, value: 'never' });
  await expect(withRetries(policy, undefined, attempt, shut)).rejects.toMatchObject({
    code: 'report_api_rate_limited',
    retryable: true,
  });
  const given = AbortSignal.timeout(5);
  await expect(withRetries({ ...policy, gateMs: 60_000 }, given, attempt, shut)).rejects.toMatchObject({
    code: 'pull_aborted',
  });

  // An hour before the gate, and then all of the ten minutes.
  let now = 0;
  const slow = {
    enter: async () => {
      now += 3_600_000;
      return { leave: () => undefined };
    },
    pause: async () => undefined,
  };
  const budgets: number[] = [];
  await withRetries(
    { ...DEFAULT_RETRY, elapsedMs: () => now },
    undefined,
    async (timeoutMs) => {
      budgets.push(timeoutMs);
      return { done: true, value: 'answer' };
    },
    slow,
  );
  expect(budgets).toEqual([600_000]);
});
