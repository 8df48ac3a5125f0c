-- Only in the system ledger: who may do what, and which ledgers there are.

CREATE TABLE listings (id text COLLATE "C" PRIMARY KEY, document bytea NOT NULL);
CREATE TABLE actors (actor text COLLATE "C" PRIMARY KEY, document bytea NOT NULL);
CREATE TABLE keys (
    key_id text COLLATE "C" PRIMARY KEY,
    key_sha256 text COLLATE "C" NOT NULL UNIQUE,
    document bytea NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON listings, actors, keys TO {service};
