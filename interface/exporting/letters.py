"""Letters: what marks the lines of an account that settle each other, as accountants in France do
(lettrage): AAA, AAB, ... for each account number, with the day on which the last of them counts.

Only lines that come to nothing together are marked, and only where all of them are in the file.
"""

from collections.abc import Callable
from datetime import date
from itertools import count
from string import ascii_uppercase
from typing import NamedTuple

from domain.accounts import Account
from interface.exporting.extract import ExportIncomplete, Extract
from projections.items import LEGS_MAX
from projections.lettering import Carried, read_settled
from projections.report import TooLarge

SHORTEST = 3


class Letter(NamedTuple):
    """`day`: from then on the lines come to nothing."""

    letters: str
    day: date


class Letters(NamedTuple):
    """`at`: by the place of a line, or of the line that opened an item; `carried`: items that were
    open on the eve of the extract's days."""

    at: dict[int, Letter]
    carried: list[Carried]


def read_letters(extract: Extract, *, number_of: Callable[[Account], str]) -> Letters:
    """Returns the letters of an extract's lines; `number_of` says which account shares its letters.

    Raises ExportIncomplete where there are too many lines.
    """
    source, span = extract.source, extract.span
    functional = extract.ledger.functional_asset
    numbers: dict[str, count[int]] = {}
    found = Letters({}, [])
    try:
        # Read by a cursor, which takes a transaction; nothing is written meanwhile.
        with source.connection.transaction():
            for settled in read_settled(source, first=span.from_, last=span.to):
                found.carried.extend(settled.carried)
                number = number_of(source.accounts[settled.account])
                given = numbers.setdefault(number, count(0))
                for group in settled.groups:
                    # What was carried forward in another asset is in the file as one sum.
                    if settled.asset == functional or group.first_on >= span.from_:
                        letter = Letter(letters(next(given)), group.last_on)
                        found.at.update(dict.fromkeys(group.places, letter))
    except TooLarge:
        few = f"{LEGS_MAX:,} lines at most on accounts that are settled item by item"
        raise ExportIncomplete([few]) from None
    return found


def letters(number: int) -> str:
    """Returns the letters of a number from 0 on: AAA, AAB, ... ZZZ, AAAA."""
    base, length = len(ascii_uppercase), SHORTEST
    while number >= base**length:
        number -= base**length
        length += 1
    found = ""
    for _ in range(length):
        number, place = divmod(number, base)
        found = ascii_uppercase[place] + found
    return found
