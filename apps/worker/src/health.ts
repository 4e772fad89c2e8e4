import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { assertWritable, type Database } from '#persistence';
import { processMetrics } from '#runtime';
import { Registry } from 'prom-client';
import type { RunningWorker } from './index.js';
import type { WorkerMetrics } from './metrics.js';

/** A part that has not answered by then is away, whatever it is waiting for. */
const PATIENCE_MS = 3_000;

export interface WorkerHealth {
  readonly port: number;
  /** From now on the worker is not ready; it still lives. */
  drain(): void;
  close(): Promise<void>;
}

/**
 * Answers `/health/live`, `/health/ready` (the database and the queue answer, and batches are taken) and `/metrics`, what
 * this worker has done and how its process is, for Prometheus.
 */
export async function serveHealth(
  port: number,
  of: { database: Database; worker: Pick<RunningWorker, 'ping'>; metrics: WorkerMetrics },
): Promise<WorkerHealth> {
  let draining = false;
  const parts: Readonly<Record<string, () => Promise<unknown>>> = {
    'the database': () => assertWritable(of.database),
    'the queue': () => of.worker.ping(),
  };
  const ready = async (): Promise<string | undefined> => {
    if (draining) return 'the worker is stopping';
    for (const [part, ask] of Object.entries(parts)) {
      const answered = ask().then(
        () => true,
        () => false,
      );
      if (!(await Promise.race([answered, delay(PATIENCE_MS, false, { ref: false })])))
        return `${part} does not answer`;
    }
    return undefined;
  };
  const server = createServer((request, response) => {
    const say = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (request.url) {
      case '/health/live':
        say(200, { status: 'ok' });
        break;
      case '/health/ready':
        void ready().then((detail) => (detail ? say(503, { code: 'not_ready', detail }) : say(200, { status: 'ok' })));
        break;
      case '/metrics':
        void Promise.all([of.metrics.text(), processMetrics()]).then((parts) =>
          response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE }).end(parts.join('\n')),
        );
        break;
      default:
        say(404, { code: 'not_found' });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    drain: () => {
      draining = true;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
