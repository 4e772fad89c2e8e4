-- How a close stood when it finished: counts, holds and totals. While it is finished nothing of it moves, so a list of years
-- of closes need not count their accounts again. Whatever sets a close going again drops it; null: counted when read.
ALTER TABLE close ADD COLUMN summary jsonb;

CREATE FUNCTION drop_close_summary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.summary := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER close_set_going BEFORE UPDATE ON close FOR EACH ROW
  WHEN (NEW.state <> 'finished' AND NEW.summary IS NOT NULL) EXECUTE FUNCTION drop_close_summary();
