"""Statements of an account: its lines one by one, each with the balance that it leaves.

By booking: in the order of the log, with gapless numbers. By effective date: by (effective day,
place in the log); the balance in front of a page is what was posted through the day before, plus
what the day's own lines come to up to there, and from there on line after line. What was posted
through the page's last line must be what the last line leaves: that is asked apart.
"""

from datetime import date, timedelta
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from projections.balances import read_past
from projections.lines import PLACES
from projections.report import TooLarge
from projections.totals import period_of


class Line(NamedTuple):
    """A line and the balance that it leaves: debits less credits, in minor units."""

    position: int
    leg: int
    number: int
    effective_on: date
    is_debit: bool
    amount: int
    balance: int


class Statement(NamedTuple):
    """`opening` and `closing`: of the whole span, debits less credits. `before`: the balance in
    front of the first of `lines`; `more`: whether others follow them."""

    opening: int
    before: int
    lines: list[Line]
    closing: int
    more: bool


LINES_MAX = 50_000
"""Of a statement as a report."""

SORTED_LINES = 1_000
"""An account with more is read day by day; the lines of one with fewer are sorted for each page."""


class Uneven(Exception):
    """Opening and lines do not make the closing balance: the view is damaged."""


Cursor = tuple[date, int]
"""Effective day and place of the last line of the page before."""


def by_booking(
    connection: Connection[Any],
    *,
    account: str,
    asset: str,
    first: int,
    last: int,
    after: int | None,
    limit: int,
) -> Statement:
    """Returns lines that were recorded at positions from `first` to `last`.

    `after`: the place of the last line of the page before. Raises Uneven.
    """
    opening = _net(connection, account, asset, position=first - 1)
    closing = _net(connection, account, asset, position=max(last, first - 1))
    rows = _rows(
        connection,
        "l.place > %(after)s AND l.place < %(end)s ORDER BY l.place",
        account=account,
        asset=asset,
        after=max(after or 0, first * PLACES),
        end=(last + 1) * PLACES,
        limit=limit + 1,
    )
    lines = [_line(row, int(row[5]) - int(row[6])) for row in rows[:limit]]
    return _checked(opening, closing, lines, whole=after is None, more=len(rows) > limit)


def by_effective_day(
    connection: Connection[Any],
    *,
    account: str,
    asset: str,
    from_: date | None,
    to: date | None,
    known: int,
    after: Cursor | None,
    limit: int,
) -> Statement:
    """Returns lines that are effective from `from_` to `to`, as known at the position `known`.

    Raises Uneven.
    """

    def through(day: date | None) -> int:
        return _net(connection, account, asset, position=known, effective_on=day)

    opening = 0 if from_ in (None, date.min) else through(from_ - timedelta(days=1))
    closing = opening if from_ and to and to < from_ else through(to)
    rows = _rows_by_day(
        connection,
        account=account,
        asset=asset,
        after=after or (from_ or date.min, 0),
        to=to or date.max,
        end=(known + 1) * PLACES,
        limit=limit + 1,
    )
    if not rows:
        return _checked(opening, closing, [], whole=after is None, more=False)

    earlier: dict[date, int] = {date.min: 0}

    def left_by(place: int, day: date) -> int:
        """The balance that the account's last line of a day up to a place leaves."""
        if day not in earlier:
            earlier[day] = through(day - timedelta(days=1))
        return earlier[day] + _of_day(connection, account, asset, day=day, end=place + 1)

    begins_on = rows[0][2]
    balance = left_by(rows[0][0] - 1, begins_on)
    lines = []
    for row in rows[:limit]:
        balance += row[4] if row[3] else -row[4]
        lines.append(_line(row, balance))
    more = len(rows) > limit
    if more:
        place, day = rows[limit - 1][0], rows[limit - 1][2]
        if balance != (left := left_by(place, day)):
            raise Uneven(f"line {lines[-1].number} leaves {left}, not {balance}")
    return _checked(opening, closing, lines, whole=after is None, more=more)


def lines_between(
    connection: Connection[Any], *, account: str, asset: str, after: int, last: int
) -> list[Line]:
    """Returns an account's lines of positions above `after`, up to `last`, in their order.

    Raises TooLarge where there are more than LINES_MAX.
    """
    rows = _rows(
        connection,
        "l.place >= %(first)s AND l.place < %(end)s ORDER BY l.place",
        account=account,
        asset=asset,
        first=(after + 1) * PLACES,
        end=(last + 1) * PLACES,
        limit=LINES_MAX + 1,
    )
    if len(rows) > LINES_MAX:
        raise TooLarge(f"More than {LINES_MAX:,} lines since it was certified last.")
    return [_line(row, int(row[5]) - int(row[6])) for row in rows]


def assets_of(connection: Connection[Any], account: str, *, known: int) -> list[str]:
    """Returns the assets that an account has lines in, as known at a position."""
    rows = connection.cursor(row_factory=tuple_row).execute(
        "SELECT asset FROM line_keys WHERE account = %s AND since < %s ORDER BY asset",
        [account, (known + 1) * PLACES],
    )
    return [asset for (asset,) in rows]


_COLUMNS = "l.place, l.number, l.effective_on, l.is_debit, l.amount, l.all_debits, l.all_credits"
_KEY = "(SELECT id FROM line_keys WHERE account = %(account)s AND asset = %(asset)s)"
_AFTER = "l.place < %(end)s AND (l.effective_on, l.place) > (%(day)s, %(after)s)"

_SORTED = f"{_AFTER} AND l.effective_on <= %(to)s ORDER BY l.effective_on, l.place"

