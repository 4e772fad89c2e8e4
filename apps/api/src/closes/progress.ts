import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Response } from 'express';
import type { CloseView } from '#persistence';

const POLL_MS = 500;
/** Proxies cut connections on which nothing moves. */
const SILENCE_MS = 15_000;

/**
 * Sends each change of a close as a server-sent event, from how it stands now until nothing moves on its own any more or
 * the caller leaves.
 */
export async function sendProgress(response: Response, read: () => Promise<CloseView | undefined>): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  try {
    await pipeline(Readable.from(events(read)), response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* events(read: () => Promise<CloseView | undefined>): AsyncGenerator<string> {
  let sent = '';
  let silentMs = 0;
  for (;;) {
    const close = await read();
    const data = JSON.stringify(close);
    silentMs += POLL_MS;
    if (data !== sent) yield `event: progress\ndata: ${data}\n\n`;
    else if (silentMs >= SILENCE_MS) yield ': nothing new\n\n';
    if (data !== sent || silentMs >= SILENCE_MS) silentMs = 0;
    if (close?.state !== 'running') return;
    sent = data;
    await delay(POLL_MS);
  }
}
