"""Open items: what a monetary account holds of a foreign asset, and at which worth it came in.

A leg relieves items of the other side: the one that `matches` names, then the first that came in.
What exceeds them opens an item of its own; without `matches`, party and due day, the account has
one such item a day and side, or an account that much goes through would have millions. The event
says what a leg relieves and opens, so that nobody has to work it out again. Amounts that are zero
(revaluations) leave items as they are.
"""

from collections.abc import Iterable, Iterator, Sequence
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
        self._new: dict[tuple[str, str], list[int]] = {}
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
        account, asset = line.account.code, line.asset.code
        taken, left = [], line.minor
        for number in self._in_order(account, asset, line):
            if not left:
                break
            item = self._item((account, asset, number))
            minor = min(left, item.minor)
            worth = half_even(item.functional_minor * minor, item.minor)
            left -= minor
            taken.append(Taken(number, minor, worth))
            self._items[account, asset, number] = reduced(item, minor, worth)
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
            joined.append(self._open_one(*key, number + 1, line, on))
        return joined

    def _open_one(
        self, account: str, asset: str, number: int, line: "Line", on: date
    ) -> int | None:
        if not line.opened_minor:
            return None
        asked = line.asked
        is_shared = asked.matches is None and asked.party is None and asked.due_on is None
        item = Item(
            asked.side, on, line.opened_minor, line.opened_worth, "", asked.matches, is_shared
        )
        other = self._shared(account, asset, asked.side, on) if is_shared else None
        if other is not None:
            key = (account, asset, other)
            self._items[key] = added(self._item(key), item.minor, item.functional_minor)
            return other
        self._items[account, asset, number] = item
        self._new.setdefault((account, asset), []).append(number)
        return None

    def _shared(self, account: str, asset: str, side: "Side", on: date) -> int | None:
        """The open item to which what comes in on that day without a name is added."""
        known = self._books.items.pile(account, asset).shared(side, on)
        new = self._new.get((account, asset), [])
        for number in new if known is None else (known, *new):
            item = self._item((account, asset, number))
            if item.minor and item.is_shared and (item.side, item.effective_on) == (side, on):
                return number
        return None

    def _in_order(self, account: str, asset: str, line: "Line") -> Iterator[int]:
        """The open items of the other side: what is named, then as they came in."""
        pile, new = self._books.items.pile(account, asset), self._new.get((account, asset), [])
        other: Side = "credit" if line.asked.side == "debit" else "debit"

        def still(numbers: Iterable[int]) -> Iterator[int]:
            for number in numbers:
                item = self._find((account, asset, number))
                if item is not None and item.minor and item.side == other:
                    yield number

        def named(number: int) -> bool:
            return number == corrected or (
                name is not None and is_named(self._item((account, asset, number)), name)
            )

        corrected = None if line.item is None else next(still([line.item]), None)
        name = line.asked.matches if corrected is None else None
        if corrected is not None:
            yield corrected
        elif name is not None:
            yield from still(pile.named(name, other))
            yield from filter(named, still(new))
        for numbers in pile.of_side(other), new:
            yield from (number for number in still(numbers) if not named(number))

    def _find(self, key: ItemKey) -> Item | None:
        """None where it is closed: such are not kept."""
        return self._items.get(key) or self._books.items.get(key)

    def _item(self, key: ItemKey) -> Item:
        found = self._find(key)
        assert found is not None, "an open item is on its shelf"
        return found


def is_named(item: Item, name: str) -> bool:
    """True for the item that `matches` names: by its own `matches`, or by its entry's id."""
    return name == item.name or name == item.entry


def reduced(item: Item, minor: int, functional_minor: int) -> Item:
    """Returns what is left of an item."""
    left = item.functional_minor - functional_minor
    return replace(item, minor=item.minor - minor, functional_minor=left)


def added(item: Item, minor: int, functional_minor: int) -> Item:
    """Returns an item with more in it."""
    return reduced(item, -minor, -functional_minor)


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
