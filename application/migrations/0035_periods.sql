-- Months of the fiscal year to which something happened: closes, wishes to reopen. Which days are
-- shut stands in the ledger's document, where every posting looks.

CREATE TABLE periods (name text COLLATE "C" PRIMARY KEY, document bytea NOT NULL);

GRANT SELECT, INSERT, UPDATE ON periods TO {service};
