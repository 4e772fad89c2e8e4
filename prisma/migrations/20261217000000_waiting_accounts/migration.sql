-- An account that was stopped by what passes (a report API that is away or asks for patience) waits for its next try. The
-- next try stands here and not in the queue, so that neither a restart nor a lost queue forgets it.
ALTER TABLE close_account
  ADD COLUMN next_try_at timestamptz,
  ADD COLUMN waiting_since timestamptz,
  ADD COLUMN tries integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN close_account.next_try_at IS 'When the service tries a waiting account again by itself.';
COMMENT ON COLUMN close_account.waiting_since IS
  'When the account met first what it waits for; kept while it is tried again, until an outcome.';
COMMENT ON COLUMN close_account.tries IS 'How often it has met that since.';

ALTER TABLE close_account DROP CONSTRAINT close_account_state_check, DROP CONSTRAINT close_account_check;
ALTER TABLE close_account
  ADD CONSTRAINT close_account_state_check
    CHECK (state IN ('pending', 'pulling', 'rated', 'waiting', 'drafted', 'issued', 'empty', 'held', 'failed')),
  ADD CONSTRAINT close_account_reason_check
    CHECK ((state IN ('waiting', 'held', 'failed')) = (reason_code IS NOT NULL)),
  ADD CONSTRAINT close_account_next_try_check CHECK ((state = 'waiting') = (next_try_at IS NOT NULL));

-- The sweep asks every few seconds what is due.
CREATE INDEX close_account_waiting ON close_account (next_try_at) WHERE state = 'waiting';

DROP INDEX close_account_unfinished;
CREATE INDEX close_account_unfinished ON close_account (close_id)
  WHERE state IN ('pending', 'pulling', 'rated', 'waiting') OR (state = 'drafted' AND released);

-- A confirming pull that meets the same is put off in the same way.
ALTER TABLE confirming_pull
  ADD COLUMN waiting_since timestamptz,
  ADD COLUMN tries integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN confirming_pull.waiting_since IS 'When the pull met first what it waits for; null: it waits for nothing.';
COMMENT ON COLUMN confirming_pull.tries IS 'How often it has met that; such attempts are not among those that may fail.';
