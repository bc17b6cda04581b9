-- A table that bindings.postgresql reads as a queue. Rename it, and the columns that the component can name (idColumn,
-- payloadColumn, laneColumn, metadataColumn); state, attempts, not_before, locked_until and lease_token keep their names.
CREATE TABLE IF NOT EXISTS queue (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payload      bytea NOT NULL,                  -- or text, json, jsonb
  lane         text,                            -- rows of one lane are handled one after the other; NULL: in any order
  metadata     jsonb,                           -- an object of texts, each an entry of the event's metadata
  state        text NOT NULL DEFAULT 'ready',   -- ready, done (with onDone: mark), dead (rejected)
  attempts     integer NOT NULL DEFAULT 0,
  not_before   timestamptz,
  locked_until timestamptz,
  lease_token  text,
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS queue_ready ON queue (id) WHERE state = 'ready';
-- For laneColumn: the lanes are walked through with the first one, and the rows that have none with the second.
CREATE INDEX IF NOT EXISTS queue_lane ON queue (lane, id) WHERE state = 'ready' AND lane IS NOT NULL;
CREATE INDEX IF NOT EXISTS queue_no_lane ON queue (id) WHERE state = 'ready' AND lane IS NULL;

-- Wakes the readers (notifyChannel: queue); without it they find rows at each pollInterval.
CREATE OR REPLACE FUNCTION queue_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('queue', '');
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER queue_notify AFTER INSERT ON queue FOR EACH STATEMENT EXECUTE FUNCTION queue_notify();
