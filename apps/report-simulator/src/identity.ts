import { createHash } from 'node:crypto';
import { ReportSimulatorError } from './simulator-error.js';

/**
 * Who exists upstream: `accounts` accounts numbered from `firstAccount` (0), each with `sites` sites, each site with
 * `subscribers` subscribers. Subscriber u of site s of account a is *leaf* n = (a·sites + s)·subscribers + u.
 */
export interface Fleet {
  accounts: number;
  sites: number;
  subscribers: number;
  firstAccount?: number;
}

/** Consecutive leaves: a subscriber, a site, an account or the fleet. */
export interface LeafRange {
  firstLeaf: number;
  leaves: number;
}

const MSISDN_OF_LEAF_0 = 8_020_010_000_000;
const IMSI_OF_LEAF_0 = 310_550_000_000_000;
/** A test network's country code: an IMSI that loses its identity when it is read as a number. */
const LEADING_ZERO_PREFIX = '00101';

const hex8 = (value: number) => value.toString(16).padStart(8, '0');

/** The 24-character `account_id` of account number `account`. */
export function accountId(account: number): string {
  return `${hex8(0x62c40000 + account)}a1b2c3d4${hex8(account)}`;
}

/** The 24-character `customer_site_id` of the account's site number `site` (from 0). */
export function customerSiteId(fleet: Fleet, account: number, site: number): string {
  return `${hex8(0x62c50000 + account)}d8f757bf${hex8(account * fleet.sites + site)}`;
}

/** The 13-digit MSISDN of a leaf, as digits. */
export function msisdnOf(leaf: number): string {
  return String(MSISDN_OF_LEAF_0 + leaf);
}

/** The 15-digit IMSI of a leaf, as digits; `leadingZero` gives the test network's `00101…`. */
export function imsiOf(leaf: number, leadingZero = false): string {
  return leadingZero ? LEADING_ZERO_PREFIX + String(leaf).padStart(10, '0') : String(IMSI_OF_LEAF_0 + leaf);
}

/** The leaf number of subscriber `subscriber` of site `site` of account `account`, all from 0. */
export function leafOf(fleet: Fleet, account: number, site: number, subscriber: number): number {
  return (account * fleet.sites + site) * fleet.subscribers + subscriber;
}

/** All leaves of the fleet. */
export function fleetLeaves(fleet: Fleet): LeafRange {
  const perAccount = fleet.sites * fleet.subscribers;
  return { firstLeaf: (fleet.firstAccount ?? 0) * perAccount, leaves: fleet.accounts * perAccount };
}

/** All leaves of one account. */
export function accountLeaves(fleet: Fleet, account: number): LeafRange {
  return { firstLeaf: leafOf(fleet, account, 0, 0), leaves: fleet.sites * fleet.subscribers };
}

/** All leaves of one site. */
export function siteLeaves(fleet: Fleet, account: number, site: number): LeafRange {
  return { firstLeaf: leafOf(fleet, account, site, 0), leaves: fleet.subscribers };
}

/** The account number behind an `account_id`, or undefined when the fleet has no such account. */
export function accountNumber(fleet: Fleet, id: string): number | undefined {
  const account = Number.parseInt(id.slice(16), 16);
  const first = fleet.firstAccount ?? 0;
  return account >= first && account < first + fleet.accounts && accountId(account) === id ? account : undefined;
}

/** Account and site number behind a `customer_site_id`, or undefined when the fleet has no such site. */
export function siteNumber(fleet: Fleet, id: string): { account: number; site: number } | undefined {
  const index = Number.parseInt(id.slice(16), 16);
  const account = Math.floor(index / fleet.sites);
  const site = index - account * fleet.sites;
  const known = accountNumber(fleet, accountId(account)) !== undefined && customerSiteId(fleet, account, site) === id;
  return known ? { account, site } : undefined;
}

/** The leaf behind the digits of a MSISDN or IMSI, or undefined when the fleet has no such subscriber. */
export function subscriberLeaf(
  fleet: Fleet,
  dimension: 'msisdn' | 'imsi',
  digits: string,
  leadingZero: boolean,
): number | undefined {
  const prefixed = dimension === 'imsi' && leadingZero;
  const leaf = prefixed
    ? Number(digits.slice(LEADING_ZERO_PREFIX.length))
    : Number(digits) - (dimension === 'msisdn' ? MSISDN_OF_LEAF_0 : IMSI_OF_LEAF_0);
  const { firstLeaf, leaves } = fleetLeaves(fleet);
  const spelled = dimension === 'msisdn' ? msisdnOf(leaf) : imsiOf(leaf, leadingZero);
  return leaf >= firstLeaf && leaf < firstLeaf + leaves && spelled === digits ? leaf : undefined;
}

/** The API key of one account: `sim-`, 8 hex digits that name the account, 16 that prove it. */
export function accountApiKey(seed: number, account: number): string {
  const proof = createHash('sha256').update(`report-simulator/${seed}/${account}`).digest('hex').slice(0, 16);
  return `sim-${hex8(account)}${proof}`;
}

/** The account number whose key this is, or undefined when the fleet has no such key. */
export function accountOfApiKey(fleet: Fleet, seed: number, key: string): number | undefined {
  const account = Number.parseInt(key.slice(4, 12), 16);
  const known = accountNumber(fleet, accountId(account)) !== undefined && accountApiKey(seed, account) === key;
  return known ? account : undefined;
}

/** @throws ReportSimulatorError `bad_options` when the fleet is not made of whole, positive numbers. */
export function assertFleet(fleet: Fleet): void {
  for (const member of ['accounts', 'sites', 'subscribers'] as const) {
    if (!Number.isSafeInteger(fleet[member]) || fleet[member] < 1) {
      throw new ReportSimulatorError('bad_options', `fleet.${member} must be a whole number from 1`);
    }
  }
  const first = fleet.firstAccount ?? 0;
  if (!Number.isSafeInteger(first) || first < 0) {
    throw new ReportSimulatorError('bad_options', 'fleet.firstAccount must be a whole number from 0');
  }
  const { firstLeaf, leaves } = fleetLeaves(fleet);
  // Ten digits are what a leading-zero IMSI has room for; the site number has eight hexadecimal digits.
  if (firstLeaf + leaves > 4_000_000_000) {
    throw new ReportSimulatorError('bad_options', 'the fleet has more subscribers than its identities can number');
  }
}
