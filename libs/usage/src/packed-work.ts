import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BucketSeries } from '#metering';
import type { EstimateWork } from './estimate-rating.js';

type PackedSeries = Omit<BucketSeries, 'values'> & { readonly values: string };

/**
 * Work on its way to a thread: the values of each series as one text, '' for a gap. A text is copied as it is; millions of
 * values would be copied one by one, while no request is answered.
 */
export type PackedWork = Omit<EstimateWork, 'pulled'> & {
  readonly series: readonly PackedSeries[];
  readonly warnings: EstimateWork['pulled']['warnings'];
};

/** Series packed before other requests get their turn. */
const AT_ONCE = 8;

export async function pack({ pulled, ...of }: EstimateWork): Promise<PackedWork> {
  const series: PackedSeries[] = [];
  for (const { series: each } of pulled.series) {
    series.push({ ...each, values: each.values.map((value) => value ?? '').join(' ') });
    if (series.length % AT_ONCE === 0) await nextTurn();
  }
  return { ...of, series, warnings: pulled.warnings };
}

export function unpack({ series, warnings, ...of }: PackedWork): EstimateWork {
  const unpacked = series.map(({ values, ...each }) => ({
    series: { ...each, values: values.split(' ').map((value) => (value === '' ? null : value)) },
  }));
  return { ...of, pulled: { series: unpacked, warnings } };
}
