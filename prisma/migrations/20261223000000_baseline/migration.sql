-- The schema of Meterline, whole. Chapters, in the order in which they need each other:
--
--   1 Ground      what a table is guarded by
--   2 Catalogue   sellers, accounts, what is metered, plans, subscriptions; API keys and repeated requests
--   3 Audit       who did what
--   4 Ledger      usage windows, snapshots, values, answers; months; conservation
--   5 Closes      closes, accounts of a close, moves, drafts, waivers, schedules, certificates
--   6 Documents   number series, invoices and notes, what comes after issuing
--   7 Upkeep      confirming pulls, corrections, checks of stored documents
--   8 Frozen      the list of tables whose rows are only ever inserted
--   9 Months      the partitions of tables that grow with every month
--
-- Runs as the owner of the database. Which login may do what is granted by every migration run, from the lists in
-- libs/persistence. Functions name their schemas, so that no temporary table of a caller can stand before one that they mean.


-- 1 Ground ------------------------------------------------------------------------------------------------------------

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- The queue keeps its tables apart, in a schema of its own.
CREATE SCHEMA IF NOT EXISTS bullmq;

-- The first day of a period's month, by which the tables that grow with every month are partitioned: usage, moves of closes,
-- lines and files of documents. A key of a partitioned table must hold what it is cut by, so their rows carry the month.
CREATE FUNCTION month_of(period_label text) RETURNS date LANGUAGE sql IMMUTABLE
RETURN make_date(left(period_label, 4)::int, substr(period_label, 6, 2)::int, 1);

-- What was issued, measured, published or witnessed stays as it was. Holds for the owner too.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: its rows are only ever inserted', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;

-- What the service's login may insert or update, it could also falsify: stamps, numbers given back, keys let in again.
-- Triggers that ask this function hold for the service's roles. The owner of a table, who restores and mends, is not held.
CREATE FUNCTION owns_table(relation oid) RETURNS boolean LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = relation
$$;

-- What is told of a document, and waivers, are recorded when they happen. The trigger asks first: calling a function for each
-- row costs more than the row.
CREATE FUNCTION refuse_past_event() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT owns_table(TG_RELID) THEN
    RAISE EXCEPTION 'an event of % is not recorded now', NEW.at USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;


-- 2 Catalogue ---------------------------------------------------------------------------------------------------------

