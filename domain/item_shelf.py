"""The shelf of open items: an account may have a hundred thousand, and a posting asks for one.

An account's items of an asset are found as they came in, by side; by name; and by day, where what
comes in on the same day is one item. Numbers of lines are kept in order: to put one in or take one
out moves the others in one stroke of memory, which costs less than to look at a few of them.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from domain.shelves import Shelf

if TYPE_CHECKING:
    from domain.accounts import Side
    from domain.items import Item, ItemKey


class Pile:
    """Which lines of an account opened what is open of one asset, in the order they came in."""

    __slots__ = ("_by_name", "_by_side", "_shared")

    def __init__(self) -> None:
        self._by_side: dict[Side, list[int]] = {"debit": [], "credit": []}
        self._by_name: dict[tuple[str, Side], list[int]] = {}
        self._shared: dict[tuple[Side, date], int] = {}

    def of_side(self, side: "Side") -> Sequence[int]:
        """Returns the lines on a side, the oldest first. It changes with the pile."""
        return self._by_side[side]

    def named(self, name: str, side: "Side") -> Sequence[int]:
        """Returns the lines of a side's items with that `matches`, or of that entry, the oldest
        first."""
        return self._by_name.get((name, side), ())

    def shared(self, side: "Side", day: date) -> int | None:
        """Returns the line of the item to which what has no name of its own is added."""
        return self._shared.get((side, day))

    def add(self, line: int, item: "Item") -> None:
        """Takes an open item in. Requires that it is not here."""
        insort(self._by_side[item.side], line)
        for name in _names(item):
            insort(self._by_name.setdefault((name, item.side), []), line)
        if item.is_shared:
            self._shared.setdefault((item.side, item.effective_on), line)

    def remove(self, line: int, item: "Item") -> None:
        """Takes an item out that is closed. Requires that it is here."""
        _take_out(self._by_side[item.side], line)
        for name in _names(item):
            lines = self._by_name[name, item.side]
            _take_out(lines, line)
            if not lines:
                del self._by_name[name, item.side]
        if self._shared.get((item.side, item.effective_on)) == line:
            del self._shared[item.side, item.effective_on]


NONE = Pile()
"""Of an account that has none. Nothing is ever put there."""


class ItemShelf(Shelf["ItemKey", "Item"]):
    """Items by (account, asset, line), and the piles of those that are open."""

    __slots__ = ("_piles",)

    def __init__(self) -> None:
        super().__init__()
        self._piles: dict[tuple[str, str], Pile] = {}

    def pile(self, account: str, asset: str) -> Pile:
        """Returns what is open of (account, asset)."""
        return self._piles.get((account, asset), NONE)

    def load(self, key: "ItemKey", item: "Item") -> None:
        """Puts what a row holds: no change."""
        self._replace(key, item)
        self.now[key] = item

    def put(self, key: "ItemKey", value: "Item") -> None:
        """Replaces an item; one of which nothing is left is closed."""
        self._replace(key, value)
        super().put(key, value)

    def put_back(self, key: "ItemKey", value: "Item | None") -> None:
        """Has the item that stood there be as it was, or not be."""
        self._replace(key, value)
        super().put_back(key, value)

    def confirm(self) -> None:
        """Forgets what was changed, and what is closed: nothing asks for it again."""
        for key, item in self.changed.items():
            if not item.minor:
                del self.now[key]
        super().confirm()

    def _replace(self, key: "ItemKey", new: "Item | None") -> None:
        """Keeps the pile what the shelf is about to be."""
        account, asset, line = key
        old = self.now.get(key)
        was_open, is_open = old is not None and old.minor > 0, new is not None and new.minor > 0
        if was_open == is_open:
            return
        pile = self._piles.get((account, asset))
        if pile is None:
            pile = self._piles[account, asset] = Pile()
        if new is not None and is_open:
            pile.add(line, new)
        elif old is not None:
            pile.remove(line, old)


def _take_out(lines: list[int], line: int) -> None:
    del lines[bisect_left(lines, line)]


def _names(item: "Item") -> set[str]:
    return {name for name in (item.name, item.entry) if name is not None}
