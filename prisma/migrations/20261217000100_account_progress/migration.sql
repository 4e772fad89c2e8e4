-- How far a worker has come with the usage of an account that it bills, written with its signs of life.
ALTER TABLE close_account
  ADD COLUMN series_needed integer,
  ADD COLUMN series_pulled integer,
  ADD COLUMN series_kept integer;
COMMENT ON COLUMN close_account.series_needed IS
  'Series of usage that the account is billed by, while a worker bills it; null: not known yet, or no worker is at it.';
