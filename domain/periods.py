r"""Periods: the months of a ledger's fiscal years, from open to filed.

    future -> open -> soft_closed -> closing -> closed -> locked
                 \------------------/    |          |
                  (PeriodReopened) <-----+----------+

What happened to them is here, what is decided in domain/closes.py. A period's status follows from
the ledger's watermarks alone; a row of its own has one to which something happened.
"""

from datetime import date
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.books import Books
from domain.calendar import (
    ONE_DAY,
    Month,
    first_of_fiscal_year,
    fiscal_year,
    month_named,
    month_of,
    shut_through,
)
from domain.commands import Event, Standing
from domain.ledgers import Closing, Ledger

Status = Literal["future", "open", "soft_closed", "closing", "closed", "locked"]


class PeriodSoftClosed(Event, frozen=True, kw_only=True):
    """Only controllers post on or before `last_on`."""

    period: str
    first_on: date
    last_on: date
    reference: str | None = None
    private: str | None = None


class PeriodClosing(Event, frozen=True, kw_only=True):
    """Nobody but the worker that closes posts on or before `last_on`.

    `fiscal_year`: the one that ends with it, whose closing entries are to be posted. `before`: what
    was closed through until then.
    """

    period: str
    first_on: date
    last_on: date
    fiscal_year: int | None = None
    before: date | None = None
    reference: str | None = None
    private: str | None = None


class PeriodClosed(Event, frozen=True, kw_only=True):
    """`digest`: SHA-256 in hex of the canonical trial balance as of `last_on`, all entries counted,
    as known at `position`. `entries`: the closing entries, in the order of the log."""

    period: str
    last_on: date
    position: int
    digest: str
    entries: list[str] | None = None


class CloseAbandoned(Event, frozen=True, kw_only=True):
    """The period is as it was before; `closed_through` says so."""

    period: str
    why: str
    detail: str
    closed_through: date | None = None


class PeriodReopenAsked(Event, frozen=True, kw_only=True):
    """The first of two persons; `why` is the reason code. `person` answers for `asked_by`, where
    that is a service."""

    period: str
    asked_by: str
    person: str | None = None
    on_behalf_of: str | None = None
    why: str
    reference: str | None = None
    private: str | None = None


class PeriodReopened(Event, frozen=True, kw_only=True):
    """`closed_through`, `soft_closed_through`: what is shut from now on. Of what was closed, two
    persons: `asked_by` and `confirmed_by`, for whom `person` answers where that is a service."""

    period: str
    closed_through: date | None = None
    soft_closed_through: date | None = None
    asked_by: str | None = None
    confirmed_by: str | None = None
    person: str | None = None
    why: str | None = None
    reference: str | None = None
    private: str | None = None


class PeriodFiled(Event, frozen=True, kw_only=True):
    """Accounts are filed: `through` is locked for ever, `before` was until then."""

    period: str
    through: date
    before: date | None = None
    reference: str | None = None
    private: str | None = None


class Close(Struct, frozen=True, omit_defaults=True):
    position: int
    digest: str
    entries: tuple[str, ...] = ()


class Reopening(Struct, frozen=True, omit_defaults=True):
    """A wish of one person that another one has to confirm. `person` answers for `asked_by`, where
    that is a service."""

    asked_by: str
    why: str
    person: str | None = None
    on_behalf_of: str | None = None


class Abandoned(Struct, frozen=True):
    why: str
    detail: str


