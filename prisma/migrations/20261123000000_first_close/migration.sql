-- The first close: parties, plans, usage windows and snapshots, closes, documents.
-- Run as the owner. The service itself works as meterline_service, which may insert issued documents but never change them.

CREATE EXTENSION IF NOT EXISTS btree_gist;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'meterline_service') THEN
    CREATE ROLE meterline_service NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- roles belong to the cluster: another database's migration was faster
END $$;
DO $$ BEGIN EXECUTE format('GRANT meterline_service TO %I', current_user); END $$;

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
  invoice_prefix     text NOT NULL DEFAULT 'INV',
  fiscal_year_start  integer NOT NULL DEFAULT 1 CHECK (fiscal_year_start BETWEEN 1 AND 12),
  number_start       integer NOT NULL DEFAULT 1 CHECK (number_start >= 1),
  rounding           text NOT NULL DEFAULT 'half_up' CHECK (rounding IN ('half_up', 'half_even')),
  payable_rounding   text NOT NULL DEFAULT 'none' CHECK (payable_rounding IN ('none', '1', '0.05')),
  payment_terms_days integer NOT NULL DEFAULT 30 CHECK (payment_terms_days >= 0),
  settle_hours       integer CHECK (settle_hours >= 0),
  edge_policy        text NOT NULL DEFAULT 'own_by_start' CHECK (edge_policy IN ('own_by_start', 'refuse')),
  bank               jsonb,
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
  report_api_key     bytea,
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (seller_id, external_id)
);

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
CREATE INDEX entity_account ON entity (account_id);

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
CREATE INDEX subscription_plan ON subscription (plan_code);

-- The month-end. At most one real close that is not cancelled per seller, period and kind; dry runs are not unique.
CREATE TABLE close (
  id           uuid PRIMARY KEY,
  seller_id    uuid NOT NULL REFERENCES seller,
  period_label text NOT NULL,
  period       tstzrange NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('regular', 'correction')),
  dry_run      boolean NOT NULL,
  issue        text NOT NULL CHECK (issue IN ('after_review', 'automatic')),
  state        text NOT NULL CHECK (state IN ('running', 'review', 'finished', 'cancelled')),
  warnings     jsonb NOT NULL DEFAULT '[]',
  batches      integer NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at  timestamptz
);
CREATE UNIQUE INDEX close_identity ON close (seller_id, period_label, kind) WHERE NOT dry_run AND state <> 'cancelled';
CREATE INDEX close_unfinished ON close (state) WHERE state IN ('running', 'review');

CREATE TABLE close_account (
  close_id       uuid NOT NULL REFERENCES close,
  account_id     uuid NOT NULL REFERENCES account,
  batch          integer NOT NULL,
  state          text NOT NULL DEFAULT 'pending'
                 CHECK (state IN ('pending', 'pulling', 'rated', 'drafted', 'issued', 'empty', 'held', 'failed')),
  reason_code    text,
  reason_message text,
  warnings       jsonb NOT NULL DEFAULT '[]',
  attempts       integer NOT NULL DEFAULT 0,
  invoice_id     uuid,
  -- an operator released the draft; automatic closes need no release
  released       boolean NOT NULL DEFAULT false,
  -- what a dry run found; a real run keeps its draft in draft_invoice
  report         jsonb,
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (close_id, account_id),
  CHECK ((state IN ('held', 'failed')) = (reason_code IS NOT NULL))
);
CREATE INDEX close_account_state ON close_account (close_id, state, account_id);
CREATE INDEX close_account_batch ON close_account (close_id, batch);

-- Ownership of usage. One row per entity, metric and period; no two periods may own one instant; never deleted.
CREATE TABLE usage_window (
  id           uuid PRIMARY KEY,
  account_id   uuid NOT NULL REFERENCES account,
  entity       text NOT NULL,
  metric       text NOT NULL,
  period_label text NOT NULL,
  owned        tstzrange NOT NULL CHECK (NOT isempty(owned)),
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  EXCLUDE USING gist (account_id WITH =, entity WITH =, metric WITH =, owned WITH &&)
);

CREATE TABLE usage_snapshot (
  id             uuid PRIMARY KEY,
  window_id      uuid NOT NULL REFERENCES usage_window,
  revision       integer NOT NULL CHECK (revision >= 1),
  grid           text NOT NULL CHECK (grid IN ('DAY', 'HOUR', 'SLOT')),
  first_start    timestamptz NOT NULL,
  expected       integer NOT NULL,
  received       integer NOT NULL,
  -- sum of all values: a total for counts, a check figure for rates
  total          numeric NOT NULL,
  values_sha256  text NOT NULL,
  raw_sha256     text NOT NULL,
  raw_bytes      bigint NOT NULL,
  dialect_sha256 text NOT NULL,
  pulled_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (window_id, revision)
);

-- The values themselves, compressed: personal data, dropped after the seller's retention while the snapshot stays.
CREATE TABLE usage_values (
  snapshot_id uuid PRIMARY KEY REFERENCES usage_snapshot,
  "values"    bytea NOT NULL
);

CREATE TABLE draft_invoice (
  close_id    uuid NOT NULL,
  account_id  uuid NOT NULL,
  inputs_hash text NOT NULL,
  document    jsonb NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (close_id, account_id),
  FOREIGN KEY (close_id, account_id) REFERENCES close_account
);

