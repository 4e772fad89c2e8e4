import { pino } from 'pino';
import { Closes } from '#close';
import { findClose, listInvoices, openDatabase, serviceLogin } from '#persistence';
import { openCloseQueue, prepareQueue, queueSettings } from '#runtime';
import { createWorker } from '../../apps/worker/src/index.js';
import { feePlan, makeAccount, makePlan, makeSeller } from './catalogue.js';
import { BLANK_PAGES, closingFees } from './closing.js';
import { eventually } from './eventually.js';

const ACCOUNTS = 3;

/** Starts as a process does that was told the owner's URL, closes a month on the default queue and answers the numbers. */
export async function closeMonth(ownerUrl: string, period: string): Promise<string[]> {
  const { url } = await serviceLogin(ownerUrl, prepareQueue);
  const database = openDatabase(url, 6);
  const queue = await openCloseQueue(queueSettings(url));
  const parts = closingFees(database);
  const worker = await createWorker({
    ...{ ...parts, renderer: BLANK_PAGES, settleHours: 0, queue: queueSettings(url), logger: pino({ level: 'fatal' }) },
  });
  try {
    const [known] = await database.$queryRaw<{ count: number }[]>`SELECT count(*)::int FROM seller`;
    if (known?.count === 0) {
      await makeSeller(database, { code: 'acme' });
      await makePlan(database, feePlan('fee', '10.00'));
      for (let number = 0; number < ACCOUNTS; number += 1) {
        await makeAccount(database, { seller: 'acme', external_id: `A${number}` }, 'fee');
      }
    }
    const closes = new Closes({ ...parts, settleHours: 0, enqueue: (jobs) => queue.enqueue(jobs) });
    const opened = await closes.open({
      ...{ seller: 'acme', period, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
    await eventually(async () => ((await findClose(database, opened.id))?.state === 'finished' ? true : undefined));
    return (await listInvoices(database, { limit: 200 })).map(({ number }) => number).sort();
  } finally {
    await worker.close();
    await queue.close();
    await parts.connectors.close();
    await database.$disconnect();
  }
}

/** The numbers of so many months. */
export function numbersOf(months: number): string[] {
  return Array.from({ length: months * ACCOUNTS }, (_, at) => `INV-2026-${String(at + 1).padStart(6, '0')}`);
}
