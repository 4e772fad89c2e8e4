-- Notes that no close issues (corrections one by one, voids) stand on the certificate of the close that billed their period.
-- Those that are on no revision yet: the sweep writes the next one for them. Kept by a trigger: what is issued is on the
-- list, whoever writes, from the same transaction on; who certifies takes it off. Without it the sweep would have to look
-- through every finished close. No foreign key to the close: it would wait for whoever ends it.
CREATE TABLE invoice_uncertified (
  invoice_id uuid PRIMARY KEY REFERENCES invoice,
  close_id   uuid NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX invoice_uncertified_close ON invoice_uncertified (close_id, at);
GRANT SELECT, INSERT, DELETE ON invoice_uncertified TO meterline_service;

-- The notes of a seller's period that no close issued.
CREATE INDEX invoice_without_close ON invoice (seller_id, period_label) WHERE close_id IS NULL;

INSERT INTO invoice_uncertified (invoice_id, close_id)
SELECT i.id, c.id
  FROM invoice i JOIN close c ON c.seller_id = i.seller_id AND c.period_label = i.period_label AND c.kind = 'regular'
                             AND NOT c.dry_run AND c.state <> 'cancelled'
 WHERE i.close_id IS NULL;

CREATE FUNCTION invoice_awaits_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO invoice_uncertified (invoice_id, close_id)
  SELECT NEW.id, c.id FROM close c
   WHERE c.seller_id = NEW.seller_id AND c.period_label = NEW.period_label AND c.kind = 'regular' AND NOT c.dry_run
     AND c.state <> 'cancelled';
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_awaits_certificate AFTER INSERT ON invoice FOR EACH ROW WHEN (NEW.close_id IS NULL)
  EXECUTE FUNCTION invoice_awaits_certificate();
