import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import type { Express } from 'express';
import { pino } from 'pino';
import request, { type Test } from 'supertest';
import { openApiDocument } from '../../apps/api/src/openapi.js';
import { type ApiOptions, createApi } from '../../apps/api/src/index.js';
import { type BatchJob, Closes } from '#close';
import { type Catalogue, PATIENCE } from '#persistence';
import { openCatalogue } from '#persistence/catalogue';
import { writesAtOnce } from './closing.js';
import { documented } from './documented-answers.js';
import { createTestDatabase } from './postgres.js';

export const ADMIN_KEY = 'the-key-of-the-first-administrator';
export const SECRET_KEY = Buffer.alloc(32, 7);

export interface TestApi {
  readonly database: Catalogue;
  /** The owner's connection string, for looking behind the service. */
  readonly ownerUrl: string;
  readonly serviceUrl: string;
  /** Everything the application has logged, one JSON line each. */
  readonly log: string[];
  /** The batches that were sent to the queue. */
  readonly queued: BatchJob[];
  readonly closes: Closes;
  readonly server: Server;
  /** Every route the application answers, as Express has them: `GET /v1/sellers/:code`. */
  readonly routes: string[];
  get(path: string, key?: string): Test;
  post(path: string, body?: object, key?: string): Test;
  put(path: string, body: object, key?: string): Test;
  patch(path: string, body: object, key?: string): Test;
  delete(path: string, key?: string): Test;
  stop(): Promise<void>;
}

/** What the renderer of these tests makes of any invoice. */
export const RENDERED = Buffer.from('%PDF-1.7 rendered by the test');
export const RENDERED_SHA256 = createHash('sha256').update(RENDERED).digest('hex');

/** What a test wants otherwise. */
export interface ApiOverrides extends Partial<Pick<ApiOptions, 'adminKey' | 'limits'>> {
  /** What has a database that it takes. */
  readonly beside?: Pick<TestApi, 'ownerUrl' | 'serviceUrl'>;
  /** What secrets of that database are sealed with. */
  readonly secretKey?: Buffer;
  /** How long a statement that only reads may take. */
  readonly readingMs?: number;
}

/** The API on a fresh database, with real closes behind it. Nothing works on their batches: the tests look at the door. */
export async function startApi({
  beside,
  readingMs,
  secretKey = SECRET_KEY,
  ...options
}: ApiOverrides = {}): Promise<TestApi> {
  const { ownerUrl, serviceUrl } = beside ?? (await newDatabase());
  const database = await openCatalogue(serviceUrl, 10, {
    ...PATIENCE,
    ...(readingMs !== undefined && { reading_ms: readingMs }),
  });
  const log: string[] = [];
  const queued: BatchJob[] = [];
  const closes = new Closes({
    database,
    connectors: {
      connect: () => Promise.reject(new Error('nothing pulls usage here')),
      close: () => Promise.resolve(),
    },
    renderer: {
      layoutVersion: 1,
      unprintable: () => [],
      write: writesAtOnce,
      render: () => Promise.resolve({ pdf: RENDERED, sha256: RENDERED_SHA256 }),
    },
    enqueue: (jobs) => {
      queued.push(...jobs);
      return Promise.resolve();
    },
    secretKey,
    settleHours: 72,
  });
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
  const app = await createApi({
    database,
    closes,
    queue: { ping: () => Promise.resolve() },
    secretKey,
    adminKey: ADMIN_KEY,
    logger,
    ...options,
  });
  const server = app.getHttpServer() as Server;
  const agent = request(server);
  const express = app.getHttpAdapter().getInstance() as Express;
  const routes = express.router.stack.flatMap(({ route }) =>
    route ? route.stack.map(({ method }) => `${method.toUpperCase()} ${route.path}`) : [],
  );
  const conforms = documented(openApiDocument(app));
  const as = (test: Test, key: string) => test.set('authorization', `Bearer ${key}`).expect(conforms);
  return {
    database,
    ownerUrl,
    serviceUrl,
    log,
    queued,
    closes,
    server,
    routes,
    get: (path, key = ADMIN_KEY) => as(agent.get(path), key),
    post: (path, body, key = ADMIN_KEY) => (body ? as(agent.post(path), key).send(body) : as(agent.post(path), key)),
    put: (path, body, key = ADMIN_KEY) => as(agent.put(path), key).send(body),
    patch: (path, body, key = ADMIN_KEY) => as(agent.patch(path), key).send(body),
    delete: (path, key = ADMIN_KEY) => as(agent.delete(path), key),
    async stop() {
      await app.close();
      await database.$disconnect();
    },
  };
}

async function newDatabase(): Promise<{ ownerUrl: string; serviceUrl: string }> {
  const { url, serviceUrl, database } = await createTestDatabase();
  await database.$disconnect();
  return { ownerUrl: url, serviceUrl };
}

/** A seller with nothing special about it. */
export const ACME = {
  code: 'acme',
  name: 'Acme Connectivity Inc.',
  country: 'US',
  currency: 'USD',
  time_zone: 'UTC',
  address: { line1: '1 Main Street', city: 'Springfield', region: 'IL', postal_code: '62701', country: 'US' },
};

/** A plan with one recurring fee, in force since 2026. */
export const FLAT_PLAN = {
  code: 'flat',
  name: 'Flat',
  currency: 'USD',
  effective_from: '2026-01-01',
  charges: [{ code: 'platform', name: 'Platform fee', type: 'recurring', amount: '499.00' }],
};

/** Creates a seller, an account and a published plan. Returns the account's id. */
export async function setUpCatalogue(api: TestApi): Promise<string> {
  await api.post('/v1/sellers', ACME).expect(201);
  const account = await api.post('/v1/accounts', { external_id: '1001', seller: 'acme', name: 'Harbour Freight' });
  await api.post('/v1/tariff-plans', FLAT_PLAN).expect(201);
  await api.post('/v1/tariff-plans/flat/versions/1/publish').expect(200);
  return (account.body as { id: string }).id;
}
