-- Corrections: what an issued document was computed from, the pulls that confirm it, and the proposals that correct it.

-- What a document was computed from, as it stood in the issuing transaction. invoice.inputs_hash is the sha256 of its
-- canonical JSON, so that later edits of sellers, accounts, entities and plans can neither reach nor be mistaken for it.
CREATE TABLE invoice_inputs (
  invoice_id uuid PRIMARY KEY REFERENCES invoice,
  inputs     jsonb NOT NULL
);

-- A note that an operator issues on its own belongs to no close.
ALTER TABLE invoice ALTER COLUMN close_id DROP NOT NULL;

-- Notes are numbered CN-… and DN-…; invoices of the same seller must not look like them.
ALTER TABLE seller ADD CONSTRAINT seller_prefix_is_not_of_notes CHECK (invoice_prefix NOT IN ('CN', 'DN'));

-- A debit note leaves the status of the document it corrects alone.
ALTER TABLE invoice_event DROP CONSTRAINT invoice_event_type_check,
  ADD CONSTRAINT invoice_event_type_check CHECK (type IN ('issued', 'credited', 'debited', 'voided', 'paid'));

-- Corrections of a period are closed again and again: the next close may open when the one before has finished.
ALTER TABLE close ADD COLUMN ordinal integer NOT NULL DEFAULT 1 CHECK (ordinal >= 1),
  ADD CHECK (kind = 'correction' OR ordinal = 1);
DROP INDEX close_identity;
CREATE UNIQUE INDEX close_identity ON close (seller_id, period_label, kind, ordinal)
  WHERE NOT dry_run AND state <> 'cancelled';

-- A period is pulled again after its first document was issued, on a schedule and whenever an operator asks.
CREATE TABLE confirming_pull (
  id              uuid PRIMARY KEY,
  invoice_id      uuid NOT NULL REFERENCES invoice,
  due_at          timestamptz NOT NULL,
  -- who asked for it; null: the schedule
  requested_by    text,
  -- when a worker may take it: later than due_at while another has it in hand, and after an attempt that failed
  next_attempt_at timestamptz NOT NULL,
  attempts        integer NOT NULL DEFAULT 0,
  outcome         text CHECK (outcome IN ('equal', 'no_difference', 'proposed', 'voided', 'held', 'failed')),
  -- why the last attempt led to nothing
  reason_code     text,
  reason_message  text,
  done_at         timestamptz,
  CHECK ((done_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX confirming_pull_invoice ON confirming_pull (invoice_id);
CREATE INDEX confirming_pull_due ON confirming_pull (next_attempt_at) WHERE done_at IS NULL;

-- What the documents of an account's period must be corrected by. One proposal per usage that a pull brought and set of
-- documents that it would correct; of an account's period at most one is open.
CREATE TABLE correction (
  id            uuid PRIMARY KEY,
  seller_id     uuid NOT NULL REFERENCES seller,
  account_id    uuid NOT NULL REFERENCES account,
  period_label  text NOT NULL,
  -- the first document of the period
  original_id   uuid NOT NULL REFERENCES invoice,
  -- the last revision it takes into account
  base_revision integer NOT NULL CHECK (base_revision >= 1),
  cause         text NOT NULL CHECK (cause IN ('usage', 'void')),
  state         text NOT NULL CHECK (state IN ('proposed', 'issued', 'dismissed', 'superseded')),
  -- over the values of every window of the period; null for a void, which needs none
  usage_sha256  text CHECK ((usage_sha256 IS NULL) = (cause = 'void')),
  inputs        jsonb NOT NULL,
  inputs_hash   text NOT NULL,
  document      jsonb NOT NULL,
  -- the seller's setting when it was proposed
  automatic     boolean NOT NULL DEFAULT false,
  invoice_id    uuid UNIQUE REFERENCES invoice,
  reason        text,
  decided_by    text,
  decided_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((state = 'issued') = (invoice_id IS NOT NULL)),
  CHECK ((state IN ('issued', 'dismissed')) = (decided_at IS NOT NULL))
);
CREATE UNIQUE INDEX correction_identity ON correction (account_id, period_label, base_revision, usage_sha256)
  WHERE cause = 'usage';
CREATE UNIQUE INDEX correction_open ON correction (account_id, period_label) WHERE state = 'proposed';
CREATE INDEX correction_seller_period ON correction (seller_id, period_label, id);
CREATE INDEX correction_automatic ON correction (id) WHERE state = 'proposed' AND automatic;

CREATE TRIGGER invoice_inputs_is_frozen BEFORE UPDATE OR DELETE ON invoice_inputs
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_inputs_is_kept BEFORE TRUNCATE ON invoice_inputs
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- A decided correction stays decided.
CREATE TRIGGER correction_is_frozen BEFORE UPDATE OR DELETE ON correction
  FOR EACH ROW WHEN (OLD.state IN ('issued', 'dismissed')) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER correction_is_kept BEFORE TRUNCATE ON correction
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON invoice_inputs TO meterline_service;
GRANT SELECT, INSERT, UPDATE ON confirming_pull, correction TO meterline_service;
