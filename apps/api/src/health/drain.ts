import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** How long requests in hand may take to end before their connections are cut. */
const PATIENCE_MS = 25_000;
const IDLE_CHECK_MS = 50;

/**
 * The way out of a stopping process: no new connection is taken, what is being answered is answered to its end, and
 * answers that would never end are ended.
 */
@Injectable()
export class Drain implements BeforeApplicationShutdown {
  readonly #begun = new AbortController();

  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  /** Aborted once the process is stopping. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#begun.abort();
    const server = this.host.httpAdapter.getHttpServer() as Server;
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // A connection that is kept alive for a next request would keep the server open.
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    await Promise.race([closed, delay(PATIENCE_MS, undefined, { ref: false })]);
    clearInterval(idle);
  }
}
