-- The transparency log: the Merkle tree over events.state in position order, and what was signed.

-- Why nothing more is written to the ledger: what the sealer found contradicts what it signed.
ALTER TABLE head ADD COLUMN halted text;

-- verifier_key: C2SP vkey. sealed: the private key, encrypted under a key kept outside of the
-- database. A row alone lets nobody sign: the ledger's events say which keys do.
CREATE TABLE signing_keys (
    number integer PRIMARY KEY,
    verifier_key text COLLATE "C" NOT NULL UNIQUE,
    sealed bytea NOT NULL
);

-- Tiles as in C2SP tlog-tiles, the rightmost of each level as far as the tree was signed. What was
-- signed stays: a tile only grows.
CREATE TABLE tiles (
    incarnation integer NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
    number bigint NOT NULL CHECK (number >= 0),
    hashes bytea NOT NULL CHECK (
        octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0
    ),
    PRIMARY KEY (incarnation, level, number)
);
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE checkpoints (
    incarnation integer NOT NULL,
    size bigint NOT NULL CHECK (size >= 1),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (incarnation, size)
);

CREATE TABLE cosignatures (
    incarnation integer NOT NULL,
    size bigint NOT NULL,
    verifier_key text COLLATE "C" NOT NULL,
    line text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (incarnation, size, verifier_key)
);

CREATE FUNCTION refuse_unsigning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'tiles' THEN
        IF (NEW.incarnation, NEW.level, NEW.number) = (OLD.incarnation, OLD.level, OLD.number)
            AND substring(NEW.hashes FOR octet_length(OLD.hashes)) = OLD.hashes THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what was signed is never changed: % of %', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER tiles_only_grow BEFORE UPDATE OR DELETE ON tiles
    FOR EACH ROW EXECUTE FUNCTION refuse_unsigning();
CREATE TRIGGER tiles_stay BEFORE TRUNCATE ON tiles
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unsigning();
CREATE TRIGGER checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unsigning();

GRANT SELECT, INSERT ON signing_keys, checkpoints, cosignatures TO {service};
GRANT SELECT, INSERT, UPDATE (hashes) ON tiles TO {service};
