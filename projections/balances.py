"""Past balances under both clocks: as of an effective day, as known at a position.

Of a few accounts: read from the running totals of lines.py, with as many index look-ups as there
are earlier years, earlier months of that year and days of that month up to the day, and the lines
of a run that was not full; with a single look-up where every line that was known is meant. Of many:
from the totals of the whole chart (chart_totals.py), in one go.
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, NamedTuple

from psycopg import Connection, Cursor
from psycopg.rows import tuple_row
from psycopg.types.numeric import IntLoader

from projections.chart_totals import read_chart
from projections.entries import LEFT_OUT
from projections.lines import LINES_OF_ENTRY, PLACES
from projections.totals import MONTHS, month_of, period_of

MANY_ACCOUNTS = 300
"""So many are read from the totals of the chart, fewer one by one: either takes some 20 ms."""


class Past(NamedTuple):
    """What was posted on an account in an asset, in minor units.

    `functional`: debits less credits in the functional asset.
    """

    account: str
    asset: str
    debits: int
    credits: int
    functional: int

    @property
    def net(self) -> int:
        """Debits less credits."""
        return self.debits - self.credits


_ALL_KNOWN = """
SELECT k.account, k.asset, l.all_debits, l.all_credits,
    coalesce(l.all_functional, l.all_debits - l.all_credits)
FROM line_keys AS k CROSS JOIN LATERAL (
    SELECT * FROM lines WHERE key = k.id AND place < %(end)s ORDER BY place DESC LIMIT 1
) AS l
WHERE {where}
ORDER BY k.account, k.asset
"""

_UP_TO_DAY = """
SELECT k.account, k.asset, coalesce(t.debits, 0), coalesce(t.credits, 0),
    coalesce(t.functional, 0)
