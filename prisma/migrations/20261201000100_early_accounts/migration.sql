-- The sweep asks every few seconds which accounts wait for their own month to settle: those in zones west of their seller's.
CREATE INDEX close_account_early ON close_account (close_id)
  WHERE state = 'held' AND reason_code = 'period_not_billable';
