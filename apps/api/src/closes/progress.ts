import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Response } from 'express';
import type { CloseView } from '#persistence/closes';

const POLL_MS = 500;
/** Proxies cut connections on which nothing moves. */
const SILENCE_MS = 15_000;

/** How a close stands, read at most once every 500 ms however many callers follow it. */
export class SharedReads {
  readonly #recent = new Map<string, { at: number; close: Promise<CloseView | undefined> }>();

  constructor(private readonly find: (closeId: string) => Promise<CloseView | undefined>) {}

  read(closeId: string): Promise<CloseView | undefined> {
    const now = performance.now();
    for (const [id, { at }] of this.#recent) {
      if (now - at >= POLL_MS) this.#recent.delete(id);
    }
    const recent = this.#recent.get(closeId);
    if (recent) return recent.close;
    const close = this.find(closeId);
    this.#recent.set(closeId, { at: now, close });
    return close;
  }
}

/**
 * Sends each change of a close as a server-sent event, from how it stands now until nothing moves on its own any more, the
 * caller leaves, or the process stops. A database that is away for a while is waited for; a caller that was cut off asks
 * again and goes on from how the close stands then.
 */
export async function sendProgress(
  response: Response,
  read: () => Promise<CloseView | undefined>,
  stopping: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  try {
    await pipeline(Readable.from(events(read, stopping)), response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* events(read: () => Promise<CloseView | undefined>, stopping: AbortSignal): AsyncGenerator<string> {
  let sent = '';
  let silentMs = 0;
  while (!stopping.aborted) {
    const answer = await read().then(
      (close) => ({ close }),
      () => undefined,
    );
    const data = answer && JSON.stringify(answer.close);
    silentMs += POLL_MS;
    if (data !== undefined && data !== sent) {
      yield `event: progress\ndata: ${data}\n\n`;
      sent = data;
      silentMs = 0;
    } else if (silentMs >= SILENCE_MS) {
      yield ': nothing new\n\n';
      silentMs = 0;
    }
    if (answer && answer.close?.state !== 'running') return;
    await delay(POLL_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
}
