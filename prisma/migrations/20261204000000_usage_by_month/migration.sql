-- Usage is asked for by month: of one account for every step of its close, and of all that a close billed when it ends.
-- Without the month at hand that reads the windows of years, and snapshots of every month that there is a table for.
CREATE INDEX usage_window_month_account ON usage_window (month, account_id);

-- The month at the end, by which whoever asks finds the windows and the one table of their snapshots.
CREATE OR REPLACE VIEW usage_revision_conservation WITH (security_invoker = true) AS
SELECT w.id AS window_id, w.account_id, w.entity, w.metric, w.period_label, w.owned, s.revision, s.grid, s.expected,
       s.received, s.total, s.fetched_buckets, s.fetched_total, s.margin_buckets, s.margin_total,
       s.received = s.fetched_buckets - s.margin_buckets
         AND s.total = s.fetched_total - s.margin_total
         AND s.received <= s.expected
         AND s.expected = ceil(extract(epoch FROM upper(w.owned)) / g.seconds)
                        - ceil(extract(epoch FROM lower(w.owned)) / g.seconds) AS conserved,
       w.month
  FROM usage_window w
  JOIN usage_snapshot s ON s.window_id = w.id AND s.month = w.month
  JOIN (VALUES ('DAY', 86400), ('HOUR', 3600), ('SLOT', 300)) AS g (grid, seconds) ON g.grid = s.grid;
