"""A long log: millions of events that the service did not write, to measure it behind them.

They are copies of the ledger's own entries under new ids, made by the database: as large, as many
and as scattered in the indexes as if each had been posted, in minutes instead of hours. The log is
good for nothing but to be long: its records contradict their columns, and the balances know nothing
of them.
"""

import time

import psycopg
from psycopg import sql

from interface.bench.figures import Result
from interface.bench.load import Progress
from interface.bench.scenario import Told

EVENTS_A_STEP = 250_000
PATTERNS = 1_000
"""So many of the ledger's own entries are copied, one after the other."""

_COPY = """
WITH patterns AS (
    SELECT row_number() OVER () - 1 AS number, topic, state FROM (
        SELECT topic, state FROM {log}.events WHERE topic = 'EntryPosted'
        ORDER BY notification_id DESC LIMIT %(patterns)s
    ) AS latest
), size AS (SELECT count(*) AS patterns FROM patterns)
INSERT INTO {log}.events (notification_id, originator_id, originator_version, topic, state)
SELECT h.position + n, gen_random_uuid(), 1, p.topic, p.state
FROM {log}.head AS h CROSS JOIN size CROSS JOIN generate_series(1, %(events)s) AS n
JOIN patterns AS p ON p.number = n %% size.patterns
"""


def preloaded(owner: str, *, log: str, events: int, told: Told) -> Result:
    """Makes the log in a schema so many events longer. Requires entries in it. Raises
    psycopg.Error."""
    began = time.perf_counter()
    names = {"log": sql.Identifier(log)}
    with psycopg.connect(owner, autocommit=True) as connection:
        for done in range(0, events, EVENTS_A_STEP):
            step = min(EVENTS_A_STEP, events - done)
            with connection.transaction():
                connection.execute(
                    sql.SQL(_COPY).format(**names), {"patterns": PATTERNS, "events": step}
                )
                connection.execute(
                    sql.SQL(
                        "UPDATE {log}.head SET position = position + %s,"
                        " commit_id = gen_random_uuid()"
                    ).format(**names),
                    [step],
                )
            told(Progress(share=(done + step) / events, transfers=done + step))
        # What autovacuum would have done meanwhile, had the log grown more slowly.
        connection.execute(sql.SQL("VACUUM (ANALYZE) {log}.events").format(**names))
    seconds = time.perf_counter() - began
    return Result(
        name="preload",
        rate=round(events / seconds, 1),
        seconds=round(seconds, 2),
        transfers=events,
        notes=["copies made by the database, not commands"],
    )
