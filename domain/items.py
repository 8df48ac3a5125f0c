"""Open items: what a monetary account holds of a foreign asset, and at which worth it came in.

A leg relieves items of the other side: the one that `matches` names, then the first that came in.
What exceeds them opens an item of its own; without `matches`, party and due day, the account has
one such item a day and side, or an account that much goes through would have millions. The event
says what a leg relieves and opens, so that nobody has to work it out again. Amounts that are zero
(revaluations) leave items as they are.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from domain.books import Books
from domain.money import format_amount, minor_units
from domain.rates import half_even

if TYPE_CHECKING:
    from domain.accounts import Side
    from domain.entries import EntryPosted
    from domain.legs import Line

ItemKey = tuple[str, str, int]
"""(account, asset, running number of the line that opened it)."""


class Relief(Struct, frozen=True):
    """What a leg takes off an item, with the worth at which that came in."""

    line: int
    amount: str
    functional_amount: str


class Opening(Struct, frozen=True, omit_defaults=True):
    """What a leg leaves open: an item under its own line, or more of the day's (`line`)."""

    amount: str
    functional_amount: str
    line: int | None = None


class Item(Struct, frozen=True):
    """`is_shared`: what comes in on the same day without a name of its own is added to it."""

    side: "Side"
    effective_on: date
    minor: int
    functional_minor: int
    entry: str
    name: str | None = None
    is_shared: bool = False


class Taken(Struct, frozen=True):
    """A part of an item, in minor units of the asset and of the functional one."""

    line: int
    minor: int
    functional_minor: int


class OpenItems:
    """The items as one decision sees them, entry after entry. The books change when folded."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._items: dict[ItemKey, Item] = {}
        self._open: dict[tuple[str, str], tuple[int, ...]] = {}
        self._lines: dict[tuple[str, str], int] = {}

    def tracks(self, line: "Line") -> bool:
        """True for a line that relieves or opens items, once it is valued."""
        return (
            line.account.monetary is True
            and line.minor > 0
            and line.asset.code != self._books.ledger.functional_asset
        )

    def relieve(self, line: "Line") -> list[Taken]:
        """Takes what a line relieves off the items, the worth in proportion."""
        key = (line.account.code, line.asset.code)
        taken, left = [], line.minor
        for number in self._in_order(key, line):
            if not left:
                break
            item = self._item((*key, number))
            minor = min(left, item.minor)
            worth = half_even(item.functional_minor * minor, item.minor)
            left -= minor
            taken.append(Taken(number, minor, worth))
            self._put(key, number, reduced(item, minor, worth))
        return taken

    def open(self, lines: Sequence["Line"], *, on: date) -> list[int | None]:
        """Counts the lines of an entry and opens what they leave open; returns the line of the
        item that each adds to, where it is not its own. Requires that all have their worth."""
        joined: list[int | None] = []
        for line in lines:
            key = (line.account.code, line.asset.code)
            number = self._lines.get(key)
            if number is None:
                balance = self._books.balances.get(key)
                number = 0 if balance is None else balance.lines
            self._lines[key] = number + 1
            joined.append(self._open_one(key, number + 1, line, on))
        return joined

    def _open_one(self, key: tuple[str, str], number: int, line: "Line", on: date) -> int | None:
        if not line.opened_minor:
            return None
        asked = line.asked
        is_shared = asked.matches is None and asked.party is None and asked.due_on is None
        item = Item(
            asked.side, on, line.opened_minor, line.opened_worth, "", asked.matches, is_shared
        )
        for other in self._numbers(key) if is_shared else ():
            known = self._item((*key, other))
            if joins(known, asked.side, on):
                self._put(key, other, added(known, item.minor, item.functional_minor))
                return other
        self._put(key, number, item)
        return None

    def _in_order(self, key: tuple[str, str], line: "Line") -> Iterator[int]:
        """The items of the other side: what is named, then as they came in."""
        numbers = [
            number
            for number in self._numbers(key)
            if self._item((*key, number)).side != line.asked.side
        ]
        first = [number for number in numbers if number == line.item]
        if not first and line.asked.matches is not None:
            name = line.asked.matches
            first = [n for n in numbers if is_named(self._item((*key, n)), name)]
        yield from first
        yield from (number for number in numbers if number not in first)

    def _numbers(self, key: tuple[str, str]) -> tuple[int, ...]:
        found = self._open.get(key)
        return (self._books.open_items.get(key) or ()) if found is None else found

    def _item(self, key: ItemKey) -> Item:
        found = self._items.get(key) or self._books.items.get(key)
        assert found is not None, "an open item is on its shelf"
        return found

    def _put(self, key: tuple[str, str], number: int, item: Item) -> None:
        self._items[*key, number] = item
        self._open[key] = listed(self._numbers(key), number, item)


def is_named(item: Item, name: str) -> bool:
    """True for the item that `matches` names: by its own `matches`, or by its entry's id."""
    return name == item.name or name == item.entry


def joins(item: Item, side: "Side", on: date) -> bool:
    """True where what comes in without a name is added to the item."""
    return item.is_shared and item.side == side and item.effective_on == on


def reduced(item: Item, minor: int, functional_minor: int) -> Item:
    """Returns what is left of an item."""
    left = item.functional_minor - functional_minor
    return replace(item, minor=item.minor - minor, functional_minor=left)


def added(item: Item, minor: int, functional_minor: int) -> Item:
    """Returns an item with more in it."""
    return reduced(item, -minor, -functional_minor)


def listed(numbers: tuple[int, ...], number: int, item: Item) -> tuple[int, ...]:
    """Returns the numbers of the open items after one of them changed."""
    if not item.minor:
        return tuple(other for other in numbers if other != number)
    return numbers if number in numbers else (*numbers, number)


def relief(taken: Taken, *, scale: int, functional_scale: int) -> Relief:
    """Returns what stands on record of a part."""
    return Relief(
        taken.line,
        format_amount(taken.minor, scale),
        format_amount(taken.functional_minor, functional_scale),
    )


def fold_items(books: Books, stream: str, event: "EntryPosted") -> None:
    """Takes what the legs of an entry relieve off the items, and opens what they open."""
    for leg in event.legs:
        key = (leg.account, leg.asset)
        for part in leg.relieves or ():
            _fold(books, key, part.line, part.amount, part.functional_amount, None)
        if leg.opens is not None:
            item = Item(
                leg.side,
                event.effective_on,
                0,
                0,
                stream,
                leg.matches,
                leg.matches is None and leg.party is None and leg.due_on is None,
            )
            line, worth = leg.opens.line or leg.line, leg.opens.functional_amount
            _fold(books, key, line, leg.opens.amount, worth, item)


def _fold(
    books: Books,
    key: tuple[str, str],
    number: int,
    amount: str,
    functional_amount: str,
    opened: Item | None,
) -> None:
    minor, worth = minor_units(amount), minor_units(functional_amount)
    item = books.items.get((*key, number))
    if opened is None:
        assert item is not None, "what is relieved is open"
        item = reduced(item, minor, worth)
    else:
        item = added(item or opened, minor, worth)
    books.items.put((*key, number), item)
    books.open_items.put(key, listed(books.open_items.get(key) or (), number, item))
