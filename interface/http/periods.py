"""Periods as answers show them: from the events of a command, or as they stand."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from domain.calendar import (
    ONE_DAY,
    Month,
    first_of_fiscal_year,
    fiscal_year,
    month_named,
    month_of,
)
from domain.commands import Event
from domain.ledgers import Ledger
from domain.periods import (
    Period,
    PeriodClosing,
    PeriodFiled,
    PeriodReopenAsked,
    PeriodReopened,
    PeriodSoftClosed,
    Status,
    status_of,
)
from interface.http.pages import Page, asked_page, page_of
from interface.http.viewing import read_own

Shown = dict[str, Any]

_LEFT: dict[type[Event], Status] = {
    PeriodSoftClosed: "soft_closed",
    PeriodClosing: "closing",
    PeriodReopenAsked: "closed",
    PeriodReopened: "open",
    PeriodFiled: "locked",
}
"""The status in which an event leaves its period."""

_decode = msgspec.json.Decoder(Period).decode


def period_changed(ledger: Ledger, event: Any) -> Shown:
    """Returns a period as the event left it."""
    month = month_named(event.period, start=ledger.fiscal_year_start)
    wish = None
    if isinstance(event, PeriodReopenAsked):
        wish = {"asked_by": event.asked_by, "reason": event.why}
    return {**_days(ledger, month), "status": _LEFT[type(event)], "reopening": wish}


def read_period(connection: Connection[DictRow], name: str, *, now: datetime) -> Shown:
    """Returns a period as it stands."""
    ledger, row = read_own(connection), read_row(connection, name)
    month = month_named(name, start=ledger.fiscal_year_start)
    return _shown(ledger, month, row, _today(ledger, now), _head(connection))


def read_periods(connection: Connection[DictRow], query: dict[str, Any], *, now: datetime) -> Page:
    """Returns a page of periods, in the order of time. `now` says which day it is there."""
    after, size = asked_page(query)
    ledger, head = read_own(connection), _head(connection)
    today = _today(ledger, now)
    rows = {
        period.name: period
        for row in connection.execute("SELECT document FROM periods").fetchall()
        for period in (_decode(row["document"]),)
    }
    items: list[Shown] = []
    for month in _months(connection, ledger, rows, today):
        if month.name > after and len(items) <= size:
            shown = _shown(ledger, month, rows.get(month.name), today, head)
            wanted = {name: query.get(name, shown[name]) for name in ("fiscal_year", "status")}
            if wanted.items() <= shown.items():
                items.append(shown)
    return page_of([item["period"] for item in items], items, size)


def read_row(connection: Connection[DictRow], name: str) -> Period | None:
    """Returns a period to which something happened; None for any other."""
    row = connection.execute("SELECT document FROM periods WHERE name = %s", [name]).fetchone()
    return None if row is None else _decode(row["document"])


def _months(
    connection: Connection[DictRow], ledger: Ledger, rows: dict[str, Period], today: date
) -> Iterator[Month]:
    """From the first year in which something was posted, or happened to a period, to this one."""
    start = ledger.fiscal_year_start
    years = connection.execute("SELECT min(fiscal_year) AS first FROM vouchers").fetchone()
    assert years is not None
    found = [fiscal_year(one.first_on, start=start) for one in rows.values()]
    this = fiscal_year(today, start=start)
    first = min([this, *found, *([] if years["first"] is None else [years["first"]])])
    month = month_of(first_of_fiscal_year(first, start=start), start=start)
    while fiscal_year(month.first_on, start=start) <= this:
        yield month
        month = month_of(month.last_on + ONE_DAY, start=start)


def _shown(
    ledger: Ledger, month: Month, period: Period | None, today: date, position: int
) -> Shown:
    closes = () if period is None else period.closes
    wish = None if period is None else period.reopening
    return {
        **_days(ledger, month),
        "status": status_of(ledger, month, today),
        "reopening": wish and {"asked_by": wish.asked_by, "reason": wish.why},
        "closes": [
            {
                "close": number,
                "position": one.position,
                "digest": one.digest,
                "entries": list(one.entries),
            }
            for number, one in enumerate(closes, start=1)
        ],
        "abandoned": None if period is None else period.abandoned,
        "position": position,
    }


def _days(ledger: Ledger, month: Month) -> Shown:
    return {
        "period": month.name,
        "fiscal_year": fiscal_year(month.first_on, start=ledger.fiscal_year_start),
        "from": month.first_on,
        "to": month.last_on,
    }


def _today(ledger: Ledger, now: datetime) -> date:
    return now.astimezone(ZoneInfo(ledger.timezone)).date()


def _head(connection: Connection[DictRow]) -> int:
    row = connection.execute("SELECT position FROM head").fetchone()
    assert row is not None
    return int(row["position"])
