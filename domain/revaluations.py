"""Revaluations: at the end of a month, monetary accounts in foreign assets are worth what the
closing rate says; the difference is unrealised and is taken back on the next day.

A conversation between log and views, because the writer sees no views. A controller asks for a
day; the worker reads at that position or later what each account held then, and posts what its
worth differs by, as one command; or abandons it, with the refusal. It takes back on the next day.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.accounts import Side, find_account
from domain.assets import Asset, find_asset
from domain.books import Books
from domain.calendar import check_open
from domain.commands import At, Command, Decided, Event, NewStream
from domain.entries import EntryPosted, posted_entry
from domain.journals import GENERAL
from domain.legs import MAX_LEGS, LegAsked, Line, Passbook, Revalued
from domain.money import format_amount, parse_balance
from domain.rates import find_rate, worth
from domain.refusals import Refusal
from domain.valuation import UNREALISED, difference_lines

Status = Literal["asked", "posted", "abandoned"]

ACCOUNTS_AN_ENTRY = MAX_LEGS - 3
"""What the difference is posted to takes up to three legs."""


class Revalue(Command, frozen=True, kw_only=True, tag="revalue"):
    """Asks for the revaluation of a day."""

    effective_on: date


class Figure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account held of a foreign asset: debits less credits, and their worth."""

    account: str
    asset: str
    balance: str
    functional_amount: str


class PostRevaluation(Command, frozen=True, kw_only=True, tag="post_revaluation"):
    """The worker's: what the views showed at `known_position`."""

    revaluation: str
    known_position: int
    figures: list[Figure]


class AbandonRevaluation(Command, frozen=True, kw_only=True, tag="abandon_revaluation"):
    """The worker's: why it can't be posted."""

    revaluation: str
    code: str
    detail: str


class RevaluationAsked(Event, frozen=True, kw_only=True):
    effective_on: date
    reference: str | None = None
    private: str | None = None


class RevaluationPosted(Event, frozen=True, kw_only=True):
    """`entries`, of class revaluation, one for each asset or part of it; none where nothing
    differed."""

    effective_on: date
    known_position: int
    entries: list[str]


class RevaluationAbandoned(Event, frozen=True, kw_only=True):
    code: str
    detail: str


class Revaluation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    effective_on: date
    version: int = 1
    status: Status = "asked"
    known_position: int | None = None
    entries: tuple[str, ...] = ()
    code: str | None = None
    detail: str | None = None


class RevaluationNotFound(Refusal):
    code = "not_found"
    sentence = "There is no revaluation {revaluation} that waits."


def revalue(books: Books, command: Revalue, at: At, new: NewStream) -> Decided:
    """Returns the event that asks for it. Raises PeriodIsClosed, EffectiveInFuture."""
    check_open(books.ledger, command.effective_on, at)
    event = RevaluationAsked(effective_on=command.effective_on, reference=command.reference)
    return [(new(0), event)]


def post_revaluation(books: Books, command: PostRevaluation, at: At, new: NewStream) -> Decided:
    """Returns an entry for each asset, or some where many accounts hold it, and what ends the
    revaluation.

    Raises RevaluationNotFound, AccountNotFound, AssetNotFound, PeriodIsClosed, RateNotFound,
    AmountTooLarge, UnbalancedFunctional (no account takes the difference).
    """
    waiting = find_waiting(books, command.revaluation)
    on = waiting.effective_on
    # As open as it was to the controller who asked; what is being closed is for who closes it.
    standing = "closing" if at.standing == "closing" else "controller"
    check_open(books.ledger, on, replace(at, standing=standing))
    by_asset: dict[str, list[Line]] = {}
    for figure in command.figures:
        line = _revalued(books, figure, on)
        if line is not None:
            by_asset.setdefault(figure.asset, []).append(line)
    passbook = Passbook(books)
    entries: list[EntryPosted] = []
    for code, lines in by_asset.items():
        for start in range(0, len(lines), ACCOUNTS_AN_ENTRY):
            part = lines[start : start + ACCOUNTS_AN_ENTRY]
            entries.append(_entry(books, passbook, find_asset(books, code), part, on))
    ids = [new(number) for number in range(len(entries))]
    done = RevaluationPosted(effective_on=on, known_position=command.known_position, entries=ids)
    return [*zip(ids, entries, strict=True), (command.revaluation, done)]


def abandon(books: Books, command: AbandonRevaluation, at: At, new: NewStream) -> Decided:
    """Returns the event that ends a revaluation without entries. Raises RevaluationNotFound."""
    find_waiting(books, command.revaluation)
    event = RevaluationAbandoned(code=command.code, detail=command.detail)
    return [(command.revaluation, event)]


def find_waiting(books: Books, revaluation: str) -> Revaluation:
    """Raises RevaluationNotFound, also where it has ended."""
    found = books.revaluations.get(revaluation)
    if found is None or found.status != "asked":
        raise RevaluationNotFound(revaluation=revaluation)
    return found


def evolve_asked(books: Books, stream: str, event: RevaluationAsked) -> None:
    """Lets it wait for the worker."""
    books.revaluations.put(stream, Revaluation(effective_on=event.effective_on))


def evolve_ended(
    books: Books, stream: str, event: RevaluationPosted | RevaluationAbandoned
) -> None:
    """Ends it."""
    old = books.revaluations.get(stream)
    assert old is not None, "what ends was asked for"
    if isinstance(event, RevaluationPosted):
        new = replace(
            old,
            version=2,
            status="posted",
            known_position=event.known_position,
            entries=tuple(event.entries),
        )
    else:
        new = replace(old, version=2, status="abandoned", code=event.code, detail=event.detail)
    books.revaluations.put(stream, new)


def _revalued(books: Books, figure: Figure, on: date) -> Line | None:
    """The line that brings an account's worth to what the closing rate says; None where it is."""
    account, asset = find_account(books, figure.account), find_asset(books, figure.asset)
    functional = find_asset(books, books.ledger.functional_asset)
    balance = parse_balance(figure.balance, scale=asset.scale, asset=asset.code)
    before = parse_balance(figure.functional_amount, scale=functional.scale, asset=functional.code)
    if not balance and not before:
        return None
    rate = find_rate(books, asset.code, functional.code, kind="closing", on=on)
    change = worth(balance, asset, rate, functional) - before
    if not change:
        return None
    side: Side = "debit" if change > 0 else "credit"
    asked = LegAsked(
        account=account.code, side=side, amount=format_amount(0, asset.scale), asset=asset.code
    )
    revalues = Revalued(
        format_amount(balance, asset.scale), format_amount(before, functional.scale)
    )
    return Line(account, asset, change > 0, 0, abs(change), asked, rate=rate, revalues=revalues)


def _entry(
    books: Books, passbook: Passbook, asset: Asset, lines: Sequence[Line], on: date
) -> EntryPosted:
    net = sum(
        (line.functional_minor or 0) if line.debit else -(line.functional_minor or 0)
        for line in lines
    )
    even = difference_lines(books, asset, net, UNREALISED) if net else []
    return posted_entry(
        books,
        passbook=passbook,
        lines=[*lines, *even],
        journal=GENERAL,
        class_="revaluation",
        effective_on=on,
        reference=None,
        reverse_on=on + timedelta(days=1),
    )
