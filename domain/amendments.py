"""Amendments: what may change of an account, and until when.

Type, contra and asset are fixed by the first posting: they decide what every balance means.
"""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from domain.accounts import (
    Account,
    AccountInUse,
    AssetNotAllowed,
    CashFlow,
    Purpose,
    Type,
    check_not_closed,
    check_version,
    find_account,
    put_account,
)
from domain.assets import find_asset
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.money import format_amount, parse_signed

AMENDABLE = [
    "type",
    "name",
    "asset",
    "floor",
    "contra",
    "postable",
    "number",
    "purpose",
    "monetary",
    "cash_flow",
    "current",
    "statement_line",
    "statutory_codes",
    "owner",
]
FIXED_BY_FIRST_POSTING = ("type", "contra", "asset")


class AmendAccount(Command, frozen=True, kw_only=True, tag="amend_account"):
    """Absent members stay as they are; null takes a value away."""

    account: str
    expected_version: int | None = None
    type: Type | UnsetType = UNSET
    name: str | UnsetType = UNSET
    asset: str | UnsetType | None = UNSET
    floor: str | UnsetType | None = UNSET
    contra: bool | UnsetType = UNSET
    postable: bool | UnsetType = UNSET
    number: str | UnsetType | None = UNSET
    purpose: Purpose | UnsetType | None = UNSET
    monetary: bool | UnsetType | None = UNSET
    cash_flow: CashFlow | UnsetType | None = UNSET
    current: bool | UnsetType | None = UNSET
    statement_line: str | UnsetType | None = UNSET
    statutory_codes: dict[str, str] | UnsetType | None = UNSET
    owner: str | UnsetType | None = UNSET


class AccountAmended(Event, frozen=True, kw_only=True):
    """Only what changed is present; null means taken away."""

    account: str
    type: Type | UnsetType = UNSET
    name: str | UnsetType = UNSET
    asset: str | UnsetType | None = UNSET
    floor: str | UnsetType | None = UNSET
    contra: bool | UnsetType = UNSET
    postable: bool | UnsetType = UNSET
    number: str | UnsetType | None = UNSET
    purpose: Purpose | UnsetType | None = UNSET
    monetary: bool | UnsetType | None = UNSET
    cash_flow: CashFlow | UnsetType | None = UNSET
    current: bool | UnsetType | None = UNSET
    statement_line: str | UnsetType | None = UNSET
    statutory_codes: dict[str, str] | UnsetType | None = UNSET
    owner: str | UnsetType | None = UNSET
    reference: str | None = None
    private: str | None = None


def amend(books: Books, command: AmendAccount, at: At, new: NewStream) -> Decided:
    """Returns the event that changes what `command` names; no event where nothing changes.

    Raises AccountNotFound, AssetNotFound, Stale, AccountIsClosed, AccountInUse, AssetNotAllowed.
    """
    account = find_account(books, command.account)
    changes = {
        name: value
        for name in AMENDABLE
        if (value := getattr(command, name)) is not UNSET and value != getattr(account, name)
    }
    asset = changes.get("asset", account.asset)
    scale = None if asset is None else find_asset(books, asset).scale
    check_version(account, command.expected_version)
    check_not_closed(account)
    if any(name in changes for name in FIXED_BY_FIRST_POSTING):
        _check_unused(books, account)
    floor = changes.get("floor", account.floor)
    if floor is not None:
        if asset is None or scale is None:
            raise AssetNotAllowed(account=account.code, allowed="any asset", asset="a floor")
        floor = format_amount(parse_signed(floor, scale=scale, asset=asset), scale)
        if floor == account.floor:
            changes.pop("floor", None)
        else:
            changes["floor"] = floor
    event = AccountAmended(account=account.code, reference=command.reference, **changes)
    return [(account.stream, event)]


def evolve_amended(books: Books, stream: str, event: AccountAmended) -> None:
    """Replaces what the event names."""
    old = find_account(books, event.account)
    changes = {name: value for name in AMENDABLE if (value := getattr(event, name)) is not UNSET}
    put_account(books, replace(old, version=old.version + 1, **changes))


def _check_unused(books: Books, account: Account) -> None:
    """A lien and a limit are of the account's asset and side, and so a use of them as well.

    Raises AccountInUse.
    """
    for balance in books.balances_of(account.code):
        if balance.lines:
            raise AccountInUse(account=account.code, standing="postings")
        if balance.pending_debits or balance.pending_credits:
            raise AccountInUse(account=account.code, standing="holds")
    if account.lien_minor:
        raise AccountInUse(account=account.code, standing="lien")
    if account.limits:
        raise AccountInUse(account=account.code, standing="limits")
