"""How a hold ends before it is settled for good: voided, released, or expired.

Whatever is still held is freed, and given back to the limits that it took of.
"""

from msgspec.structs import replace

from domain.assets import find_asset
from domain.authorizations import find_authorization, find_open
from domain.books import Books
from domain.commands import At, Command, Decided, NewStream
from domain.holds import (
    Authorization,
    AuthorizationExpired,
    AuthorizationReleased,
    AuthorizationVoided,
    ClosedAs,
)
from domain.limits import given_back
from domain.money import format_amount, minor_units
from domain.refusals import Refusal, Rejection


class Void(Command, frozen=True, kw_only=True, tag="void"):
    authorization: str


class Release(Command, frozen=True, kw_only=True, tag="release"):
    authorization: str


class ExpireHold(Command, frozen=True, kw_only=True, tag="expire"):
    """The service's own: nobody asks for it from outside."""

    authorization: str


class HoldStands(Rejection):
    code = "authorization_closed"
    sentence = "The authorization {authorization} is closed, or its time has not come."


class SettlementExists(Refusal):
    code = "settlement_exists"
    sentence = "{settled} {asset} was settled; release what remains instead of voiding."


def void(books: Books, command: Void, at: At, new: NewStream) -> Decided:
    """Returns the event that takes a hold back of which nothing was ever settled.

    Raises AuthorizationNotFound, AuthorizationIsClosed, AuthorizationHasExpired, SettlementExists.
    """
    state = find_open(books, command.authorization)
    if state.settlements:
        raise SettlementExists(settled=state.settled, asset=state.asset)
    event = AuthorizationVoided(
        amount=state.held,
        authorization=_closed(books, state, "voided"),
        reference=command.reference,
    )
    return [(command.authorization, event)]


def release(books: Books, command: Release, at: At, new: NewStream) -> Decided:
    """Returns the event that gives back what remains held.

    Raises AuthorizationNotFound, AuthorizationIsClosed, AuthorizationHasExpired.
    """
    state = find_open(books, command.authorization)
    event = AuthorizationReleased(
        amount=state.held,
        authorization=_closed(books, state, "released"),
        reference=command.reference,
    )
    return [(command.authorization, event)]


def expire_hold(books: Books, command: ExpireHold, at: At, new: NewStream) -> Decided:
    """Returns the event that frees a hold whose time has come.

    Raises AuthorizationNotFound, HoldStands.
    """
    find_authorization(books, command.authorization)
    event = expire(books, command.authorization, at)
    if event is None:
        raise HoldStands(authorization=command.authorization)
    return [(command.authorization, event)]


def expire(books: Books, authorization: str, at: At) -> AuthorizationExpired | None:
    """Returns the event that frees a hold whose time has come (`expires_at <= now`), or None."""
    state = books.authorizations.get(authorization)
    if state is None or state.closed_as is not None or state.expires_at is None:
        return None
    if state.expires_at > at.recorded_at:
        return None
    return AuthorizationExpired(amount=state.held, authorization=_closed(books, state, "expired"))


def _closed(books: Books, state: Authorization, closed_as: ClosedAs) -> Authorization:
    """Returns the state with nothing held any more."""
    asset = find_asset(books, state.asset)
    return replace(
        state,
        held=format_amount(0, asset.scale),
        closed_as=closed_as,
        limits=given_back(state.limits, asset, minor_units(state.held)),
    )
