"""Refunds, chargebacks and representments: what was settled goes back, and perhaps returns.

refunded + charged back - represented never passes what was settled, over all settlements together.
Each posts an entry of its own, dated today; none restores a hold. What was settled may be returned
long after the authorization was closed, and a chargeback won back; where there was none, a closed
authorization refuses a representment as it does every verb that is not about what was settled.
"""

from msgspec.structs import replace

from domain.accounts import find_account
from domain.assets import Asset, find_asset
from domain.authorizations import check_still_open, find_authorization, worth_of_two
from domain.books import Books
from domain.calendar import check_open
from domain.commands import At, Command, Decided, NewStream, check_narrative
from domain.entries import Movement, MovementKind, posted_entry
from domain.holds import (
    Authorization,
    AuthorizationChargedBack,
    AuthorizationRefunded,
    AuthorizationRepresented,
)
from domain.journals import AUTHORIZATIONS
from domain.legs import Passbook, check_funds, check_open_accounts
from domain.money import format_amount, minor_units, parse_amount
from domain.refusals import Refusal


class Refund(Command, frozen=True, kw_only=True, tag="refund"):
    authorization: str
    amount: str


class Chargeback(Command, frozen=True, kw_only=True, tag="chargeback"):
    authorization: str
    amount: str


class Representment(Command, frozen=True, kw_only=True, tag="representment"):
    authorization: str
    amount: str


class NothingSettled(Refusal):
    code = "nothing_settled"
    sentence = "Nothing of the authorization {authorization} is settled."


class RefundTooLarge(Refusal):
    code = "refund_too_large"
    sentence = "{returnable} {asset} may still be returned; {asked} was asked."


def refund(books: Books, command: Refund, at: At, new: NewStream) -> Decided:
    """Returns the entry by which the merchant gives back, and what that leaves.

    Raises AuthorizationNotFound, AccountIsFrozen, AccountIsClosed, AccountNotPostable,
    PeriodIsClosed, NarrativeRequired, AmountNotPositive, AmountTooFine, AmountTooLarge,
    NothingSettled, RefundTooLarge, RateNotFound, UnbalancedFunctional, InsufficientFunds.
    """
    return _return(books, command, at, new, "refund")


def charge_back(books: Books, command: Chargeback, at: At, new: NewStream) -> Decided:
    """Returns the entry by which the network takes back, and what that leaves. Raises what
    `refund` raises."""
    return _return(books, command, at, new, "chargeback")


def represent(books: Books, command: Representment, at: At, new: NewStream) -> Decided:
    """Returns the entry that gives back what was charged back, at most that. Raises what `refund`
    raises; AuthorizationIsClosed, AuthorizationHasExpired where nothing ever was."""
    return _return(books, command, at, new, "representment")


def _return(
    books: Books,
    command: Refund | Chargeback | Representment,
    at: At,
    new: NewStream,
    kind: MovementKind,
) -> Decided:
    state = find_authorization(books, command.authorization)
    debit, credit = find_account(books, state.debit), find_account(books, state.credit)
    if kind != "representment":
        debit, credit = credit, debit
    asset = find_asset(books, state.asset)
    check_open_accounts(((debit, asset), (credit, asset)))
    if kind == "representment" and not minor_units(state.charged_back):
        check_still_open(state, command.authorization)
    check_open(books.ledger, at.today, at)
    check_narrative(command)
    minor = parse_amount(command.amount, scale=asset.scale, asset=asset.code)
    _check_returnable(state, command.authorization, kind, minor, asset)
    valued = worth_of_two(books, debit, credit, asset, minor, on=at.today)
    check_funds(books, valued.lines)
    amount = format_amount(minor, asset.scale)
    entry = posted_entry(
        books,
        passbook=Passbook(books),
        lines=valued.lines,
        journal=AUTHORIZATIONS,
        class_="fx_difference" if valued.has_difference else "ordinary",
        effective_on=at.today,
        reference=command.reference,
        authorization=command.authorization,
        movement=Movement(kind, amount),
    )
    counter, happened = _COUNTED[kind]
    total = format_amount(minor_units(getattr(state, counter)) + minor, asset.scale)
    event = happened(amount=amount, entry=new(0), authorization=replace(state, **{counter: total}))
    return [(new(0), entry), (command.authorization, event)]


def _check_returnable(
    state: Authorization, authorization: str, kind: MovementKind, minor: int, asset: Asset
) -> None:
    """Raises NothingSettled, RefundTooLarge."""
    settled = minor_units(state.settled)
    if not settled:
        raise NothingSettled(authorization=authorization)
    if kind == "representment":
        returnable = minor_units(state.charged_back) - minor_units(state.represented)
    else:
        returnable = settled - state.returned_minor
    if minor > returnable:
        raise RefundTooLarge(
            returnable=format_amount(returnable, asset.scale),
            asked=format_amount(minor, asset.scale),
            asset=asset.code,
        )


_Happened = type[AuthorizationRefunded | AuthorizationChargedBack | AuthorizationRepresented]

_COUNTED: dict[MovementKind, tuple[str, _Happened]] = {
    "refund": ("refunded", AuthorizationRefunded),
    "chargeback": ("charged_back", AuthorizationChargedBack),
    "representment": ("represented", AuthorizationRepresented),
}
"""The counter that each kind adds to, and its event."""
