ALTER TABLE close_account
  ADD COLUMN seen_at timestamptz,
  ADD COLUMN lost integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN close_account.seen_at IS
  'When whoever bills the account last gave a sign of life; null: nobody is at it.';
COMMENT ON COLUMN close_account.lost IS
  'How often in this round whoever billed the account fell silent without any outcome.';
