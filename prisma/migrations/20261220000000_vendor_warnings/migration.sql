-- What a pull and its controls say of the vendor rather than of the account. The close says each once, with the number of its
-- accounts that bring it; counted from these rows, so that no retry, second worker or restart counts an account twice.
ALTER TABLE close_account ADD COLUMN vendor_warnings jsonb NOT NULL DEFAULT '[]';

-- Closes that finished before brought theirs to the close itself, uncounted.
UPDATE close SET summary = summary || '{"vendor_warnings": []}' WHERE summary IS NOT NULL;
