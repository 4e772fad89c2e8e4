import { isDeepStrictEqual } from 'node:util';
import { Decimal } from 'decimal.js';
import {
  accountId,
  accountLeaves,
  activePercentile,
  fleetLeaves,
  leafOf,
  siteLeaves,
  usageOfDays,
  utcDays,
} from '../dist/apps/report-simulator/src/index.js';
import { lastMonth } from './scene.mjs';

/** The seed that `meterline simulate` starts with. */
export const SIMULATED = { seed: 7 };

const FEE_CENTS = 4_900n;
const QUARTER_BYTES_PER_GB = 4_000_000_000n;

/** What each plan of the scene bills an account for last month, in cents: from the simulator's closed forms, by hand. */
const BILLS = {
  fee: () => FEE_CENTS,
  volume(fleet, account) {
    const used = quarterBytes(accountLeaves(fleet, account));
    const step = 1_000n * QUARTER_BYTES_PER_GB;
    const inFirst = used < step ? used : step;
    return FEE_CENTS + rounded(inFirst * 8n + (used - inFirst) * 5n);
  },
  sites(fleet, account) {
    const sites = Array.from({ length: fleet.sites }, (_, site) => quarterBytes(siteLeaves(fleet, account, site)));
    return sites.reduce((sum, used) => sum + rounded(used * 8n), 0n);
  },
  percentile(fleet, account) {
    // In the simulator the greater direction of every sample is down.
    const mbps = activePercentile(leafOf(fleet, account, 0, 0), 'downlink', lastDays(), '95', SIMULATED);
    return FEE_CENTS + BigInt(new Decimal(mbps).times(150).toFixed(0, Decimal.ROUND_HALF_UP));
  },
};

/** Throws unless every account of a seller has one invoice, over exactly what the simulator says that it owes. */
export async function requireExactBills(client, { seller, plan, fleet, accounts }) {
  const { rows } = await client.query(
    `SELECT a.external_id, trunc(i.net * 100)::text AS cents, i.net * 100 = trunc(i.net * 100) AS whole
       FROM invoice i JOIN account a ON a.id = i.account_id JOIN seller s ON s.id = i.seller_id WHERE s.code = $1`,
    [seller],
  );
  const billed = new Map(
    rows.map(({ external_id, cents, whole }) => [external_id, whole ? cents : 'a part of a cent']),
  );
  if (rows.length !== accounts || billed.size !== accounts) throw new Error(`${rows.length} invoices of ${accounts}`);
  for (let account = 0; account < accounts; account += 1) {
    const owed = `${BILLS[plan](fleet, account)}`;
    const told = billed.get(accountId(account));
    if (told !== owed) throw new Error(`account ${account} of ${seller} was billed ${told} cents and owes ${owed}`);
  }
}

/** Throws unless what was kept of a seller's sites is, to the quarter byte, what the simulator says that they used. */
export async function requireExactUsage(client, { seller, fleet, accounts }) {
  const { rows } = await client.query(
    `SELECT w.metric, count(*)::int AS series, trim_scale(sum(4 * s.total))::text AS quarter_bytes
       FROM usage_window w JOIN usage_snapshot s ON s.window_id = w.id JOIN account a ON a.id = w.account_id
       JOIN seller ON seller.id = a.seller_id
      WHERE seller.code = $1 AND w.entity LIKE 'customer_site_id:%' GROUP BY w.metric ORDER BY w.metric`,
    [seller],
  );
  const used = usageOfDays(fleetLeaves({ ...fleet, accounts }), lastDays(), SIMULATED);
  const series = accounts * fleet.sites;
  const expected = [
    { metric: 'downlink_bytes', series, quarter_bytes: `${used.downlinkQuarterBytes}` },
    { metric: 'uplink_bytes', series, quarter_bytes: `${used.uplinkQuarterBytes}` },
  ];
  const kept = rows.map((row) => ({ ...row }));
  if (!isDeepStrictEqual(kept, expected))
    throw new Error(`kept ${JSON.stringify(kept)}, used ${JSON.stringify(expected)}`);
}

/** The days of last month. */
export function lastDays() {
  const [year, month] = lastMonth().split('-').map(Number);
  return utcDays(`${lastMonth()}-01`, new Date(Date.UTC(year, month, 0)).getUTCDate());
}

function quarterBytes(leaves) {
  const { uplinkQuarterBytes, downlinkQuarterBytes } = usageOfDays(leaves, lastDays(), SIMULATED);
  return uplinkQuarterBytes + downlinkQuarterBytes;
}

/** Cents per GB times quarter bytes, in cents, half a cent up. */
function rounded(centsTimesQuarterBytes) {
  return (2n * centsTimesQuarterBytes + QUARTER_BYTES_PER_GB) / (2n * QUARTER_BYTES_PER_GB);
}
