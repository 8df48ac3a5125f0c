"""Closes: periods are shut in order, closed in a conversation, reopened by two, filed for ever.

`PeriodClosing` refuses everything dated inside; the worker reads the views, posts what belongs to
the close, and answers `PeriodClosed`, or `CloseAbandoned` with the reason. Periods close in order,
so what is closed is always a stretch without holes; to reopen one reopens all after it.
"""

from msgspec.structs import replace

from domain.books import Books
from domain.calendar import (
    ONE_DAY,
    Month,
    ends_year,
    fiscal_year,
    in_future,
    is_closed,
    shut_through,
)
from domain.commands import (
    At,
    Command,
    Decided,
    NewStream,
    Standing,
    check_narrative,
    persons,
)
from domain.ledgers import Ledger
from domain.periods import (
    CloseAbandoned,
    Period,
    PeriodClosed,
    PeriodClosing,
    PeriodFiled,
    PeriodReopenAsked,
    PeriodReopened,
    PeriodSoftClosed,
    first_open_month,
    is_through,
    named,
    status_of,
)
from domain.refusals import Forbidden, Refusal


class SoftClosePeriod(Command, frozen=True, kw_only=True, tag="soft_close_period"):
    period: str


class ClosePeriod(Command, frozen=True, kw_only=True, tag="close_period"):
    period: str


class ConcludeClose(Command, frozen=True, kw_only=True, tag="conclude_close"):
    """The worker's: what the views showed at `position`, and the entries that it posted."""

    period: str
    position: int
    digest: str
    entries: list[str]


class AbandonClose(Command, frozen=True, kw_only=True, tag="abandon_close"):
    """The worker's: `why` is a stable code, `detail` says what a person can do."""

    period: str
    why: str
    detail: str


class ReopenPeriod(Command, frozen=True, kw_only=True, tag="reopen_period"):
    """Of a closed period: asked by one person, done when another one sends it too."""

    period: str


class FilePeriod(Command, frozen=True, kw_only=True, tag="file_period"):
    period: str


class CloseOutOfOrder(Refusal):
    """`other` is what stands in the way: another period, or the period itself by its status."""

    code = "close_out_of_order"
    sentence = "{period} can't be {wish} while {other} is {status}."


class ReasonRequired(Refusal):
    code = "narrative_required"
    sentence = "To reopen {period} takes a reason."


class SecondPersonNeeded(Forbidden):
    sentence = "{asked_by} asked to reopen {period}; another person has to confirm it."


def soft_close(books: Books, command: SoftClosePeriod, at: At, new: NewStream) -> Decided:
    """Returns the event that keeps clerks out of a period.

    Raises PeriodIsClosed, EffectiveInFuture, CloseOutOfOrder.
    """
    ledger, month = books.ledger, named(books, command.period)
    _check_not_shut(ledger, month, "clerk")
    if month.first_on > at.today:
        raise in_future(month.first_on, at)
    _check_next(books, month, "clerk", at, "soft-closed")
    event = PeriodSoftClosed(
        period=month.name,
        first_on=month.first_on,
        last_on=month.last_on,
        reference=command.reference,
    )
    return [(_stream(books, month.name, new), event)]


def close(books: Books, command: ClosePeriod, at: At, new: NewStream) -> Decided:
    """Returns the event that begins the close of a period that is over.

    Raises PeriodIsClosed, EffectiveInFuture, CloseOutOfOrder.
    """
    ledger, month = books.ledger, named(books, command.period)
    _check_not_shut(ledger, month, "controller")
    if month.last_on > at.today:
        raise in_future(month.last_on, at)
    _check_none_closing(ledger, month.name, "closed")
    _check_next(books, month, "controller", at, "closed")
    start = ledger.fiscal_year_start
    is_last = ends_year(month, start=start)
    event = PeriodClosing(
        period=month.name,
        first_on=month.first_on,
        last_on=month.last_on,
        fiscal_year=fiscal_year(month.last_on, start=start) if is_last else None,
        before=ledger.closed_through,
        reference=command.reference,
    )
    return [(_stream(books, month.name, new), event)]


def conclude(books: Books, command: ConcludeClose, at: At, new: NewStream) -> Decided:
    """Returns the event that ends a close. Raises CloseOutOfOrder where none is under way."""
    period = _closing(books, command.period, "concluded", at)
    event = PeriodClosed(
        period=period.name,
        last_on=period.last_on,
        position=command.position,
        digest=command.digest,
        entries=command.entries or None,
    )
    return [(period.stream, event)]


def abandon(books: Books, command: AbandonClose, at: At, new: NewStream) -> Decided:
    """Returns the event that takes a close back. Raises CloseOutOfOrder where none is under way."""
    period = _closing(books, command.period, "abandoned", at)
    event = CloseAbandoned(
        period=period.name,
        why=command.why,
        detail=command.detail,
        closed_through=period.before,
    )
    return [(period.stream, event)]


