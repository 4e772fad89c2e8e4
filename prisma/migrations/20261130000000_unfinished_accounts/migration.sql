-- The sweep asks every few seconds whether a close that ended has work left in it. Of a close that ended as it should, this
-- index holds nothing.
CREATE INDEX close_account_unfinished ON close_account (close_id)
  WHERE state IN ('pending', 'pulling', 'rated') OR (state = 'drafted' AND released);
