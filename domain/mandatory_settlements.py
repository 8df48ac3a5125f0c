"""Mandatory settlements: what a network has cleared is posted, whatever stands in the way.

The network has moved the money already, so the books follow: late, beyond the ceiling, without an
authorization, below the floor. The event lists each exception. What a freeze or a closed account
would stop goes to the ledger's suspense account, where it waits for a person. A settlement without
an authorization to match gets one of its own, closed from the start: it can be refunded and charged
back like any other.
"""

from datetime import date
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from domain.accounts import (
    Account,
    AccountIsFrozen,
    Side,
    check_not_closed,
    check_not_frozen,
    check_settles,
    find_account,
)
from domain.assets import Asset, find_asset
from domain.authorizations import (
    SameAccount,
    find_authorization,
    payers,
    two_lines,
    worth_of_two,
)
from domain.balances import InsufficientFunds, check_floors, check_legal_liens
from domain.books import Books
from domain.calendar import PeriodIsClosed, check_open, first_open_day
from domain.commands import At, Command, Decided, NewStream
from domain.entries import Movement, posted_entry
from domain.holds import Authorization, AuthorizationForceSettled, Exceptional, Network
from domain.holds import evolve as evolve_hold
from domain.journals import AUTHORIZATIONS
from domain.legs import Passbook, UnbalancedFunctional, check_asset_allowed
from domain.limits import LimitExceeded, charged, check_limits
from domain.money import AmountTooLarge, format_amount, minor_units, parse_amount
from domain.rates import RateNotFound
from domain.refusals import Refusal
from domain.valuation import Valued


class SettleMandatory(Command, frozen=True, kw_only=True, tag="settle_mandatory"):
    """Accounts and asset may be left out where an authorization says them; where they are others
    than its own, the settlement does not match it."""

    amount: str
    debit: str | None = None
    credit: str | None = None
    asset: str | None = None
    authorization: str | None = None
    effective_on: date | None = None
    network: Network | None = None


class NetworkReference(Struct, frozen=True):
    """What settled under a network's reference: an entry, in the stream of an authorization."""

    entry: str
    authorization: str


class ReferenceSettled(Refusal):
    code = "already_exists"
    sentence = "The network's {reference} was settled by {entry}."


def settle_mandatory(books: Books, command: SettleMandatory, at: At, new: NewStream) -> Decided:
    """Returns the entry, and what it leaves of the authorization that it matches or makes.

    Raises AuthorizationNotFound, AccountNotFound, AssetNotFound, ReferenceSettled,
    EffectiveInFuture, SameAccount, AssetNotAllowed, AmountNotPositive, AmountTooFine,
    AmountTooLarge; AccountIsClosed, AccountIsFrozen (a legal freeze) where the ledger has no
    suspense account that could take it.
    """
    debit, credit, asset, state = _named(books, command)
    _check_new_reference(books, command.network)
    passed: set[Exceptional] = set()
    effective_on, value_on = _day(books, command.effective_on, at, passed)
    if debit.code == credit.code:
        raise SameAccount(account=debit.code)
    for account in (debit, credit):
        check_asset_allowed(account, asset)
    minor = parse_amount(command.amount, scale=asset.scale, asset=asset.code)
    taken = _taken(state, minor, passed)
    paying = _standing(books, debit, "debit", asset, minor - taken, passed)
    paid = _standing(books, credit, "credit", asset, minor - taken, passed)
    needs = {paying.code: minor, paid.code: minor}
    needs |= {account.code: minor - taken for account in (debit, credit) if account.code in needs}
    _look_for_funds(books, paying, paid, minor, needs, passed)
    valued = _valued(books, paying, paid, asset, minor, effective_on, passed)
    amount = format_amount(minor, asset.scale)
    stream = new(1) if state is None else command.authorization
    assert stream is not None, "a state was found under it"
    after = _settled(state or _unmatched(debit, credit, asset), minor, taken, asset)
    after = _limited(books, after, (paying, paid), asset, minor - taken, at, passed)
    entry = posted_entry(
        books,
        passbook=Passbook(books),
        lines=valued.lines,
        journal=AUTHORIZATIONS,
        class_="fx_difference" if valued.has_difference else "ordinary",
        effective_on=effective_on,
        value_on=value_on,
        reference=command.reference,
        authorization=stream,
        movement=Movement("settlement", amount),
    )
    event = AuthorizationForceSettled(
        amount=amount,
        entry=new(0),
        authorization=after,
        exceptions=[one for one in get_args(Exceptional) if one in passed],
        network=command.network,
    )
    return [(new(0), entry), (stream, event)]


def evolve(books: Books, stream: str, event: AuthorizationForceSettled) -> None:
    """Replaces the authorization's state and remembers the network's reference."""
    evolve_hold(books, stream, event)
    key = reference_of(event.network)
    if key is not None:
        books.network_references.put(key, NetworkReference(event.entry, stream))


def reference_of(network: Network | None) -> tuple[str, str] | None:
    """Returns under what a network's settlement is known: scheme ("" where none) and reference."""
    if network is None or network.reference is None:
        return None
    return network.scheme or "", network.reference


