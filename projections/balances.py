"""Past balances under both clocks: as of an effective day, as known at a position.

Read from the running totals of lines.py, with as many index look-ups as there are earlier years,
earlier months of that year and days of that month up to the day, and the lines of a run that was
not full; with a single look-up where every line that was known is meant.
"""

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from projections.lines import PLACES
from projections.totals import MONTHS


class Past(NamedTuple):
    """What was posted on an account in an asset, in minor units.

    `functional`: debits less credits in the functional asset. `lines`: running number of the last
    leg that was known, whatever day it is of.
    """

    account: str
    asset: str
    debits: int
    credits: int
    functional: int
    lines: int

    @property
    def net(self) -> int:
        """Debits less credits."""
        return self.debits - self.credits


_ALL_KNOWN = """
SELECT k.account, k.asset, l.all_debits AS debits, l.all_credits AS credits,
    coalesce(l.all_functional, l.all_debits - l.all_credits) AS functional, l.number AS lines
FROM line_keys AS k CROSS JOIN LATERAL (
    SELECT * FROM lines WHERE key = k.id AND place < %(end)s ORDER BY place DESC LIMIT 1
) AS l
WHERE {where}
ORDER BY k.account, k.asset
"""

_UP_TO_DAY = """
SELECT k.account, k.asset, coalesce(t.debits, 0) AS debits, coalesce(t.credits, 0) AS credits,
    coalesce(t.functional, 0) AS functional, l.number AS lines
FROM line_keys AS k
CROSS JOIN LATERAL (
    SELECT number, run FROM lines WHERE key = k.id AND place < %(end)s ORDER BY place DESC LIMIT 1
) AS l
CROSS JOIN LATERAL (
    SELECT sum(p.debits) AS debits, sum(p.credits) AS credits,
        sum(coalesce(p.functional, p.debits - p.credits)) AS functional
    FROM (
        -- Earlier years, then earlier months of this one, as full runs left them.
        SELECT t.* FROM (
            SELECT generate_series(
                (SELECT min(period) FROM line_periods WHERE key = k.id),
                least(%(year)s::int - 1, (
                    SELECT max(period) FROM line_periods
                    WHERE key = k.id AND period < %(first_of_months)s
                ))
            )
            UNION ALL SELECT generate_series(%(first_month)s::int, %(month)s::int - 1)
        ) AS n (period) CROSS JOIN LATERAL (
            SELECT debits, credits, functional FROM line_periods
            WHERE key = k.id AND period = n.period AND place < l.run ORDER BY place DESC LIMIT 1
        ) AS t
        UNION ALL
        -- What the run that was not full adds to them.
        SELECT CASE WHEN is_debit THEN amount ELSE 0 END,
            CASE WHEN is_debit THEN 0 ELSE amount END, functional
        FROM lines
        WHERE key = k.id AND place >= l.run AND place < %(end)s AND effective_on < %(first_day)s
        UNION ALL
        -- The days of this month.
        SELECT t.* FROM generate_series(0, %(days)s::int - 1) AS n
        CROSS JOIN LATERAL (
            SELECT day_debits, day_credits, day_functional FROM lines
            WHERE key = k.id AND effective_on = %(first_day)s::date + n AND place < %(end)s
            ORDER BY place DESC LIMIT 1
        ) AS t
    ) AS p
) AS t
WHERE {where}
ORDER BY k.account, k.asset
"""


def read_past(
    connection: Connection[Any],
    *,
    position: int,
    effective_on: date | None,
    account: str | None = None,
    branch: str | None = None,
    asset: str | None = None,
) -> list[Past]:
    """Returns what was posted through `effective_on` (None: whenever) as known at `position`.

    Of one account, of a branch of the chart (`assets:cash` and all below it), or of all; only
    accounts that had lines by then.
    """
    conditions = {"account": "k.account = %(account)s", "asset": "k.asset = %(asset)s"}
    given = {"account": account, "asset": asset}
    wanted = [condition for name, condition in conditions.items() if given[name] is not None]
    if branch is not None:
        wanted.append(
            "(k.account = %(branch)s OR (k.account > %(branch)s || ':'"
            " AND k.account < %(branch)s || ';'))"
        )
    where = " AND ".join(wanted) or "true"
    text = (_ALL_KNOWN if effective_on is None else _UP_TO_DAY).format(where=where)
    parameters: dict[str, Any] = {**given, "branch": branch, "end": (position + 1) * PLACES}
    if effective_on is not None:
        parameters |= {
            "year": effective_on.year,
            "first_of_months": MONTHS,
            "first_month": MONTHS + effective_on.year * 12,
            "month": MONTHS + effective_on.year * 12 + effective_on.month - 1,
            "first_day": effective_on.replace(day=1),
            "days": effective_on.day,
        }
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(text.encode(), parameters).fetchall()
    # Sums are numeric, because totals may pass 64 bits; their values are whole.
    return [
        Past(account, asset, int(debits), int(credits), int(functional), lines)
        for account, asset, debits, credits, functional, lines in rows
    ]


_OF_CLASSES = """
SELECT k.account, k.asset, sum(l.amount) FILTER (WHERE l.is_debit),
    sum(l.amount) FILTER (WHERE NOT l.is_debit),
    sum(CASE WHEN l.functional IS NOT NULL THEN l.functional
        WHEN l.is_debit THEN l.amount ELSE -l.amount END)
FROM posted_entries AS p CROSS JOIN LATERAL unnest(p.accounts) AS a (code)
JOIN line_keys AS k ON k.account = a.code
JOIN lines AS l ON l.key = k.id AND l.place > p.position * %(places)s
    AND l.place < (p.position + 1) * %(places)s
WHERE p.class = ANY(%(classes)s) AND p.class <> 'ordinary' AND p.position <= %(position)s
    AND p.effective_on <= coalesce(%(effective_on)s, 'infinity'::date)
    AND p.effective_on >= coalesce(%(since)s, '-infinity'::date)
GROUP BY 1, 2
"""


def read_without(
    connection: Connection[Any],
    classes: Collection[str],
    *,
    position: int,
    effective_on: date | None,
    since: date | None = None,
    branch: str | None = None,
) -> list[Past]:
    """Returns what `read_past` does of a branch or of all accounts, without entries of some
    classes, or without those of them that are of `since` or later.

    Adds up the entries of these classes, which are few. Requires that the views `lines` and
    `entries` show the position, and that none of the classes is the ordinary one.
    """
    assert "ordinary" not in classes
    all = read_past(connection, position=position, effective_on=effective_on, branch=branch)
    if not classes:
        return all
    rows = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            _OF_CLASSES,
            {
                "classes": list(classes),
                "position": position,
                "effective_on": effective_on,
                "since": since,
                "places": PLACES,
            },
        )
        .fetchall()
    )
    left_out = {(account, asset): [int(n or 0) for n in sums] for account, asset, *sums in rows}
    nothing = [0, 0, 0]
    found = []
    for one in all:
        debits, credits, functional = left_out.get((one.account, one.asset), nothing)
        found.append(
            one._replace(
                debits=one.debits - debits,
                credits=one.credits - credits,
                functional=one.functional - functional,
            )
        )
    return found
