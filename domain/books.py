"""The state of one ledger that decisions see: shelves of immutable things (domain/shelves.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.item_shelf import ItemShelf
from domain.pages import Balance, Pages
from domain.shelves import CommitShelf, Shelf

if TYPE_CHECKING:
    from domain.access import Actor, ApiKey, LedgerListing
    from domain.accounts import Account
    from domain.assets import Asset
    from domain.baselines import Baseline
    from domain.entries import DueReversal, Entry
    from domain.holds import Authorization
    from domain.journals import Journal
    from domain.ledgers import Ledger
    from domain.limits import Usage
    from domain.mandatory_settlements import NetworkReference
    from domain.periods import Period
    from domain.rates import Pair, Rate, RateKey
    from domain.revaluations import Revaluation


class Books:
    """All shelves of one ledger.

    `versions` counts the events that touched each account beside those that its pages (`balances`)
    count; `vouchers` holds the last number given for each (journal, fiscal year); `periods` the
    months to which something happened; `usages` what was taken of each limit; `streams` the last
    version of a stream whose thing is on a shelf, entries apart; `opened` the ids that this commit
    found taken or has taken; `suspense` whether an account is one that takes what belongs nowhere
    else, `exchange` whether it takes differences of exchange rates; `erased` the streams whose
    texts this commit takes away, `recorded` the streams of positions that it asks for; `pairs`
    whether there is any rate of one, once it was asked; `reversals` what is to be taken back on a
    day, by entry.
    """

    def __init__(self) -> None:
        self.ledgers: Shelf[str, Ledger] = Shelf()
        self.assets: Shelf[str, Asset] = Shelf()
        self.journals: Shelf[str, Journal] = Shelf()
        self.baselines: Shelf[str, Baseline] = Shelf()
        self.accounts: Shelf[str, Account] = Shelf()
        self.versions: Shelf[str, int] = Shelf()
        self.balances = Pages(self.accounts)
        self.usages: Shelf[str, Usage] = Shelf()
        self.vouchers: Shelf[tuple[str, int], int] = Shelf()
        self.periods: Shelf[str, Period] = Shelf()
        self.entries: Shelf[str, Entry] = CommitShelf()
        self.authorizations: Shelf[str, Authorization] = Shelf()
        self.streams: Shelf[str, int] = Shelf()
        self.opened: Shelf[str, bool] = CommitShelf()
        self.suspense: Shelf[str, bool] = Shelf()
        self.network_references: Shelf[tuple[str, str], NetworkReference] = CommitShelf()
        self.erased: Shelf[str, bool] = CommitShelf()
        self.recorded: Shelf[str, str] = CommitShelf()
        self.exchange: Shelf[str, bool] = Shelf()
        self.rates: Shelf[RateKey, Rate] = Shelf()
        self.pairs: Shelf[Pair, bool] = Shelf()
        self.items = ItemShelf()
        self.revaluations: Shelf[str, Revaluation] = Shelf()
        self.reversals: Shelf[str, DueReversal] = CommitShelf()
        self.listings: Shelf[str, LedgerListing] = Shelf()
        self.actors: Shelf[str, Actor] = Shelf()
        self.keys: Shelf[str, ApiKey] = Shelf()
        self.shelves: tuple[Shelf[object, object] | Pages, ...] = tuple(vars(self).values())
        self.in_group = False

    @property
    def ledger(self) -> Ledger:
        """The ledger itself. Requires that it was created."""
        ledger = self.ledgers.get("")
        assert ledger is not None
        return ledger

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

    def version_of(self, account: str) -> int:
        """Returns how many events touched the account."""
        pages = self.balances.of_account(account)
        return (self.versions.get(account) or 0) + sum(page.touches for page in pages)

    def balances_of(self, account: str) -> list[Balance]:
        """Returns all balances of an account, an asset each."""
        return [page.balance for page in self.balances.of_account(account)]

    def forget_authorizations(self) -> None:
        """Takes all authorizations off the shelf. Requires that no commit is in the making."""
        for authorization in self.authorizations.now:
            del self.streams.now[authorization]
        self.authorizations.now.clear()

    def begin_group(self) -> None:
        """Starts to remember: the commands that follow stand or fall together."""
        self.in_group = True
        for shelf in self.shelves:
            shelf.begin_group()

    def keep_group(self) -> None:
        """The group stands."""
        self.in_group = False
        for shelf in self.shelves:
            shelf.keep_group()

    def drop_group(self) -> None:
        """The group falls."""
        self.in_group = False
        replaced = {key for key, _, _ in self.accounts.undo or ()}
        for shelf in self.shelves:
            shelf.drop_group()
        for account in replaced & self.accounts.now.keys():
            self.balances.refresh(account)

    def confirm(self) -> None:
        """The commit stands: only after a confirmed COMMIT."""
        for shelf in self.shelves:
            shelf.confirm()
