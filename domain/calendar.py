"""Days, fiscal years and months of a ledger, and which of its days take postings from whom.

Three watermarks shut days: the lock (for ever), the close (for all but the worker, as long as it
closes), the soft close (for all but controllers). A day is open to a hand or shut; nothing else of
a period is asked when something is posted.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from domain.refusals import Refusal

if TYPE_CHECKING:
    from domain.commands import At, Standing
    from domain.ledgers import Ledger

ONE_DAY = timedelta(days=1)


class PeriodIsClosed(Refusal):
    """`status`: locked, closed or soft-closed, up to and with the day `through`."""

    code = "period_closed"
    sentence = "The books are {status} through {through}; {effective_on} is not open."


class EffectiveInFuture(Refusal):
    code = "effective_in_future"
    sentence = "{effective_on} is later than today in this ledger, {today}."


class Month(NamedTuple):
    """A period: a month of a fiscal year, named by the calendar month in which it begins."""

    name: str
    first_on: date
    last_on: date


def fiscal_year(day: date, *, start: str) -> int:
    """Returns the calendar year in which the fiscal year of `day` ends.

    `start` is the fiscal year's first day, `MM-DD`: `(2025-05-01, "04-01") -> 2026`.
    """
    if start == "01-01":
        return day.year
    return day.year + (day.strftime("%m-%d") >= start)


def month_of(day: date, *, start: str) -> Month:
    """Returns the month of the fiscal year that a day is in; `start` as for `fiscal_year`.

    Months begin on the day of the month on which the year does: `(2026-04-05, "04-06")` is in
    `2026-03`, which begins on 2026-03-06.
    """
    begins_later = day < _first_on(day.year, day.month, start)
    year, month = (day.year, day.month - 1) if begins_later else (day.year, day.month)
    return _month(year - 1, 12, start) if month == 0 else _month(year, month, start)


def month_named(name: str, *, start: str) -> Month:
    """Returns the month with a name, `YYYY-MM`."""
    return _month(int(name[:4]), int(name[5:]), start)


def ends_year(month: Month, *, start: str) -> bool:
    """True for the last month of a fiscal year."""
    return (month.last_on + ONE_DAY).strftime("%m-%d") == start


def first_of_fiscal_year(year: int, *, start: str) -> date:
    """Returns the first day of a fiscal year, which is named by the year in which it ends."""
    return date.fromisoformat(f"{year if start == '01-01' else year - 1:04}-{start}")


def _month(year: int, month: int, start: str) -> Month:
    after = (year + 1, 1) if month == 12 else (year, month + 1)
    last_on = _first_on(*after, start) - ONE_DAY
    return Month(f"{year:04}-{month:02}", _first_on(year, month, start), last_on)


def _first_on(year: int, month: int, start: str) -> date:
    """A year that starts on the 31st has months that begin on their last day."""
    return date(year, month, min(int(start[3:]), monthrange(year, month)[1]))


def shut_through(ledger: Ledger, standing: Standing) -> date | None:
    """Returns the last day that is shut to a hand of this standing; None where none is."""
    days = [ledger.locked_through, ledger.closed_through]
    if standing == "clerk":
        days.append(ledger.soft_closed_through)
    elif standing == "closing" and ledger.closing is not None:
        days[1] = ledger.closing.before
    return max((day for day in days if day is not None), default=None)


def first_open_day(ledger: Ledger, day: date, at: At) -> date:
    """Returns `day`, or the day after what is shut when `day` is."""
    shut = shut_through(ledger, at.standing)
    return day if shut is None or day > shut else shut + ONE_DAY


def check_open(ledger: Ledger, effective_on: date, at: At) -> None:
    """Raises PeriodIsClosed, EffectiveInFuture."""
    shut = shut_through(ledger, at.standing)
    if shut is not None and effective_on <= shut:
        raise is_closed(ledger, effective_on)
    if effective_on > at.today:
        raise in_future(effective_on, at)


def is_closed(ledger: Ledger, day: date) -> PeriodIsClosed:
    """Returns the refusal that says which watermark a day is under: the strictest one."""
    marks = {
        "locked": ledger.locked_through,
        "closed": ledger.closed_through,
        "soft-closed": ledger.soft_closed_through,
    }
    status, through = next(
        (status, mark) for status, mark in marks.items() if mark is not None and day <= mark
    )
    locked = ledger.locked_through
    return PeriodIsClosed(
        effective_on=day.isoformat(),
        status=status,
        through=through.isoformat(),
        locked_through=None if locked is None else locked.isoformat(),
    )


def in_future(day: date, at: At) -> EffectiveInFuture:
    """Returns the refusal of a day that has not come."""
    return EffectiveInFuture(effective_on=day.isoformat(), today=at.today.isoformat())
