-- A draft is addressed as the invoice it will become: it keeps its id when it is issued.
ALTER TABLE draft_invoice ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;

-- Documents are listed in the order of issue, which is no longer the order of their ids.
CREATE INDEX invoice_order ON invoice (issued_at, sequence, id);
