-- An Idempotency-Key is written together with the work and its answer: a claim without an answer was never one.
DELETE FROM idempotency_key WHERE status IS NULL;
ALTER TABLE idempotency_key
  ALTER COLUMN status SET NOT NULL,
  ALTER COLUMN headers SET NOT NULL,
  ALTER COLUMN body SET NOT NULL;
