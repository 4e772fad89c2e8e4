import { serviceLogin } from '#persistence';
import { listInvoices } from '#persistence/documents';
import { findClose } from '#persistence/closes';
import { createLogger, openCatalogueService, prepareQueue } from '#runtime';
import { createWorker } from '../../apps/worker/src/index.js';
import { feePlan, makeAccount, makePlan, makeSeller, SECRET_KEY } from './catalogue.js';
import { BLANK_PAGES } from './closing.js';
import { eventually } from './eventually.js';

const ACCOUNTS = 3;

/** Starts as a process does that was told the owner's URL, closes a month on the default queue and answers the numbers. */
export async function closeMonth(ownerUrl: string, period: string): Promise<string[]> {
  const { url } = await serviceLogin(ownerUrl, prepareQueue);
  const service = await openCatalogueService({
    databaseUrl: url,
    pool: 6,
    reportApi: { baseUrl: 'http://127.0.0.1:9', apiKey: 'unused' },
    secretKey: SECRET_KEY,
    settleHours: 0,
  });
  const { database } = service.parts;
  const queue = await service.openQueue();
  const logger = createLogger('fatal');
  const worker = await createWorker({ ...service.parts, renderer: BLANK_PAGES, queue: service.queue, logger });
  try {
    const [known] = await database.$queryRaw<{ count: number }[]>`SELECT count(*)::int FROM seller`;
    if (known?.count === 0) {
      await makeSeller(database, { code: 'acme' });
      await makePlan(database, feePlan('fee', '10.00'));
      for (let number = 0; number < ACCOUNTS; number += 1) {
        await makeAccount(database, { seller: 'acme', external_id: `A${number}` }, 'fee');
      }
    }
    const closes = service.closes((jobs) => queue.enqueue(jobs));
    const opened = await closes.desk.open({
      ...{ seller: 'acme', period, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
    await eventually(async () => ((await findClose(database, opened.id))?.state === 'finished' ? true : undefined));
    return (await listInvoices(database, { limit: 200 })).map(({ number }) => number).sort();
  } finally {
    await worker.close();
    await queue.close();
    await service.close();
  }
}

/** The numbers of so many months. */
export function numbersOf(months: number): string[] {
  return Array.from({ length: months * ACCOUNTS }, (_, at) => `INV-2026-${String(at + 1).padStart(6, '0')}`);
}
