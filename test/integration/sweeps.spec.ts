import pg from 'pg';
import { pino } from 'pino';
import { Closes, type ClosesOptions, type Renderer } from '#close';
import type { Catalogue } from '#persistence';
import { listInvoices, loadIssued } from '#persistence/documents';
import { findCertificate, findClose, signingKey, takeUp } from '#persistence/closes';
import { queueSettings } from '#runtime';
import { createWorker, type RunningWorker } from '../../apps/worker/src/index.js';
import { feePlan, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { closingFees, drawn, writesAtOnce } from '../support/closing.js';
import { createTestDatabase } from '../support/postgres.js';
import { eventually } from '../support/eventually.js';

const PDF = drawn('%PDF-');

/** What a dead process left is found by another one's worker, on a real queue, without anybody asking. */
describe('a worker finds and finishes', () => {
  let url: string;
  let database: Catalogue;
  let ids: string[];
  const workers: RunningWorker[] = [];
  /** Numbers of documents that cannot be drawn. */
  const broken = new Set<string>();

  beforeEach(async () => {
    broken.clear();
    ({ url, database } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    ids = [];
    for (const name of ['a', 'b', 'c']) {
      ids.push(await makeAccount(database, { seller: 'acme', external_id: name }, 'fee'));
    }
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await database.$disconnect();
  });

  const options = () =>
    ({
      ...closingFees(database),
      renderer: {
        layoutVersion: 1,
        unprintable: () => [],
        write: writesAtOnce,
        render: (document: Parameters<Renderer['render']>[0]) =>
          'number' in document && broken.has(document.number)
            ? Promise.reject(new Error('this document cannot be drawn'))
            : Promise.resolve(PDF),
      },
      settleHours: 0,
    }) satisfies Partial<ClosesOptions>;
  /** A process whose queue loses every job. */
  const dying = () => new Closes({ ...options(), enqueue: () => Promise.resolve() });
  const open = async (closes: Closes, period = '2026-08') => {
    const opened = await closes.desk.open({
      ...{ seller: 'acme', period, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error('refused');
    return opened.id;
  };
  const survivor = async () => {
    const recovery = { lock_ms: 2_000, lookout_ms: 1_000, idle_s: 1, sweep_ms: 200 };
    const logger = pino({ level: 'silent' });
    workers.push(await createWorker({ ...options(), queue: queueSettings(url), logger, recovery }));
  };
  const finished = async (id: string) => {
    let close: Awaited<ReturnType<typeof findClose>>;
    return eventually(async () => {
      close = await findClose(database, id);
      return close?.state === 'finished' && close;
    }).catch(() => {
      throw new Error(`the close is ${JSON.stringify(close?.counts)}`);
    });
  };

  it('batches whose job was lost with its queue', async () => {
    const id = await open(dying());
    await survivor();
    expect((await finished(id)).counts.issued).toBe(3);
  });

  it('an account that stays in a state since its worker died', async () => {
    const id = await open(dying());
    for (const account of ids) await takeUp(database, id, [account]);
    await survivor();
    expect((await finished(id)).counts.issued).toBe(3);
  });

  it('documents that were issued and not drawn, but not for a document that cannot be', async () => {
    broken.add('INV-2026-000001').add('INV-2026-000002').add('INV-2026-000003');
    const closes = dying();
    const id = await open(closes);
    await expect(closes.work({ closeId: id, batch: 0 })).rejects.toThrow('cannot be drawn');
    expect((await listInvoices(database, { limit: 9 })).map(({ pdf_sha256 }) => pdf_sha256)).toEqual([
      null,
      null,
      null,
    ]);

    broken.delete('INV-2026-000002');
    broken.delete('INV-2026-000003');
    await survivor();
    await finished(id);
    expect((await findCertificate(database, id))?.revision).toBe(1);
    const drawn = async () =>
      (await listInvoices(database, { limit: 9 })).map(({ number, pdf_sha256 }) => [number, pdf_sha256]);
    // Not at once: what was issued just now is about to be drawn by whoever issued it.
    await eventually(async () => (await drawn()).filter(([, sha256]) => sha256 !== null).length >= 2);
    expect(await drawn()).toEqual([
      ['INV-2026-000001', null],
      ['INV-2026-000002', PDF.sha256],
      ['INV-2026-000003', PDF.sha256],
    ]);
    // Whoever asks for it draws it through the same path.
    broken.clear();
    const [first] = await listInvoices(database, { number: 'INV-2026-000001', limit: 1 });
    expect((await closes.pdf(first?.id ?? ''))?.sha256).toBe(PDF.sha256);
    expect(await loadIssued(database, first?.id ?? '')).toMatchObject({ number: 'INV-2026-000001' });
  });

  /** A close whose work is all done, by a process that cannot sign its certificate. */
  async function unended(period?: string): Promise<string> {
    await signingKey(database, SECRET_KEY);
    const stranger = new Closes({ ...options(), secretKey: Buffer.alloc(32, 1), enqueue: () => Promise.resolve() });
    const id = await open(stranger, period);
    await expect(stranger.work({ closeId: id, batch: 0 })).rejects.toMatchObject({ code: 'secret_does_not_open' });
    return id;
  }

  it('a close that its worker could not end, also when another one cannot be ended', async () => {
    const [first, second] = [await unended('2026-07'), await unended('2026-08')];
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    await owner.query(`CREATE TRIGGER poison BEFORE INSERT ON close_certificate
      FOR EACH ROW WHEN (NEW.close_id = '${first}') EXECUTE FUNCTION refuse_change()`);
    await survivor();
    await finished(second);
    expect((await findClose(database, first))?.state).toBe('running');
    await owner.query('DROP TRIGGER poison ON close_certificate');
    await owner.end();
    await finished(first);
  });

  it('a close that its worker could not end, but waits for none that another process is ending', async () => {
    const closes = dying();
    const id = await unended();
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM close WHERE id = $1 FOR UPDATE', [id]);
    // A sweep that waited for the lock would end with lock_timeout.
    await closes.sweep(0);
    expect((await findClose(database, id))?.state).toBe('running');
    await other.query('ROLLBACK');
    await other.end();
    await closes.sweep(0);
    expect((await findClose(database, id))?.state).toBe('finished');
  });
});
