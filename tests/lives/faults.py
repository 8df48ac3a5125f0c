"""Faults planted by hand, one at a time: a machine that finds none of them is no proof.

Each is a rule of the service done slightly wrong, as somebody might who means well.
"""

import operator
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from application import decisions, recording
from domain import (
    authorizations,
    balances,
    books,
    conditions,
    corrections,
    hold_ends,
    holds,
    increments,
    limits,
    mandatory_settlements,
    movements,
    plain_holds,
    refunds,
)
from domain import decisions as deciding
from domain.catalogue import DECISIONS, EVOLVE
from domain.money import format_amount, minor_units

Plant = Callable[[pytest.MonkeyPatch], None]


def nothing(*args: Any, **kwargs: Any) -> None:
    """Checks nothing."""


def instead(*places: tuple[Any, str], by: Any) -> Plant:
    """Puts something else in place of a rule, wherever it was imported to."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        for owner, name in places:
            patch.setattr(owner, name, by)

    return plant


def around(owner: Any, name: str, wrong: Callable[..., Any]) -> Plant:
    """`wrong` is given the rule as it is, and what it is called with."""
    right = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrong(right, *args, **kwargs)

    return instead((owner, name), by=wrapped)


def under(table: dict[Any, Any], key: Any, *, by: Any) -> Plant:
    """Puts something else into a table."""
    return lambda patch: patch.setitem(table, key, by)


def leaving(command: type[Any], counter: str, change: Callable[[Any], int]) -> Plant:
    """A command's event leaves another counter; `change` is given the event."""
    right: Any = DECISIONS[command]

    def wrong(*args: Any) -> Any:
        *others, (stream, event) = right(*args)
        left = {counter: format_amount(change(event), 2)}
        state = replace(event.authorization, **left)
        return [*others, (stream, replace(event, authorization=state))]

    return under(DECISIONS, command, by=wrong)


# -- the ceiling and time


def ceiling_a_settlement(right: Any, state: Any, *args: Any) -> Any:
    return right(replace(state, settled="0.00"), *args)