def _named(
    books: Books, command: SettleMandatory
) -> tuple[Account, Account, Asset, Authorization | None]:
    """What the command names, and the authorization that it matches."""
    state = None
    if command.authorization is not None:
        state = find_authorization(books, command.authorization)
    debit = command.debit or (state.debit if state else None)
    credit = command.credit or (state.credit if state else None)
    asset = command.asset or (state.asset if state else None)
    assert debit is not None, "the contract's schema asks for one or the other"
    assert credit is not None
    assert asset is not None
    if state is not None and (debit, credit, asset) != (state.debit, state.credit, state.asset):
        state = None
    return find_account(books, debit), find_account(books, credit), find_asset(books, asset), state


def _check_new_reference(books: Books, network: Network | None) -> None:
    key = reference_of(network)
    first = None if key is None else books.network_references.get(key)
    if key is not None and first is not None:
        raise ReferenceSettled(
            scheme=key[0] or None,
            reference=key[1],
            entry=first.entry,
            authorization=first.authorization,
        )


def _day(
    books: Books, asked: date | None, at: At, passed: set[Exceptional]
) -> tuple[date, date | None]:
    """The effective day, and the asked one where that is closed. Raises EffectiveInFuture."""
    day = asked or at.today
    try:
        check_open(books.ledger, day, at)
    except PeriodIsClosed:
        passed.add("period_moved")
        return first_open_day(books.ledger, day, at), day
    return day, None


def _taken(state: Authorization | None, minor: int, passed: set[Exceptional]) -> int:
    """How much of it was held."""
    if state is None:
        passed.add("unmatched")
        return 0
    if state.closed_as is not None:
        passed.add("late")
    if minor_units(state.settled) + minor > state.ceiling_minor:
        passed.add("over_ceiling")
    return min(minor, minor_units(state.held))


def _standing(
    books: Books,
    account: Account,
    side: Side,
    asset: Asset,
    beyond: int,
    passed: set[Exceptional],
) -> Account:
    """The account, or suspense where it is closed or frozen for what was not held.

    Without a suspense account an administrative freeze gives way. Raises AccountIsClosed,
    AccountIsFrozen.
    """
    stopped = account.closed
    if stopped:
        passed.add("account_closed")
    try:
        check_settles(account, side)
        if beyond:
            check_not_frozen(account, side)
    except AccountIsFrozen:
        passed.add("account_frozen")
        stopped = True
    if not stopped:
        return account
    for code in sorted(code for code, is_one in books.suspense.now.items() if is_one):
        suspense = find_account(books, code)
        if suspense.takes_postings and suspense.asset in (None, asset.code):
            return suspense
    check_not_closed(account)
    check_settles(account, side)
    return account


def _look_for_funds(
    books: Books,
    paying: Account,
    paid: Account,
    minor: int,
    needs: dict[str, int],
    passed: set[Exceptional],
) -> None:
    if paying.code == paid.code:
        return  # both sides are in suspense, and it is left as it was
    givers = [one for one in payers(paying, paid) if one.floor_minor is not None]
    try:
        check_floors(books, [(one, -needs[one.code]) for one in givers])
        for one in givers:
            check_legal_liens(books, one, minor)
    except InsufficientFunds:
        passed.add("below_floor")


def _valued(
    books: Books,
    paying: Account,
    paid: Account,
    asset: Asset,
    minor: int,
    on: date,
    passed: set[Exceptional],
) -> Valued:
    """The lines with their worth, or without where that can't be worked out."""
    try:
        return worth_of_two(books, paying, paid, asset, minor, on=on)
    except (RateNotFound, AmountTooLarge, UnbalancedFunctional):
        passed.add("unvalued")
        return Valued(two_lines(paying, paid, asset, minor))


def _limited(
    books: Books,
    after: Authorization,
    sides: tuple[Account, Account],
    asset: Asset,
    beyond: int,
    at: At,
    passed: set[Exceptional],
) -> Authorization:
    """The state with what goes beyond the hold taken of the limits, also where those are passed."""
    debit, credit = sides
    if not beyond or debit.code == credit.code:
        return after
    paying = payers(debit, credit)
    total = max(minor_units(after.settled), minor_units(after.authorized))
    try:
        check_limits(books, paying, asset, beyond, at, count=0, total_minor=total)
    except LimitExceeded:
        passed.add("limit_exceeded")
    return replace(after, limits=charged(paying, asset, beyond, at, count=0, taken=after.limits))


def _unmatched(debit: Account, credit: Account, asset: Asset) -> Authorization:
    zero = format_amount(0, asset.scale)
    return Authorization(
        debit=debit.code,
        credit=credit.code,
        asset=asset.code,
        authorized=zero,
        settled=zero,
        refunded=zero,
        charged_back=zero,
        represented=zero,
        held=zero,
        closed_as="final",
    )


def _settled(state: Authorization, minor: int, taken: int, asset: Asset) -> Authorization:
    return replace(
        state,
        settled=format_amount(minor_units(state.settled) + minor, asset.scale),
        held=format_amount(minor_units(state.held) - taken, asset.scale),
        settlements=state.settlements + 1,
    )
