-- What was stored is not believed because it is there: it is held against its hash whenever it is read, and all of it once
-- a month. Constraints are kept also where a superuser has switched triggers off.

-- Whether the columns of a document say what the document says, digit for digit. Null is no agreement. The document is
-- opened once, and compared as text, so that nothing in it can make the comparison fail.
CREATE FUNCTION invoice_agrees(i invoice) RETURNS boolean LANGUAGE sql STABLE AS $$
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
$$;

-- Not checked over what is there already: a row that was altered before must not stop the upgrade. The monthly check finds it.
ALTER TABLE invoice ADD CONSTRAINT invoice_agrees_with_its_document CHECK (invoice_agrees(invoice)) NOT VALID;
ALTER TABLE stored_document ADD CONSTRAINT stored_document_has_its_hash
  CHECK (sha256 = encode(sha256(bytes), 'hex')) NOT VALID;

-- Drafts and proposals change, but by the service alone: what is reviewed is what is issued. Null: older than their hash.
ALTER TABLE draft_invoice ADD COLUMN document_sha256 text;
ALTER TABLE correction ADD COLUMN document_sha256 text;

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

GRANT SELECT, INSERT ON document_alteration TO meterline_service;
GRANT UPDATE (mended_at) ON document_alteration TO meterline_service;
GRANT SELECT, INSERT, UPDATE ON document_check TO meterline_service;
