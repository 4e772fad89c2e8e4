import { freePort } from '../../apps/standalone/src/embedded-postgres.js';
import type { Catalogue } from '#persistence';
import { FLAT_PLAN } from '../support/api.js';
import { SECRET_KEY } from '../support/catalogue.js';
import { createTestDatabase } from '../support/postgres.js';
import { type Program, run } from '../support/process.js';

const ADMIN_KEY = 'the-key-of-the-first-administrator';
const REQUESTS = 150;
const ANSWERS_BEFORE_THE_KILL = 25;

interface Answer {
  status: number;
  location: string | null;
  body: unknown;
}

describe('POSTs with an Idempotency-Key and an API that is killed', () => {
  const programs: Program[] = [];
  let database: Catalogue;
  let url: string;

  beforeAll(async () => {
    ({ database, url } = await createTestDatabase());
  });
  afterAll(async () => {
    await Promise.all(programs.map((program) => program.terminate()));
    await database.$disconnect();
  });

  const startApi = async () => {
    const port = await freePort();
    const program = run('apps/api/src/main.ts', [], {
      DATABASE_URL: url,
      METERLINE_SECRET_KEY: SECRET_KEY.toString('hex'),
      METERLINE_ADMIN_KEY: ADMIN_KEY,
      REPORT_API_URL: 'http://127.0.0.1:9',
      REPORT_API_KEY: 'not-asked',
      PORT: String(port),
      HOST: '127.0.0.1',
    });
    programs.push(program);
    await program.says(/the API answers/);
    return { program, url: `http://127.0.0.1:${port}` };
  };

  const code = (index: number) => `killed-${index}`;

  const draft = async (api: string, index: number): Promise<Answer> => {
    const response = await fetch(`${api}/v1/tariff-plans`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        'content-type': 'application/json',
        'idempotency-key': code(index),
      },
      body: JSON.stringify({ ...FLAT_PLAN, code: code(index) }),
    });
    return { status: response.status, location: response.headers.get('location'), body: await response.json() };
  };

  it('are done once each, and those that were answered are answered alike', async () => {
    const first = await startApi();
    const answered = new Map<number, Answer>();
    await Promise.all(
      Array.from({ length: REQUESTS }, async (_, index) => {
        const answer = await draft(first.url, index).catch(() => undefined);
        if (answer) answered.set(index, answer);
        if (answered.size === ANSWERS_BEFORE_THE_KILL) first.program.child.kill('SIGKILL');
      }),
    );
    await first.program.ended();
    expect(answered.size).toBeGreaterThanOrEqual(ANSWERS_BEFORE_THE_KILL);
    expect(answered.size).toBeLessThan(REQUESTS);

    const second = await startApi();
    const indices = Array.from({ length: REQUESTS }, (_, index) => index);
    const answers = await Promise.all(indices.map((index) => draft(second.url, index)));
    for (const [index, again] of answers.entries()) {
      expect(again).toMatchObject({ status: 201, body: { code: code(index), version: 1 } });
      expect(again.location).toBe(`/v1/tariff-plans/${code(index)}/versions/1`);
      const before = answered.get(index);
      if (before) expect(again).toEqual(before);
    }
    const versions = await database.tariffPlanVersion.count({ where: { code: { startsWith: 'killed-' } } });
    expect(versions).toBe(REQUESTS);
  });
});
