-- What drafts and dry-run reports come to, beside the document that says so: summing them up must not read every document
-- back. Generated, so that they cannot differ from it.
ALTER TABLE draft_invoice
  ADD COLUMN currency text GENERATED ALWAYS AS (document->>'currency') STORED,
  ADD COLUMN net numeric GENERATED ALWAYS AS ((document->>'net')::numeric) STORED,
  ADD COLUMN tax numeric GENERATED ALWAYS AS ((document->>'tax')::numeric) STORED,
  ADD COLUMN gross numeric GENERATED ALWAYS AS ((document->>'gross')::numeric) STORED;
ALTER TABLE close_account
  ADD COLUMN report_currency text GENERATED ALWAYS AS (report->>'currency') STORED,
  ADD COLUMN report_net numeric GENERATED ALWAYS AS ((report->>'net')::numeric) STORED,
  ADD COLUMN report_tax numeric GENERATED ALWAYS AS ((report->>'tax')::numeric) STORED,
  ADD COLUMN report_gross numeric GENERATED ALWAYS AS ((report->>'gross')::numeric) STORED;