-- One counter per seller, kind of document and fiscal year, taken in the issuing transaction: a rollback gives it back.
CREATE TABLE number_series (
  seller_id      uuid NOT NULL REFERENCES seller,
  kind           text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'debit_note')),
  fiscal_year    integer NOT NULL,
  next_sequence  bigint NOT NULL,
  last_issued_at timestamptz NOT NULL,
  PRIMARY KEY (seller_id, kind, fiscal_year)
);

CREATE TABLE invoice (
  id              uuid PRIMARY KEY,
  seller_id       uuid NOT NULL REFERENCES seller,
  account_id      uuid NOT NULL REFERENCES account,
  close_id        uuid NOT NULL REFERENCES close,
  kind            text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'debit_note')),
  number          text NOT NULL,
  fiscal_year     integer NOT NULL,
  sequence        bigint NOT NULL,
  period_label    text NOT NULL,
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
  UNIQUE (seller_id, number),
  UNIQUE (seller_id, kind, fiscal_year, sequence),
  UNIQUE (account_id, period_label, revision),
  CHECK (net + tax = gross),
  CHECK (gross + rounding = payable)
);
CREATE INDEX invoice_account ON invoice (account_id, id);
CREATE INDEX invoice_seller_period ON invoice (seller_id, period_label, id);
CREATE INDEX invoice_close ON invoice (close_id);
ALTER TABLE close_account ADD FOREIGN KEY (invoice_id) REFERENCES invoice;

CREATE TABLE invoice_line (
  invoice_id   uuid NOT NULL REFERENCES invoice,
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
  PRIMARY KEY (invoice_id, position)
);

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

-- What comes after issuing lives beside the invoice, insert-only.
CREATE TABLE stored_document (
  id         uuid PRIMARY KEY,
  invoice_id uuid NOT NULL REFERENCES invoice,
  kind       text NOT NULL,
  layout     integer NOT NULL,
  sha256     text NOT NULL,
  bytes      bytea NOT NULL,
  stored_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (invoice_id, kind)
);

CREATE TABLE invoice_event (
  id         uuid PRIMARY KEY,
  invoice_id uuid NOT NULL REFERENCES invoice,
  type       text NOT NULL CHECK (type IN ('issued', 'credited', 'voided', 'paid')),
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  data       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX invoice_event_invoice ON invoice_event (invoice_id);

CREATE TABLE audit_event (
  id        uuid PRIMARY KEY,
  seller_id uuid REFERENCES seller,
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor     text NOT NULL,
  action    text NOT NULL,
  subject   text NOT NULL,
  data      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_event_seller ON audit_event (seller_id, id);
CREATE INDEX audit_event_subject ON audit_event (subject, id);

CREATE TABLE api_key (
  id         uuid PRIMARY KEY,
  name       text NOT NULL,
  prefix     text NOT NULL,
  hash       text NOT NULL UNIQUE,
  scopes     text[] NOT NULL,
  account_id uuid REFERENCES account,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  revoked_at timestamptz
);

CREATE TABLE idempotency_key (
  api_key_id     uuid NOT NULL REFERENCES api_key,
  key            text NOT NULL,
  request_sha256 text NOT NULL,
  status         integer,
  headers        jsonb,
  body           jsonb,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (api_key_id, key)
);

-- What was issued, measured, published or witnessed stays as it was, whoever asks.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: its rows are only ever inserted', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;

DO $$
DECLARE frozen text;
BEGIN
  FOREACH frozen IN ARRAY ARRAY['usage_window', 'usage_snapshot', 'invoice', 'invoice_line', 'invoice_tax',
                                'stored_document', 'invoice_event', 'audit_event'] LOOP
    EXECUTE format('CREATE TRIGGER %I_is_frozen BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', frozen, frozen);
    EXECUTE format('CREATE TRIGGER %I_is_kept BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', frozen, frozen);
  END LOOP;
END $$;

-- A draft plan may change; a published version never.
CREATE TRIGGER tariff_plan_version_is_frozen BEFORE UPDATE OR DELETE ON tariff_plan_version
  FOR EACH ROW WHEN (OLD.status = 'published') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tariff_plan_version_is_kept BEFORE TRUNCATE ON tariff_plan_version
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Currency, zone and seller of an account are part of what was issued.
CREATE FUNCTION refuse_frozen_account() RETURNS trigger LANGUAGE plpgsql AS $$
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

GRANT USAGE ON SCHEMA public TO meterline_service;
GRANT SELECT, INSERT, UPDATE ON seller, account, tariff_plan_version, subscription, close, close_account, number_series, api_key
  TO meterline_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON entity, draft_invoice, idempotency_key TO meterline_service;
GRANT DELETE ON tariff_plan_version TO meterline_service;
GRANT SELECT, INSERT ON usage_window, usage_snapshot, invoice, invoice_line, invoice_tax, stored_document, invoice_event,
  audit_event TO meterline_service;
GRANT SELECT, INSERT, DELETE ON usage_values TO meterline_service;

-- The queue keeps its tables in a schema of its own, which the service may build.
CREATE SCHEMA IF NOT EXISTS bullmq;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO meterline_service', current_database()); END $$;
ALTER SCHEMA bullmq OWNER TO meterline_service;
