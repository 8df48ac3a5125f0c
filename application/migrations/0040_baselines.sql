-- Approved baselines, each version of them: decided on, listed and reported from.

CREATE TABLE baselines (id text COLLATE "C" PRIMARY KEY, document bytea NOT NULL);

GRANT SELECT, INSERT ON baselines TO {service};
