import { pino } from 'pino';
import { secretKeySchema } from '../../dist/libs/persistence/src/index.js';
import { openService } from '../../dist/libs/runtime/src/index.js';
import { createWorker } from '../../dist/apps/worker/src/index.js';

/**
 * A real worker that ends itself with SIGKILL, or freezes with SIGSTOP, when it passes one of the named steps for the n-th time. What
 * it is told comes as JSON in its first argument; it says on standard output which step it ended or froze at, because it
 * cannot be asked afterwards.
 */
const { databaseUrl, queueUrl, reportUrl, secretKey, patience, die, freeze } = JSON.parse(process.argv[2]);
const service = openService({
  databaseUrl,
  pool: 6,
  patience,
  queueUrl,
  reportApi: { baseUrl: reportUrl, apiKey: 'sim-fleet-key' },
  secretKey: secretKeySchema.parse(secretKey),
  settleHours: 72,
});
let passed = 0;
const worker = await createWorker({
  ...service.parts,
  queue: service.queue,
  logger: pino({ level: process.env.CRASH_LOG ?? 'fatal' }, process.stderr),
  recovery: { lock_ms: 2_000, lookout_ms: 1_000, idle_s: 3, sweep_ms: 1_000 },
  onStep: (step) => {
    const end = die ?? freeze;
    if (!end?.steps.includes(step) || ++passed !== end.nth) return;
    process.stdout.write(`${die ? 'died' : 'froze'} at ${step}\n`);
    process.kill(process.pid, die ? 'SIGKILL' : 'SIGSTOP');
  },
});
process.stdout.write('working\n');
process.once('SIGTERM', () => {
  void worker.close().then(() => process.exit(0));
});
