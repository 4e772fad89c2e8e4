import { PATIENCE } from '../../libs/persistence/src/index.ts';
import { ReportGates } from '../../libs/persistence/src/catalogue/index.ts';

/** A process that takes every place of a key and never gives one back. */
const [databaseUrl, secretKey, origin, key, count, silence_ms = '60000'] = process.argv.slice(2);
const patience = { ...PATIENCE, idleTransaction_ms: Number.parseInt(silence_ms, 10) };
const gate = new ReportGates(databaseUrl, Buffer.from(secretKey, 'hex'), patience).of(origin, key, {
  concurrency: Number.parseInt(count, 10),
  requestsPerSecond: null,
});
for (let place = 0; place < Number.parseInt(count, 10); place += 1) await gate.enter();
process.stdout.write('holds all\n');
// While it lives it keeps them, however long it has nothing to ask.
setInterval(() => undefined, 60_000);
