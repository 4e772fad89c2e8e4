import { createApi } from '../../apps/api/src/index.js';
import type { Server } from 'node:http';
import { pino } from 'pino';
import request, { type Test } from 'supertest';
import { type Closing, ON_THIS_MACHINE } from './closing.js';
import { SECRET_KEY } from './catalogue.js';

const ADMIN_KEY = 'the-key-of-the-first-administrator';

/** The REST application over a closing process, for reading. */
export interface UsageApi {
  get(path: string, query?: Record<string, string>): Test;
  post(path: string, body: object, headers?: Record<string, string>): Test;
  /** Everything the application has logged, one JSON line each. */
  readonly log: string[];
  stop(): Promise<void>;
}

export async function startUsageApi(closing: Closing): Promise<UsageApi> {
  const log: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });
  const { database, closes } = closing;
  const app = await createApi({
    ...{ database, closes, secretKey: SECRET_KEY, adminKey: ADMIN_KEY, logger },
    addresses: ON_THIS_MACHINE,
    queue: { ping: () => Promise.resolve() },
  });
  const agent = request(app.getHttpServer() as Server);
  return {
    log,
    get: (path, query = {}) => agent.get(path).query(query).set('authorization', `Bearer ${ADMIN_KEY}`),
    post: (path, body, headers = {}) =>
      agent.post(path).set('authorization', `Bearer ${ADMIN_KEY}`).set(headers).send(body),
    stop: () => app.close(),
  };
}
