"""Pages: what stands of one account in one asset, where every posting finds all that it needs.

A posting looks up a page for each of its legs among very many, and what it touches in memory is
what it costs. So a page also has the facts of its account that a plain entry asks for
(domain/plain.py), kept up to date by `Pages.refresh`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from domain.accounts import Account
    from domain.shelves import Shelf


class Balance(Struct, frozen=True, gc=False):
    """Totals in minor units; `lines` is the running number of the last leg."""

    debits: int = 0
    credits: int = 0
    pending_debits: int = 0
    pending_credits: int = 0
    lines: int = 0


EMPTY = Balance()


class Page(Struct, gc=False):
    """`touches` counts the events that touched the account here; `row` is the id of its row, 0
    before it has one; `stamp` tells the commit that last changed it."""

    account: str
    asset: str
    debit_normal: bool
    takes_plain: bool
    floor_minor: int | None
    balance: Balance = EMPTY
    touches: int = 0
    row: int = 0
    stamp: int = 0


class Pages:
    """All pages, by asset and account; `changed` those that the commit in the making changed.

    Has the doors of a shelf: `get` and `put` by (account, asset), groups, `confirm`.
    """

    def __init__(self, accounts: Shelf[str, Account]) -> None:
        self._accounts = accounts
        self._by_asset: dict[str, dict[str, Page]] = {}
        self._undo: list[tuple[Page, Balance, int, int]] | None = None
        self.changed: list[Page] = []
        self.stamp = 1

    def of_asset(self, asset: str) -> dict[str, Page]:
        """Returns the pages in an asset by account: the same dict each time."""
        pages = self._by_asset.get(asset)
        if pages is None:
            pages = self._by_asset[asset] = {}
        return pages

    def of_account(self, account: str) -> list[Page]:
        """Returns the pages of an account, an asset each."""
        found = [pages.get(account) for pages in self._by_asset.values()]
        return [page for page in found if page is not None]

    def get(self, key: tuple[str, str]) -> Balance | None:
        """Returns the balance of (account, asset), None where nothing was ever put there."""
        account, asset = key
        page = self.of_asset(asset).get(account)
        return None if page is None or page.balance is EMPTY else page.balance

    def put(self, key: tuple[str, str], balance: Balance) -> None:
        """Replaces a balance. Requires that the account is on its shelf."""
        self.change(key).balance = balance

    def touch(self, key: tuple[str, str]) -> None:
        """Counts one more event that touches the account through this page."""
        self.change(key).touches += 1

    def change(self, key: tuple[str, str]) -> Page:
        """Returns the page as one that this commit changes: for several changes at once. Requires
        that the account is on its shelf."""
        page = self._by_asset.get(key[1], {}).get(key[0]) or self.open(key)
        if self._undo is not None:
            self._undo.append((page, page.balance, page.touches, page.stamp))
        if page.stamp != self.stamp:
            page.stamp = self.stamp
            self.changed.append(page)
        return page

    def load(self, key: tuple[str, str], balance: Balance, *, touches: int, row: int) -> None:
        """Puts what its row holds: no change."""
        page = self.open(key)
        page.balance, page.touches, page.row = balance, touches, row

    def open(self, key: tuple[str, str]) -> Page:
        """Returns a new empty page, which is no change. Requires that the account is on its shelf
        and has no page in this asset."""
        account, asset = key
        page = Page(account, asset, debit_normal=True, takes_plain=False, floor_minor=None)
        self._take_facts(page)
        self.of_asset(asset)[account] = page
        return page

    def refresh(self, account: str) -> None:
        """Takes over the account's facts, after it was replaced."""
        for page in self.of_account(account):
            self._take_facts(page)

    def begin_group(self) -> None:
        """Starts to remember what is replaced."""
        self._undo = []

    def keep_group(self) -> None:
        """Keeps what the group replaced."""
        self._undo = None

    def drop_group(self) -> None:
        """Puts back what stood here when the group began, last change first."""
        for page, balance, touches, stamp in reversed(self._undo or ()):
            page.balance, page.touches, page.stamp = balance, touches, stamp
        self.changed = [page for page in self.changed if page.stamp == self.stamp]
        self._undo = None

    def confirm(self) -> None:
        """Forgets what was changed: only after a confirmed COMMIT."""
        self.changed.clear()
        self.stamp += 1

    def _take_facts(self, page: Page) -> None:
        account = self._accounts.get(page.account)
        assert account is not None
        page.debit_normal = account.debit_normal
        page.floor_minor = account.floor_minor
        page.takes_plain = account.takes_plain and account.asset in (None, page.asset)
