ALTER TABLE close_account ADD COLUMN round integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN close_account.round IS
  'How often the account was taken up from pending. What came of billing it in an earlier round is not taken.';
