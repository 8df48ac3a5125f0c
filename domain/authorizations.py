"""Authorizations: a hold reserves funds and moves none until it is settled, in parts or all.

It ends settled for good (`final`), or as domain/hold_ends.py has it: voided, released, expired.
"""

from datetime import date, datetime, timedelta

from msgspec.structs import replace

from domain.accounts import Account, check_settles, find_account
from domain.assets import Asset, find_asset
from domain.balances import check_floors, check_legal_liens
from domain.books import Books
from domain.calendar import check_open
from domain.commands import At, Command, Decided, NewStream
from domain.entries import Movement, check_new_id, posted_entry
from domain.holds import (
    Authorization,
    AuthorizationOpened,
    AuthorizationSettled,
    Network,
)
from domain.items import OpenItems
from domain.journals import AUTHORIZATIONS
from domain.legs import (
    LegAsked,
    Line,
    Passbook,
    check_asset_allowed,
    check_funds,
    check_open_accounts,
)
from domain.limits import charged, check_limits, given_back
from domain.money import format_amount, minor_units, parse_amount
from domain.refusals import Refusal
from domain.valuation import Valued, value


class Authorize(Command, frozen=True, kw_only=True, tag="authorize"):
    debit: str
    credit: str
    amount: str
    asset: str
    id: str | None = None
    expires_in_seconds: int | None = None
    expires_at: datetime | None = None
    over_settle_percent: str | None = None
    network: Network | None = None


class Settle(Command, frozen=True, kw_only=True, tag="settle"):
    authorization: str
    amount: str | None = None
    final: bool | None = None
    effective_on: date | None = None


class AuthorizationNotFound(Refusal):
    code = "authorization_not_found"
    sentence = "There is no authorization {authorization}."


class AuthorizationIsClosed(Refusal):
    code = "authorization_closed"
    sentence = "The authorization {authorization} was closed: {closed_as}."


class AuthorizationHasExpired(Refusal):
    code = "authorization_expired"
    sentence = "The authorization {authorization} expired at {expires_at}."


class SameAccount(Refusal):
    code = "same_account"
    sentence = "Debit and credit are both {account}."


class ExpiresInPast(Refusal):
    code = "expires_in_past"
    sentence = "{expires_at} is not later than now, {now}."


class OverSettlement(Refusal):
    code = "over_settlement"
    sentence = "{remaining} {asset} may still be settled; {asked} was asked."


class NothingToSettle(Refusal):
    code = "nothing_to_settle"
    sentence = "Nothing remains held; name an amount to settle up to the ceiling."


def authorize(books: Books, command: Authorize, at: At, new: NewStream) -> Decided:
    """Returns the event that holds funds.

    Raises AccountNotFound, AssetNotFound, EntryExists, AccountIsFrozen, AccountIsClosed,
    AccountNotPostable, SameAccount, AssetNotAllowed, AmountNotPositive, AmountTooFine,
    AmountTooLarge, ExpiresInPast, LimitExceeded, InsufficientFunds.
    """
    debit = find_account(books, command.debit)
    credit = find_account(books, command.credit)
    asset = find_asset(books, command.asset)
    check_new_id(books, command.id)
    check_open_accounts(((debit, asset), (credit, asset)))
    if debit.code == credit.code:
        raise SameAccount(account=debit.code)
    for account in (debit, credit):
        check_asset_allowed(account, asset)
    minor = parse_amount(command.amount, scale=asset.scale, asset=asset.code)
    expires_at = _expiry(command, at)
    paying = payers(debit, credit)
    check_limits(books, paying, asset, minor, at, total_minor=minor)
    check_available(books, debit, credit, minor)
    amount = format_amount(minor, asset.scale)
    zero = format_amount(0, asset.scale)
    state = Authorization(
        debit=debit.code,
        credit=credit.code,
        asset=asset.code,
        authorized=amount,
        settled=zero,
        refunded=zero,
        charged_back=zero,
        represented=zero,
        held=amount,
        over_settle_percent=command.over_settle_percent or "0",
        expires_at=expires_at,
        limits=charged(paying, asset, minor, at),
    )
    event = AuthorizationOpened(
        amount=amount, authorization=state, network=command.network, reference=command.reference
    )
    return [(command.id or new(0), event)]


