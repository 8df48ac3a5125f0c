"""Totals of the whole chart: what a trial balance of a past day is added up from.

Asking each account for its balance of that day would take dozens of look-ups, ten thousand times.
So the log is cut into stretches, and whenever one ends, what its lines add to each account and
day is written down, for good (`chart_stretches`), and added to what all stretches together come
to, by month and by year (`chart_totals`, the only rows that are ever updated: a year of the chart
is then read as one row an account, however long the log is).

The chart as of a day D, as known at P, is therefore: what was recorded by the last stretch that
ended by P, which is the years and months before D's month and the days of that month up to D; and
the lines since, of days up to D.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from projections.totals import MONTHS, month_of

STRETCH_PLACES = 100_000 * 128
"""A stretch ends with the first entry after each 100,000 positions: with a batch that begins there,
so that it is added up while that batch is worked out. The lines of half as many have to be added up
for each question, on average; what a stretch has moved is written once for each."""

ENTRY_PLACES = 128
"""An entry's first place is its position times this."""

WORK_MEMORY = "64MB"
"""For what a stretch has moved."""

DDL = """
-- What the entries of a stretch of the log add to each account and day. before: the place of
-- the first entry after it; it begins where the stretch before it ended. It leads the index, so
-- that the last stretch is found at once and each is written at the end; for some days PostgreSQL
-- (from 18 on) looks into one stretch of the index after another.
CREATE TABLE chart_stretches (
    before bigint NOT NULL,
    effective_on date NOT NULL,
    key integer NOT NULL,
    debits numeric NOT NULL,
    credits numeric NOT NULL,
    functional numeric,
    PRIMARY KEY (before, effective_on, key)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
-- All of these together, by month and by year. Room is left in its pages: an update of a row stays
-- in its page, and in no index.
CREATE TABLE chart_totals (
    period integer NOT NULL,
    key integer NOT NULL,
    debits numeric NOT NULL,
    credits numeric NOT NULL,
    functional numeric,
    PRIMARY KEY (period, key)
) WITH (fillfactor = 50, autovacuum_analyze_scale_factor = 0.1);
"""

_END_STRETCH = f"""
WITH days AS MATERIALIZED (
    SELECT effective_on, key, coalesce(sum(amount) FILTER (WHERE is_debit), 0) AS debits,
        coalesce(sum(amount) FILTER (WHERE NOT is_debit), 0) AS credits,
        sum(functional) AS functional
    FROM lines WHERE place / {ENTRY_PLACES} >= %(from)s AND place / {ENTRY_PLACES} < %(to)s
    GROUP BY effective_on, key
), added AS (
    INSERT INTO chart_stretches (before, effective_on, key, debits, credits, functional)
    SELECT %(before)s, days.* FROM days ORDER BY effective_on, key
), months AS (
    SELECT %(months)s + extract(year FROM effective_on)::integer * 12
        + extract(month FROM effective_on)::integer - 1 AS period, key, sum(debits) AS debits,
        sum(credits) AS credits, sum(functional) AS functional
    FROM days GROUP BY 1, 2
), periods AS (
    SELECT * FROM months
    UNION ALL
    SELECT (period - %(months)s) / 12, key, sum(debits), sum(credits), sum(functional)
    FROM months GROUP BY 1, 2
    ORDER BY 1, 2
)
INSERT INTO chart_totals AS t (period, key, debits, credits, functional)
SELECT * FROM periods
ON CONFLICT (period, key) DO UPDATE SET debits = t.debits + excluded.debits,
    credits = t.credits + excluded.credits, functional = t.functional + excluded.functional
"""  # noqa: S608 -- this file's words


class Stretch(NamedTuple):
    """Some part of the log, by places: from `begins` to before `ends`."""

    begins: int
    ends: int


def read_stretch(connection: Connection[Any]) -> Stretch | None:
    """Returns the stretch that the last line is in, None before the first line."""
    row = connection.execute(
        "SELECT (SELECT max(before) FROM chart_stretches), (SELECT min(since) FROM line_keys)"
    ).fetchone()
    assert row is not None
    before, first = row
    if before is not None:
        return Stretch(before, _end_of(before))
    return None if first is None else Stretch(0, _end_of(first))


def begin_stretch(before: Stretch | None, *, place: int) -> Stretch:
    """Returns the stretch that the entry at `place` begins, after another one or as the first."""
    return Stretch(place if before else 0, _end_of(place))