FROM line_keys AS k
CROSS JOIN LATERAL (
    SELECT run FROM lines WHERE key = k.id AND place < %(end)s ORDER BY place DESC LIMIT 1
) AS l
CROSS JOIN LATERAL (
    SELECT sum(p.debits) AS debits, sum(p.credits) AS credits,
        sum(coalesce(p.functional, p.debits - p.credits)) AS functional
    FROM (
        -- Earlier years, earlier months of this one, days of this month, as full runs left them.
        SELECT t.* FROM (
            SELECT generate_series(
                (SELECT min(period) FROM line_periods WHERE key = k.id),
                least(%(year)s::int - 1, (
                    SELECT max(period) FROM line_periods
                    WHERE key = k.id AND period < %(first_of_months)s
                ))
            )
            UNION ALL SELECT n FROM generate_series(%(first_month)s::int, %(month)s::int - 1) AS n
            UNION ALL SELECT n FROM generate_series(%(first_day)s::int, %(last_day)s::int) AS n
        ) AS n (period) CROSS JOIN LATERAL (
            SELECT debits, credits, functional FROM line_periods
            WHERE key = k.id AND period = n.period AND place < l.run ORDER BY place DESC LIMIT 1
        ) AS t
        UNION ALL
        -- What the run that was not full adds to them.
        SELECT CASE WHEN is_debit THEN amount ELSE 0 END,
            CASE WHEN is_debit THEN 0 ELSE amount END, functional
        FROM lines
        WHERE key = k.id AND place >= l.run AND place < %(end)s AND effective_on < %(next_day)s
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
    where, given = _chosen(account=account, branch=branch, asset=asset)
    end = (position + 1) * PLACES
    if effective_on is None or effective_on == date.max:
        rows = _rows(connection, _ALL_KNOWN, where, {**given, "end": end})
    else:
        next_day = effective_on + timedelta(days=1)
        if account is None and not _are_few(connection, where, given):
            rows = read_chart(
                _cursor(connection), end=end, next_day=next_day, where=where, parameters=given
            )
        else:
            rows = _rows(connection, _UP_TO_DAY, where, {**given, "end": end, **_before(next_day)})
    return list(map(Past._make, rows))


_LINES = """
SELECT k.account, k.asset, l.number FROM line_keys AS k CROSS JOIN LATERAL (
    SELECT number FROM lines WHERE key = k.id AND place < %(end)s ORDER BY place DESC LIMIT 1
) AS l
WHERE {where}
"""


def count_lines(
    connection: Connection[Any],
    *,
    position: int,
    account: str | None = None,
    branch: str | None = None,
    asset: str | None = None,
) -> dict[tuple[str, str], int]:
    """Returns how many legs there were by the position, of whatever day, by account and asset."""
    where, given = _chosen(account=account, branch=branch, asset=asset)
    rows = _rows(connection, _LINES, where, {**given, "end": (position + 1) * PLACES})
    return {(account, asset): number for account, asset, number in rows}


def _chosen(
    *, account: str | None, branch: str | None, asset: str | None
) -> tuple[str, dict[str, str | None]]:
    """The condition on `line_keys AS k`, and its parameters."""
    wanted = []
    if account is not None:
        wanted.append("k.account = %(account)s")
    if asset is not None:
        wanted.append("k.asset = %(asset)s")
    if branch is not None:
        wanted.append(
            "(k.account = %(branch)s OR (k.account > %(branch)s || ':'"
            " AND k.account < %(branch)s || ';'))"
        )
    given = {"account": account, "branch": branch, "asset": asset}
    return " AND ".join(wanted) or "true", given


def _are_few(connection: Connection[Any], where: str, given: dict[str, str | None]) -> bool:
    rows = _rows(
        connection,
        "SELECT FROM line_keys AS k WHERE {where} LIMIT %(many)s",
        where,
        {**given, "many": MANY_ACCOUNTS},
    )
    return len(rows) < MANY_ACCOUNTS


def _before(next_day: date) -> dict[str, Any]:
    """What comes before a day: earlier years, earlier months of its year, earlier days of its
    month. (Before the first day of a month there are none of these.)"""
    return {
        "year": next_day.year,
        "first_of_months": MONTHS,
        "first_month": MONTHS + next_day.year * 12,
        "month": month_of(next_day),
        "first_day": period_of(next_day.replace(day=1)),
        "last_day": period_of(next_day) - 1,
        "next_day": next_day,
    }


def _rows(
    connection: Connection[Any], text: str, where: str, parameters: dict[str, Any]
) -> list[Any]:
    return _cursor(connection).execute(text.format(where=where).encode(), parameters).fetchall()


def _cursor(connection: Connection[Any]) -> Cursor[tuple[Any, ...]]:
    """One that gives whole numbers, which may pass 64 bits, as such: in the chart there are ten
    thousand of them. Any other number would raise ValueError."""
    cursor = connection.cursor(row_factory=tuple_row)
    cursor.adapters.register_loader("numeric", IntLoader)
    return cursor


_OF_CLASSES = f"""
SELECT k.account, k.asset, coalesce(sum(l.amount) FILTER (WHERE l.is_debit), 0),
    coalesce(sum(l.amount) FILTER (WHERE NOT l.is_debit), 0),
    sum(CASE WHEN l.functional IS NOT NULL THEN l.functional
        WHEN l.is_debit THEN l.amount ELSE -l.amount END)
FROM posted_entries AS p {LINES_OF_ENTRY}
WHERE p.class <> 'ordinary' AND p.position <= %(position)s
    AND p.effective_on <= coalesce(%(effective_on)s, 'infinity'::date) AND {LEFT_OUT}
GROUP BY 1, 2
"""  # noqa: S608 -- words of these files


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
    classes, or without those of them that are of `since` or later and correct nothing earlier.

    Adds up the entries of these classes, which are few. Requires that the views `lines` and
    `entries` show the position, and that none of the classes is the ordinary one.
    """
    assert "ordinary" not in classes
    all = read_past(connection, position=position, effective_on=effective_on, branch=branch)
    if not classes:
        return all
    rows = (
        _cursor(connection)
        .execute(
            _OF_CLASSES,
            {
                "without": list(classes),
                "position": position,
                "effective_on": effective_on,
                "since": since,
                "places": PLACES,
            },
        )
        .fetchall()
    )
    left_out = {(account, asset): sums for account, asset, *sums in rows}
    for number, one in enumerate(all):
        if sums := left_out.get((one.account, one.asset)):
            debits, credits, functional = sums
            all[number] = one._replace(
                debits=one.debits - debits,
                credits=one.credits - credits,
                functional=one.functional - functional,
            )
    return all