def reopen(books: Books, command: ReopenPeriod, at: At, new: NewStream) -> Decided:
    """Returns the wish to reopen a closed period; or, where another person has that, the events
    that reopen it and all after it, the last one first. What is soft-closed takes one controller.

    Raises Forbidden, PeriodIsClosed (locked), CloseOutOfOrder, SecondPersonNeeded, ReasonRequired,
    NarrativeRequired.
    """
    ledger, month = books.ledger, named(books, command.period)
    if is_through(ledger.locked_through, month.last_on):
        raise is_closed(ledger, month.last_on)
    _check_none_closing(ledger, month.name, "reopened")
    period, status = books.periods.get(month.name), status_of(ledger, month, at.today)
    wish = None if period is None else period.reopening
    if status not in ("closed", "soft_closed"):
        raise CloseOutOfOrder(period=month.name, wish="reopened", other=month.name, status=status)
    if wish is None and at.standing == "clerk":
        raise Forbidden(do="reopen_period", needed="controller")
    if status == "soft_closed":
        return [(_stream(books, month.name, new), _reopened(books, command, month))]
    if period is None or not period.closes:
        # It was shut by the close of the first one after it, which is to be taken back.
        raise CloseOutOfOrder(
            period=month.name, wish="reopened", other=_closed(books)[0].name, status="closed"
        )
    if wish is None:
        return [(period.stream, _asked(command, at))]
    askers = persons(wish.asked_by, wish.person, wish.on_behalf_of)
    if askers & persons(at.actor, at.person, command.on_behalf_of):
        raise SecondPersonNeeded(period=month.name, asked_by=wish.asked_by)
    event = replace(
        _reopened(books, command, month),
        closed_through=period.before,
        asked_by=wish.asked_by,
        confirmed_by=at.actor,
        person=at.person,
        why=wish.why,
    )
    return [
        (one.stream, replace(event, period=one.name))
        for one in reversed(_closed(books))
        if one.first_on >= month.first_on
    ]


def file(books: Books, command: FilePeriod, at: At, new: NewStream) -> Decided:
    """Returns the event that locks a closed period, and all before it, for ever.

    Raises PeriodIsClosed (locked already), CloseOutOfOrder.
    """
    ledger, month = books.ledger, named(books, command.period)
    if is_through(ledger.locked_through, month.last_on):
        raise is_closed(ledger, month.last_on)
    status = status_of(ledger, month, at.today)
    if status != "closed":
        raise CloseOutOfOrder(period=month.name, wish="filed", other=month.name, status=status)
    event = PeriodFiled(
        period=month.name,
        through=month.last_on,
        before=ledger.locked_through,
        reference=command.reference,
    )
    return [(_stream(books, month.name, new), event)]


def _stream(books: Books, name: str, new: NewStream) -> str:
    period = books.periods.get(name)
    return new(0) if period is None else period.stream


def _check_not_shut(ledger: Ledger, month: Month, standing: Standing) -> None:
    if is_through(shut_through(ledger, standing), month.last_on):
        raise is_closed(ledger, month.last_on)


def _check_none_closing(ledger: Ledger, name: str, wish: str) -> None:
    if ledger.closing is not None:
        raise CloseOutOfOrder(period=name, wish=wish, other=ledger.closing.period, status="closing")


def _check_next(books: Books, month: Month, standing: Standing, at: At, wish: str) -> None:
    years = {year for _, year in books.vouchers.now}
    first = first_open_month(books.ledger, years, standing, at.today)
    if first.first_on < month.first_on:
        status = status_of(books.ledger, first, at.today)
        raise CloseOutOfOrder(period=month.name, wish=wish, other=first.name, status=status)


def _closing(books: Books, name: str, wish: str, at: At) -> Period:
    period, month = books.periods.get(name), named(books, name)
    status = status_of(books.ledger, month, at.today)
    if period is None or status != "closing":
        raise CloseOutOfOrder(period=name, wish=wish, other=name, status=status)
    return period


def _closed(books: Books) -> list[Period]:
    """The periods that a close of their own has shut, in order."""
    through = books.ledger.closed_through
    found = [
        one for one in books.periods.now.values() if one.closes and is_through(through, one.last_on)
    ]
    return sorted(found, key=lambda one: one.first_on)


def _asked(command: ReopenPeriod, at: At) -> PeriodReopenAsked:
    if command.reason is None:
        raise ReasonRequired(period=command.period)
    check_narrative(command)
    return PeriodReopenAsked(
        period=command.period,
        asked_by=at.actor,
        person=at.person,
        on_behalf_of=command.on_behalf_of,
        why=command.reason,
        reference=command.reference,
    )


def _reopened(books: Books, command: ReopenPeriod, month: Month) -> PeriodReopened:
    """The event as of a period that was soft-closed: what was shut before it stays so."""
    ledger = books.ledger
    soft = ledger.soft_closed_through
    if is_through(soft, month.first_on):
        is_first = all(one.first_on >= month.first_on for one in books.periods.now.values())
        soft = None if is_first else month.first_on - ONE_DAY
    return PeriodReopened(
        period=month.name,
        closed_through=ledger.closed_through,
        soft_closed_through=soft,
        reference=command.reference,
    )
