-- The usage ledger by month: snapshots that tell what was fetched beside what is owned, values that go after their
-- retention, and the answers that were not believed.

-- The month of a window's period. Part of a snapshot's keys, for a key of a partitioned table must hold what it is cut by;
-- the reference from snapshot to window keeps both months the same, so a window's revisions stay unique.
ALTER TABLE usage_window
  ADD COLUMN month date NOT NULL
    GENERATED ALWAYS AS (make_date(left(period_label, 4)::int, substr(period_label, 6, 2)::int, 1)) STORED,
  ADD CONSTRAINT usage_window_month UNIQUE (id, month);

ALTER TABLE usage_snapshot RENAME TO usage_snapshot_unparted;
ALTER TABLE usage_values RENAME TO usage_values_unparted;

CREATE TABLE usage_snapshot (
  month           date NOT NULL,
  id              uuid NOT NULL,
  window_id       uuid NOT NULL,
  revision        integer NOT NULL CHECK (revision >= 1),
  grid            text NOT NULL CHECK (grid IN ('DAY', 'HOUR', 'SLOT')),
  first_start     timestamptz NOT NULL,
  expected        integer NOT NULL,
  received        integer NOT NULL,
  -- sum of all values: a total for counts, a check figure for rates
  total           numeric NOT NULL,
  -- everything the answers held, and what of it belongs to other periods; null: pulled before this was recorded
  fetched_buckets integer,
  fetched_total   numeric,
  margin_buckets  integer,
  margin_total    numeric,
  values_sha256   text NOT NULL,
  raw_sha256      text NOT NULL,
  raw_bytes       bigint NOT NULL,
  dialect_sha256  text NOT NULL,
  pulled_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT usage_snapshot_id PRIMARY KEY (month, id),
  CONSTRAINT usage_snapshot_revision UNIQUE (month, window_id, revision),
  CONSTRAINT usage_snapshot_window FOREIGN KEY (window_id, month) REFERENCES usage_window (id, month)
) PARTITION BY RANGE (month);

-- The values themselves, compressed: personal data, dropped after the seller's retention while the snapshot stays.
CREATE TABLE usage_values (
  month       date NOT NULL,
  snapshot_id uuid NOT NULL,
  "values"    bytea NOT NULL,
  CONSTRAINT usage_values_id PRIMARY KEY (month, snapshot_id),
  CONSTRAINT usage_values_snapshot FOREIGN KEY (month, snapshot_id) REFERENCES usage_snapshot (month, id)
) PARTITION BY RANGE (month);

CREATE TRIGGER usage_snapshot_is_frozen BEFORE UPDATE OR DELETE ON usage_snapshot
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_snapshot_is_kept BEFORE TRUNCATE ON usage_snapshot
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Months are opened by whoever first has usage for them. The service owns no table, so it asks the owner through this
-- function. A table is made first and attached then: that waits for writers but stops no reader.
CREATE FUNCTION open_usage_month(day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  first_day date := date_trunc('month', day)::date;
  next_month date := (first_day + interval '1 month')::date;
  parent text;
  part text;
BEGIN
  IF day NOT BETWEEN '1970-01-01' AND '2200-01-01' THEN
    RAISE EXCEPTION 'no usage is kept for %', day USING ERRCODE = 'datetime_field_overflow';
  END IF;
  IF to_regclass(format('public.usage_values_%s', to_char(first_day, 'YYYYMM'))) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('open_usage_month', 0));
  FOREACH parent IN ARRAY ARRAY['usage_snapshot', 'usage_values'] LOOP
    part := format('%s_%s', parent, to_char(first_day, 'YYYYMM'));
    CONTINUE WHEN to_regclass(format('public.%I', part)) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, first_day, next_month);
    IF parent = 'usage_snapshot' THEN
      EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                     part || '_is_kept', part);
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION open_usage_month(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_usage_month(date) TO meterline_service;

SELECT open_usage_month(month) FROM (SELECT DISTINCT month FROM usage_window) AS months;
INSERT INTO usage_snapshot (month, id, window_id, revision, grid, first_start, expected, received, total, values_sha256,
                            raw_sha256, raw_bytes, dialect_sha256, pulled_at)
SELECT w.month, s.id, s.window_id, s.revision, s.grid, s.first_start, s.expected, s.received, s.total, s.values_sha256,
       s.raw_sha256, s.raw_bytes, s.dialect_sha256, s.pulled_at
  FROM usage_snapshot_unparted s JOIN usage_window w ON w.id = s.window_id;
INSERT INTO usage_values (month, snapshot_id, "values")
SELECT s.month, v.snapshot_id, v."values" FROM usage_values_unparted v JOIN usage_snapshot s ON s.id = v.snapshot_id;
DROP TABLE usage_values_unparted, usage_snapshot_unparted;

-- What every period owns against what was fetched for it, by the latest revision: owned = fetched − margin, on exactly the
-- buckets of the grid that start in the period. Null: pulled before it was recorded.
CREATE VIEW usage_conservation WITH (security_invoker = true) AS
SELECT w.account_id, w.entity, w.metric, w.period_label, w.owned, s.revision, s.grid, s.expected, s.received, s.total,
       s.fetched_buckets, s.fetched_total, s.margin_buckets, s.margin_total,
       s.received = s.fetched_buckets - s.margin_buckets
         AND s.total = s.fetched_total - s.margin_total
         AND s.received <= s.expected
         AND s.expected = ceil(extract(epoch FROM upper(w.owned)) / g.seconds)
                        - ceil(extract(epoch FROM lower(w.owned)) / g.seconds) AS conserved
  FROM usage_window w
 CROSS JOIN LATERAL (SELECT * FROM usage_snapshot
                      WHERE window_id = w.id AND month = w.month ORDER BY revision DESC LIMIT 1) AS s
  JOIN (VALUES ('DAY', 86400), ('HOUR', 3600), ('SLOT', 300)) AS g (grid, seconds) ON g.grid = s.grid;

-- Answers of the report API as they came, the key blotted out: those that were refused, those that lack buckets, and all
-- of a seller who wants them. Personal data, dropped after the seller's retention like the values.
CREATE TABLE usage_evidence (
  id           uuid PRIMARY KEY,
  account_id   uuid NOT NULL REFERENCES account,
  period_label text NOT NULL,
  entity       text NOT NULL,
  family       text NOT NULL CHECK (family IN ('bytes', 'time', 'bandwidth')),
  outcome      text NOT NULL CHECK (outcome IN ('complete', 'gaps', 'refused', 'held', 'stopped')),
  -- why it was not believed
  code         text,
  -- of the answer as it came, before the key was blotted out of it
  raw_sha256   text NOT NULL,
  raw_bytes    bigint NOT NULL,
  body         bytea NOT NULL,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (account_id, period_label, entity, family, raw_sha256),
  CHECK ((outcome IN ('refused', 'held', 'stopped')) = (code IS NOT NULL))
);
CREATE TRIGGER usage_evidence_is_frozen BEFORE UPDATE ON usage_evidence
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_evidence_is_kept BEFORE TRUNCATE ON usage_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT ON usage_conservation TO meterline_service;
GRANT SELECT, INSERT ON usage_snapshot TO meterline_service;
GRANT SELECT, INSERT, DELETE ON usage_values, usage_evidence TO meterline_service;
