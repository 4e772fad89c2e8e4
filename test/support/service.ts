import type { Server } from 'node:http';
import { pino } from 'pino';
import type { Catalogue } from '#persistence';
import { newApiKey } from '#persistence/catalogue';
import { openCatalogueService } from '#runtime';
import { createApi } from '../../apps/api/src/index.js';
import { openApiDocument } from '../../apps/api/src/openapi.js';
import {
  type ReportSimulator,
  type ReportSimulatorOptions,
  startReportSimulator,
} from '../../apps/report-simulator/src/index.js';
import { freePort } from '../../apps/standalone/src/embedded-postgres.js';
import { RestClient } from '../../apps/cli/src/index.js';
import { serveHealth } from '../../apps/worker/src/health.js';
import { createWorker, WorkerMetrics } from '../../apps/worker/src/index.js';
import { SECRET_KEY } from './catalogue.js';
import { watchAnswers } from './documented-answers.js';
import { createTestDatabase } from './postgres.js';
import { PATIENCE_MS } from './eventually.js';

/** The whole service on a database of its own, with the simulator as its report API, spoken to over REST. */
export interface TestService {
  readonly rest: RestClient;
  readonly url: string;
  /** Where the worker says how it is. */
  readonly workerUrl: string;
  readonly adminKey: string;
  readonly database: Catalogue;
  /** The owner's connection string, for looking behind the service. */
  readonly ownerUrl: string;
  readonly simulator: ReportSimulator;
  /** @throws Error when it has answered what its OpenAPI document does not say */
  stop(): Promise<void>;
}

/** Starts database, simulator, worker and API. `queueUrl` puts the queue elsewhere than into the database. */
export async function startService(options: ReportSimulatorOptions & { queueUrl?: string }): Promise<TestService> {
  const { queueUrl, ...simulated } = options;
  const { url: ownerUrl, serviceUrl: databaseUrl, database } = await createTestDatabase();
  const simulator = await startReportSimulator(simulated);
  const logger = pino({ level: 'error' });
  const key = newApiKey();
  const metrics = new WorkerMetrics();
  const service = await openCatalogueService({
    databaseUrl,
    queueUrl,
    reportApi: { baseUrl: simulator.url, apiKey: 'sim-fleet-key' },
    secretKey: SECRET_KEY,
    settleHours: 72,
    log: (entry) => metrics.reportApiAsked(entry),
  });
  const worker = await createWorker({ ...service.parts, queue: service.queue, logger, metrics });
  const api = await createApi({
    ...service.parts,
    closes: worker.closes,
    queue: worker,
    adminKey: key,
    logger,
  });
  const undocumented = watchAnswers(api.getHttpServer() as Server, openApiDocument(api));
  const health = await serveHealth(0, { database, worker, metrics });
  const port = await freePort();
  await api.listen(port, '127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  return {
    rest: new RestClient(url, key),
    url,
    workerUrl: `http://127.0.0.1:${health.port}`,
    adminKey: key,
    database,
    ownerUrl,
    simulator,
    stop: async () => {
      await Promise.all([api.close(), health.close()]);
      await worker.close();
      await Promise.all([service.close(), simulator.close()]);
      await database.$disconnect();
      expect(undocumented()).toEqual([]);
    },
  };
}

export interface CloseResource {
  id: string;
  state: string;
  counts: Record<string, number>;
  totals: { currency: string; net: string; tax: string; gross: string }[];
}

/** Waits until a close is finished or waits for a review. */
export async function settled(rest: RestClient, closeId: string): Promise<CloseResource> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const close = await rest.get<CloseResource>(`/v1/closes/${closeId}`);
    if (close.state !== 'running') return close;
    if (Date.now() > until) throw new Error(`close ${closeId} is still running: ${JSON.stringify(close.counts)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
