-- What the service's login may insert or update, it could also falsify: stamps, numbers given back, keys let in again.
-- These triggers hold for the service's roles. The owner of a table, who restores and mends, is not held by them.

CREATE FUNCTION owns_table(relation oid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = relation
$$;

-- An id of version 7 whose time is the database's, to a quarter of a microsecond, so that events are listed in the order in
-- which they were recorded (RFC 9562, 6.2 method 3).
CREATE FUNCTION event_id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT (lpad(to_hex(us / 1000), 12, '0')
          || to_hex(28672 + us % 1000 * 4096 / 1000)
          || right(replace(gen_random_uuid()::text, '-', ''), 16))::uuid
    FROM (SELECT (extract(epoch FROM at) * 1000000)::bigint) AS instant (us)
$$;

-- Audit events: when, in which order and by which login they were recorded says the database. An API key that is named as
-- the actor must be one of the keys that were ever made.
ALTER TABLE audit_event ADD COLUMN login text NOT NULL DEFAULT session_user;
COMMENT ON COLUMN audit_event.login IS 'The login of the database that recorded the event; set by the database.';

CREATE FUNCTION stamp_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF owns_table(TG_RELID) THEN RETURN NEW; END IF;
  NEW.at := clock_timestamp();
  NEW.id := event_id(NEW.at);
  NEW.login := session_user;
  IF NEW.actor LIKE 'api\_key:%' AND NOT EXISTS (SELECT FROM api_key WHERE 'api_key:' || id = NEW.actor) THEN
    RAISE EXCEPTION 'an audit event names an actor % that is no API key', NEW.actor USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_event_is_stamped BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION stamp_audit_event();

-- What is issued is issued now. An issuing transaction reads the clock under the lock of its series, so no document of it is
-- older than the transaction; its seconds are whole.
CREATE FUNCTION refuse_past_issue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.issued_at < date_trunc('second', transaction_timestamp()) AND NOT owns_table(TG_RELID) THEN
    RAISE EXCEPTION 'a document dated % is not issued now', NEW.issued_at USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoice_is_issued_now BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION refuse_past_issue();

-- The same for what is told of a document afterwards, and for the moves of a close.
CREATE FUNCTION refuse_past_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.at < date_trunc('second', transaction_timestamp()) AND NOT owns_table(TG_RELID) THEN
    RAISE EXCEPTION 'an event of % is not recorded now', NEW.at USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoice_event_is_recorded_now BEFORE INSERT ON invoice_event
  FOR EACH ROW EXECUTE FUNCTION refuse_past_event();
CREATE TRIGGER close_event_is_recorded_now BEFORE INSERT ON close_event
  FOR EACH ROW EXECUTE FUNCTION refuse_past_event();
CREATE TRIGGER close_waiver_is_recorded_now BEFORE INSERT ON close_waiver
  FOR EACH ROW EXECUTE FUNCTION refuse_past_event();

-- A series goes up. A number that was taken and is not issued is given back by rolling its transaction back.
CREATE FUNCTION refuse_lower_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF owns_table(TG_RELID) THEN RETURN NEW; END IF;
  IF (NEW.seller_id, NEW.kind, NEW.fiscal_year) IS DISTINCT FROM (OLD.seller_id, OLD.kind, OLD.fiscal_year)
     OR NEW.next_sequence < OLD.next_sequence OR NEW.last_issued_at < OLD.last_issued_at THEN
    RAISE EXCEPTION 'a number series only goes up: next_sequence % to %', OLD.next_sequence, NEW.next_sequence
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER number_series_goes_up BEFORE UPDATE ON number_series FOR EACH ROW EXECUTE FUNCTION refuse_lower_number();

-- What a key may do is said when it is made. It is revoked once and for ever, at the database's time.
CREATE FUNCTION refuse_other_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF owns_table(TG_RELID) THEN RETURN NEW; END IF;
  IF (NEW.id, NEW.name, NEW.prefix, NEW.hash, NEW.scopes, NEW.account_id, NEW.created_at, NEW.expires_at)
     IS DISTINCT FROM
     (OLD.id, OLD.name, OLD.prefix, OLD.hash, OLD.scopes, OLD.account_id, OLD.created_at, OLD.expires_at) THEN
    RAISE EXCEPTION 'an API key is not changed: make another' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
    IF OLD.revoked_at IS NOT NULL THEN
      RAISE EXCEPTION 'a revoked API key stays revoked: make another' USING ERRCODE = 'restrict_violation';
    END IF;
    NEW.revoked_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER api_key_stays_what_it_is BEFORE UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION refuse_other_key();

CREATE FUNCTION stamp_api_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT owns_table(TG_RELID) THEN NEW.created_at := clock_timestamp(); END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER api_key_is_stamped BEFORE INSERT ON api_key FOR EACH ROW EXECUTE FUNCTION stamp_api_key();

-- No key is made in silence: the transaction that makes one also records it.
CREATE FUNCTION refuse_silent_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT owns_table(TG_RELID) AND NOT EXISTS (SELECT FROM audit_event WHERE subject = 'api_key:' || NEW.id) THEN
    RAISE EXCEPTION 'API key % was made without an audit event', NEW.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER api_key_is_audited AFTER INSERT ON api_key DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION refuse_silent_key();

-- A configured key that was replaced and is configured again is let in as a row of its own.
ALTER TABLE api_key DROP CONSTRAINT api_key_hash_key;
CREATE UNIQUE INDEX api_key_hash_in_use ON api_key (hash) WHERE revoked_at IS NULL;
CREATE INDEX api_key_hash ON api_key (hash);
