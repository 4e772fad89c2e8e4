import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { accountId, customerSiteId } from '../dist/apps/report-simulator/src/index.js';
import { monthPeriod } from '../dist/libs/calendar/src/index.js';
import { createReportClient, DIALECTS, SealedKey } from '../dist/libs/report-client/src/index.js';
import { plainPage } from './plain-page.mjs';
import { cpuOfOne, fetchAgain, Recorder } from './recorder.mjs';
import { lastMonth, PLANS } from './scene.mjs';

const ROUNDS = 3;
const ACCOUNTS = 40;

/**
 * CPU per account, in milliseconds, of the bare minimum: the same answers fetched and read by JSON.parse, one plain page
 * drawn, one account's rows written. Measured beside the close, so that its figures can be read as multiples.
 */
export async function measureFloors({ scene, plan, fleet, reportUrl }) {
  const requests = await requestsOf({ plan, fleet, reportUrl });
  const pool = new Pool(new URL(reportUrl).origin, { connections: 8 });
  const fetched = () => fetchAgain(pool, requests);
  await scene.client.query(
    `CREATE TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY, document jsonb NOT NULL, pdf bytea NOT NULL)`,
  );
  try {
    const bodies = await fetched();
    return {
      fetch: await cpuOf(fetched),
      parse: await cpuOf(() => bodies.forEach((body) => JSON.parse(body.toString('utf8')))),
      page: await cpuOf(plainPage),
      rows: await cpuOf(batched(25, (rows) => writeRows(scene.client, rows))),
    };
  } finally {
    await pool.close();
  }
}

/** The median over rounds, each of many accounts. */
async function cpuOf(work) {
  await cpuOfOne(work, ACCOUNTS);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await cpuOfOne(work, ACCOUNTS));
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}

/** The very requests that a close sends for one account, recorded on their way. */
async function requestsOf({ plan, fleet, reportUrl }) {
  if (plan === 'fee') return [];
  const transport = new Recorder();
  transport.recorded = [];
  const client = createReportClient({
    baseUrl: reportUrl,
    apiKey: new SealedKey('sim-fleet-key'),
    dialect: DIALECTS.speak({}),
    transport,
  });
  const owned = monthPeriod(lastMonth(), 'UTC');
  const account = { dimension: 'account', value: accountId(0) };
  const site = { dimension: 'customer_site_id', value: customerSiteId(fleet, 0, 0) };
  const metric = PLANS[plan].find(({ measure }) => measure).measure.metric;
  // Rates come with the bytes and the connected time that they are held against.
  const pulls =
    metric === 'bandwidth'
      ? [
          { entity: site, family: 'bandwidth', grid: 'SLOT' },
          ...[site, account].flatMap((entity) => ['bytes', 'time'].map((family) => ({ entity, family, grid: 'DAY' }))),
        ]
      : [{ entity: account, family: 'bytes', grid: 'DAY' }];
  for (const pull of pulls) {
    await client.fetchUsage({ account: accountId(0), owned, now: Math.floor(Date.now() / 1000), ...pull });
  }
  await transport.close();
  return transport.recorded;
}

function batched(size, write) {
  let rows = [];
  return async () => {
    rows.push({ id: randomUUID(), document: JSON.stringify({ lines: Array(2).fill('x'.repeat(500)) }) });
    if (rows.length < size) return;
    await write(rows);
    rows = [];
  };
}

async function writeRows(client, rows) {
  const pdf = Buffer.alloc(20_000, 'p');
  await client.query(
    `INSERT INTO bench_floor (id, document, pdf)
     SELECT id, document, $3 FROM unnest($1::uuid[], $2::jsonb[]) AS t (id, document)`,
    [rows.map(({ id }) => id), rows.map(({ document }) => document), pdf],
  );
}