-- Logos of sellers by their hash: documents name them, so none is ever changed or let go
CREATE TABLE logo (
  sha256     text PRIMARY KEY,
  media_type text NOT NULL CHECK (media_type IN ('image/png', 'image/svg+xml')),
  bytes      bytea NOT NULL,
  kept_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT logo_has_its_hash CHECK (sha256 = encode(sha256(bytes), 'hex'))
);
CREATE TRIGGER logo_is_frozen BEFORE UPDATE OR DELETE ON logo FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER logo_is_kept BEFORE TRUNCATE ON logo FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE seller (
  id                 uuid PRIMARY KEY,
  code               text NOT NULL UNIQUE,
  name               text NOT NULL,
  country            text NOT NULL,
  currency           text NOT NULL,
  time_zone          text NOT NULL,
  tax_id             text,
  address            jsonb NOT NULL,
  email              text,
  -- Notes are numbered CN-… and DN-…; invoices of the same seller must not look like them.
  invoice_prefix     text NOT NULL DEFAULT 'INV'
                     CONSTRAINT seller_prefix_is_not_of_notes CHECK (invoice_prefix NOT IN ('CN', 'DN')),
  number_format      text NOT NULL DEFAULT '{prefix}-{year}-{sequence}',
  fiscal_year_start  integer NOT NULL DEFAULT 1 CHECK (fiscal_year_start BETWEEN 1 AND 12),
  number_start       integer NOT NULL DEFAULT 1 CHECK (number_start >= 1),
  rounding           text NOT NULL DEFAULT 'half_up' CHECK (rounding IN ('half_up', 'half_even')),
  payable_rounding   text NOT NULL DEFAULT 'none' CHECK (payable_rounding IN ('none', '1', '0.05')),
  payment_terms_days integer NOT NULL DEFAULT 30 CHECK (payment_terms_days >= 0),
  settle_hours       integer CHECK (settle_hours >= 0),
  edge_policy        text NOT NULL DEFAULT 'own_by_start' CHECK (edge_policy IN ('own_by_start', 'refuse')),
  bank               jsonb,
  language           text CHECK (language IN ('en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'hi', 'ja', 'ar')),
  -- what electronic invoices say beyond what is printed: who answers questions, the entry in a register, the address
  contact            jsonb,
  registration       jsonb,
  e_invoice          jsonb,
  -- accent, footer
  branding           jsonb,
  logo               text REFERENCES logo,
  -- rate of goods and services tax in India
  gst                jsonb,
  -- base_url, dialect, strict; the key is sealed in its own column
  report_api         jsonb,
  report_api_key     bytea,
  settings           jsonb NOT NULL DEFAULT '{}',
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE account (
  id                 uuid PRIMARY KEY,
  seller_id          uuid NOT NULL REFERENCES seller,
  external_id        text NOT NULL,
  name               text NOT NULL,
  currency           text NOT NULL,
  time_zone          text NOT NULL,
  address            jsonb NOT NULL,
  tax_id             text,
  email              text,
  taxes              jsonb NOT NULL DEFAULT '[]',
  payment_terms_days integer CHECK (payment_terms_days >= 0),
  edge_policy        text CHECK (edge_policy IN ('own_by_start', 'refuse')),
  language           text CHECK (language IN ('en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'hi', 'ja', 'ar')),
  registration       jsonb,
  -- profile, buyer_reference, order_reference, endpoint
  e_invoice          jsonb,
  -- place_of_supply, sez, with_payment
  gst                jsonb,
  report_api_key     bytea,
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (seller_id, external_id)
);
-- A page of a list costs what the page costs, however much there is beside it: here and below each filter of a list has an
-- index in the order of that list, so that a page is read from where the one before it ended.
CREATE INDEX account_of_seller ON account (seller_id, id);
CREATE INDEX account_of_external_id ON account (external_id, id);

-- What is metered inside an account. A value belongs to one account of a seller at any instant.
CREATE TABLE entity (
  id           uuid PRIMARY KEY,
  seller_id    uuid NOT NULL REFERENCES seller,
  account_id   uuid NOT NULL REFERENCES account,
  dimension    text NOT NULL CHECK (dimension IN ('customer_site_id', 'msisdn', 'imsi')),
  value        text NOT NULL,
  name         text,
  active_from  date,
  active_until date,
  active       tstzrange NOT NULL CHECK (NOT isempty(active)),
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  EXCLUDE USING gist (seller_id WITH =, dimension WITH =, value WITH =, active WITH &&)
);
CREATE INDEX entity_of_account ON entity (account_id, id);
CREATE INDEX entity_of_account_dimension ON entity (account_id, dimension, id);
CREATE INDEX entity_of_account_value ON entity (account_id, value, id);

CREATE TABLE tariff_plan_version (
  id              uuid PRIMARY KEY,
  code            text NOT NULL,
  version         integer NOT NULL CHECK (version >= 1),
  status          text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published')),
  name            text NOT NULL,
  currency        text NOT NULL,
  effective_from  date NOT NULL,
  document        jsonb NOT NULL,
  document_sha256 text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at    timestamptz,
  UNIQUE (code, version),
  CHECK ((status = 'published') = (published_at IS NOT NULL))
);
CREATE UNIQUE INDEX tariff_plan_effective ON tariff_plan_version (code, effective_from) WHERE status = 'published';

-- A draft plan may change; a published version never.
CREATE TRIGGER tariff_plan_version_is_frozen BEFORE UPDATE OR DELETE ON tariff_plan_version
  FOR EACH ROW WHEN (OLD.status = 'published') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tariff_plan_version_is_kept BEFORE TRUNCATE ON tariff_plan_version
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE subscription (
  id         uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account,
  plan_code  text NOT NULL,
  starts_at  date NOT NULL,
  ends_at    date,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (ends_at IS NULL OR ends_at > starts_at),
  EXCLUDE USING gist (account_id WITH =, daterange(starts_at, ends_at) WITH &&)
);
CREATE INDEX subscription_of_account ON subscription (account_id, id);
CREATE INDEX subscription_of_plan ON subscription (plan_code, id);

CREATE TABLE api_key (
  id         uuid PRIMARY KEY,
  name       text NOT NULL,
  prefix     text NOT NULL,
  hash       text NOT NULL,
  scopes     text[] NOT NULL,
  account_id uuid REFERENCES account,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- from then on the key is unknown; null: it does not expire
  expires_at timestamptz,
  revoked_at timestamptz
);
-- A configured key that was replaced and is configured again is let in as a row of its own.
CREATE UNIQUE INDEX api_key_hash_in_use ON api_key (hash) WHERE revoked_at IS NULL;
CREATE INDEX api_key_hash ON api_key (hash);

CREATE FUNCTION stamp_api_key() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT owns_table(TG_RELID) THEN NEW.created_at := clock_timestamp(); END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER api_key_is_stamped BEFORE INSERT ON api_key FOR EACH ROW EXECUTE FUNCTION stamp_api_key();

-- What a key may do is said when it is made. It is revoked once and for ever, at the database's time.
CREATE FUNCTION refuse_other_key() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF owns_table(TG_RELID) THEN RETURN NEW; END IF;
  IF (NEW.id, NEW.name, NEW.prefix, NEW.hash, NEW.scopes, NEW.account_id, NEW.created_at, NEW.expires_at)
     IS DISTINCT FROM
     (OLD.id, OLD.name, OLD.prefix, OLD.hash, OLD.scopes, OLD.account_id, OLD.created_at, OLD.expires_at) THEN
    RAISE EXCEPTION 'an API key is not changed: make another' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
    IF OLD.revoked_at IS NOT NULL THEN
      RAISE EXCEPTION 'a revoked API key stays revoked: make another' USING ERRCODE = 'restrict_violation';
    END IF;
    NEW.revoked_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER api_key_stays_what_it_is BEFORE UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION refuse_other_key();

-- Written together with the work and its answer.
CREATE TABLE idempotency_key (
  api_key_id     uuid NOT NULL REFERENCES api_key,
  key            text NOT NULL,
  request_sha256 text NOT NULL,
  status         integer NOT NULL,
  headers        jsonb NOT NULL,
  body           jsonb NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (api_key_id, key)
);


-- 3 Audit -------------------------------------------------------------------------------------------------------------

-- An id of version 7 whose time is the database's, to a quarter of a microsecond, so that events are listed in the order in
-- which they were recorded (RFC 9562, 6.2 method 3): the time in 4096ths of a millisecond, the version between its last
-- three digits and the others.
CREATE FUNCTION event_id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE
RETURN (overlay(lpad(to_hex((extract(epoch FROM at) * 1000000)::bigint * 512 / 125), 15, '0') PLACING '7' FROM 13 FOR 0)
        || right(replace(gen_random_uuid()::text, '-', ''), 16))::uuid;

-- When, in which order and by which login an event was recorded says the database: the service may not write these columns.
CREATE TABLE audit_event (
  id        uuid PRIMARY KEY DEFAULT event_id(clock_timestamp()),
  seller_id uuid REFERENCES seller,
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor     text NOT NULL,
  action    text NOT NULL,
  subject   text NOT NULL,
  data      jsonb NOT NULL DEFAULT '{}',
  login     text NOT NULL DEFAULT session_user
);

-- An API key that is named as the actor must be one of the keys that were ever made.
CREATE FUNCTION refuse_unknown_key() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT owns_table(TG_RELID) AND NOT EXISTS (SELECT FROM api_key WHERE 'api_key:' || id = NEW.actor) THEN
    RAISE EXCEPTION 'an audit event names an actor % that is no API key', NEW.actor USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_event_names_a_key BEFORE INSERT ON audit_event
  FOR EACH ROW WHEN (NEW.actor LIKE 'api\_key:%') EXECUTE FUNCTION refuse_unknown_key();

-- No key is made in silence: the transaction that makes one also records it.
CREATE FUNCTION refuse_silent_key() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT owns_table(TG_RELID) AND NOT EXISTS (SELECT FROM audit_event WHERE subject = 'api_key:' || NEW.id) THEN
    RAISE EXCEPTION 'API key % was made without an audit event', NEW.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER api_key_is_audited AFTER INSERT ON api_key DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION refuse_silent_key();

-- An id begins with the milliseconds of its time, so a span of time is a span of ids; those few events whose id was made by
-- another clock are found by an index of their own.
CREATE FUNCTION event_id_tells_time(id uuid, at timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN abs(extract(epoch FROM at - timestamptz '1970-01-01 00:00:00+00') * 1000
           - ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint) <= 1000;
CREATE INDEX audit_event_astray ON audit_event (id) WHERE NOT event_id_tells_time(id, at);
CREATE INDEX audit_event_seller ON audit_event (seller_id, id);
CREATE INDEX audit_event_subject ON audit_event (subject, id);
CREATE INDEX audit_event_of_action ON audit_event (action, id);
CREATE INDEX audit_event_of_actor ON audit_event (actor, id);
CREATE INDEX audit_event_of_seller_action ON audit_event (seller_id, action, id);
CREATE INDEX audit_event_of_seller_actor ON audit_event (seller_id, actor, id);
CREATE INDEX audit_event_of_actor_action ON audit_event (actor, action, id);


-- 4 Ledger ------------------------------------------------------------------------------------------------------------

-- Ownership of usage. One row per entity, metric and period; no two periods may own one instant; never deleted.
CREATE TABLE usage_window (
  id           uuid NOT NULL,
  account_id   uuid NOT NULL REFERENCES account,
  entity       text NOT NULL,
  metric       text NOT NULL,
  period_label text NOT NULL,
  owned        tstzrange NOT NULL CHECK (NOT isempty(owned)),
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The reference from snapshot to window keeps both months the same, so a window's revisions stay unique.
  month        date NOT NULL GENERATED ALWAYS AS (month_of(period_label)) STORED,
  PRIMARY KEY (id, month),
  EXCLUDE USING gist (account_id WITH =, entity WITH =, metric WITH =, owned WITH &&)
);
-- Usage is asked for by month: of one account for every step of its close, and of all that a close billed when it ends.
-- Without the month at hand that reads the windows of years, and snapshots of every month that there is a table for.
CREATE INDEX usage_window_month_account ON usage_window (month, account_id);

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
  -- everything the answers held, and what of it belongs to other periods; null: not recorded
  fetched_buckets integer,
  fetched_total   numeric,
  margin_buckets  integer,
  margin_total    numeric,
  values_sha256   text NOT NULL,
  -- of the request without its key; null: not recorded
  request_sha256  text,
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
-- Deflated before they come here: PostgreSQL need not try again.
ALTER TABLE usage_values ALTER COLUMN "values" SET STORAGE EXTERNAL;

-- Answers of the report API as they came, the key blotted out: those that were refused, those that lack buckets, and all
-- of a seller who wants them. Personal data, dropped after the seller's retention like the values.
CREATE TABLE usage_evidence (
  id             uuid PRIMARY KEY,
  account_id     uuid NOT NULL REFERENCES account,
  period_label   text NOT NULL,
  entity         text NOT NULL,
  family         text NOT NULL CHECK (family IN ('bytes', 'time', 'bandwidth', 'bandwidth_max')),
  outcome        text NOT NULL CHECK (outcome IN ('complete', 'gaps', 'refused', 'held', 'stopped')),
  -- why it was not believed
  code           text,
  -- of the request without its key; null: not recorded
  request_sha256 text,
  -- of the answer as it came, before the key was blotted out of it
  raw_sha256     text NOT NULL,
  raw_bytes      bigint NOT NULL,
  body           bytea NOT NULL,
  at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (account_id, period_label, entity, family, raw_sha256),
  CHECK ((outcome IN ('refused', 'held', 'stopped')) = (code IS NOT NULL))
);
CREATE TRIGGER usage_evidence_is_frozen BEFORE UPDATE ON usage_evidence
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_evidence_is_kept BEFORE TRUNCATE ON usage_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What every period owns against what was fetched for it, by revision: owned = fetched − margin, on exactly the buckets of
-- the grid that start in the period. Null: fetched figures were not recorded. The month stands at the end: by it a reader
-- finds the windows and the one table of their snapshots.
CREATE VIEW usage_revision_conservation WITH (security_invoker = true) AS
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

-- The same by the latest revision. What a window is found by comes from the window itself, or every question about one
-- account would read all of them.
CREATE VIEW usage_conservation WITH (security_invoker = true) AS
SELECT w.account_id, w.entity, w.metric, w.period_label, w.owned, r.revision, r.grid, r.expected, r.received, r.total,
       r.fetched_buckets, r.fetched_total, r.margin_buckets, r.margin_total, r.conserved
  FROM usage_window w
 CROSS JOIN LATERAL (SELECT * FROM usage_revision_conservation
                      WHERE window_id = w.id ORDER BY revision DESC LIMIT 1) AS r;

-- When the next request with a report API key may be sent, by any process. Nothing here outlives its moment, so it is not
-- written ahead; a key is known by a keyed hash.
CREATE UNLOGGED TABLE report_pace (
  key_id       text PRIMARY KEY,
  next_at      timestamptz NOT NULL DEFAULT '-infinity',
  paused_until timestamptz NOT NULL DEFAULT '-infinity'
);


-- 5 Closes ------------------------------------------------------------------------------------------------------------

-- The month-end. At most one real close that is not cancelled per seller, period, kind and ordinal; dry runs are not unique.
CREATE TABLE close (
  id           uuid PRIMARY KEY,
  seller_id    uuid NOT NULL REFERENCES seller,
  period_label text NOT NULL,
  month        date NOT NULL GENERATED ALWAYS AS (month_of(period_label)) STORED,
  period       tstzrange NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('regular', 'correction')),
  -- Corrections of a period are closed again and again: the next close may open when the one before has finished.
  ordinal      integer NOT NULL DEFAULT 1 CHECK (ordinal >= 1),
  dry_run      boolean NOT NULL,
  issue        text NOT NULL CHECK (issue IN ('after_review', 'automatic')),
  state        text NOT NULL CHECK (state IN ('running', 'review', 'finished', 'cancelled')),
  warnings     jsonb NOT NULL DEFAULT '[]',
  batches      integer NOT NULL DEFAULT 0,
  -- How the close stood when it finished: counts, holds and totals. While it is finished nothing of it moves, so a list of
  -- years of closes need not count their accounts again. Null: counted when read.
  summary      jsonb,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at  timestamptz,
  CHECK (kind = 'correction' OR ordinal = 1)
);
CREATE UNIQUE INDEX close_identity ON close (seller_id, period_label, kind, ordinal)
  WHERE NOT dry_run AND state <> 'cancelled';
CREATE INDEX close_unfinished ON close (state) WHERE state IN ('running', 'review');
CREATE INDEX close_of_seller ON close (seller_id, id);
CREATE INDEX close_of_period ON close (period_label, id);
CREATE INDEX close_of_seller_period ON close (seller_id, period_label, id);

-- Whatever sets a close going again drops its summary.
CREATE FUNCTION drop_close_summary() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.summary := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER close_set_going BEFORE UPDATE ON close FOR EACH ROW
  WHEN (NEW.state <> 'finished' AND NEW.summary IS NOT NULL) EXECUTE FUNCTION drop_close_summary();

CREATE TABLE close_account (
  close_id        uuid NOT NULL REFERENCES close,
  account_id      uuid NOT NULL REFERENCES account,
  batch           integer NOT NULL,
  state           text NOT NULL DEFAULT 'pending'
                  CHECK (state IN ('pending', 'pulling', 'rated', 'waiting', 'drafted', 'issued', 'empty', 'held', 'failed')),
  -- how often the account was taken up from pending; what came of billing it in an earlier round is not taken
  round           integer NOT NULL DEFAULT 0,
  reason_code     text,
  reason_message  text,
  warnings        jsonb NOT NULL DEFAULT '[]',
  -- What a pull and its controls say of the vendor rather than of the account. The close says each once, with the number of
  -- its accounts that bring it; counted from these rows, so that no retry, second worker or restart counts an account twice.
  vendor_warnings jsonb NOT NULL DEFAULT '[]',
  attempts        integer NOT NULL DEFAULT 0,
  -- when the worker that bills the account last gave a sign of life; null: none is at it
  seen_at         timestamptz,
  -- how many workers lost the account in this round
  lost            integer NOT NULL DEFAULT 0,
  -- An account that was stopped by what passes (a report API that is away or asks for patience) waits for its next try. The
  -- next try stands here and not in the queue, so that neither a restart nor a lost queue forgets it.
  next_try_at     timestamptz,
  -- when the account first met what it waits for; kept while it is tried again, until an outcome
  waiting_since   timestamptz,
  -- how often it has met that since
  tries           integer NOT NULL DEFAULT 0,
  -- Series of usage that the account is billed by, while a worker bills it, written with its signs of life. Null: not known
  -- yet, or no worker is at it.
  series_needed   integer,
  series_pulled   integer,
  series_kept     integer,
  invoice_id      uuid,
  -- an operator released the draft; automatic closes need no release
  released        boolean NOT NULL DEFAULT false,
  -- what a dry run found; a real run keeps its draft in draft_invoice
  report          jsonb,
  -- What the report comes to: summing up must not read every report back. Generated, so that they cannot differ from it.
  report_currency text GENERATED ALWAYS AS (report->>'currency') STORED,
  report_net      numeric GENERATED ALWAYS AS ((report->>'net')::numeric) STORED,
  report_tax      numeric GENERATED ALWAYS AS ((report->>'tax')::numeric) STORED,
  report_gross    numeric GENERATED ALWAYS AS ((report->>'gross')::numeric) STORED,
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (close_id, account_id),
  CONSTRAINT close_account_reason_check CHECK ((state IN ('waiting', 'held', 'failed')) = (reason_code IS NOT NULL)),
  CONSTRAINT close_account_next_try_check CHECK ((state = 'waiting') = (next_try_at IS NOT NULL))
);
CREATE INDEX close_account_state ON close_account (close_id, state, account_id);
CREATE INDEX close_account_batch ON close_account (close_id, batch);
-- The sweep asks every few seconds whether a close that ended has work left in it (of one that ended as it should, the first
-- index holds nothing), what is due, and which accounts wait for their own month to settle: those in zones west of their
-- seller's.
CREATE INDEX close_account_unfinished ON close_account (close_id)
  WHERE state IN ('pending', 'pulling', 'rated', 'waiting') OR (state = 'drafted' AND released);
CREATE INDEX close_account_waiting ON close_account (next_try_at) WHERE state = 'waiting';
CREATE INDEX close_account_early ON close_account (close_id)
  WHERE state = 'held' AND reason_code = 'period_not_billable';

-- Every move of a close and of its accounts. No foreign key: it would lock the close's row at every move of an account.
CREATE TABLE close_event (
  -- of the close's period
  month          date NOT NULL,
  close_id       uuid NOT NULL,
  id             bigint GENERATED ALWAYS AS IDENTITY,
  -- null: the close itself
  account_id     uuid,
  -- null: it was added
  from_state     text,
  to_state       text NOT NULL,
  reason_code    text,
  reason_message text,
  -- who asked for it; null: the service's own work
  actor          text,
  at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (close_id, id, month)
) PARTITION BY RANGE (month);
CREATE INDEX close_event_account ON close_event (close_id, account_id, id);
CREATE INDEX close_event_time ON close_event (close_id, at);

-- Moves are recorded by the statement that makes them, all rows of it at once, whatever wrote it. A caller tells who asked
-- and why by transaction-local settings. Kept by triggers alone: they run as the owner, for the tables that they were
-- written for, and the service may only read the moves.
CREATE FUNCTION record_account_moves() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  asked_by  text := nullif(current_setting('meterline.actor', true), '');
  asked_for text := nullif(current_setting('meterline.reason', true), '');
BEGIN
  IF TG_RELID <> 'public.close_account'::regclass THEN RETURN NULL; END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO close_event (month, close_id, account_id, to_state, reason_code, actor)
    SELECT c.month, n.close_id, n.account_id, n.state, asked_for, asked_by
      FROM new_rows n JOIN close c ON c.id = n.close_id ORDER BY n.close_id, n.account_id;
  ELSE
    INSERT INTO close_event (month, close_id, account_id, from_state, to_state, reason_code, reason_message, actor)
    SELECT c.month, n.close_id, n.account_id, o.state, n.state, coalesce(n.reason_code, asked_for), n.reason_message, asked_by
      FROM new_rows n JOIN old_rows o USING (close_id, account_id) JOIN close c ON c.id = n.close_id
     WHERE n.state <> o.state ORDER BY n.close_id, n.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER close_account_added AFTER INSERT ON close_account
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_account_moves();
CREATE TRIGGER close_account_moved AFTER UPDATE ON close_account
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_account_moves();

-- A close opens its month, so that there is a table for its first move.
CREATE FUNCTION record_close_move() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_RELID <> 'public.close'::regclass THEN RETURN NULL; END IF;
  IF TG_OP = 'INSERT' THEN PERFORM open_month(NEW.month); END IF;
  INSERT INTO close_event (month, close_id, from_state, to_state, reason_code, actor)
  VALUES (NEW.month, NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
          nullif(current_setting('meterline.reason', true), ''), nullif(current_setting('meterline.actor', true), ''));
  RETURN NULL;
END $$;
CREATE TRIGGER close_opened AFTER INSERT ON close FOR EACH ROW EXECUTE FUNCTION record_close_move();
CREATE TRIGGER close_moved AFTER UPDATE ON close FOR EACH ROW WHEN (OLD.state <> NEW.state)
  EXECUTE FUNCTION record_close_move();
REVOKE ALL ON FUNCTION record_account_moves(), record_close_move() FROM PUBLIC;

CREATE TABLE draft_invoice (
  close_id        uuid NOT NULL,
  account_id      uuid NOT NULL,
  -- A draft is addressed as the invoice it will become: it keeps its id when it is issued.
  id              uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  -- of its close, filled in by the database
  seller_id       uuid NOT NULL,
  period_label    text NOT NULL,
  inputs_hash     text NOT NULL,
  document        jsonb NOT NULL,
  -- What is reviewed is what is issued: a draft changes, but by the service alone. Null: not recorded.
  document_sha256 text,
  -- what the document comes to, as of a report of a dry run
  currency        text GENERATED ALWAYS AS (document->>'currency') STORED,
  net             numeric GENERATED ALWAYS AS ((document->>'net')::numeric) STORED,
  tax             numeric GENERATED ALWAYS AS ((document->>'tax')::numeric) STORED,
  gross           numeric GENERATED ALWAYS AS ((document->>'gross')::numeric) STORED,
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- the lines of the plan, where an operator left some out; null: those of the document
  rated           jsonb,
  PRIMARY KEY (close_id, account_id),
  FOREIGN KEY (close_id, account_id) REFERENCES close_account
);

-- What an operator does to a draft in review: a line, a note, a line that is left out. It is among what the draft is computed
-- from and applies again when it is drawn up anew; one that is withdrawn stays as a row.
CREATE TABLE draft_edit (
  id           uuid PRIMARY KEY,
  close_id     uuid NOT NULL,
  account_id   uuid NOT NULL,
  edit         jsonb NOT NULL,
  made_by      text NOT NULL,
  made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  withdrawn_by text,
  withdrawn_at timestamptz,
  FOREIGN KEY (close_id, account_id) REFERENCES close_account,
  CHECK (num_nonnulls(withdrawn_by, withdrawn_at) IN (0, 2))
);
CREATE INDEX draft_edit_of_account ON draft_edit (close_id, account_id, id);
CREATE TRIGGER draft_edit_is_frozen BEFORE UPDATE ON draft_edit FOR EACH ROW WHEN (
  OLD.withdrawn_at IS NOT NULL
  OR (NEW.id, NEW.close_id, NEW.account_id, NEW.edit, NEW.made_by, NEW.made_at)
     IS DISTINCT FROM (OLD.id, OLD.close_id, OLD.account_id, OLD.edit, OLD.made_by, OLD.made_at))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER draft_edit_stays BEFORE DELETE ON draft_edit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER draft_edit_is_kept BEFORE TRUNCATE ON draft_edit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE INDEX draft_invoice_of_account ON draft_invoice (account_id, id);
CREATE INDEX draft_invoice_of_seller ON draft_invoice (seller_id, id);
CREATE INDEX draft_invoice_of_period ON draft_invoice (period_label, id);
CREATE INDEX draft_invoice_of_seller_period ON draft_invoice (seller_id, period_label, id);
CREATE INDEX draft_invoice_of_close ON draft_invoice (close_id, id);

CREATE FUNCTION draft_is_of_its_close() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  SELECT c.seller_id, c.period_label INTO NEW.seller_id, NEW.period_label FROM close c WHERE c.id = NEW.close_id;
  RETURN NEW;
END $$;
CREATE TRIGGER draft_is_of_its_close BEFORE INSERT ON draft_invoice FOR EACH ROW EXECUTE FUNCTION draft_is_of_its_close();

-- What an account of a close was computed from when it came to nothing, as it stood then. An account that usage sent back
-- to work may come to nothing again; the latest row is the one that stands.
CREATE TABLE empty_period (
  id         uuid PRIMARY KEY,
  close_id   uuid NOT NULL,
  account_id uuid NOT NULL,
  inputs     jsonb NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (close_id, account_id) REFERENCES close_account
);
CREATE INDEX empty_period_account ON empty_period (close_id, account_id, at);

-- An operator lets one hold of one account pass, for one close, and says why.
CREATE TABLE close_waiver (
  id         uuid PRIMARY KEY,
  close_id   uuid NOT NULL,
  account_id uuid NOT NULL,
  code       text NOT NULL,
  reason     text NOT NULL CHECK (reason <> ''),
  -- what the hold said when it was waived
  message    text NOT NULL,
  actor      text NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (close_id, account_id, code),
  FOREIGN KEY (close_id, account_id) REFERENCES close_account
);
CREATE TRIGGER close_waiver_is_recorded_now BEFORE INSERT ON close_waiver
  FOR EACH ROW WHEN (NEW.at < date_trunc('second', transaction_timestamp())) EXECUTE FUNCTION refuse_past_event();

-- When a seller's months are closed by themselves.
CREATE TABLE close_schedule (
  seller_id       uuid PRIMARY KEY REFERENCES seller,
  -- a day that a month does not have is its last day
  day             integer NOT NULL CHECK (day BETWEEN 1 AND 31),
  hour            integer NOT NULL CHECK (hour BETWEEN 0 AND 23),
  minute          integer NOT NULL CHECK (minute BETWEEN 0 AND 59),
  time_zone       text NOT NULL,
  issue           text NOT NULL CHECK (issue IN ('after_review', 'automatic')),
  -- it holds from here on: what was due before is not made up for
  effective_from  timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor           text NOT NULL,
  last_period     text,
  last_close_id   uuid REFERENCES close,
  last_opened_at  timestamptz
);

-- What certificates are signed with: one pair per installation, the private key sealed with METERLINE_SECRET_KEY.
CREATE TABLE certificate_key (
  -- sha256 over the public key (SPKI, DER), hexadecimal
  id          text PRIMARY KEY,
  public_key  text NOT NULL,
  private_key bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- set when the key is rotated; in the same transaction the next is made
  retired_at  timestamptz
);
CREATE UNIQUE INDEX certificate_key_in_use ON certificate_key ((true)) WHERE retired_at IS NULL;

-- A key may be retired once; what it is never changes, or old certificates could not be checked.
CREATE TRIGGER certificate_key_is_frozen BEFORE UPDATE ON certificate_key
  FOR EACH ROW WHEN (OLD.retired_at IS NOT NULL
    OR (NEW.id, NEW.public_key, NEW.private_key, NEW.created_at)
       IS DISTINCT FROM (OLD.id, OLD.public_key, OLD.private_key, OLD.created_at))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER certificate_key_stays BEFORE DELETE ON certificate_key
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER certificate_key_is_kept BEFORE TRUNCATE ON certificate_key
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One revision per time a close finishes, written by the transaction that finishes it.
CREATE TABLE close_certificate (
  close_id        uuid NOT NULL REFERENCES close,
  revision        integer NOT NULL CHECK (revision >= 1),
  -- over the document's text
  sha256          text NOT NULL,
  previous_sha256 text,
  key_id          text NOT NULL REFERENCES certificate_key,
  -- canonical JSON, served as it stands here
  document        text NOT NULL,
  issued_at       timestamptz NOT NULL,
  PRIMARY KEY (close_id, revision),
  UNIQUE (close_id, sha256),
  FOREIGN KEY (close_id, previous_sha256) REFERENCES close_certificate (close_id, sha256),
  CHECK ((revision = 1) = (previous_sha256 IS NULL))
);


-- 6 Documents ---------------------------------------------------------------------------------------------------------

-- One counter per seller, kind of document and fiscal year, taken in the issuing transaction: a rollback gives it back.
CREATE TABLE number_series (
  seller_id      uuid NOT NULL REFERENCES seller,
  kind           text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'debit_note')),
  fiscal_year    integer NOT NULL,
  next_sequence  bigint NOT NULL,
  last_issued_at timestamptz NOT NULL,
  PRIMARY KEY (seller_id, kind, fiscal_year)
);

-- A series goes up. A number that was taken and is not issued is given back by rolling its transaction back.
CREATE FUNCTION refuse_lower_number() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF owns_table(TG_RELID) THEN RETURN NEW; END IF;
  IF (NEW.seller_id, NEW.kind, NEW.fiscal_year) IS DISTINCT FROM (OLD.seller_id, OLD.kind, OLD.fiscal_year)
     OR NEW.next_sequence < OLD.next_sequence OR NEW.last_issued_at < OLD.last_issued_at THEN
    RAISE EXCEPTION 'a number series only goes up: next_sequence % to %', OLD.next_sequence, NEW.next_sequence
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER number_series_goes_up BEFORE UPDATE ON number_series FOR EACH ROW EXECUTE FUNCTION refuse_lower_number();

CREATE TABLE invoice (
  id              uuid PRIMARY KEY,
  seller_id       uuid NOT NULL REFERENCES seller,
  account_id      uuid NOT NULL REFERENCES account,
  -- null: a note that an operator issued on its own
  close_id        uuid REFERENCES close,
  kind            text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'debit_note')),
  number          text NOT NULL,
  fiscal_year     integer NOT NULL,
  sequence        bigint NOT NULL,
  period_label    text NOT NULL,
  month           date NOT NULL GENERATED ALWAYS AS (month_of(period_label)) STORED,
  period          tstzrange NOT NULL,
  revision        integer NOT NULL CHECK (revision >= 1),
  currency        text NOT NULL,
  net             numeric NOT NULL,
  tax             numeric NOT NULL,
  gross           numeric NOT NULL,
  rounding        numeric NOT NULL,
  payable         numeric NOT NULL,
  issued_at       timestamptz NOT NULL,
  issue_date      date NOT NULL,
  due_date        date NOT NULL,
  document        jsonb NOT NULL,
  document_sha256 text NOT NULL,
  inputs_hash     text NOT NULL,
  layout_version  integer NOT NULL,
  -- the number first: by it alone documents are searched for
  UNIQUE (number, seller_id),
  UNIQUE (seller_id, kind, fiscal_year, sequence),
  UNIQUE (account_id, period_label, revision),
  -- for what refers to a document from a partition
  CONSTRAINT invoice_month UNIQUE (id, month),
  CHECK (net + tax = gross),
  CHECK (gross + rounding = payable)
);

-- Whether the columns of a document say what the document says, digit for digit. Null is no agreement. The document is
-- opened once, and compared as text, so that nothing in it can make the comparison fail. What was stored is not believed
-- because it is there: constraints are kept also where a superuser has switched triggers off.
CREATE FUNCTION invoice_agrees(i invoice) RETURNS boolean LANGUAGE sql STABLE
RETURN (
  SELECT (i.id::text = d.id AND i.account_id::text = d.account AND i.kind = d.kind AND i.number = d.number
      AND right(i.number, length(i.sequence::text)) = i.sequence::text
      AND i.period_label = d.period->>'label'
      AND to_char(lower(i.period) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') = d.period->>'start'
      AND to_char(upper(i.period) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') = d.period->>'end'
      AND i.revision::text = d.revision AND i.currency = d.currency
      AND i.net::text = d.net AND i.tax::text = d.tax AND i.gross::text = d.gross
      AND i.rounding::text = d.rounding AND i.payable::text = d.payable
      AND to_char(i.issued_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') = d.issued_at
      AND to_char(i.issue_date, 'YYYY-MM-DD') = d.issue_date AND to_char(i.due_date, 'YYYY-MM-DD') = d.due_date
      AND i.inputs_hash = d.inputs_hash) IS TRUE
    FROM jsonb_to_record(i.document) AS d (
      id text, account text, kind text, number text, period jsonb, revision text, currency text, net text, tax text,
      gross text, rounding text, payable text, issued_at text, issue_date text, due_date text, inputs_hash text)
);
ALTER TABLE invoice ADD CONSTRAINT invoice_agrees_with_its_document CHECK (invoice_agrees(invoice));

-- Documents are listed in the order of issue.
CREATE INDEX invoice_order ON invoice (issued_at, sequence, id);
CREATE INDEX invoice_of_account ON invoice (account_id, issued_at, sequence, id);
CREATE INDEX invoice_of_seller ON invoice (seller_id, issued_at, sequence, id);
CREATE INDEX invoice_of_period ON invoice (period_label, issued_at, sequence, id);
CREATE INDEX invoice_of_seller_period ON invoice (seller_id, period_label, issued_at, sequence, id);
CREATE INDEX invoice_of_close ON invoice (close_id, issued_at, sequence, id);
-- What a certificate and an archive read, page by page.
CREATE INDEX invoice_in_order_of_close ON invoice (close_id, kind, fiscal_year, sequence);
-- The notes of a seller's period that no close issued.
CREATE INDEX invoice_without_close ON invoice (seller_id, period_label) WHERE close_id IS NULL;

ALTER TABLE close_account ADD FOREIGN KEY (invoice_id) REFERENCES invoice;

-- What is issued is issued now. An issuing transaction reads the clock under the lock of its series, so no document of it is
-- older than the transaction; its seconds are whole.
CREATE FUNCTION refuse_past_issue() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT owns_table(TG_RELID) THEN
    RAISE EXCEPTION 'a document dated % is not issued now', NEW.issued_at USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoice_is_issued_now BEFORE INSERT ON invoice
  FOR EACH ROW WHEN (NEW.issued_at < date_trunc('second', transaction_timestamp())) EXECUTE FUNCTION refuse_past_issue();

-- Currency, zone and seller of an account are part of what was issued.
CREATE FUNCTION refuse_frozen_account() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF (NEW.currency, NEW.time_zone, NEW.seller_id) IS DISTINCT FROM (OLD.currency, OLD.time_zone, OLD.seller_id)
     AND EXISTS (SELECT FROM invoice WHERE account_id = OLD.id) THEN
    RAISE EXCEPTION 'currency, time_zone and seller of an account are frozen after its first invoice'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER account_is_partly_frozen BEFORE UPDATE ON account
  FOR EACH ROW EXECUTE FUNCTION refuse_frozen_account();

CREATE TABLE invoice_line (
  month        date NOT NULL,
  invoice_id   uuid NOT NULL,
  position     integer NOT NULL,
  charge       text NOT NULL,
  kind         text NOT NULL,
  description  text NOT NULL,
  dimension    text,
  entity       text,
  quantity     numeric NOT NULL,
  unit         text NOT NULL,
  amount       numeric NOT NULL,
  tax_category text,
  PRIMARY KEY (invoice_id, position, month),
  CONSTRAINT invoice_line_invoice FOREIGN KEY (invoice_id, month) REFERENCES invoice (id, month)
) PARTITION BY RANGE (month);

CREATE TABLE invoice_tax (
  invoice_id uuid NOT NULL REFERENCES invoice,
  position   integer NOT NULL,
  name       text NOT NULL,
  category   text NOT NULL,
  rate       numeric NOT NULL,
  base       numeric NOT NULL,
  amount     numeric NOT NULL,
  PRIMARY KEY (invoice_id, position)
);

-- What a document was computed from, as it stood in the issuing transaction. invoice.inputs_hash is the sha256 of its
-- canonical JSON, so that later edits of sellers, accounts, entities and plans can neither reach nor be mistaken for it.
CREATE TABLE invoice_inputs (
  invoice_id uuid PRIMARY KEY REFERENCES invoice,
  inputs     jsonb NOT NULL
);

-- What comes after issuing lives beside the invoice, insert-only.
CREATE TABLE invoice_event (
  id         uuid NOT NULL,
  invoice_id uuid NOT NULL REFERENCES invoice,
  -- a debit note leaves the status of the document that it corrects alone
  type       text NOT NULL CHECK (type IN ('issued', 'credited', 'debited', 'voided', 'paid')),
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  data       jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (invoice_id, id)
);
CREATE TRIGGER invoice_event_is_recorded_now BEFORE INSERT ON invoice_event
  FOR EACH ROW WHEN (NEW.at < date_trunc('second', transaction_timestamp())) EXECUTE FUNCTION refuse_past_event();

-- What an operator credits (below 0) or charges an account beside its plan: once, by the next invoice or by a note of its own.
CREATE TABLE adjustment (
  id            uuid PRIMARY KEY,
  seller_id     uuid NOT NULL REFERENCES seller,
  account_id    uuid NOT NULL REFERENCES account,
  -- YYYY-MM: the first month whose invoice may draw it; null: whichever comes next
  period_label  text,
  amount        numeric NOT NULL CHECK (amount <> 0),
  currency      text NOT NULL,
  reason        text NOT NULL,
  tax           text,
  tax_category  text,
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  cancelled_by  text,
  cancelled_at  timestamptz,
  cancel_reason text,
  CHECK (num_nonnulls(tax, tax_category) <= 1),
  CHECK (num_nonnulls(cancelled_by, cancelled_at, cancel_reason) IN (0, 3))
);
CREATE INDEX adjustment_of_account ON adjustment (account_id, id);
CREATE TRIGGER adjustment_is_frozen BEFORE UPDATE ON adjustment FOR EACH ROW WHEN (
  OLD.cancelled_at IS NOT NULL
  OR (NEW.id, NEW.seller_id, NEW.account_id, NEW.period_label, NEW.amount, NEW.currency, NEW.reason, NEW.tax, NEW.tax_category,
      NEW.created_by, NEW.created_at)
     IS DISTINCT FROM
     (OLD.id, OLD.seller_id, OLD.account_id, OLD.period_label, OLD.amount, OLD.currency, OLD.reason, OLD.tax, OLD.tax_category,
      OLD.created_by, OLD.created_at))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustment_stays BEFORE DELETE ON adjustment FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustment_is_kept BEFORE TRUNCATE ON adjustment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which document drew an adjustment. Of those that stand one at most: a void gives it back, and the next invoice draws it.
CREATE TABLE adjustment_draw (
  adjustment_id uuid NOT NULL REFERENCES adjustment,
  invoice_id    uuid NOT NULL REFERENCES invoice,
  drawn_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  given_back_at timestamptz,
  PRIMARY KEY (adjustment_id, invoice_id)
);
CREATE UNIQUE INDEX adjustment_drawn_once ON adjustment_draw (adjustment_id) WHERE given_back_at IS NULL;
CREATE INDEX adjustment_draw_of_invoice ON adjustment_draw (invoice_id);
CREATE TRIGGER adjustment_draw_is_frozen BEFORE UPDATE ON adjustment_draw FOR EACH ROW WHEN (
  OLD.given_back_at IS NOT NULL
  OR (NEW.adjustment_id, NEW.invoice_id, NEW.drawn_at) IS DISTINCT FROM (OLD.adjustment_id, OLD.invoice_id, OLD.drawn_at))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustment_draw_stays BEFORE DELETE ON adjustment_draw FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustment_draw_is_kept BEFORE TRUNCATE ON adjustment_draw
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE stored_document (
  month      date NOT NULL,
  invoice_id uuid NOT NULL,
  kind       text NOT NULL,
  layout     integer NOT NULL,
  sha256     text NOT NULL,
  bytes      bytea NOT NULL,
  stored_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (invoice_id, kind, month),
  CONSTRAINT stored_document_invoice FOREIGN KEY (invoice_id, month) REFERENCES invoice (id, month),
  CONSTRAINT stored_document_has_its_hash CHECK (sha256 = encode(sha256(bytes), 'hex'))
) PARTITION BY RANGE (month);
-- A PDF is deflated inside.
ALTER TABLE stored_document ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- What an e-invoice portal of India answered: beside the document, which was issued before.
CREATE TABLE irn_registration (
  invoice_id     uuid PRIMARY KEY REFERENCES invoice,
  irn            text NOT NULL UNIQUE,
  ack_no         text NOT NULL,
  ack_date       text NOT NULL,
  signed_qr_code text NOT NULL,
  signed_invoice text NOT NULL,
  registered_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Issued documents whose PDF is not stored yet. The sweep asks every few seconds; without this list it would look at every
-- document ever issued. Kept by triggers: what is issued is on it and what is stored is off it, whatever writes.
CREATE TABLE invoice_unrendered (
  invoice_id uuid PRIMARY KEY REFERENCES invoice
);

CREATE FUNCTION invoice_awaits_pdf() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO invoice_unrendered SELECT id FROM new_rows;
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_awaits_pdf AFTER INSERT ON invoice
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION invoice_awaits_pdf();

CREATE FUNCTION invoice_has_pdf() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM invoice_unrendered WHERE invoice_id IN (SELECT n.invoice_id FROM new_rows n WHERE n.kind = 'pdf');
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_has_pdf AFTER INSERT ON stored_document
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION invoice_has_pdf();

-- Notes that no close issues (corrections one by one, voids) stand on the certificate of the close that billed their period.
-- Those that are on no revision yet: the sweep writes the next one for them. Kept by a trigger: what is issued is on the
-- list, whatever writes, from the same transaction on; the worker that certifies takes it off. Without it the sweep would
-- have to look through every finished close. No foreign key to the close: it would wait for the transaction that ends it.
CREATE TABLE invoice_uncertified (
  invoice_id uuid PRIMARY KEY REFERENCES invoice,
  close_id   uuid NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX invoice_uncertified_close ON invoice_uncertified (close_id, at);

CREATE FUNCTION invoice_awaits_certificate() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO invoice_uncertified (invoice_id, close_id)
  SELECT NEW.id, c.id FROM close c
   WHERE c.seller_id = NEW.seller_id AND c.period_label = NEW.period_label AND c.kind = 'regular' AND NOT c.dry_run
     AND c.state <> 'cancelled';
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_awaits_certificate AFTER INSERT ON invoice FOR EACH ROW WHEN (NEW.close_id IS NULL)
  EXECUTE FUNCTION invoice_awaits_certificate();

-- What has become of a document, beside what its list is filtered and ordered by. Follows from invoice and invoice_event:
-- voided for ever once it is voided, else credited once it is credited. Kept by triggers alone: the service may only read it.
CREATE TABLE invoice_status (
  invoice_id   uuid PRIMARY KEY REFERENCES invoice,
  status       text NOT NULL CHECK (status IN ('issued', 'credited', 'voided')),
  seller_id    uuid NOT NULL,
  close_id     uuid,
  period_label text NOT NULL,
  issued_at    timestamptz NOT NULL,
  sequence     bigint NOT NULL
);
CREATE INDEX invoice_status_order ON invoice_status (status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_seller ON invoice_status (seller_id, status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_period ON invoice_status (period_label, status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_seller_period
  ON invoice_status (seller_id, period_label, status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_close ON invoice_status (close_id, status, issued_at, sequence, invoice_id);

-- Both run as the owner, and work for the tables they were written for and for no temporary one of a caller.
CREATE FUNCTION invoice_has_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_RELID <> 'public.invoice'::regclass THEN RETURN NULL; END IF;
  INSERT INTO invoice_status (invoice_id, status, seller_id, close_id, period_label, issued_at, sequence)
  SELECT id, 'issued', seller_id, close_id, period_label, issued_at, sequence FROM new_rows;
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_has_status AFTER INSERT ON invoice
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION invoice_has_status();

-- The condition is asked again when another transaction's event of the same document was waited for.
CREATE FUNCTION invoice_changes_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_RELID <> 'public.invoice_event'::regclass THEN RETURN NULL; END IF;
  UPDATE invoice_status SET status = NEW.type
   WHERE invoice_id = NEW.invoice_id AND status <> NEW.type AND status <> 'voided';
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_changes_status AFTER INSERT ON invoice_event FOR EACH ROW WHEN (NEW.type IN ('credited', 'voided'))
  EXECUTE FUNCTION invoice_changes_status();
REVOKE ALL ON FUNCTION invoice_has_status(), invoice_changes_status() FROM PUBLIC;


-- 7 Upkeep ------------------------------------------------------------------------------------------------------------

-- A period is pulled again after its first document was issued, on a schedule and whenever an operator asks; one that billed
-- an account nothing likewise, for usage that comes late must not stay unbilled for ever. One list of pulls for both, so
-- that what is due is found by one index, however many accounts came to nothing.
CREATE TABLE confirming_pull (
  id              uuid PRIMARY KEY,
  invoice_id      uuid REFERENCES invoice,
  empty_id        uuid REFERENCES empty_period,
  due_at          timestamptz NOT NULL,
  -- who asked for it; null: the schedule
  requested_by    text,
  -- when a worker may take it: later than due_at while another has it in hand, and after an attempt that failed
  next_attempt_at timestamptz NOT NULL,
  attempts        integer NOT NULL DEFAULT 0,
  -- when the pull first met what it waits for, as an account of a close does; null: it waits for nothing
  waiting_since   timestamptz,
  -- how often it has met that; such attempts are not among those that may fail
  tries           integer NOT NULL DEFAULT 0,
  outcome         text CHECK (outcome IN (
                    'equal', 'no_difference', 'proposed', 'voided', 'reopened', 'superseded', 'held', 'failed')),
  -- why the last attempt led to nothing
  reason_code     text,
  reason_message  text,
  done_at         timestamptz,
  CHECK ((done_at IS NULL) = (outcome IS NULL)),
  CHECK (num_nonnulls(invoice_id, empty_id) = 1)
);
CREATE INDEX confirming_pull_invoice ON confirming_pull (invoice_id);
CREATE INDEX confirming_pull_empty ON confirming_pull (empty_id) WHERE empty_id IS NOT NULL;
CREATE INDEX confirming_pull_due ON confirming_pull (next_attempt_at) WHERE done_at IS NULL;

-- What the documents of an account's period must be corrected by. One proposal per usage that a pull brought and set of
-- documents that it would correct; of an account's period at most one is open.
CREATE TABLE correction (
  id              uuid PRIMARY KEY,
  seller_id       uuid NOT NULL REFERENCES seller,
  account_id      uuid NOT NULL REFERENCES account,
  period_label    text NOT NULL,
  -- the first document of the period
  original_id     uuid NOT NULL REFERENCES invoice,
  -- the last revision it takes into account
  base_revision   integer NOT NULL CHECK (base_revision >= 1),
  cause           text NOT NULL CHECK (cause IN ('usage', 'void', 'credit', 'adjustment')),
  state           text NOT NULL CHECK (state IN ('proposed', 'issued', 'dismissed', 'superseded')),
  -- over the values of every window of the period; null for what an operator decides, which needs none
  usage_sha256    text CHECK ((usage_sha256 IS NULL) = (cause <> 'usage')),
  inputs          jsonb NOT NULL,
  inputs_hash     text NOT NULL,
  document        jsonb NOT NULL,
  -- What is reviewed is what is issued, as of a draft. Null: not recorded.
  document_sha256 text,
  -- the seller's setting when it was proposed
  automatic       boolean NOT NULL DEFAULT false,
  invoice_id      uuid UNIQUE REFERENCES invoice,
  reason          text,
  decided_by      text,
  decided_at      timestamptz,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((state = 'issued') = (invoice_id IS NOT NULL)),
  CHECK ((state IN ('issued', 'dismissed')) = (decided_at IS NOT NULL))
);
CREATE UNIQUE INDEX correction_identity ON correction (account_id, period_label, base_revision, usage_sha256)
  WHERE cause = 'usage';
CREATE UNIQUE INDEX correction_open ON correction (account_id, period_label) WHERE state = 'proposed';
CREATE INDEX correction_automatic ON correction (id) WHERE state = 'proposed' AND automatic;
CREATE INDEX correction_of_account ON correction (account_id, id);
CREATE INDEX correction_of_seller ON correction (seller_id, id);
CREATE INDEX correction_of_period ON correction (period_label, id);
CREATE INDEX correction_seller_period ON correction (seller_id, period_label, id);
CREATE INDEX correction_of_state ON correction (state, id);
CREATE INDEX correction_of_seller_state ON correction (seller_id, state, id);
CREATE INDEX correction_of_period_state ON correction (period_label, state, id);
CREATE INDEX correction_of_seller_period_state ON correction (seller_id, period_label, state, id);

-- A decided correction stays decided.
CREATE TRIGGER correction_is_frozen BEFORE UPDATE OR DELETE ON correction
  FOR EACH ROW WHEN (OLD.state IN ('issued', 'dismissed')) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER correction_is_kept BEFORE TRUNCATE ON correction
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row per time that all stored documents and certificates were checked. A worker checks a slice under the row's lock
-- and moves the place on in the same transaction, so what a dead one had in hand is checked by the next.
CREATE TABLE document_check (
  id         uuid PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- what there was to check when it began; sets the pace
  expected   integer NOT NULL,
  phase      text NOT NULL DEFAULT 'documents' CHECK (phase IN ('documents', 'certificates')),
  -- the last one that was checked in this phase
  after      uuid,
  checked    integer NOT NULL DEFAULT 0,
  altered    integer NOT NULL DEFAULT 0,
  ended_at   timestamptz
);
CREATE UNIQUE INDEX document_check_under_way ON document_check ((true)) WHERE ended_at IS NULL;
CREATE INDEX document_check_ended ON document_check (ended_at);

-- What was found not to be as it was stored. One row per thing while it is so; mended when a later check finds it right.
CREATE TABLE document_alteration (
  id        uuid PRIMARY KEY,
  seller_id uuid NOT NULL REFERENCES seller,
  -- <kind>:<id>
  subject   text NOT NULL,
  part      text NOT NULL,
  -- as people know it: the number of a document, the revision of a certificate
  name      text NOT NULL,
  found_by  text NOT NULL CHECK (found_by IN ('read', 'check')),
  found_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  mended_at timestamptz
);
CREATE UNIQUE INDEX document_alteration_open ON document_alteration (subject, part) WHERE mended_at IS NULL;


-- 8 Frozen ------------------------------------------------------------------------------------------------------------

-- Rows of these tables are only ever inserted, by the owner too.
DO $$
DECLARE frozen text;
BEGIN
  FOREACH frozen IN ARRAY ARRAY[
    'audit_event', 'close_certificate', 'close_event', 'close_waiver', 'empty_period', 'invoice', 'invoice_event',
    'invoice_inputs', 'invoice_line', 'invoice_tax', 'irn_registration', 'stored_document', 'usage_snapshot', 'usage_window'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
                   frozen || '_is_frozen', frozen);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                   frozen || '_is_kept', frozen);
  END LOOP;
END $$;


-- 9 Months ------------------------------------------------------------------------------------------------------------

-- Makes the partitions of a month where they are missing: when a close is opened, and before usage is kept for it; or those
-- of one table. The service owns no table, so it asks the owner through this function. A table is made first and attached
-- then: that waits for writers but stops no reader. A table comes after the one that it refers to.
CREATE FUNCTION open_month(day date, only_of text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  first_day date := date_trunc('month', day)::date;
  next_month date := (first_day + interval '1 month')::date;
  parents text[] := ARRAY(
    SELECT p FROM unnest(ARRAY['usage_snapshot', 'usage_values', 'close_event', 'invoice_line', 'stored_document']) AS p
     WHERE only_of IS NULL OR p = only_of);
  parts text[] := ARRAY(SELECT p || to_char(first_day, '_YYYYMM') FROM unnest(parents) AS p);
  parent text;
  part text;
BEGIN
  IF day NOT BETWEEN '1970-01-01' AND '2200-01-01' THEN
    RAISE EXCEPTION 'no month is kept for %', day USING ERRCODE = 'datetime_field_overflow';
  END IF;
  IF (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(parts)) = cardinality(parts) THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('open_month', 0));
  FOREACH parent IN ARRAY parents LOOP
    part := parent || to_char(first_day, '_YYYYMM');
    CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = part);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING IDENTITY)', part, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, first_day, next_month);
    -- A trigger on the parent stops no TRUNCATE of a partition. Values may go: they are personal data.
    IF parent <> 'usage_values' THEN
      EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                     part || '_is_kept', part);
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION open_month(date, text) FROM PUBLIC;

-- Whether there is a table for the lines of a month. One that was dropped says nothing of the documents beside it.
CREATE FUNCTION keeps_lines(month date) RETURNS boolean LANGUAGE sql STABLE
RETURN to_regclass('public.invoice_line_' || to_char(month, 'YYYYMM')) IS NOT NULL;