def settle(books: Books, command: Settle, at: At, new: NewStream) -> Decided:
    """Returns the entry that posts a part of a hold, or all that remains, and what that leaves.

    Settling within the hold tests no floor and passes an administrative freeze: the funds were
    set aside. A legal freeze it does not pass, nor a legal lien where that would take of it. What
    goes beyond the hold, up to the ceiling, must find available funds. In a foreign asset it is
    worth what an entry of that day is.
    Raises AuthorizationNotFound, AuthorizationIsClosed, AuthorizationHasExpired, AccountIsFrozen,
    PeriodIsClosed, EffectiveInFuture, AmountNotPositive, AmountTooFine, AmountTooLarge,
    OverSettlement, NothingToSettle, RateNotFound, UnbalancedFunctional, LimitExceeded,
    InsufficientFunds.
    """
    state = find_authorization(books, command.authorization)
    debit, credit = find_account(books, state.debit), find_account(books, state.credit)
    asset = find_asset(books, state.asset)
    check_settles(debit, "debit")
    check_settles(credit, "credit")
    check_still_open(state, command.authorization)
    effective_on = command.effective_on or at.today
    check_open(books.ledger, effective_on, at)
    held = minor_units(state.held)
    minor = _settle_amount(state, command.amount, asset)
    valued = worth_of_two(books, debit, credit, asset, minor, on=effective_on)
    excess = max(0, minor - held)
    settled = minor_units(state.settled) + minor
    paying = payers(debit, credit)
    limits = state.limits
    if excess:
        check_open_accounts(((debit, asset), (credit, asset)))
        total = max(settled, minor_units(state.authorized))
        check_limits(books, paying, asset, excess, at, count=0, total_minor=total)
        limits = charged(paying, asset, excess, at, count=0, taken=limits)
        check_available(books, debit, credit, excess)
    for account in paying:
        check_legal_liens(books, account, minor)
    check_funds(books, valued.lines[2:])
    left = held - minor + excess
    amount = format_amount(minor, asset.scale)
    after = replace(
        state,
        settled=format_amount(settled, asset.scale),
        held=format_amount(0 if command.final else left, asset.scale),
        settlements=state.settlements + 1,
        closed_as="final" if command.final else None,
        limits=given_back(limits, asset, left) if command.final else limits,
    )
    entry = posted_entry(
        books,
        passbook=Passbook(books),
        lines=valued.lines,
        journal=AUTHORIZATIONS,
        class_="fx_difference" if valued.has_difference else "ordinary",
        effective_on=effective_on,
        reference=command.reference,
        authorization=command.authorization,
        movement=Movement("settlement", amount),
    )
    event = AuthorizationSettled(
        amount=amount,
        entry=new(0),
        authorization=after,
        final=bool(command.final),
        released=format_amount(left, asset.scale) if command.final and left else None,
    )
    return [(new(0), entry), (command.authorization, event)]


def find_open(books: Books, authorization: str) -> Authorization:
    """Raises AuthorizationNotFound, AuthorizationIsClosed, AuthorizationHasExpired."""
    state = find_authorization(books, authorization)
    check_still_open(state, authorization)
    return state


def find_authorization(books: Books, authorization: str) -> Authorization:
    """Raises AuthorizationNotFound."""
    state = books.authorizations.get(authorization)
    if state is None:
        raise AuthorizationNotFound(authorization=authorization)
    return state


def check_still_open(state: Authorization, authorization: str) -> None:
    """Raises AuthorizationIsClosed, AuthorizationHasExpired."""
    if state.closed_as == "expired":
        assert state.expires_at is not None
        raise AuthorizationHasExpired(
            authorization=authorization, expires_at=_moment(state.expires_at)
        )
    if state.closed_as is not None:
        raise AuthorizationIsClosed(authorization=authorization, closed_as=state.closed_as)


def payers(debit: Account, credit: Account) -> list[Account]:
    """Returns the accounts that have less available once the one was debited and the other
    credited: both, one or none."""
    paying = [] if debit.debit_normal else [debit]
    return [*paying, credit] if credit.debit_normal else paying


def _expiry(command: Authorize, at: At) -> datetime | None:
    expires_at = command.expires_at
    if command.expires_in_seconds is not None:
        expires_at = at.recorded_at + timedelta(seconds=command.expires_in_seconds)
    if expires_at is not None and expires_at <= at.recorded_at:
        raise ExpiresInPast(expires_at=_moment(expires_at), now=_moment(at.recorded_at))
    return expires_at


def _moment(moment: datetime) -> str:
    """As answers show it; requires that it is in UTC."""
    return moment.isoformat().replace("+00:00", "Z")


def _settle_amount(state: Authorization, asked: str | None, asset: Asset) -> int:
    if asked is None:
        held = minor_units(state.held)
        if held == 0:
            raise NothingToSettle
        return held
    minor = parse_amount(asked, scale=asset.scale, asset=asset.code)
    remaining = state.ceiling_minor - minor_units(state.settled)
    if minor > remaining:
        raise OverSettlement(
            remaining=format_amount(remaining, asset.scale),
            asked=format_amount(minor, asset.scale),
            asset=asset.code,
        )
    return minor


def check_available(books: Books, debit: Account, credit: Account, minor: int) -> None:
    """Looks for the funds of a hold, or of what goes beyond one, on whichever side gives them.

    Raises InsufficientFunds.
    """
    changes = [
        (account, -minor) for account in payers(debit, credit) if account.floor_minor is not None
    ]
    if changes:
        check_floors(books, changes)


def worth_of_two(
    books: Books, debit: Account, credit: Account, asset: Asset, minor: int, *, on: date
) -> Valued:
    """Returns the lines of an entry that moves an amount, with their worth; a difference of
    exchange rates follows them.

    Raises RateNotFound, AmountTooLarge, UnbalancedFunctional.
    """
    lines = two_lines(debit, credit, asset, minor)
    return value(books, lines, on=on, class_=None, items=OpenItems(books))


def two_lines(debit: Account, credit: Account, asset: Asset, minor: int) -> list[Line]:
    """Returns the lines of an entry that moves an amount from one account to another."""
    amount = format_amount(minor, asset.scale)
    asked = [
        LegAsked(account=debit.code, side="debit", amount=amount, asset=asset.code),
        LegAsked(account=credit.code, side="credit", amount=amount, asset=asset.code),
    ]
    return [
        Line(debit, asset, True, minor, None, asked[0]),
        Line(credit, asset, False, minor, None, asked[1]),
    ]
