-- What was asked, beside what was answered: sha256 of the request without its key. Older rows have none.
ALTER TABLE usage_snapshot ADD COLUMN request_sha256 TEXT;
ALTER TABLE usage_evidence ADD COLUMN request_sha256 TEXT;
