-- The service's login cannot put off the expiry of a key either: only its owner changes what a key is.
CREATE OR REPLACE FUNCTION refuse_other_key() RETURNS trigger LANGUAGE plpgsql AS $$
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
