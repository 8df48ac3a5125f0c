-- Exchange rates by day, each with all that was ever said of it; the last counts.
CREATE TABLE rates (
    base text COLLATE "C" NOT NULL,
    quote text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    effective_on date NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (base, quote, kind, effective_on)
);

-- Which accounts take differences of exchange rates.
ALTER TABLE accounts ADD COLUMN exchange boolean NOT NULL DEFAULT false;
UPDATE accounts SET exchange = true
    WHERE convert_from(document, 'UTF8')::json ->> 'purpose' = 'conversion';
CREATE INDEX accounts_exchange ON accounts (code) WHERE exchange;

-- What monetary accounts hold of foreign assets, item by item, and what it was worth when it came
-- in. line: the running number of the line that opened it. Gone when relieved.
CREATE TABLE open_items (
    account text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    line bigint NOT NULL,
    side text NOT NULL,
    effective_on date NOT NULL,
    remaining numeric(38) NOT NULL CHECK (remaining > 0),
    functional numeric(38) NOT NULL,
    entry uuid NOT NULL,
    name text COLLATE "C",
    is_shared boolean NOT NULL,
    PRIMARY KEY (account, asset, line)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1);

-- Revaluations that were asked for. One that waits is the worker's to post.
CREATE TABLE revaluations (
    id uuid PRIMARY KEY,
    effective_on date NOT NULL,
    waits boolean NOT NULL,
    document bytea NOT NULL
);
CREATE INDEX revaluations_waiting ON revaluations (effective_on, id) WHERE waits;

-- Entries that are to be taken back on a day. Gone when they were.
CREATE TABLE due_reversals (entry uuid PRIMARY KEY, reverse_on date NOT NULL);
CREATE INDEX due_reversals_day ON due_reversals (reverse_on, entry);

GRANT SELECT, INSERT, UPDATE ON rates, revaluations TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON open_items, due_reversals TO {service};
