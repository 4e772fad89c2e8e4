import { type Database, stamp, type Transaction } from '../ground/database.js';

/** Buckets and their exact sum; null where a snapshot is older than the record of it. */
export interface CountedUsage {
  buckets: number | null;
  total: string | null;
}

/** What one period owns of one (entity, metric), against what was fetched for it. */
export interface WindowConservation {
  entity: { dimension: string; value: string };
  metric: string;
  period: string;
  /** The instants that the period owns. */
  owned_interval: { start: string; end: string };
  grid: string;
  /** The latest revision, the one that counts. */
  revision: number;
  expected_buckets: number;
  owned: CountedUsage;
  fetched: CountedUsage;
  margin: CountedUsage;
  /** Whether owned = fetched − margin, in buckets and in sum, on exactly the grid's buckets; null: not recorded. */
  conserved: boolean | null;
}

/** The same over all the periods of an (entity, metric). */
export interface SeriesConservation {
  entity: { dimension: string; value: string };
  metric: string;
  periods: number;
  owned: CountedUsage;
  fetched: CountedUsage;
  margin: CountedUsage;
  /** Instants between the first and the last period that no period owns, as intervals. */
  gaps: { start: string; end: string }[];
  conserved: boolean | null;
}

export interface UsageConservation {
  windows: WindowConservation[];
  series: SeriesConservation[];
  /** False as soon as one window or series is not. */
  conserved: boolean;
}

/**
 * Σ owned = fetched − margin for every metric, entity and period of an account, and across its periods: nothing that the
 * report API answered is lost, and nothing counts twice. Computed by the database from what it keeps.
 *
 * @param of the months whose windows are wanted, `YYYY-MM`, `from` inclusive and `to` exclusive; absent = open
 */
export async function usageConservation(
  database: Database | Transaction,
  accountId: string,
  of: { from?: string | undefined; to?: string | undefined } = {},
): Promise<UsageConservation> {
  const windows = await database.$queryRaw<WindowConservation[]>`
    SELECT jsonb_build_object('dimension', split_part(entity, ':', 1),
                              'value', substr(entity, strpos(entity, ':') + 1)) AS entity, metric, period_label AS period,
           jsonb_build_object('start', ${stamp('lower(owned)')}, 'end', ${stamp('upper(owned)')}) AS owned_interval,
           grid, revision, expected AS expected_buckets,
           jsonb_build_object('buckets', received, 'total', trim_scale(total)::text) AS owned,
           jsonb_build_object('buckets', fetched_buckets, 'total', trim_scale(fetched_total)::text) AS fetched,
           jsonb_build_object('buckets', margin_buckets, 'total', trim_scale(margin_total)::text) AS margin, conserved
      FROM usage_conservation
     WHERE account_id = ${accountId}::uuid
       AND (${of.from ?? null}::text IS NULL OR period_label >= ${of.from ?? null})
       AND (${of.to ?? null}::text IS NULL OR period_label < ${of.to ?? null})
     ORDER BY usage_conservation.entity, metric, period_label`;
  const series = await database.$queryRaw<SeriesConservation[]>`
    WITH windows AS (
      SELECT *, lag(upper(owned)) OVER (PARTITION BY entity, metric ORDER BY lower(owned)) AS before
        FROM usage_conservation
       WHERE account_id = ${accountId}::uuid
         AND (${of.from ?? null}::text IS NULL OR period_label >= ${of.from ?? null})
         AND (${of.to ?? null}::text IS NULL OR period_label < ${of.to ?? null}))
    SELECT jsonb_build_object('dimension', split_part(entity, ':', 1),
                              'value', substr(entity, strpos(entity, ':') + 1)) AS entity, metric, count(*)::int AS periods,
           jsonb_build_object('buckets', sum(received), 'total', trim_scale(sum(total))::text) AS owned,
           jsonb_build_object('buckets', sum(fetched_buckets), 'total', trim_scale(sum(fetched_total))::text) AS fetched,
           jsonb_build_object('buckets', sum(margin_buckets), 'total', trim_scale(sum(margin_total))::text) AS margin,
           coalesce(jsonb_agg(jsonb_build_object('start', ${stamp('before')}, 'end', ${stamp('lower(owned)')})
                              ORDER BY before) FILTER (WHERE before < lower(owned)), '[]'::jsonb) AS gaps,
           CASE WHEN bool_and(conserved IS NOT NULL)
                THEN bool_and(conserved) AND sum(received) = sum(fetched_buckets) - sum(margin_buckets)
                     AND sum(total) = sum(fetched_total) - sum(margin_total) END AS conserved
      FROM windows GROUP BY windows.entity, metric ORDER BY windows.entity, metric`;
  const conserved = [...windows, ...series].every((each) => each.conserved !== false);
  return { windows, series, conserved };
}
