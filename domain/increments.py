"""Increments and reductions: an open hold grows or shrinks.

A merchant asks for more (another night, another litre), or sends a part of it back unused.
"""

from msgspec.structs import replace

from domain.accounts import find_account
from domain.assets import find_asset
from domain.authorizations import (
    check_available,
    check_still_open,
    find_authorization,
    find_open,
    payers,
)
from domain.books import Books
from domain.commands import At, Command, Decided, NewStream
from domain.holds import AuthorizationIncremented, AuthorizationReduced, ClosedAs
from domain.legs import check_open_accounts
from domain.limits import charged, check_limits, given_back
from domain.money import LIMIT_MINOR, AmountTooLarge, format_amount, minor_units, parse_amount
from domain.refusals import Refusal


class Increment(Command, frozen=True, kw_only=True, tag="increment"):
    authorization: str
    amount: str


class Reduce(Command, frozen=True, kw_only=True, tag="reduce"):
    authorization: str
    amount: str


class ReductionTooLarge(Refusal):
    code = "reduction_too_large"
    sentence = "{reducible} {asset} of it are not settled; a reduction by {asked} was asked."


def increment(books: Books, command: Increment, at: At, new: NewStream) -> Decided:
    """Returns the event that adds to a hold, which is checked like a new one.

    Raises AuthorizationNotFound, AccountIsFrozen, AccountIsClosed, AccountNotPostable,
    AuthorizationIsClosed, AuthorizationHasExpired, AmountNotPositive, AmountTooFine,
    AmountTooLarge (the hold as a whole too), LimitExceeded, InsufficientFunds.
    """
    state = find_authorization(books, command.authorization)
    debit, credit = find_account(books, state.debit), find_account(books, state.credit)
    asset = find_asset(books, state.asset)
    check_open_accounts(((debit, asset), (credit, asset)))
    check_still_open(state, command.authorization)
    minor = parse_amount(command.amount, scale=asset.scale, asset=asset.code)
    authorized = minor_units(state.authorized) + minor
    if authorized >= LIMIT_MINOR:
        raise AmountTooLarge(asked=format_amount(authorized, asset.scale), asset=asset.code)
    paying = payers(debit, credit)
    held = minor_units(state.held)
    settled = minor_units(state.settled)
    # What was settled beyond the hold has had its funds already, and taken of the limits.
    grown = min(held + minor, max(held, authorized - settled))
    total = max(authorized, settled + grown)
    check_limits(books, paying, asset, grown - held, at, total_minor=total)
    check_available(books, debit, credit, grown - held)
    after = replace(
        state,
        authorized=format_amount(authorized, asset.scale),
        held=format_amount(grown, asset.scale),
        limits=charged(paying, asset, grown - held, at, taken=state.limits),
    )
    event = AuthorizationIncremented(
        amount=format_amount(minor, asset.scale), authorization=after, reference=command.reference
    )
    return [(command.authorization, event)]


def reduce(books: Books, command: Reduce, at: At, new: NewStream) -> Decided:
    """Returns the event that takes a part of a hold back. To zero, it closes it: as a void where
    nothing was ever settled.

    Raises AuthorizationNotFound, AuthorizationIsClosed, AuthorizationHasExpired,
    AmountNotPositive, AmountTooFine, AmountTooLarge, ReductionTooLarge.
    """
    state = find_open(books, command.authorization)
    asset = find_asset(books, state.asset)
    minor = parse_amount(command.amount, scale=asset.scale, asset=asset.code)
    reducible = max(0, minor_units(state.authorized) - minor_units(state.settled))
    if minor > reducible:
        raise ReductionTooLarge(
            reducible=format_amount(reducible, asset.scale),
            asked=format_amount(minor, asset.scale),
            asset=asset.code,
        )
    authorized = minor_units(state.authorized) - minor
    # What a reversal took back and did not hold again is not there to be freed.
    held = max(0, minor_units(state.held) - minor)
    closed_as: ClosedAs | None = None
    if authorized == 0:
        closed_as = "released" if state.settlements else "voided"
    after = replace(
        state,
        authorized=format_amount(authorized, asset.scale),
        held=format_amount(held, asset.scale),
        closed_as=closed_as,
        limits=given_back(state.limits, asset, minor_units(state.held) - held),
    )
    event = AuthorizationReduced(
        amount=format_amount(minor, asset.scale), authorization=after, reference=command.reference
    )
    return [(command.authorization, event)]
