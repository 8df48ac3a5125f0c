"""Reports of a period: its days, and what was known when it was closed.

A period is a month (`2026-03`), or a fiscal year by the year in which it ends (`2026`), which was
closed with its last month. `close` numbers the closes of a period that was reopened.
"""

from datetime import date
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.calendar import ONE_DAY, first_of_fiscal_year, month_named, month_of
from domain.ledgers import Ledger
from domain.periods import Close, Period
from projections.report import NeedsMore

Query = dict[str, Any]

PERIOD = r"[12][0-9]{3}(-(0[1-9]|1[0-2]))?"
WITH_PERIOD = frozenset({"period", "close"})
"""What every report of days takes beside them."""

WORDS: tuple[str, ...] = ("period", "close", "against")
RESTATED = frozenset({"period", "close", "against", "basis"})
NOT_BESIDE = ("effective_on", "from_", "to", "known_at", "known_position")

_decode = msgspec.json.Decoder(Period).decode


def of_period(
    connection: Connection[Any], ledger: Ledger, query: Query, takes: frozenset[str]
) -> Query:
    """Returns a report's query with the days of the period that it names, and the position as known
    at which that was closed: by the close that it names, or the last one while it is closed.

    Raises NeedsMore for a period or a close that there is not.
    """
    if "period" not in query:
        if "close" in query or "against" in query:
            raise NeedsMore("period", "Name the period too.")
        return query
    for name in NOT_BESIDE:
        if name in query:
            raise NeedsMore(name.rstrip("_"), "A period has its own days and closes.")
    first_on, last_on = _days(query["period"], ledger)
    closes = _closes(connection, month_of(last_on, start=ledger.fiscal_year_start).name)
    is_closed = any(
        mark is not None and last_on <= mark
        for mark in (ledger.closed_through, ledger.locked_through)
    )
    found = {**query, "to": last_on} | ({"from_": first_on} if "from_" in takes else {})
    if "against" in takes:
        return _compared(found, closes, is_closed=is_closed)
    number = query.get("close", len(closes) if closes and is_closed else None)
    if number is None:
        return found
    position = _numbered(closes, "close", number).position
    return {**found, "close": number, "known_position": position}


def _compared(query: Query, closes: tuple[Close, ...], *, is_closed: bool) -> Query:
    """The two closes to compare: by default the last one with the one before it, or with what is
    known now where the period is open again or was closed once."""
    against = query.get("against", len(closes) if is_closed and len(closes) > 1 else None)
    number = query.get("close", (against or len(closes) + 1) - 1)
    found = {**query, "close": number, "closed_at": _numbered(closes, "close", number).position}
    if against is None:
        return found
    later = _numbered(closes, "against", against)
    if against <= number:
        raise NeedsMore("against", "Takes a close after the other one.")
    return {**found, "against": against, "known_position": later.position}


def _numbered(closes: tuple[Close, ...], name: str, number: int) -> Close:
    if not 0 < number <= len(closes):
        raise NeedsMore(name, f"The period was closed {len(closes)} times.")
    return closes[number - 1]


def _days(name: str, ledger: Ledger) -> tuple[date, date]:
    start = ledger.fiscal_year_start
    if "-" in name:
        month = month_named(name, start=start)
        return month.first_on, month.last_on
    year = int(name)
    return (
        first_of_fiscal_year(year, start=start),
        first_of_fiscal_year(year + 1, start=start) - ONE_DAY,
    )


def _closes(connection: Connection[Any], name: str) -> tuple[Close, ...]:
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute("SELECT document FROM periods WHERE name = %s", [name]).fetchone()
    return () if row is None else _decode(row[0]).closes
