-- When the next request with a report API key may be sent, by anybody. Nothing here outlives its moment, so it is not
-- written ahead; a key is known by a keyed hash.
CREATE UNLOGGED TABLE report_pace (
    key_id       TEXT PRIMARY KEY,
    next_at      TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
    paused_until TIMESTAMPTZ NOT NULL DEFAULT '-infinity'
);
GRANT SELECT, INSERT, UPDATE ON report_pace TO meterline_service;