class Period(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A month to which something happened. Its status follows from the ledger's watermarks.

    `before`: what was closed through before its last close. `abandoned`: why that came to nothing.
    """

    stream: str
    version: int
    name: str
    first_on: date
    last_on: date
    before: date | None = None
    closes: tuple[Close, ...] = ()
    reopening: Reopening | None = None
    abandoned: Abandoned | None = None


def status_of(ledger: Ledger, month: Month | Period, today: date) -> Status:
    """Returns the status of a month on a day."""
    last_on = month.last_on
    if is_through(ledger.locked_through, last_on):
        return "locked"
    if is_through(ledger.closed_through, last_on):
        is_closing = ledger.closing is not None and ledger.closing.period == month.name
        return "closing" if is_closing else "closed"
    if is_through(ledger.soft_closed_through, last_on):
        return "soft_closed"
    return "future" if month.first_on > today else "open"


def first_open_month(ledger: Ledger, years: set[int], standing: Standing, today: date) -> Month:
    """Returns the month that is the next to be shut to a hand of this standing.

    `years`: the fiscal years in which something was posted. Where nothing is shut yet, books begin
    with the first of these years, or with today's.
    """
    start = ledger.fiscal_year_start
    shut = shut_through(ledger, standing)
    if shut is not None:
        return month_of(shut + ONE_DAY, start=start)
    first = min(years, default=fiscal_year(today, start=start))
    return month_of(first_of_fiscal_year(first, start=start), start=start)


def evolve_soft_closed(books: Books, stream: str, event: PeriodSoftClosed) -> None:
    """Moves the soft close."""
    _put(books, stream, event.period)
    _shut(books, soft_closed_through=event.last_on)


def evolve_closing(books: Books, stream: str, event: PeriodClosing) -> None:
    """Shuts the period to all but the worker."""
    period = _put(books, stream, event.period)
    period = replace(period, before=event.before, abandoned=None, reopening=None)
    books.periods.put(period.name, period)
    closing = Closing(event.period, event.before)
    _shut(books, closed_through=event.last_on, closing=closing)


def evolve_closed(books: Books, stream: str, event: PeriodClosed) -> None:
    """Keeps what was closed, for ever."""
    period = _put(books, stream, event.period)
    close = Close(event.position, event.digest, tuple(event.entries or ()))
    books.periods.put(period.name, replace(period, closes=(*period.closes, close)))
    _shut(books, closing=None)


def evolve_abandoned(books: Books, stream: str, event: CloseAbandoned) -> None:
    """Puts the period back as it was."""
    period = _put(books, stream, event.period)
    why = Abandoned(event.why, event.detail)
    books.periods.put(period.name, replace(period, before=None, abandoned=why))
    _shut(books, closed_through=event.closed_through, closing=None)


def evolve_reopen_asked(books: Books, stream: str, event: PeriodReopenAsked) -> None:
    """Keeps the wish."""
    period = _put(books, stream, event.period)
    wish = Reopening(event.asked_by, event.why, event.person, event.on_behalf_of)
    books.periods.put(period.name, replace(period, reopening=wish))


def evolve_reopened(books: Books, stream: str, event: PeriodReopened) -> None:
    """Opens the period, and what was closed after it."""
    period = _put(books, stream, event.period)
    books.periods.put(period.name, replace(period, before=None, reopening=None))
    _shut(
        books,
        closed_through=event.closed_through,
        soft_closed_through=event.soft_closed_through,
    )


def evolve_filed(books: Books, stream: str, event: PeriodFiled) -> None:
    """Moves the lock."""
    period = _put(books, stream, event.period)
    books.periods.put(period.name, replace(period, reopening=None))
    _shut(books, locked_through=event.through)


def named(books: Books, name: str) -> Month:
    """Returns the month of the ledger's calendar with a name."""
    return month_named(name, start=books.ledger.fiscal_year_start)


def is_through(mark: date | None, day: date) -> bool:
    """True for a day that a watermark covers."""
    return mark is not None and day <= mark


def _put(books: Books, stream: str, name: str) -> Period:
    """Counts one more event of a period, which may be its first."""
    month, old = named(books, name), books.periods.get(name)
    period = (
        Period(
            stream=stream,
            version=1,
            name=name,
            first_on=month.first_on,
            last_on=month.last_on,
        )
        if old is None
        else replace(old, version=old.version + 1)
    )
    books.periods.put(name, period)
    return period


def _shut(books: Books, **marks: date | Closing | None) -> None:
    books.ledgers.put("", replace(books.ledger, **marks))
