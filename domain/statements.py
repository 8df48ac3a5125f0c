"""Certified statements: an account's number of lines and its balance, put on record.

Once that is a record of its own, its place in the log fixes how many lines there were up to it: a
statement that leaves one out contradicts it.
"""

from msgspec.structs import replace

from domain.accounts import AssetNotAllowed, find_account, put_account
from domain.assets import find_asset
from domain.balances import posted
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.money import format_amount
from domain.pages import EMPTY


class StateAccount(Command, frozen=True, kw_only=True, tag="state_account"):
    """`asset`: without it the account's own, or the functional one where it takes any."""

    account: str
    asset: str | None = None


class AccountStated(Event, frozen=True, kw_only=True):
    """`lines`: the running number of the last line; `balance`: what was posted, positive on the
    account's normal side."""

    account: str
    asset: str
    lines: int
    balance: str
    reference: str | None = None
    private: str | None = None


def state(books: Books, command: StateAccount, at: At, new: NewStream) -> Decided:
    """Returns the event that states how many lines an account has and what they come to.

    Frozen and closed accounts too, and those without a line. Raises AccountNotFound,
    AssetNotFound, AssetNotAllowed.
    """
    account = find_account(books, command.account)
    asset = find_asset(books, command.asset or account.asset or books.ledger.functional_asset)
    if account.asset not in (None, asset.code):
        raise AssetNotAllowed(account=account.code, allowed=account.asset, asset=asset.code)
    balance = books.balances.get((account.code, asset.code)) or EMPTY
    event = AccountStated(
        account=account.code,
        asset=asset.code,
        lines=balance.lines,
        balance=format_amount(posted(account, balance), asset.scale),
        reference=command.reference,
    )
    return [(account.stream, event)]


def evolve(books: Books, stream: str, event: AccountStated) -> None:
    """Counts the event; nothing that is decided depends on it."""
    old = find_account(books, event.account)
    put_account(books, replace(old, version=old.version + 1))
