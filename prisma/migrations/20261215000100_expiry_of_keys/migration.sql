-- From then on a key is unknown. Null: it does not expire.
ALTER TABLE api_key ADD COLUMN expires_at timestamptz;