def rounded_up(state: Any) -> int:
    percent = int(state.over_settle_percent)
    return -(minor_units(state.authorized) * (100 + percent) // -100)


def expires_after(right: Any, books: Any, id: str, at: Any) -> Any:
    """At its moment a hold is not due yet."""
    state = books.authorizations.get(id)
    exactly = state is not None and state.expires_at == at.recorded_at
    return None if exactly else right(books, id, at)


def is_due_after(hold: Any, expires_at: Any) -> bool:
    return expires_at is not None and expires_at < hold._at.recorded_at


def expires_all(right: Any, deciding: Any, one: Any, account: str) -> bool:
    """More than is needed."""
    found = False
    while right(deciding, one, account):
        found = True
    return found


def forgets_expiries(right: Any, deciding: Any, *args: Any) -> Any:
    deciding._expired = []
    return right(deciding, *args)


# -- groups, judgements, retries


def keeps_what_fell(right: Any, shelves: Any) -> None:
    shelves.keep_group()


def keeps_what_was_judged(right: Any, deciding: Any, unit: Any) -> Any:
    return [deciding._decide_one(one) for one in unit]


def does_it_again(right: Any, deciding: Any, one: Any) -> Any:
    deciding.known.pop(one.command_id, None)
    return right(deciding, one)


# -- funds, freezes, limits


def asks_of_each_line(right: Any, books: Any, lines: Any, **more: Any) -> None:
    for line in lines:
        right(books, [line], **more)


def below_the_limit(right: Any, account: Any, limit: Any, asset: Any, used: int, asked: int) -> Any:
    return right(account, limit, asset, used, asked and asked + 1)


def gives_back_now(right: Any, books: Any, use: Any, minor: int, count: int) -> None:
    """To the period of now, not to the one that was charged."""
    usage = books.usages.get(use.limit)
    if usage.starts_on is not None and usage.starts_on > use.starts_on:
        use = replace(use, starts_on=usage.starts_on)
    right(books, use, minor, count)


def restores_all(right: Any, *args: Any, restore_hold: bool = False, **more: Any) -> Any:
    """Also where nobody asked for it."""
    return right(*args, restore_hold="lines" not in more, **more)


def released_twice(books: Any, stream: str, event: Any) -> None:
    """What was held is taken off what is pending once more."""
    before = books.authorizations.get(stream)
    holds.evolve(books, stream, event)
    page = books.balances.change((before.debit, before.asset))
    balance, held = page.balance, minor_units(before.held)
    page.balance = replace(balance, pending_debits=balance.pending_debits - held)


def keeps_settlements(right: Any, *args: Any) -> Any:
    """It looks as if nothing was ever settled."""
    return replace(right(*args), settlements=0)


_state = holds.Authorization

FAULTS: dict[str, Plant] = {
    "the ceiling is for each settlement": around(
        authorizations, "_settle_amount", ceiling_a_settlement
    ),
    "the ceiling is rounded up": instead((_state, "ceiling_minor"), by=property(rounded_up)),
    "expiry is a moment late": around(decisions, "expire", expires_after),
    "expiry is a moment late for usual commands": instead(
        (plain_holds.PlainHolds, "_is_due"), by=is_due_after
    ),
    "all that is due expires, needed or not": around(
        decisions.Decisions, "_expire_next", expires_all
    ),
    "a condition does not make what is due expire": instead(
        (decisions, "YIELDS_TO_EXPIRY"), by={"insufficient_funds", "limit_exceeded"}
    ),
    "a limit does not make what is due expire": instead(
        (decisions, "YIELDS_TO_EXPIRY"), by={"insufficient_funds", "condition_failed"}
    ),
    "what expired for a group falls with it": around(
        decisions.Decisions, "_refuse_group", forgets_expiries
    ),
    "a group that falls is kept": around(books.Books, "drop_group", keeps_what_fell),
    "a judgement is a deed": around(decisions.Decisions, "_judge", keeps_what_was_judged),
    "a judgement leaves records": instead((recording.Recording, "take_back"), by=nothing),
    "a retry is done again": around(decisions.Decisions, "_decide_one", does_it_again),
    "chargebacks are not counted as returned": instead(
        (_state, "returned_minor"), by=property(lambda state: minor_units(state.refunded))
    ),
    "a representment is bounded by what is settled": instead(
        (refunds, "_check_returnable"), by=nothing
    ),
    "a refund needs no funds": instead((refunds, "check_funds"), by=nothing),
    "a refund is counted as charged back": under(
        refunds._COUNTED, "refund", by=refunds._COUNTED["chargeback"]
    ),
    "liens are not kept": instead(
        (balances, "available"),
        by=lambda account, balance: balance.credits - balance.debits - balance.pending_debits,
    ),
    "legal liens give way to settlements": instead(
        (authorizations, "check_legal_liens"),
        (mandatory_settlements, "check_legal_liens"),
        by=nothing,
    ),
    "a legal freeze lets settle": instead((authorizations, "check_settles"), by=nothing),
    "a freeze lets what is beyond the hold pass": instead(
        (authorizations, "check_open_accounts"), by=nothing
    ),
    "what is beyond the hold needs no funds": instead(
        (authorizations, "check_available"), by=nothing
    ),
    "a usual hold needs no funds": instead(
        (plain_holds, "_has_funds"), by=lambda debit, credit, minor: True
    ),
    "an increment needs no funds": instead((increments, "check_available"), by=nothing),
    "an increment takes of no limit": instead((increments, "check_limits"), by=nothing),
    "what expires or is released is not given back to limits": instead(
        (hold_ends, "given_back"), by=lambda taken, asset, minor: taken
    ),
    "what is reduced is not given back to limits": instead(
        (increments, "given_back"), by=lambda taken, asset, minor: taken
    ),
    "equal to the limit does not pass": around(limits, "_check_amount", below_the_limit),
    "a month's limit begins every day": instead((limits, "starts"), by=lambda per, day: day),
    "a day's limit begins every month": instead(
        (limits, "starts"), by=lambda per, day: day.replace(day=1)
    ),
    "what is given back counts in the period of now": around(limits, "_count", gives_back_now),
    "a hold is released twice": under(EVOLVE, holds.AuthorizationReleased, by=released_twice),
    "a closed hold is settled": instead((authorizations, "check_still_open"), by=nothing),
    "a settled hold is voided": around(hold_ends, "find_open", keeps_settlements),
    "a reduction lowers the hold alone": leaving(
        increments.Reduce,
        "authorized",
        lambda event: minor_units(event.authorization.authorized) + minor_units(event.amount),
    ),
    "a refund restores the hold": leaving(
        refunds.Refund, "held", lambda event: minor_units(event.amount)
    ),
    "a final settlement holds the rest": leaving(
        authorizations.Settle, "held", lambda event: minor_units(event.released or "0.00")
    ),
    "a reversal restores the hold unasked": around(corrections, "recount", restores_all),
    "an entry is corrected twice": instead((corrections, "_check_correctable"), by=nothing),
    "a correction's legs are judged one by one": around(
        corrections, "check_funds", asks_of_each_line
    ),
    "a correction counts as a refund": under(movements.COUNTERS, "settlement", by="refunded"),
    "a correction may leave less settled than returned": instead(
        (movements, "_check_counters"), by=nothing
    ),
    "a reference is settled twice": instead(
        (mandatory_settlements, "_check_new_reference"), by=nothing
    ),
    "a mandatory settlement does not say that funds were short": instead(
        (mandatory_settlements, "_look_for_funds"), by=nothing
    ),
    "at least is more than": under(conditions.COMPARED, "gte", by=operator.gt),
    "conditions are judged after funds": instead((deciding, "TOLD_LAST"), by=()),
    "conditions are not judged": instead((deciding, "check_conditions"), by=nothing),
}
