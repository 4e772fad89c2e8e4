import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { Closes } from '../../dist/libs/close/src/index.js';
import { openDatabase, secretKeySchema } from '../../dist/libs/persistence/src/index.js';
import { createConnectors } from '../../dist/libs/usage/src/index.js';

/**
 * A process that works on closes without any queue, and is ended (SIGKILL) or frozen (SIGSTOP) before the n-th statement that
 * it sends to PostgreSQL, or before the first one after a named step. What can be seen of a worker's death from outside changes with its statements alone, and of those of
 * a transaction with the last, so every n is every place at which one can die. A task is a line of JSON on standard input; what
 * was passed is said on standard output.
 */
const { databaseUrl, reportUrl, secretKey, patience } = JSON.parse(process.argv[2]);
const say = (what) => writeSync(1, `${JSON.stringify(what)}\n`);

const PAGE = Buffer.from('%PDF-');
const PAGE_SHA256 = createHash('sha256').update(PAGE).digest('hex');

let end;
let sent = 0;
let step = 'none';
let told = step;
const inTransaction = new WeakSet();
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (...given) {
  const text = given[0]?.text ?? given[0];
  const isEnd = /^\s*(COMMIT|ROLLBACK)/i.test(text);
  // Within a transaction also where a step was passed: each that has a name is one to die at.
  if (end && (!inTransaction.has(this) || isEnd || told !== step)) {
    told = step;
    sent += 1;
    if (end.after === undefined ? sent === end.before : step === end.after) {
      say({ at: step });
      process.kill(process.pid, end.by);
    }
  }
  if (/^\s*BEGIN/i.test(text)) inTransaction.add(this);
  if (isEnd) inTransaction.delete(this);
  return query.apply(this, given);
};

const database = openDatabase(databaseUrl, 4, patience);
const opened = secretKeySchema.parse(secretKey);
const connectors = createConnectors({
  database,
  configured: { baseUrl: reportUrl, apiKey: 'sim-fleet-key' },
  secretKey: opened,
  retry: { sleep: async () => undefined, random: () => 0 },
});
const closes = new Closes({
  database,
  connectors,
  secretKey: opened,
  settleHours: 72,
  enqueue: async () => undefined,
  // One after the other, so that the statements come in one order.
  concurrency: 1,
  // What a page costs to draw is no matter here.
  renderer: { layoutVersion: 1, unprintable: () => [], render: async () => ({ pdf: PAGE, sha256: PAGE_SHA256 }) },
  onStep: (passed) => (step = passed),
});

say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line);
  sent = 0;
  step = told = 'none';
  end = task.end;
  await workedOn(task);
  if (task.released) {
    // An operator who is told that the database is away may ask again; here, other workers finish.
    await closes.desk.release(task.closeId).catch(() => undefined);
    await workedOn(task);
  }
  end = undefined;
  say({ done: sent });
}
await connectors.close();
await database.$disconnect();

/** As a queue does it: what is to be tried again is tried again. */
async function workedOn({ closeId }) {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const isDone = await closes.work({ closeId, batch: 0 }).then(
      () => true,
      () => false,
    );
    if (isDone) return;
  }
}
