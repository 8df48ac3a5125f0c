-- Which account takes what a mandatory settlement may not post where it belongs.
ALTER TABLE accounts ADD COLUMN suspense boolean NOT NULL DEFAULT false;
UPDATE accounts SET suspense = true
    WHERE convert_from(document, 'UTF8')::json ->> 'purpose' = 'suspense';
CREATE INDEX accounts_suspense ON accounts (code) WHERE suspense;

-- What a network has cleared, by its own reference: it is posted once. scheme: '' where none.
CREATE TABLE network_references (
    scheme text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    entry uuid NOT NULL,
    authorization_id uuid NOT NULL,
    PRIMARY KEY (scheme, reference)
);
GRANT SELECT, INSERT ON network_references TO {service};
