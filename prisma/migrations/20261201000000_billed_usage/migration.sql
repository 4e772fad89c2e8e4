-- Every revision of every window against what was fetched for it, so that a certificate can state the usage that a document
-- was billed by, whatever came later. The view of the latest revisions is a view of this one; what a window is found by
-- comes from the window itself, or every question about one account would read all of them.
CREATE VIEW usage_revision_conservation WITH (security_invoker = true) AS
SELECT w.id AS window_id, w.account_id, w.entity, w.metric, w.period_label, w.owned, s.revision, s.grid, s.expected,
       s.received, s.total, s.fetched_buckets, s.fetched_total, s.margin_buckets, s.margin_total,
       s.received = s.fetched_buckets - s.margin_buckets
         AND s.total = s.fetched_total - s.margin_total
         AND s.received <= s.expected
         AND s.expected = ceil(extract(epoch FROM upper(w.owned)) / g.seconds)
                        - ceil(extract(epoch FROM lower(w.owned)) / g.seconds) AS conserved
  FROM usage_window w
  JOIN usage_snapshot s ON s.window_id = w.id AND s.month = w.month
  JOIN (VALUES ('DAY', 86400), ('HOUR', 3600), ('SLOT', 300)) AS g (grid, seconds) ON g.grid = s.grid;

CREATE OR REPLACE VIEW usage_conservation WITH (security_invoker = true) AS
SELECT w.account_id, w.entity, w.metric, w.period_label, w.owned, r.revision, r.grid, r.expected, r.received, r.total,
       r.fetched_buckets, r.fetched_total, r.margin_buckets, r.margin_total, r.conserved
  FROM usage_window w
 CROSS JOIN LATERAL (SELECT * FROM usage_revision_conservation
                      WHERE window_id = w.id ORDER BY revision DESC LIMIT 1) AS r;

GRANT SELECT ON usage_revision_conservation TO meterline_service;