def end_stretch(connection: Connection[Any], *, stretch: Stretch, before: int) -> None:
    """Writes down what the lines of a stretch add, before the place at which the next one begins.

    Requires that all lines before that place are written, and no others; and a transaction.
    """
    # The one statement of a worker that reads many lines: side by side in the table, whatever is
    # known of it by now.
    connection.execute(
        "SET LOCAL enable_bitmapscan = on; SET LOCAL enable_indexscan = off;"
        f" SET LOCAL work_mem = '{WORK_MEMORY}'"
    )
    parameters = {
        "from": stretch.begins // ENTRY_PLACES,
        "to": before // ENTRY_PLACES,
        "before": before,
        "months": MONTHS,
    }
    connection.execute(_END_STRETCH, parameters)
    connection.execute(
        "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexscan = on;"
        " SET LOCAL work_mem TO DEFAULT"
    )


def _end_of(place: int) -> int:
    return ((place - ENTRY_PLACES) // STRETCH_PLACES + 1) * STRETCH_PLACES + ENTRY_PLACES


_ALL_STRETCHES = """
    SELECT key, debits, credits, functional FROM chart_totals WHERE period < %(year)s
    UNION ALL
    SELECT key, debits, credits, functional FROM chart_totals
    WHERE period >= %(first_month)s AND period < %(month)s
    UNION ALL
    SELECT key, sum(debits), sum(credits), sum(functional) FROM chart_stretches
    WHERE effective_on >= %(first_day)s AND effective_on < %(next_day)s GROUP BY key
"""
_EARLIER_STRETCHES = """
    SELECT key, sum(debits), sum(credits), sum(functional) FROM chart_stretches
    WHERE before <= %(ended)s AND effective_on < %(next_day)s GROUP BY key
"""
_CHART = f"""
SELECT key, sum(debits), sum(credits), coalesce(sum(functional), sum(debits) - sum(credits))
FROM (
    {{stretches}}
    UNION ALL
    -- What was recorded since the last stretch.
    SELECT key, coalesce(sum(amount) FILTER (WHERE is_debit), 0),
        coalesce(sum(amount) FILTER (WHERE NOT is_debit), 0), sum(functional)
    FROM lines
    WHERE place / {ENTRY_PLACES} >= %(from)s AND place / {ENTRY_PLACES} < %(to)s
        AND effective_on < %(next_day)s
    GROUP BY key
) AS p (key, debits, credits, functional) GROUP BY key
"""  # noqa: S608 -- this file's words
_KEYS = """
SELECT k.id, k.account, k.asset FROM line_keys AS k WHERE k.since < %(end)s AND {where}
ORDER BY k.account, k.asset
"""
_NOTHING = 0, 0, 0


def read_chart(
    cursor: Cursor[tuple[Any, ...]],
    *,
    end: int,
    next_day: date,
    where: str,
    parameters: Mapping[str, str | None],
) -> list[tuple[Any, ...]]:
    """Returns account, asset, debits, credits and worth of all accounts that had lines
    before the place `end` and meet the condition `where` on `line_keys AS k`: what was posted by
    these lines before `next_day`."""
    row = cursor.execute(
        "SELECT (SELECT coalesce(max(before), 0) FROM chart_stretches WHERE before <= %s),"
        " (SELECT coalesce(max(before), 0) FROM chart_stretches)",
        [end],
    ).fetchone()
    assert row is not None
    ended, last = row
    stretches = _ALL_STRETCHES if ended == last else _EARLIER_STRETCHES
    # Where the day is the last one of a month, that month is one of those before.
    first_day = next_day.replace(day=1)
    rows = cursor.execute(
        _CHART.format(stretches=stretches).encode(),
        {
            "ended": ended,
            "end": end,
            "from": ended // ENTRY_PLACES,
            "to": end // ENTRY_PLACES,
            "year": next_day.year,
            "first_month": MONTHS + next_day.year * 12,
            "month": month_of(first_day),
            "first_day": first_day,
            "next_day": next_day,
        },
    ).fetchall()
    moved = {key: sums for key, *sums in rows}
    # Put together here: PostgreSQL can't know how many rows the sums are, took them for a few and
    # compared each account with each of them, seconds long.
    keys = cursor.execute(_KEYS.format(where=where).encode(), {**parameters, "end": end}).fetchall()
    return [(account, asset, *moved.get(id, _NOTHING)) for id, account, asset in keys]
