import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setInterval } from 'node:timers';
import pg from 'pg';
import { pino } from 'pino';
import { boundHeapGrowth, createWorker, WorkerMetrics } from '../dist/apps/worker/src/index.js';
import { secretKeySchema } from '../dist/libs/persistence/src/index.js';
import { openService } from '../dist/libs/runtime/src/index.js';

/**
 * A worker of the service that measures itself. It is told where to work by its first message; `start` begins a lap and
 * `end` answers what the lap took: CPU of the whole process, memory, statements at the driver of PostgreSQL (the queue's, and
 * BEGIN and COMMIT, too), and the full garbage collections of the main thread. `batches` answers how many batches it has had in
 * hand since the lap began, and how many of them ended well.
 */
// Often enough to see a batch, seldom enough not to be seen in the CPU: asking for the memory is not free.
const SAMPLE_MS = 250;
const metrics = new WorkerMetrics();
let lap;
boundHeapGrowth();

const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (...given) {
  if (lap) lap.statements += 1;
  return query.apply(this, given);
};

new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) {
    if (lap && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) lap.mark_compacts += 1;
  }
}).observe({ entryTypes: ['gc'] });

setInterval(() => {
  if (lap) lap.peak_bytes = Math.max(lap.peak_bytes, process.memoryUsage.rss());
}, SAMPLE_MS).unref();

process.on('message', async (message) => {
  if (message === 'start') {
    const rss = process.memoryUsage.rss();
    const had = await batches();
    lap = { cpu: process.cpuUsage(), start_bytes: rss, peak_bytes: rss, mark_compacts: 0, statements: 0, had };
    process.send('started');
  } else if (message === 'end') {
    const { user, system } = process.cpuUsage(lap.cpu);
    const { start_bytes, peak_bytes, mark_compacts, statements } = lap;
    const end_bytes = process.memoryUsage.rss();
    lap = undefined;
    process.send({ cpu_ms: (user + system) / 1000, start_bytes, peak_bytes, end_bytes, mark_compacts, statements });
  } else if (message === 'batches') {
    const now = await batches();
    process.send({ ended: now.ended - lap.had.ended, worked: now.worked - lap.had.worked });
  } else {
    await begin(message);
  }
});

async function batches() {
  const lines = (await metrics.text()).matchAll(/^meterline_batches_total\{outcome="(\w+)"\} (\d+)$/gm);
  const by = Object.fromEntries(Array.from(lines, ([, outcome, count]) => [outcome, Number(count)]));
  return { ended: by.worked + by.failed, worked: by.worked };
}

async function begin({ databaseUrl, queueUrl, reportUrl, secretKey }) {
  const service = openService({
    databaseUrl,
    queueUrl,
    reportApi: { baseUrl: reportUrl, apiKey: 'sim-fleet-key' },
    secretKey: secretKeySchema.parse(secretKey),
    settleHours: 0,
  });
  const worker = await createWorker({
    ...service.parts,
    queue: service.queue,
    metrics,
    logger: pino({ level: 'warn' }, process.stderr),
  });
  process.once('disconnect', async () => {
    await worker.close();
    await service.close();
    process.exit(0);
  });
  process.send('ready');
}
