"""Numbers that look like a card's, in texts that are stored: refused, and nothing of them kept.

A primary account number has 13 to 19 digits, the last one a check digit (ISO/IEC 7812-1, Luhn), and
is often written in groups. One of ten other numbers of that length passes too: better a reference
refused than a card's number in a log that can't be changed.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from domain.commands import Command
from domain.corrections import Adjust
from domain.entries import Post
from domain.legs import LegAsked
from domain.refusals import Refusal

FEWEST_DIGITS, MOST_DIGITS = 13, 19

_SEPARATOR = r"[ \t\u00a0\u2000-\u200a\u202f\u3000\u2010-\u2015\u2212-]"
_LONG = re.compile(rf"\d(?:{_SEPARATOR}?\d){{{FEWEST_DIGITS - 1},}}")
_GROUP = re.compile(r"\d+")
# Two days in a row have the digits of a card's number, and every tenth pair its check digit.
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)", re.ASCII)


class CardNumberRefused(Refusal):
    """`member` is where it stands; of the number itself nothing is said."""

    code = "card_number_refused"
    sentence = "A number in {member} looks like a card's; send a token in its place."


def check_no_card_number(command: Command) -> None:
    """Raises CardNumberRefused."""
    if _has_texts(command):
        for member, text in _texts(command):
            if has_card_number(text):
                raise CardNumberRefused(member=member)


def has_card_number(text: str) -> bool:
    """True where the text holds a number of 13 to 19 digits that passes the Luhn check.

    Its groups may be parted by single spaces or hyphens; it may begin and end at any group of a
    longer row, so that a date or an invoice's number beside it does not hide it.
    """
    if _LONG.search(text) is None:
        return False
    return any(
        _is_card_number(_GROUP.findall(found.group()))
        for found in _LONG.finditer(_DAY.sub("/", text))
    )


def without_card_numbers(command: Command) -> Command:
    """Returns the command with every text left empty that holds a card's number."""
    if not (_has_texts(command) and any(has_card_number(text) for _, text in _texts(command))):
        return command
    changes = {
        "narrative": _cleared(command.narrative),
        "reference": _cleared(command.reference),
        "metadata": None
        if command.metadata is None
        else {_clear(name): _clear(text) for name, text in command.metadata.items()},
    }
    if isinstance(command, Post | Adjust):
        legs = [replace(leg, narrative=_cleared(leg.narrative)) for leg in command.legs]
        return replace(command, legs=legs, **changes)
    return replace(command, **changes)


def _has_texts(command: Command) -> bool:
    """Most commands have none: that is to be known quickly."""
    if command.narrative is not None or command.reference is not None or command.metadata:
        return True
    if isinstance(command, Post | Adjust):
        # A loop is twice as fast as any() with a generator.
        for leg in command.legs:
            if leg.narrative is not None:
                return True
    return False


def _texts(command: Command) -> Iterator[tuple[str, str]]:
    """The texts of a command, and the member that each stands in."""
    if command.narrative is not None:
        yield "narrative", command.narrative
    if command.reference is not None:
        yield "reference", command.reference
    for name, text in (command.metadata or {}).items():
        yield "metadata", name
        yield "metadata", text
    legs: Sequence[LegAsked] = command.legs if isinstance(command, Post | Adjust) else ()
    for leg in legs:
        if leg.narrative is not None:
            yield "legs", leg.narrative


def _is_card_number(groups: Sequence[str]) -> bool:
    """True where some groups that follow one another make a card's number."""
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > MOST_DIGITS:
                break
            if len(digits) >= FEWEST_DIGITS and _passes_luhn(digits):
                return True
    return False


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _clear(text: str) -> str:
    return "" if has_card_number(text) else text


def _cleared(text: str | None) -> str | None:
    return None if text is None else _clear(text)
