-- The service retires the key that certificates are signed with when an administrator asks for it. It may set nothing else
-- of a key, and the trigger lets it set this once.
GRANT UPDATE (retired_at) ON certificate_key TO meterline_service;
COMMENT ON COLUMN certificate_key.retired_at IS 'Set when the key is rotated; in the same transaction the next is made.';
