-- What was taken of each limit in its latest period: asked by the next decision, moved with the
-- events that say so. The limits themselves stand in their accounts' documents. Gone when lifted.

CREATE TABLE limit_usages (
    limit_id uuid PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    starts_on date,
    used numeric(38) NOT NULL CHECK (used >= 0),
    count bigint NOT NULL CHECK (count >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 2000);
CREATE INDEX limit_usages_account ON limit_usages (account, limit_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON limit_usages TO {service};
