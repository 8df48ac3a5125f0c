"""Freezes: an authority or the firm itself stops an account, and lifts the stop again.

A freeze stops debits, credits or both: nothing new is posted or held on that side. On an
administrative basis what was held before may still settle, on a legal one it may not. With an
amount it is a lien: it stops nothing and keeps that much from being available. Several stand beside
each other, each with the reference of its authority, and each is lifted by its id.
"""

from msgspec.structs import replace

from domain.accounts import (
    Account,
    AssetNotAllowed,
    Basis,
    Freeze,
    Scope,
    check_not_closed,
    find_account,
    put_account,
)
from domain.assets import find_asset
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.money import format_amount, parse_amount
from domain.refusals import Refusal


class FreezeAccount(Command, frozen=True, kw_only=True, tag="freeze_account"):
    account: str
    scope: Scope | None = None
    basis: Basis | None = None
    amount: str | None = None
    authority_reference: str | None = None


class UnfreezeAccount(Command, frozen=True, kw_only=True, tag="unfreeze_account"):
    account: str
    freeze_id: str | None = None


class AccountFrozen(Event, frozen=True, kw_only=True):
    account: str
    freeze_id: str
    scope: Scope
    basis: Basis
    amount: str | None = None
    authority_reference: str | None = None
    reference: str | None = None
    private: str | None = None


class AccountUnfrozen(Event, frozen=True, kw_only=True):
    account: str
    freeze_id: str
    reference: str | None = None
    private: str | None = None


class FreezeNotFound(Refusal):
    """`standing`: how many stand; of several, one has to be named."""

    code = "freeze_not_found"
    sentence = "{account} has {standing} freezes; name the one to lift by its freeze_id."


def freeze(books: Books, command: FreezeAccount, at: At, new: NewStream) -> Decided:
    """Returns the event that freezes an account, or an amount on it, funds or not.

    Raises AccountNotFound, AccountIsClosed, AssetNotAllowed (an amount needs an account of one
    asset), AmountNotPositive, AmountTooFine, AmountTooLarge.
    """
    account = find_account(books, command.account)
    check_not_closed(account)
    amount = None if command.amount is None else _lien(books, account, command.amount)
    event = AccountFrozen(
        account=account.code,
        freeze_id=new(0),
        scope=command.scope or "all",
        basis=command.basis or "administrative",
        amount=amount,
        authority_reference=command.authority_reference,
        reference=command.reference,
    )
    return [(account.stream, event)]


def unfreeze(books: Books, command: UnfreezeAccount, at: At, new: NewStream) -> Decided:
    """Returns the event that lifts a freeze; its id may be left out while one stands.

    Raises AccountNotFound, FreezeNotFound.
    """
    account = find_account(books, command.account)
    wanted = command.freeze_id
    standing = [f.freeze_id for f in account.freezes if wanted is None or f.freeze_id == wanted]
    if len(standing) != 1:
        raise FreezeNotFound(account=account.code, freeze_id=wanted, standing=len(account.freezes))
    event = AccountUnfrozen(
        account=account.code, freeze_id=standing[0], reference=command.reference
    )
    return [(account.stream, event)]


def _lien(books: Books, account: Account, amount: str) -> str:
    if account.asset is None:
        raise AssetNotAllowed(account=account.code, allowed="any asset", asset="an amount")
    asset = find_asset(books, account.asset)
    minor = parse_amount(amount, scale=asset.scale, asset=asset.code)
    return format_amount(minor, asset.scale)


def evolve_frozen(books: Books, stream: str, event: AccountFrozen) -> None:
    """Adds the freeze to those that stand."""
    old = find_account(books, event.account)
    standing = Freeze(
        event.freeze_id, event.scope, event.basis, event.amount, event.authority_reference
    )
    put_account(books, replace(old, version=old.version + 1, freezes=(*old.freezes, standing)))


def evolve_unfrozen(books: Books, stream: str, event: AccountUnfrozen) -> None:
    """Takes the freeze away."""
    old = find_account(books, event.account)
    left = tuple(f for f in old.freezes if f.freeze_id != event.freeze_id)
    put_account(books, replace(old, version=old.version + 1, freezes=left))
