import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import {
  accountApiKey,
  accountId,
  customerSiteId,
  type FaultRule,
  parseStamp,
  startReportSimulator,
  type Switches,
} from '../../report-simulator/src/index.js';

const whole = (text: string) => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
};

const instant = (text: string) => {
  const stamp = parseStamp(text);
  if (stamp === undefined) throw new InvalidArgumentError('must look like 2022-09-01T00:00:00+00:00');
  return stamp.epochSeconds;
};

const oneSwitch = (text: string, before: Record<string, string | number>) => {
  const [name = '', value] = text.split('=', 2);
  if (value === undefined) throw new InvalidArgumentError('must look like edge=half_open');
  const numeric = ['round_dp', 'max_items'].includes(name) && /^\d+$/.test(value);
  return { ...before, [name]: numeric ? Number(value) : value };
};

type Fleet = Record<'accounts' | 'sites' | 'subscribers' | 'firstAccount', number>;

interface Options {
  port: number;
  host: string;
  seed: number;
  accounts: number;
  sites: number;
  subscribers: number;
  firstAccount: number;
  fleetKey: string;
  clock?: number;
  leadingZero?: true;
  big?: true;
  idle?: true;
  switch: Partial<Switches>;
  faults?: string;
  controlPort?: number;
}

/** Serves the report API until the process is told to end. */
export async function run(argv: readonly string[]): Promise<number> {
  const command = new Command('meterline simulate')
    .description('A seeded stand-in for the connectivity report API: same seed, clock and request, same answer.')
    .option('--port <port>', 'port of the report API; 0 takes a free one', whole, 4010)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--seed <number>', 'decides usage and keys', whole, 7)
    .option('--accounts <number>', 'accounts in the fleet', whole, 10)
    .option('--sites <number>', 'sites per account', whole, 3)
    .option('--subscribers <number>', 'subscribers per site', whole, 1)
    .option('--first-account <number>', 'number of the first account', whole, 0)
    .option('--fleet-key <key>', 'API key that may read every account', 'sim-fleet-key')
    .option('--clock <stamp>', 'stand still at this instant instead of following the clock', instant)
    .option('--leading-zero', 'profile: IMSIs of a test network, 00101…')
    .option('--big', 'profile: all byte counts × 10^6')
    .option('--idle', 'profile: every 50th subscriber has no traffic')
    .option('--switch <name=value>', 'set a switch; may be repeated', oneSwitch, {})
    .option('--faults <file>', 'JSON file with the fault plan, a list of rules')
    .option('--control-port <port>', 'open the control API on this port; 0 takes a free one', whole)
    .parse(argv, { from: 'user' });
  const options = command.opts<Options>();

  const { seed, accounts, sites, subscribers, firstAccount } = options;
  const fleet = { accounts, sites, subscribers, firstAccount };
  try {
    const simulator = await start(options, fleet);
    const lines = [
      `report API     ${simulator.url}/connectivity/v1/report`,
      ...(simulator.controlUrl === undefined ? [] : [`control API    ${simulator.controlUrl}`]),
      `fleet          ${accounts} accounts × ${sites} sites × ${subscribers} subscribers, seed ${seed}`,
      `fleet key      ${options.fleetKey}`,
      `first account  ${accountId(firstAccount)}, key ${accountApiKey(seed, firstAccount)}`,
      '',
      `curl -s '${simulator.url}/connectivity/v1/report?apikey=${options.fleetKey}' -d '${exampleRequest(options, fleet)}'`,
      '',
    ];
    const told = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    process.stdout.write(`${lines.join('\n')}\n`);
    await told;
    await simulator.close();
    return 0;
  } catch (error) {
    const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
    return command.error(
      code === 'EADDRINUSE'
        ? `error: port ${port} is taken; stop what holds it, or choose another with --port or --control-port`
        : `error: ${message}`,
    );
  }
}

async function start(options: Options, fleet: Fleet) {
  const faults: FaultRule[] = options.faults === undefined ? [] : JSON.parse(readFileSync(options.faults, 'utf8'));
  const { seed, leadingZero, big, idle } = options;
  const simulator = await startReportSimulator({
    port: options.port,
    host: options.host,
    seed,
    fleet,
    apiKeys: { fleet: options.fleetKey },
    profiles: { leadingZero: leadingZero ?? false, big: big ?? false, idle: idle ?? false },
    switches: options.switch,
    faults,
    ...(options.controlPort === undefined ? {} : { control: { port: options.controlPort } }),
  });
  if (options.clock !== undefined) simulator.setClock(options.clock);
  return simulator;
}

/** A request for the last whole month before the simulator's clock, as the documentation writes it. */
function exampleRequest({ clock }: Options, fleet: Fleet): string {
  const now = clock === undefined ? new Date() : new Date(clock * 1000);
  const monthStart = (back: number) =>
    `${new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 19)}+00:00`;
  const filter = (dimension_name: string, id: string) => ({ dimension_name, operator: 'EXACT', expressions: [id] });
  return JSON.stringify({
    start_date_time: monthStart(1),
    end_date_time: monthStart(0),
    granularity: 'DAY',
    dimension_filter_clauses: [
      {
        filters: [
          filter('account_id', accountId(fleet.firstAccount)),
          filter('customer_site_id', customerSiteId(fleet, fleet.firstAccount, 0)),
        ],
      },
    ],
    metrics: ['uplink_bytes', 'downlink_bytes'].map((name) => ({ name, aggregation_type: 'COUNT' })),
  });
}
