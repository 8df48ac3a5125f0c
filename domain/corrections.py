"""Corrections: a posted entry is taken back by another one, and perhaps replaced.

A reversal swaps the sides and keeps the amounts, functional ones too. It is dated like what it
corrects, unless that day is shut: then it takes the first open day and says to which day it
relates. An adjustment is reversal and replacement as one: floors are judged on the pair.
"""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from domain.accounts import check_not_frozen
from domain.assets import find_asset
from domain.books import Books
from domain.calendar import check_open, first_open_day, shut_through
from domain.commands import At, Command, Decided, NewStream, check_narrative
from domain.entries import (
    Correction,
    Entry,
    EntryAdjusted,
    EntryPosted,
    EntryReversed,
    Movement,
    find_entry,
    posted_entry,
)
from domain.items import OpenItems
from domain.legs import (
    LegAsked,
    Line,
    Passbook,
    check_funds,
    check_open_accounts,
    resolve,
    shape,
)
from domain.money import minor_units
from domain.movements import check_restorable, recount
from domain.refusals import Refusal
from domain.valuation import kept, value


class Reverse(Command, frozen=True, kw_only=True, tag="reverse"):
    """`restore_hold`: of an authorization that is still open, what was settled is held again."""

    entry: str
    effective_on: date | None = None
    restore_hold: bool | None = None


class Adjust(Command, frozen=True, kw_only=True, tag="adjust"):
    entry: str
    legs: list[LegAsked]
    effective_on: date | None = None
    replacement_effective_on: date | None = None


class AlreadyReversed(Refusal):
    code = "already_reversed"
    sentence = "The entry {entry} was taken back by {reversal}."


class ReversalOfReversal(Refusal):
    code = "reversal_of_reversal"
    sentence = (
        "The entry {entry} is itself a reversal; post a new entry with a link of kind "
        "'reinstates' instead."
    )


def reverse(books: Books, command: Reverse, at: At, new: NewStream) -> Decided:
    """Returns the reversal and the mark in the reversed entry's stream; in its authorization's,
    where it has one, what that leaves.

    Raises EntryNotFound, AccountIsFrozen, AlreadyReversed, ReversalOfReversal, NoHoldToRestore,
    AuthorizationIsClosed, AuthorizationHasExpired (both only to restore a hold), PeriodIsClosed,
    EffectiveInFuture, NarrativeRequired, NotReversible, InsufficientFunds.
    """
    original = find_entry(books, command.entry)
    lines = _swapped(books, original.posted)
    for line in lines:
        check_not_frozen(line.account, line.asked.side)
    _check_correctable(command.entry, original)
    if command.restore_hold:
        check_restorable(books, command.entry, original.posted)
    effective_on = _correction_day(books, original, command.effective_on, at)
    check_narrative(command)
    lines = kept(books, lines, on=effective_on, items=OpenItems(books))
    counted = recount(
        books, command.entry, original.posted, restore_hold=bool(command.restore_hold)
    )
    check_funds(books, lines, freed=None if counted is None else counted.freed(books))
    reversal = _correcting(
        books, command, at, Passbook(books), original, lines, effective_on, "reversal"
    )
    decided: Decided = [(new(0), reversal), (command.entry, EntryReversed(reversal=new(0)))]
    if counted is not None:
        event = counted.event(corrects=command.entry, reversal=new(0), replacement=None)
        decided.append((counted.authorization, event))
    return decided


def adjust(books: Books, command: Adjust, at: At, new: NewStream) -> Decided:
    """Returns the reversal, the replacement, and the mark in the corrected entry's stream; in its
    authorization's, where it has one, what that leaves.

    Raises what `reverse` raises, and for the replacement what `post` raises, OverSettlement,
    RefundTooLarge.
    """
    original = find_entry(books, command.entry)
    resolved = resolve(books, command.legs)
    swapped = _swapped(books, original.posted)
    for line in swapped:
        check_not_frozen(line.account, line.asked.side)
    check_open_accounts(resolved, [leg.side for leg in command.legs])
    _check_correctable(command.entry, original)
    reversed_on = _correction_day(books, original, command.effective_on, at)
    replaced_on = _correction_day(books, original, command.replacement_effective_on, at)
    check_narrative(command)
    lines = shape(books, command.legs, resolved, class_=original.posted.class_)
    items = OpenItems(books)
    swapped = kept(books, swapped, on=reversed_on, items=items)
    valued = value(books, lines, on=replaced_on, class_=original.posted.class_, items=items)
    lines = valued.lines
    counted = recount(books, command.entry, original.posted, lines=lines)
    freed = None if counted is None else counted.freed(books)
    check_funds(books, [*swapped, *lines], freed=freed)
    book = Passbook(books)
    reversal = _correcting(books, command, at, book, original, swapped, reversed_on, "reversal")
    movement = None if counted is None else counted.replacement
    replacement = _correcting(
        books, command, at, book, original, lines, replaced_on, "replacement", movement
    )
    if valued.has_difference:
        replacement = replace(replacement, class_="fx_difference")
    mark = EntryAdjusted(reversal=new(0), replacement=new(1))
    decided: Decided = [(new(0), reversal), (new(1), replacement), (command.entry, mark)]
    if counted is not None:
        event = counted.event(corrects=command.entry, reversal=new(0), replacement=new(1))
        decided.append((counted.authorization, event))
    return decided


def _check_correctable(entry: str, found: Entry) -> None:
    if found.reversal is not None:
        raise AlreadyReversed(entry=entry, reversal=found.reversal)
    if found.posted.correction == "reversal":
        raise ReversalOfReversal(entry=entry)


def _correction_day(books: Books, original: Entry, asked: date | None, at: At) -> date:
    """The asked day, or by default the original's own, or the first open one after it."""
    day = asked or first_open_day(books.ledger, original.posted.effective_on, at)
    check_open(books.ledger, day, at)
    return day


def _swapped(books: Books, posted: EntryPosted) -> list[Line]:
    """The original's legs with their sides swapped, its functional amounts kept."""
    lines = []
    for leg in posted.legs:
        account = books.accounts.get(leg.account)
        assert account is not None, "a posted entry's accounts stand for ever"
        asked = LegAsked(
            account=leg.account,
            side="credit" if leg.side == "debit" else "debit",
            amount=leg.amount,
            asset=leg.asset,
            party=leg.party,
            dimensions=leg.dimensions,
            due_on=leg.due_on,
            matches=leg.matches,
        )
        value = None if leg.functional_amount is None else minor_units(leg.functional_amount)
        asset = find_asset(books, leg.asset)
        debit = asked.side == "debit"
        item = None if leg.opens is None else leg.opens.line or leg.line
        minor = minor_units(leg.amount)
        lines.append(Line(account, asset, debit, minor, value, asked, item=item))
    return lines


def _correcting(
    books: Books,
    command: Reverse | Adjust,
    at: At,
    passbook: Passbook,
    original: Entry,
    lines: Sequence[Line],
    effective_on: date,
    correction: Correction,
    movement: Movement | None = None,
) -> EntryPosted:
    posted = original.posted
    moved = effective_on != posted.effective_on
    shut = shut_through(books.ledger, at.standing)
    return posted_entry(
        books,
        passbook=passbook,
        lines=lines,
        journal=posted.journal,
        class_=posted.class_,
        effective_on=effective_on,
        reference=command.reference,
        authorization=posted.authorization,
        movement=movement,
        corrects=command.entry,
        correction=correction,
        relates_to=posted.effective_on if moved else None,
        prior_period=shut is not None and posted.effective_on <= shut,
    )
