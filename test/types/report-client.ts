import type { BucketSeries } from '#metering';
import type {
  BandwidthHours,
  LiveBandwidth,
  PulledUsage,
  SealedKey,
  UsageAnswer,
  UsageConnector,
} from '#report-client';

/**
 * What must not compile; `npm run types` is the test. Only pulled buckets reach metering: the last five minutes and
 * hourly rates are for the eye, and cannot get into a snapshot.
 */
declare function keep(series: readonly BucketSeries[]): void;
declare const pulled: PulledUsage;
declare const answer: UsageAnswer;
declare const live: LiveBandwidth;
declare const hours: BandwidthHours;
declare const connector: UsageConnector;
declare const key: SealedKey;

export function onlyPulledBucketsAreKept(): void {
  keep(pulled.series);
  // @ts-expect-error an answer may be a refusal
  keep(answer.series);
  // @ts-expect-error five minutes off the grid are no bucket
  keep([live]);
  // @ts-expect-error hourly rates are no samples
  keep(hours.hours);
  // @ts-expect-error nor are they a series
  keep([hours]);
}

const asked = {
  account: 'a',
  entity: { dimension: 'account', value: 'a' },
  owned: { start: 0, end: 86_400 },
  now: 86_400,
} as const;

export async function aFamilyIsAskedOnItsOwnGrid(): Promise<void> {
  await connector.fetchUsage({ ...asked, family: 'bytes', grid: 'DAY' });
  await connector.fetchUsage({ ...asked, family: 'bandwidth', grid: 'SLOT' });
  // @ts-expect-error bytes are not answered by 5-minute slots
  await connector.fetchUsage({ ...asked, family: 'bytes', grid: 'SLOT' });
  // @ts-expect-error bandwidth by hour has no samples to rank
  await connector.fetchUsage({ ...asked, family: 'bandwidth', grid: 'HOUR' });
}

export function theKeyCannotBeReadBack(): unknown {
  // @ts-expect-error the key is private to its class
  return key.key;
}
