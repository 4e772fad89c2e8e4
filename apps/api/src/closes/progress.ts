import { concatMap, defer, distinctUntilChanged, filter, map, type Observable, repeat, takeWhile, timer } from 'rxjs';
import type { CloseView } from '#persistence';

const POLL_MS = 500;

/** Each change of a close as an event, from how it stands now until nothing moves on its own any more. */
export function progressOf(
  read: () => Promise<CloseView | undefined>,
): Observable<{ type: 'progress'; data: CloseView }> {
  return defer(read).pipe(
    repeat({ delay: () => timer(POLL_MS) }),
    filter((close) => close !== undefined),
    distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b)),
    takeWhile((close) => close.state === 'running', true),
    map((close) => ({ type: 'progress' as const, data: close })),
    concatMap((event) => [event]),
  );
}
