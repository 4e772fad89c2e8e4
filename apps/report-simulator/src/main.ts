import { InvalidArgumentError, program } from 'commander';
import { accountApiKey, accountId, customerSiteId } from './identity.js';
import { startReportSimulator } from './server.js';

const whole = (text: string) => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
};

program
  .name('report-simulator')
  .description('A seeded stand-in for the connectivity report API: same seed, clock and request, same answer.')
  .option('--port <port>', 'port of the report API; 0 takes a free one', whole, 4010)
  .option('--host <host>', 'address to listen on', '127.0.0.1')
  .option('--seed <number>', 'decides usage and keys', whole, 7)
  .option('--accounts <number>', 'accounts in the fleet', whole, 10)
  .option('--sites <number>', 'sites per account', whole, 3)
  .option('--subscribers <number>', 'subscribers per site', whole, 1)
  .option('--first-account <number>', 'number of the first account', whole, 0)
  .option('--fleet-key <key>', 'API key that may read every account', 'sim-fleet-key');

const options = program.parse().opts<{
  port: number;
  host: string;
  seed: number;
  accounts: number;
  sites: number;
  subscribers: number;
  firstAccount: number;
  fleetKey: string;
}>();
const { seed, accounts, sites, subscribers, firstAccount } = options;
const fleet = { accounts, sites, subscribers, firstAccount };
const simulator = await startReportSimulator({
  port: options.port,
  host: options.host,
  seed,
  fleet,
  apiKeys: { fleet: options.fleetKey },
});

const lastMonth = new Date();
lastMonth.setUTCMonth(lastMonth.getUTCMonth(), 0);
const month = lastMonth.toISOString().slice(0, 7);
const example = {
  start_date_time: `${month}-01T00:00:00+00:00`,
  end_date_time: `${lastMonth.toISOString().slice(0, 10)}T00:00:00+00:00`,
  granularity: 'DAY',
  dimension_filter_clauses: [
    {
      filters: [
        { dimension_name: 'account_id', operator: 'EXACT', expressions: [accountId(firstAccount)] },
        {
          dimension_name: 'customer_site_id',
          operator: 'EXACT',
          expressions: [customerSiteId(fleet, firstAccount, 0)],
        },
      ],
    },
  ],
  metrics: [
    { name: 'uplink_bytes', aggregation_type: 'COUNT' },
    { name: 'downlink_bytes', aggregation_type: 'COUNT' },
  ],
};
process.stdout.write(
  [
    `report API    ${simulator.url}/connectivity/v1/report`,
    `fleet         ${accounts} accounts × ${sites} sites × ${subscribers} subscribers, seed ${seed}`,
    `fleet key     ${options.fleetKey}`,
    `first account ${accountId(firstAccount)}, key ${accountApiKey(seed, firstAccount)}`,
    '',
    `curl -s '${simulator.url}/connectivity/v1/report?apikey=${options.fleetKey}' -d '${JSON.stringify(example)}'`,
    '',
  ].join('\n'),
);

const stop = () => void simulator.close();
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
