import { once } from 'node:events';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { apiLimits, databasePatience, parseEnvironment, reportLimits } from '#runtime';
import { startStandalone } from './standalone.js';
import { standaloneEnvironment } from './standalone-environment.js';

const options = new Command('start')
  .description('The whole service in one process, its PostgreSQL included; state is kept in one folder.')
  .option('--data <folder>', 'where the state is kept', '.meterline')
  .option('--port <n>', 'port of the API; 0 takes a free one (default: PORT)', port)
  .addHelpText(
    'after',
    `
Environment: PORT (3000) and HOST (127.0.0.1), METERLINE_ADMIN_KEY and METERLINE_SECRET_KEY (default: made once and kept in
the data folder), REPORT_API_URL and REPORT_API_KEY (the report API for sellers that name none of their own),
REPORT_API_CONCURRENCY (8) and REPORT_API_REQUESTS_PER_SECOND (no limit), SETTLE_HOURS (72), QUEUE_URL (redis://…; default: the embedded PostgreSQL), DATABASE_IDLE_IN_TRANSACTION_SECONDS (60),
DATABASE_LOCK_TIMEOUT_SECONDS (10), LOG_LEVEL (info).`,
  )
  .parse()
  .opts<{ data: string; port?: number }>();

try {
  const environment = parseEnvironment(standaloneEnvironment, process.env);
  const service = await startStandalone({
    folder: resolve(options.data),
    port: options.port ?? environment.PORT,
    host: environment.HOST,
    adminKey: environment.METERLINE_ADMIN_KEY,
    secretKey: environment.METERLINE_SECRET_KEY,
    reportApi: environment.reportApi,
    addresses: environment.OUTBOUND_ALLOW,
    limits: reportLimits(environment),
    keyLimits: apiLimits(environment),
    patience: databasePatience(environment),
    settleHours: environment.SETTLE_HOURS,
    queueUrl: environment.QUEUE_URL,
    logLevel: environment.LOG_LEVEL,
  });
  const told = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  process.stdout.write(`Meterline answers on ${service.url} (docs: ${service.url}/docs)\n`);
  if (service.adminKeyIsNew) {
    process.stdout.write(`First admin key, shown once and kept in ${options.data}/admin-key:\n${service.adminKey}\n`);
  }
  await told;
  await service.stop();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

function port(text: string): number {
  const value = Number.parseInt(text, 10);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('a port, 0 to 65535');
  return value;
}
