-- A period that billed an account nothing is pulled again like one that was invoiced: usage that comes late must not stay
-- unbilled for ever.

-- What an account of a close was computed from when it came to nothing, as it stood then. An account that usage sent back
-- to work may come to nothing again; the latest row is the one that stands.
CREATE TABLE empty_period (
  id         uuid PRIMARY KEY,
  close_id   uuid NOT NULL,
  account_id uuid NOT NULL,
  inputs     jsonb NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (close_id, account_id) REFERENCES close_account
);
CREATE INDEX empty_period_account ON empty_period (close_id, account_id, at);

-- One list of pulls for both, so that what is due is found by one index, however many accounts came to nothing.
ALTER TABLE confirming_pull
  ALTER COLUMN invoice_id DROP NOT NULL,
  ADD COLUMN empty_id uuid REFERENCES empty_period,
  ADD CHECK (num_nonnulls(invoice_id, empty_id) = 1),
  DROP CONSTRAINT confirming_pull_outcome_check,
  ADD CONSTRAINT confirming_pull_outcome_check CHECK (outcome IN (
    'equal', 'no_difference', 'proposed', 'voided', 'reopened', 'superseded', 'held', 'failed'));
CREATE INDEX confirming_pull_empty ON confirming_pull (empty_id) WHERE empty_id IS NOT NULL;

CREATE TRIGGER empty_period_is_frozen BEFORE UPDATE OR DELETE ON empty_period
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER empty_period_is_kept BEFORE TRUNCATE ON empty_period
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON empty_period TO meterline_service;
