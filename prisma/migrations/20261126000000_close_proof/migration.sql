-- The close as an object that can be watched, reviewed and proved: moves, waivers, schedules, certificates.

-- Every move of a close and of its accounts. No foreign key: it would lock the close's row at every move of an account.
CREATE TABLE close_event (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  close_id       uuid NOT NULL,
  -- null: the close itself
  account_id     uuid,
  -- null: it was added
  from_state     text,
  to_state       text NOT NULL,
  reason_code    text,
  reason_message text,
  -- who asked for it; null: the service's own work
  actor          text,
  at             timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX close_event_account ON close_event (close_id, account_id, id);
CREATE INDEX close_event_time ON close_event (close_id, at);

-- Moves are recorded by the statement that makes them, all rows of it at once, whoever wrote it. A caller tells who asked
-- and why by transaction-local settings.
CREATE FUNCTION record_account_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  asked_by  text := nullif(current_setting('meterline.actor', true), '');
  asked_for text := nullif(current_setting('meterline.reason', true), '');
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO close_event (close_id, account_id, to_state, reason_code, actor)
    SELECT close_id, account_id, state, asked_for, asked_by FROM new_rows ORDER BY close_id, account_id;
  ELSE
    INSERT INTO close_event (close_id, account_id, from_state, to_state, reason_code, reason_message, actor)
    SELECT n.close_id, n.account_id, o.state, n.state, coalesce(n.reason_code, asked_for), n.reason_message, asked_by
      FROM new_rows n JOIN old_rows o USING (close_id, account_id)
     WHERE n.state <> o.state ORDER BY n.close_id, n.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER close_account_added AFTER INSERT ON close_account
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_account_moves();
CREATE TRIGGER close_account_moved AFTER UPDATE ON close_account
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_account_moves();

CREATE FUNCTION record_close_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO close_event (close_id, from_state, to_state, reason_code, actor)
  VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
          nullif(current_setting('meterline.reason', true), ''), nullif(current_setting('meterline.actor', true), ''));
  RETURN NULL;
END $$;
CREATE TRIGGER close_opened AFTER INSERT ON close FOR EACH ROW EXECUTE FUNCTION record_close_move();
CREATE TRIGGER close_moved AFTER UPDATE ON close FOR EACH ROW WHEN (OLD.state <> NEW.state)
  EXECUTE FUNCTION record_close_move();

-- An operator lets one hold of one account pass, for one close, and says why.
CREATE TABLE close_waiver (
  id         uuid PRIMARY KEY,
  close_id   uuid NOT NULL,
  account_id uuid NOT NULL,
  code       text NOT NULL,
  reason     text NOT NULL CHECK (reason <> ''),
  -- what the hold said when it was waived
  message    text NOT NULL,
  actor      text NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (close_id, account_id, code),
  FOREIGN KEY (close_id, account_id) REFERENCES close_account
);

-- When a seller's months are closed without anybody asking.
CREATE TABLE close_schedule (
  seller_id       uuid PRIMARY KEY REFERENCES seller,
  -- a day that a month does not have is its last day
  day             integer NOT NULL CHECK (day BETWEEN 1 AND 31),
  hour            integer NOT NULL CHECK (hour BETWEEN 0 AND 23),
  minute          integer NOT NULL CHECK (minute BETWEEN 0 AND 59),
  time_zone       text NOT NULL,
  issue           text NOT NULL CHECK (issue IN ('after_review', 'automatic')),
  -- it holds from here on: what was due before is not made up for
  effective_from  timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor           text NOT NULL,
  last_period     text,
  last_close_id   uuid REFERENCES close,
  last_opened_at  timestamptz
);

-- What certificates are signed with: one pair per installation, the private key sealed with METERLINE_SECRET_KEY.
CREATE TABLE certificate_key (
  -- sha256 over the public key (SPKI, DER), hexadecimal
  id          text PRIMARY KEY,
  public_key  text NOT NULL,
  private_key bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- set by the owner when METERLINE_SECRET_KEY is lost or leaked; the next certificate makes a new pair
  retired_at  timestamptz
);
CREATE UNIQUE INDEX certificate_key_in_use ON certificate_key ((true)) WHERE retired_at IS NULL;

-- One revision per time a close finishes, written by the transaction that finishes it.
CREATE TABLE close_certificate (
  close_id        uuid NOT NULL REFERENCES close,
  revision        integer NOT NULL CHECK (revision >= 1),
  -- over the document's text
  sha256          text NOT NULL,
  previous_sha256 text,
  key_id          text NOT NULL REFERENCES certificate_key,
  -- canonical JSON, served as it stands here
  document        text NOT NULL,
  issued_at       timestamptz NOT NULL,
  PRIMARY KEY (close_id, revision),
  UNIQUE (close_id, sha256),
  FOREIGN KEY (close_id, previous_sha256) REFERENCES close_certificate (close_id, sha256),
  CHECK ((revision = 1) = (previous_sha256 IS NULL))
);

DO $$
DECLARE frozen text;
BEGIN
  FOREACH frozen IN ARRAY ARRAY['close_event', 'close_waiver', 'close_certificate'] LOOP
    EXECUTE format('CREATE TRIGGER %I_is_frozen BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', frozen, frozen);
    EXECUTE format('CREATE TRIGGER %I_is_kept BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', frozen, frozen);
  END LOOP;
END $$;

-- A key may be retired once; what it is never changes, or old certificates could not be checked.
CREATE TRIGGER certificate_key_is_frozen BEFORE UPDATE ON certificate_key
  FOR EACH ROW WHEN (OLD.retired_at IS NOT NULL
    OR (NEW.id, NEW.public_key, NEW.private_key, NEW.created_at)
       IS DISTINCT FROM (OLD.id, OLD.public_key, OLD.private_key, OLD.created_at))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER certificate_key_stays BEFORE DELETE ON certificate_key
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER certificate_key_is_kept BEFORE TRUNCATE ON certificate_key
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON close_event, close_waiver, close_certificate, certificate_key TO meterline_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON close_schedule TO meterline_service;

