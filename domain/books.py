"""The state of one ledger that decisions see: shelves of immutable things.

A shelf has two layers. `base` is what the last confirmed commit left, `changed` what the commit in
the making would leave. Nothing on a shelf is ever modified, only replaced, so a commit is dropped
by forgetting `changed`, and a group of commands by putting back what its undo list holds.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from domain.access import Actor, ApiKey, LedgerListing
    from domain.accounts import Account
    from domain.assets import Asset
    from domain.authorizations import Authorization
    from domain.balances import Balance
    from domain.entries import Entry
    from domain.journals import Journal
    from domain.ledgers import Ledger

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """A dict in two layers, with an undo list while a group of commands is being decided."""

    __slots__ = ("base", "changed", "undo")

    def __init__(self) -> None:
        self.base: dict[K, V] = {}
        self.changed: dict[K, V] = {}
        self.undo: list[tuple[K, V | None]] | None = None

    def get(self, key: K) -> V | None:
        value = self.changed.get(key)
        return self.base.get(key) if value is None else value

    def put(self, key: K, value: V) -> None:
        if self.undo is not None:
            self.undo.append((key, self.changed.get(key)))
        self.changed[key] = value

    def begin_group(self) -> None:
        self.undo = []

    def keep_group(self) -> None:
        self.undo = None

    def drop_group(self) -> None:
        """Puts back what stood in `changed` when the group began, last change first."""
        for key, value in reversed(self.undo or ()):
            if value is None:
                self.changed.pop(key, None)
            else:
                self.changed[key] = value
        self.undo = None

    def confirm(self) -> None:
        """Makes the commit's changes the new base: only after a confirmed COMMIT."""
        self.base.update(self.changed)
        self.changed = {}


class CommitShelf(Shelf[K, V]):
    """A shelf whose things are needed for one commit only: there are too many to keep."""

    __slots__ = ()

    def confirm(self) -> None:
        self.base = {}
        self.changed = {}


class Books:
    """All shelves of one ledger.

    `versions` counts the events that touched each account; `vouchers` holds the last number given
    for each (journal, fiscal year); `streams` the last version of a stream whose thing is on a
    shelf, entries apart; `opened` the ids that this commit found taken or has taken.
    """

    def __init__(self) -> None:
        self.ledgers: Shelf[str, Ledger] = Shelf()
        self.assets: Shelf[str, Asset] = Shelf()
        self.journals: Shelf[str, Journal] = Shelf()
        self.accounts: Shelf[str, Account] = Shelf()
        self.versions: Shelf[str, int] = Shelf()
        self.balances: Shelf[tuple[str, str], Balance] = Shelf()
        self.vouchers: Shelf[tuple[str, int], int] = Shelf()
        self.entries: Shelf[str, Entry] = CommitShelf()
        self.authorizations: Shelf[str, Authorization] = Shelf()
        self.streams: Shelf[str, int] = Shelf()
        self.opened: Shelf[str, bool] = CommitShelf()
        self.listings: Shelf[str, LedgerListing] = Shelf()
        self.actors: Shelf[str, Actor] = Shelf()
        self.keys: Shelf[str, ApiKey] = Shelf()
        self.shelves: tuple[Shelf[object, object], ...] = tuple(vars(self).values())

    @property
    def ledger(self) -> Ledger:
        """The ledger itself. Requires that it was created."""
        ledger = self.ledgers.get("")
        assert ledger is not None
        return ledger

    @property
    def locked_through(self) -> date | None:
        return self.ledger.locked_through

    def touch(self, account: str) -> None:
        """Counts one more event that touches the account."""
        self.versions.put(account, (self.versions.get(account) or 0) + 1)

    def next_version(self, stream: str) -> int:
        """Returns the version of the next event of a stream that stands, or 1."""
        last = self.streams.get(stream)
        if last is not None:
            return last + 1
        entry = self.entries.get(stream)
        return 1 if entry is None else entry.version + 1

    def balances_of(self, account: str) -> list[Balance]:
        """All balances of an account, an asset each. Walks what is in memory: for rare use."""
        changed = self.balances.changed
        found = [balance for key, balance in changed.items() if key[0] == account]
        found.extend(
            balance
            for key, balance in self.balances.base.items()
            if key[0] == account and key not in changed
        )
        return found

    def begin_group(self) -> None:
        for shelf in self.shelves:
            shelf.begin_group()

    def keep_group(self) -> None:
        for shelf in self.shelves:
            shelf.keep_group()

    def drop_group(self) -> None:
        for shelf in self.shelves:
            shelf.drop_group()

    def confirm(self) -> None:
        for shelf in self.shelves:
            shelf.confirm()