# One day after another, as far as the page goes: each full run says which of its lines are of
# which day. Days are taken from there too, so that those on which nothing happened cost nothing.
# (The order within a day is that of the loops; `_checked` would find any other.)
_DAY_BY_DAY = f"""
WITH RECURSIVE days (period) AS (
    SELECT min(period) FROM line_periods WHERE key = %(key)s AND period >= %(first_period)s
    UNION ALL
    SELECT (SELECT min(period) FROM line_periods WHERE key = %(key)s AND period > days.period)
    FROM days WHERE period < %(last_period)s
)
SELECT * FROM (
    (SELECT l.* FROM days CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM (
            SELECT places FROM line_periods AS p
            WHERE p.key = %(key)s AND p.period = days.period AND p.place < %(run)s
                AND p.place > CASE days.period WHEN %(first_period)s THEN %(after)s ELSE 0 END
            ORDER BY p.place OFFSET 0
        ) AS p CROSS JOIN unnest(p.places) AS n (place) CROSS JOIN LATERAL (
            SELECT * FROM lines WHERE key = %(key)s AND lines.place = n.place
        ) AS l WHERE {_AFTER} LIMIT %(limit)s
    ) AS l WHERE days.period <= %(last_period)s LIMIT %(limit)s)
    UNION ALL
    -- The run that was not full.
    SELECT {_COLUMNS} FROM lines AS l WHERE l.key = %(key)s AND l.place >= %(run)s
        AND {_AFTER} AND l.effective_on <= %(to)s
) AS l ORDER BY effective_on, place LIMIT %(limit)s
"""  # noqa: S608 -- this file's words

_OF_DAY = f"""
WITH account (key, run) AS MATERIALIZED (
    SELECT key, run FROM lines WHERE key = {_KEY} AND place < %(end)s ORDER BY place DESC LIMIT 1
)
SELECT coalesce(sum(net), 0) FROM (
    SELECT p.debits - p.credits AS net FROM account CROSS JOIN LATERAL (
        SELECT debits, credits FROM line_periods
        WHERE key = account.key AND period = %(period)s AND place < account.run
        ORDER BY place DESC LIMIT 1
    ) AS p
    UNION ALL
    SELECT CASE WHEN l.is_debit THEN l.amount ELSE -l.amount END FROM account JOIN lines AS l
        ON l.key = account.key AND l.place >= account.run
    WHERE l.place < %(end)s AND l.effective_on = %(day)s
) AS t
"""  # noqa: S608 -- this file's words


def _of_day(connection: Connection[Any], account: str, asset: str, *, day: date, end: int) -> int:
    """Returns debits less credits of an account's lines of a day at places before `end`."""
    parameters = {
        "account": account,
        "asset": asset,
        "day": day,
        "period": period_of(day),
        "end": end,
    }
    row = connection.cursor(row_factory=tuple_row).execute(_OF_DAY, parameters).fetchone()
    assert row is not None
    return int(row[0])


def _rows_by_day(
    connection: Connection[Any],
    *,
    account: str,
    asset: str,
    after: Cursor,
    to: date,
    end: int,
    limit: int,
) -> list[Any]:
    parameters = {
        "account": account,
        "asset": asset,
        "day": after[0],
        "after": after[1],
        "to": to,
        "end": end,
        "limit": limit,
        "first_period": period_of(after[0]),
        "last_period": period_of(to),
    }
    cursor = connection.cursor(row_factory=tuple_row)
    last = cursor.execute(
        f"SELECT l.number, l.key, l.run FROM lines AS l WHERE l.key = {_KEY}"  # noqa: S608 -- this file's words
        " AND l.place < %(end)s ORDER BY l.place DESC LIMIT 1",
        parameters,
    ).fetchone()
    if last is None or last[0] <= SORTED_LINES:
        return _rows(connection, _SORTED, **parameters)
    return cursor.execute(_DAY_BY_DAY, {**parameters, "key": last[1], "run": last[2]}).fetchall()


def _rows(connection: Connection[Any], condition: str, **parameters: Any) -> list[Any]:
    return (
        connection.cursor(row_factory=tuple_row)
        .execute(
            f"SELECT {_COLUMNS} FROM lines AS l WHERE l.key = {_KEY} AND {condition}"  # noqa: S608 -- this file's words
            " LIMIT %(limit)s",
            parameters,
        )
        .fetchall()
    )


def _line(row: Any, balance: int) -> Line:
    position, leg = divmod(row[0], PLACES)
    return Line(position, leg, row[1], row[2], row[3], int(row[4]), balance)


def _net(
    connection: Connection[Any],
    account: str,
    asset: str,
    *,
    position: int,
    effective_on: date | None = None,
) -> int:
    found = read_past(
        connection, position=position, effective_on=effective_on, account=account, asset=asset
    )
    return found[0].net if found else 0


def _checked(
    opening: int, closing: int, lines: list[Line], *, whole: bool, more: bool
) -> Statement:
    """Holds opening + lines = closing against what was read. Raises Uneven."""
    before = opening
    if lines:
        before = lines[0].balance - _signed(lines[0])
    balance = before
    for line in lines:
        balance += _signed(line)
        if balance != line.balance:
            raise Uneven(f"line {line.number} leaves {line.balance}, not {balance}")
    if not lines and not whole:
        return Statement(opening, closing, lines, closing, more)
    if (whole and before != opening) or (not more and balance != closing):
        raise Uneven(f"{opening} and the lines do not make {closing}")
    return Statement(opening, before, lines, closing, more)


def _signed(line: Line) -> int:
    return line.amount if line.is_debit else -line.amount
