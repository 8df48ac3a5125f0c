-- The log of one ledger and what orders it. Runs with the ledger's schema first in search_path.

-- The one lock of a write. (position, commit_id) name the last commit: a writer whose cache does
-- not match them drops it. format is the newest record's: older software refuses to write. fillfactor 10: every commit updates this row, always in its page (HOT).
CREATE TABLE head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL CHECK (position >= 0),
    commit_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    incarnation integer NOT NULL CHECK (incarnation >= 1),
    format integer NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
INSERT INTO head VALUES (true, 0, gen_random_uuid(), 'epoch', 1, 1);

-- Column names are those of the eventsourcing library, so that its readers work unchanged.
-- notification_id is the position; state the record, verbatim; command_id stands only where
-- the first event of a command could not open a stream with that id.
CREATE TABLE events (
    notification_id bigint PRIMARY KEY,
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    command_id uuid,
    UNIQUE (originator_id, originator_version)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE events ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX events_command_id ON events (command_id) WHERE command_id IS NOT NULL;

-- Texts that may hold personal data stay outside of the log, which holds SHA-256(salt || body).
CREATE TABLE private (
    position bigint PRIMARY KEY,
    salt bytea NOT NULL CHECK (octet_length(salt) = 16),
    body bytea NOT NULL
);

-- Never exported: with the digest secret, erased text could be guessed from its command's digest.
CREATE TABLE secrets (
    name text PRIMARY KEY,
    secret bytea NOT NULL CHECK (octet_length(secret) = 32)
);
INSERT INTO secrets VALUES (
    'command_digest',
    decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never updated, deleted or truncated'
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Post a correction; the log is the record.';
END $$;
CREATE TRIGGER events_are_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT USAGE ON SCHEMA {schema} TO {service};
GRANT SELECT, UPDATE ON head TO {service};
GRANT SELECT, INSERT ON events, private TO {service};
GRANT SELECT ON secrets TO {service};
