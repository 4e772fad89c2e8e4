import { ReportGates } from '../../libs/persistence/src/index.ts';

/** A process that takes every place of a key and never gives one back. */
const [databaseUrl, secretKey, origin, key, count] = process.argv.slice(2);
const gate = new ReportGates(databaseUrl, Buffer.from(secretKey, 'hex')).of(origin, key, {
  concurrency: Number.parseInt(count, 10),
  requestsPerSecond: null,
});
for (let place = 0; place < Number.parseInt(count, 10); place += 1) await gate.enter();
process.stdout.write('holds all\n');
