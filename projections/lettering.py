"""Lettering: which lines of an account settle each other.

Lines belong together where one relieves an item that the other opened (projections/items.py). A
group is settled when nothing of it is open any more and it comes to nothing in the functional asset
too: then its lines stand for each other, and an auditor can tick them off.
"""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import NamedTuple

from projections.items import Item, ItemLeg, Openings, read_item_legs
from projections.report import Source


class Carried(NamedTuple):
    """What was left of an item on the eve of the days, in minor units of its asset."""

    leg: ItemLeg
    is_debit: bool
    minor: int


class Group(NamedTuple):
    """Lines that settle each other, by their places; the first and last effective day of them."""

    places: list[int]
    first_on: date
    last_on: date


class Settled(NamedTuple):
    """Of an account and asset: `carried`, what was open on the eve of the days; `groups`, what was
    settled on them."""

    account: str
    asset: str
    carried: list[Carried]
    groups: list[Group]


class _Members:
    """Lines that relieve each other so far, and the items among them."""

    def __init__(self, leg: ItemLeg) -> None:
        self.legs = [leg]
        self.items: list[Item] = []
        self.worth = leg.functional

    def add(self, other: "_Members") -> None:
        """Takes in all that another has."""
        self.legs += other.legs
        self.items += other.items
        self.worth += other.worth


def read_settled(source: Source, *, first: date, last: date) -> Iterator[Settled]:
    """Yields what was settled on some days, of each account and asset that has items.

    Lines of earlier days count with what was open of them on the eve of the first. Requires that
    the views `lines` and `items` show the position. Raises TooLarge.
    """
    legs = read_item_legs(source, effective_on=last, account=None)
    for (account, asset), of_account in groupby(legs, lambda leg: (leg.account, leg.asset)):
        openings = Openings()
        groups: dict[int, _Members] = {}
        carried: list[Carried] | None = None
        for leg in of_account:
            if carried is None and leg.effective_on >= first:
                carried = _carried(openings)
            _join(groups, leg, openings.take(leg))
        if carried is None:
            carried = _carried(openings)
        members = {id(group): group for group in groups.values()}.values()
        settled = [_group(one) for one in members if _is_settled(one)]
        since = sorted(group for group in settled if group.last_on >= first)
        yield Settled(account, asset, carried, since)


def _carried(openings: Openings) -> list[Carried]:
    return [Carried(item.source, item.is_debit, item.open) for item in openings.left()]


def _join(groups: dict[int, _Members], leg: ItemLeg, items: list[Item]) -> None:
    """Puts a leg together with all whose items it touches; `groups` by the place of an item."""
    mine = _Members(leg)
    for item in items:
        other = groups.get(item.source.place)
        if other is None:
            mine.items.append(item)
            groups[item.source.place] = mine
        elif other is not mine:
            small, mine = sorted((mine, other), key=lambda one: len(one.legs))
            mine.add(small)
            for one in small.items:
                groups[one.source.place] = mine


def _is_settled(group: _Members) -> bool:
    return not group.worth and not any(item.open for item in group.items)


def _group(group: _Members) -> Group:
    days = [leg.effective_on for leg in group.legs]
    return Group(sorted(leg.place for leg in group.legs), min(days), max(days))
