import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { accountId } from '../../apps/report-simulator/src/index.js';
import { createApi } from '../../apps/api/src/index.js';
import { type AuditEvent, type Catalogue, secretKeySchema, type Transaction } from '#persistence';
import { type CertificateKey, listCertificateKeys, rotateCertificateKey, signingKey } from '#persistence/closes';
import { makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, watchSessions } from '../support/postgres.js';
import { run } from '../support/process.js';
import { settled, startService, type TestService } from '../support/service.js';

const REASON = { reason: 'the yearly rotation' };

describe('the key that certificates are signed with, rotated over REST', () => {
  let service: TestService;
  let folder: string;
  let closeId: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meterline-keys-'));
    service = await startService({ fleet: { accounts: 2, sites: 1, subscribers: 1 }, seed: 7 });
    const { database, simulator, rest } = service;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    for (const number of [0, 1]) {
      await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic');
    }
    simulator.setFaults([{ fault: 'missing_bucket', match: { account: accountId(1) } }]);
    const opened = await rest.post<{ id: string }>('/v1/closes', {
      ...{ seller: 'acme', period: '2026-08', issue: 'automatic' },
    });
    closeId = opened.id;
    await settled(rest, closeId);
  });
  afterAll(() => service.stop());

  const keys = async () => (await service.rest.get<{ data: CertificateKey[] }>('/v1/certificate-keys')).data;
  const send = (body: object, key = service.adminKey) =>
    fetch(`${service.url}/v1/certificate-keys/rotate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const keep = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  /** Downloads a revision of the close's certificate, byte for byte. */
  const certificate = async (revision: number) => {
    const answer = await fetch(`${service.url}/v1/closes/${closeId}/certificate?revision=${revision}`, {
      headers: { authorization: `Bearer ${service.adminKey}` },
    });
    expect(answer.status).toBe(200);
    return keep(`certificate-${revision}.json`, await answer.text());
  };
  const verify = async (...args: string[]) => {
    const program = run('apps/cli/src/main.ts', ['verify', 'certificate', ...args], {});
    return { code: await program.ended(), output: program.output() };
  };

  it('is retired and followed by the next, whose certificates and whose own both stay valid off-line', async () => {
    const [first] = await keys();
    expect(await keys()).toEqual([{ ...first, retired_at: null }]);
    const answer = await send(REASON);
    expect(answer.status).toBe(200);
    const { retired, in_use: inUse } = (await answer.json()) as { retired: CertificateKey; in_use: CertificateKey };
    expect(retired).toEqual({ ...first, retired_at: expect.any(String) as string });
    expect(inUse).toMatchObject({ algorithm: 'Ed25519', retired_at: null });
    expect(await keys()).toEqual([retired, inUse]);

    service.simulator.setFaults([]);
    await service.rest.post(`/v1/closes/${closeId}/retry`, {});
    await settled(service.rest, closeId);
    const [one, two] = [await certificate(1), await certificate(2)];
    const [old, next] = [await keep('old.pem', retired.public_key), await keep('next.pem', inUse.public_key)];
    const of = async (file: string, key: string) => {
      const { code, output } = await verify(file, '--key', key);
      return [code, /signed with key (\w+)/.exec(output)?.[1] ?? /was signed with the key (\w+)/.exec(output)?.[1]];
    };
    expect(await of(one, old)).toEqual([0, retired.id]);
    expect(await of(two, next)).toEqual([0, inUse.id]);
    // Each with the other's key is refused by name, so the two are signed with different keys indeed.
    expect(await of(one, next)).toEqual([1, retired.id]);
    expect(await of(two, old)).toEqual([1, inUse.id]);
    const chain = await verify(one, two, '--key', old, '--key', next);
    expect(chain).toMatchObject({ code: 0 });
    expect(chain.output).toMatch(/revision 1 .*acme 2026-08[^]*revision 2 .*acme 2026-08/);
  });

  it('is rotated by an administrator alone, with a reason, and the audit says who and why', async () => {
    const scoped = async (scope: string) =>
      (await service.rest.post<{ key: string }>('/v1/api-keys', { name: scope, scopes: [scope] })).key;
    const before = await keys();
    for (const scope of ['read', 'write', 'close', 'audit']) {
      expect([scope, (await send(REASON, await scoped(scope))).status]).toEqual([scope, 403]);
    }
    for (const [body, status] of [
      [{}, 422],
      [{ reason: '' }, 422],
      [{ ...REASON, key: 'mine' }, 422],
    ] as const) {
      expect((await send(body)).status).toBe(status);
    }
    expect(await keys()).toEqual(before);

    const { retired, in_use: inUse } = (await (await send({ reason: 'a laptop was lost' })).json()) as {
      retired: CertificateKey;
      in_use: CertificateKey;
    };
    const { data } = await service.rest.get<{ data: AuditEvent[] }>(
      `/v1/audit-events?subject=certificate_key:${inUse.id}`,
    );
    expect(data).toMatchObject([
      {
        seller: null,
        action: 'certificate_key.rotated',
        actor: expect.stringMatching(/^api_key:/) as string,
        data: { retired: retired.id, reason: 'a laptop was lost' },
      },
    ]);
    const everything = JSON.stringify([await keys(), data, retired, inUse]);
    expect(everything).not.toMatch(/PRIVATE/);
  });

  it('is done once for one Idempotency-Key', async () => {
    const twice = async () => {
      const answer = await fetch(`${service.url}/v1/certificate-keys/rotate`, {
        method: 'POST',
        headers: {
          ...{ authorization: `Bearer ${service.adminKey}`, 'content-type': 'application/json' },
          'idempotency-key': 'rotate-1',
        },
        body: JSON.stringify(REASON),
      });
      return answer.text();
    };
    const before = (await keys()).length;
    expect(await twice()).toBe(await twice());
    expect(await keys()).toHaveLength(before + 1);
  });
});

describe('the key that certificates are signed with, in the database', () => {
  let url: string;
  let database: Catalogue;

  beforeAll(async () => {
    ({ url, database } = await createTestDatabase());
  });
  afterAll(() => database.$disconnect());

  const rotate = (secretKey = SECRET_KEY) => rotateCertificateKey(database, secretKey, { actor: 'test', ...REASON });

  it('is made when none was in use, and one is in use after any number of rotations at once', async () => {
    const first = await rotate();
    expect(first.retired).toBeNull();
    const rotations = await Promise.all(Array.from({ length: 6 }, () => rotate()));
    // Each retired another key than the others, and the last made is in use.
    expect(new Set(rotations.map(({ retired }) => retired?.id)).size).toBe(6);
    const keys = await listCertificateKeys(database);
    expect(keys).toHaveLength(7);
    expect(keys.filter(({ retired_at }) => retired_at === null).map(({ id }) => id)).toEqual([
      (await signingKey(database, SECRET_KEY)).id,
    ]);
    expect(keys[0]?.id).toBe(first.in_use.id);
  });

  it('is not retired while a certificate is being signed with it', async () => {
    let done = false;
    // Sessions of the service see no others.
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    const { id } = await signingKey(database, SECRET_KEY);
    const rotation = await database.$transaction(async (tx: Transaction) => {
      expect((await signingKey(tx, SECRET_KEY)).id).toBe(id);
      const begun = rotate().finally(() => {
        done = true;
      });
      // It waits for the transaction that signs.
      await eventually(async () => {
        const { rowCount } = await owner.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return rowCount === 1 || undefined;
      });
      expect(done).toBe(false);
      return { begun };
    });
    expect((await rotation.begun).retired?.id).toBe(id);
    await owner.end();
  });

  it('is retired once and for ever, and nothing else of it ever changes', async () => {
    const [retired] = await listCertificateKeys(database);
    const change = (set: string) =>
      database.$executeRawUnsafe(`UPDATE certificate_key SET ${set} WHERE id = $1`, retired?.id);
    await expect(change('retired_at = NULL')).rejects.toThrow(/only ever inserted/);
    await expect(change('retired_at = now()')).rejects.toThrow(/only ever inserted/);
    for (const set of ["public_key = 'mine'", "private_key = ''", 'created_at = now()', "id = 'mine'"]) {
      await expect(change(set)).rejects.toThrow(/permission denied/);
    }
    await expect(database.$executeRaw`DELETE FROM certificate_key`).rejects.toThrow(/permission denied/);
  });

  it('is rotated by command when METERLINE_SECRET_KEY is lost, and the service starts with the new one', async () => {
    const newSecret = '6f'.repeat(32);
    const start = async () => {
      const app = await createApi({
        database,
        closes: {} as Parameters<typeof createApi>[0]['closes'],
        queue: { ping: () => Promise.resolve() },
        secretKey: secretKeySchema.parse(newSecret),
        adminKey: 'the-key-of-the-first-administrator',
        logger: pino({ level: 'silent' }),
      });
      await app.close();
    };
    const command = async (args: string[], environment: Record<string, string>) => {
      const program = run('apps/cli/src/main.ts', ['rotate-key', ...args], environment);
      return { code: await program.ended(), output: program.output() };
    };
    await expect(start()).rejects.toMatchObject({ code: 'secret_does_not_open' });
    const environment = { DATABASE_URL: url, METERLINE_SECRET_KEY: newSecret };
    expect((await command([], environment)).code).toBe(1);
    const bad = await command(['--reason', 'x'], { ...environment, METERLINE_SECRET_KEY: 'canary-short' });
    expect(bad).toMatchObject({ code: 1 });
    expect(bad.output).toContain('METERLINE_SECRET_KEY');
    expect(bad.output).not.toContain('canary-short');

    const { id } = await signingKey(database, SECRET_KEY);
    const sessions = await watchSessions(url);
    const patience = { DATABASE_IDLE_IN_TRANSACTION_SECONDS: '45', DATABASE_LOCK_TIMEOUT_SECONDS: '7' };
    const done = await command(['--reason', 'the old one leaked'], { ...environment, ...patience });
    expect(await sessions()).toEqual([{ idle: '45s', lock: '7s', role: 'meterline_service' }]);
    expect(done).toMatchObject({ code: 0 });
    expect(done.output).toContain(`retired: ${id}\n`);
    const inUse = (await listCertificateKeys(database)).find(({ retired_at }) => retired_at === null);
    expect(done.output).toContain(`in use:  ${inUse?.id}\n`);
    await start();
  });
});
