-- Issued documents whose PDF is not stored yet. The sweep asks every few seconds; without this list it would look at every
-- document ever issued. Kept by triggers: what is issued is on it and what is stored is off it, whoever writes.
CREATE TABLE invoice_unrendered (
  invoice_id uuid PRIMARY KEY REFERENCES invoice
);
GRANT SELECT, INSERT, DELETE ON invoice_unrendered TO meterline_service;

INSERT INTO invoice_unrendered
SELECT id FROM invoice i WHERE NOT EXISTS (SELECT FROM stored_document d WHERE d.invoice_id = i.id AND d.kind = 'pdf');

CREATE FUNCTION invoice_awaits_pdf() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO invoice_unrendered VALUES (NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_awaits_pdf AFTER INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION invoice_awaits_pdf();

CREATE FUNCTION invoice_has_pdf() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM invoice_unrendered WHERE invoice_id = NEW.invoice_id;
  RETURN NULL;
END $$;
CREATE TRIGGER invoice_has_pdf AFTER INSERT ON stored_document FOR EACH ROW WHEN (NEW.kind = 'pdf')
  EXECUTE FUNCTION invoice_has_pdf();
