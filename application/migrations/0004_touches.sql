-- An account's version is what its own events count (accounts.version) and what each of its
-- balances counts (touches), added up: a posting then reads and writes nothing but the balance.

ALTER TABLE balances RENAME COLUMN version TO touches;

WITH counted AS (
    SELECT a.code, max(b.id) AS last_id, greatest(a.version, max(b.touches))
        - (convert_from(a.document, 'UTF8')::jsonb ->> 'version')::bigint AS touches
    FROM accounts AS a JOIN balances AS b ON b.account = a.code
    GROUP BY a.code
)
UPDATE balances AS b SET touches = CASE WHEN b.id = c.last_id THEN c.touches ELSE 0 END
FROM counted AS c WHERE c.code = b.account;

UPDATE accounts SET version = (convert_from(document, 'UTF8')::jsonb ->> 'version')::bigint;
