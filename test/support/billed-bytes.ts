import { accountId, lateCorrection, usageOfDays, utcDays } from '../../apps/report-simulator/src/index.js';
import type { Catalogue } from '#persistence';
import { makeAccount, planOf, usageCharge } from './catalogue.js';

/** Accounts that pay a cent a byte for August: what they use is what they owe, in cents, and the oracle knows it. */
export const PERIOD = '2026-08';
export const SEED = 7;
export const AUGUST = {
  start: Date.parse('2026-08-01T00:00:00Z') / 1000,
  end: Date.parse('2026-09-01T00:00:00Z') / 1000,
};

export const BYTES_CHARGE = {
  ...usageCharge('traffic', { metric: 'bytes', direction: 'total', per: 'account', unit: 'B' }, '0.01'),
  name: 'Data transfer',
};
export const BYTES_PLAN = planOf('bytes', BYTES_CHARGE);

/** A cent for every byte above the included ones. */
export function bytesAbove(code: string, included: bigint) {
  return planOf(code, { ...BYTES_CHARGE, included: included.toString() });
}

/** An account of one leaf, which pays for its bytes. */
export function makeBytesAccount(
  database: Catalogue,
  leaf: number,
  over: object = {},
  plan = 'bytes',
): Promise<string> {
  return makeAccount(database, { seller: 'acme', external_id: accountId(leaf), ...over }, plan);
}

/** Bytes of the 31 days of August, or from another day on, of an account with one leaf: from the oracle's closed form. */
export function bytesOf(leaf: number, firstDay = '2026-08-01'): bigint {
  const usage = usageOfDays({ firstLeaf: leaf, leaves: 1 }, utcDays(firstDay, 31), { seed: SEED });
  return (usage.uplinkQuarterBytes + usage.downlinkQuarterBytes) / 4n;
}

/** Bytes that the late usage adds to August: so many windows, 4096 bytes up and as many down in each. */
export function lateBytesOf(leaf: number): bigint {
  return 2n * BigInt(lateCorrection(leaf, AUGUST.start, AUGUST.end).bytesPerDirection);
}
