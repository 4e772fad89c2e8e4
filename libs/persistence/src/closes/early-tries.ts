import type { Database } from '../ground/database.js';

/** Accounts that are brought forward come back within so many seconds, drawn by lot: the report API has just come back. */
const SPREAD_SECONDS = 60;

/**
 * Brings the next try of waiting accounts forward once another account of their close got through that had waited for the
 * same: its report API answers again, and a pause of half an hour has no use any more. Each account that comes back by
 * itself is the probe of all others, so an outage sees no more requests for this.
 *
 * Accounts with a key of their own are left alone, for another key's answers say nothing of theirs; so is a report API that
 * asked for patience, which said when to come back. One that fails again waits for the next that gets through.
 *
 * @returns how many were brought forward
 */
export async function bringForward(database: Database): Promise<number> {
  return database.$executeRaw`
    WITH waits AS (
      SELECT w.close_id, c.month, min(w.updated_at) AS since FROM close_account w JOIN close c ON c.id = w.close_id
       WHERE w.state = 'waiting' AND w.reason_code = 'report_api_unavailable'
         AND w.next_try_at > clock_timestamp() + make_interval(secs => ${SPREAD_SECONDS})
       GROUP BY w.close_id, c.month
    ), through AS (
      SELECT e.close_id, max(e.at) AS at
        FROM waits JOIN close_event e ON e.month = waits.month AND e.close_id = waits.close_id AND e.at > waits.since
         AND e.from_state IN ('pulling', 'rated') AND e.to_state IN ('rated', 'drafted', 'issued', 'empty')
        JOIN account probe ON probe.id = e.account_id AND probe.report_api_key IS NULL
       WHERE EXISTS (SELECT FROM close_event met
                      WHERE met.month = waits.month AND met.close_id = e.close_id AND met.account_id = e.account_id AND met.id < e.id
                        AND met.to_state = 'waiting' AND met.reason_code = 'report_api_unavailable')
       GROUP BY e.close_id
    )
    UPDATE close_account a
       SET next_try_at = clock_timestamp() + random() * make_interval(secs => ${SPREAD_SECONDS})
      FROM through, account own
     WHERE a.close_id = through.close_id AND a.updated_at < through.at
       AND own.id = a.account_id AND own.report_api_key IS NULL
       AND a.state = 'waiting' AND a.reason_code = 'report_api_unavailable'
       AND a.next_try_at > clock_timestamp() + make_interval(secs => ${SPREAD_SECONDS})`;
}
