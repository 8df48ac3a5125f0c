-- Write-side rows: what the next decision needs to know, written with the events that say it.
-- All of it can be folded from the log again.

CREATE TABLE ledger (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    document bytea NOT NULL
);

CREATE TABLE assets (code text COLLATE "C" PRIMARY KEY, document bytea NOT NULL);
CREATE TABLE journals (code text COLLATE "C" PRIMARY KEY, document bytea NOT NULL);

-- version: how many events touched the account, as of its own last one. Postings leave theirs in
-- balances.version, so that a posting updates one row an account; the larger one counts.
CREATE TABLE accounts (
    code text COLLATE "C" PRIMARY KEY,
    type text NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL,
    document bytea NOT NULL
);

-- id is dense and small: the one index that a posting looks up. Updates stay in their page (HOT).
CREATE TABLE balances (
    id bigint PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    debits numeric(38) NOT NULL CHECK (debits >= 0),
    credits numeric(38) NOT NULL CHECK (credits >= 0),
    pending_debits numeric(38) NOT NULL CHECK (pending_debits >= 0),
    pending_credits numeric(38) NOT NULL CHECK (pending_credits >= 0),
    lines bigint NOT NULL,
    version bigint NOT NULL,
    UNIQUE (account, asset)
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 2000);

CREATE TABLE vouchers (
    journal text COLLATE "C" NOT NULL,
    fiscal_year integer NOT NULL,
    last_no bigint NOT NULL,
    PRIMARY KEY (journal, fiscal_year)
) WITH (fillfactor = 50);

-- Holds that are open. Gone when closed: the authorization's stream has its last state.
CREATE TABLE holds (
    authorization_id uuid PRIMARY KEY,
    debit text COLLATE "C" NOT NULL,
    credit text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    remaining numeric(38) NOT NULL CHECK (remaining >= 0),
    expires_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1);
CREATE INDEX holds_expires_at ON holds (expires_at, authorization_id) WHERE expires_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON ledger, assets, journals, accounts, balances, vouchers TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON holds TO {service};
