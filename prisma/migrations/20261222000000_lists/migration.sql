-- A page of a list costs what the page costs, however much there is beside it: each filter has an index in the order of its
-- list, so that a page is read from where the one before it ended.

-- Issued documents, in the order of issue.
CREATE INDEX invoice_of_account ON invoice (account_id, issued_at, sequence, id);
CREATE INDEX invoice_of_seller ON invoice (seller_id, issued_at, sequence, id);
CREATE INDEX invoice_of_period ON invoice (period_label, issued_at, sequence, id);
CREATE INDEX invoice_of_seller_period ON invoice (seller_id, period_label, issued_at, sequence, id);
CREATE INDEX invoice_of_close ON invoice (close_id, issued_at, sequence, id);
CREATE INDEX invoice_of_number ON invoice (number, issued_at, sequence, id);
DROP INDEX invoice_account, invoice_seller_period, invoice_close;

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
INSERT INTO invoice_status
SELECT id, CASE WHEN bool_or(e.type = 'voided') THEN 'voided' WHEN bool_or(e.type = 'credited') THEN 'credited' ELSE 'issued' END,
       seller_id, close_id, period_label, issued_at, sequence
  FROM invoice i LEFT JOIN (SELECT invoice_id, type FROM invoice_event) AS e ON e.invoice_id = i.id
 GROUP BY i.id;
CREATE INDEX invoice_status_order ON invoice_status (status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_seller ON invoice_status (seller_id, status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_period ON invoice_status (period_label, status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_seller_period
  ON invoice_status (seller_id, period_label, status, issued_at, sequence, invoice_id);
CREATE INDEX invoice_status_of_close ON invoice_status (close_id, status, issued_at, sequence, invoice_id);
GRANT SELECT ON invoice_status TO meterline_service;

-- Both run as the owner, and work for the tables they were written for and for no temporary one of a caller.
CREATE FUNCTION invoice_has_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_RELID <> 'public.invoice'::regclass THEN RETURN NULL; END IF;
  INSERT INTO invoice_status
  VALUES (NEW.id, 'issued', NEW.seller_id, NEW.close_id, NEW.period_label, NEW.issued_at, NEW.sequence);
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_has_status AFTER INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION invoice_has_status();

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

-- Drafts, in the order of their ids. What their close says of them is filled in by the database.
ALTER TABLE draft_invoice ADD COLUMN seller_id uuid, ADD COLUMN period_label text;
UPDATE draft_invoice d SET seller_id = c.seller_id, period_label = c.period_label FROM close c WHERE c.id = d.close_id;
ALTER TABLE draft_invoice ALTER COLUMN seller_id SET NOT NULL, ALTER COLUMN period_label SET NOT NULL;
CREATE FUNCTION draft_is_of_its_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT c.seller_id, c.period_label INTO NEW.seller_id, NEW.period_label FROM close c WHERE c.id = NEW.close_id;
  RETURN NEW;
END $$;
CREATE TRIGGER draft_is_of_its_close BEFORE INSERT ON draft_invoice FOR EACH ROW EXECUTE FUNCTION draft_is_of_its_close();
CREATE INDEX draft_invoice_of_account ON draft_invoice (account_id, id);
CREATE INDEX draft_invoice_of_seller ON draft_invoice (seller_id, id);
CREATE INDEX draft_invoice_of_period ON draft_invoice (period_label, id);
CREATE INDEX draft_invoice_of_seller_period ON draft_invoice (seller_id, period_label, id);
CREATE INDEX draft_invoice_of_close ON draft_invoice (close_id, id);

-- Closes, their moves, and corrections.
CREATE INDEX close_of_seller ON close (seller_id, id);
CREATE INDEX close_of_period ON close (period_label, id);
CREATE INDEX close_of_seller_period ON close (seller_id, period_label, id);
CREATE INDEX close_event_order ON close_event (close_id, id);
CREATE INDEX correction_of_account ON correction (account_id, id);
CREATE INDEX correction_of_seller ON correction (seller_id, id);
CREATE INDEX correction_of_period ON correction (period_label, id);
CREATE INDEX correction_of_state ON correction (state, id);
CREATE INDEX correction_of_seller_state ON correction (seller_id, state, id);
CREATE INDEX correction_of_period_state ON correction (period_label, state, id);
CREATE INDEX correction_of_seller_period_state ON correction (seller_id, period_label, state, id);

-- The catalogue.
CREATE INDEX account_of_seller ON account (seller_id, id);
CREATE INDEX account_of_external_id ON account (external_id, id);
CREATE INDEX entity_of_account ON entity (account_id, id);
CREATE INDEX entity_of_account_dimension ON entity (account_id, dimension, id);
CREATE INDEX entity_of_account_value ON entity (account_id, value, id);
DROP INDEX entity_account;
CREATE INDEX subscription_of_account ON subscription (account_id, id);
CREATE INDEX subscription_of_plan ON subscription (plan_code, id);
DROP INDEX subscription_plan;

-- Audit events. An id begins with the milliseconds of its time, so a span of time is a span of ids; those few events whose id
-- was made by another clock are found by an index of their own.
CREATE FUNCTION event_id_tells_time(id uuid, at timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT abs(extract(epoch FROM at) * 1000 - ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint) <= 1000
$$;
CREATE INDEX audit_event_astray ON audit_event (id) WHERE NOT event_id_tells_time(id, at);
CREATE INDEX audit_event_of_action ON audit_event (action, id);
CREATE INDEX audit_event_of_actor ON audit_event (actor, id);
CREATE INDEX audit_event_of_seller_action ON audit_event (seller_id, action, id);
CREATE INDEX audit_event_of_seller_actor ON audit_event (seller_id, actor, id);
CREATE INDEX audit_event_of_actor_action ON audit_event (actor, action, id);
