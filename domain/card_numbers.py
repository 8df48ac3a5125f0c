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

_WITH_LEGS = (Post, Adjust)

_SEPARATOR = r"[ \t\u00a0\u2000-\u200a\u202f\u3000\u2010-\u2015\u2212-]"
_LONG = re.compile(rf"\d(?:{_SEPARATOR}?\d){{{FEWEST_DIGITS - 1},}}")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_GROUP = re.compile(r"\d+")
# A UUID of many digits has one now and then, and is what most references are (RFC 9562).
_UUID = re.compile(
    r"(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-z])",
    re.ASCII | re.IGNORECASE,
)
# Two days in a row have the digits of a card's number, and every tenth pair its check digit.
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)", re.ASCII)


class CardNumberRefused(Refusal):
    """`member` is where it stands; of the number itself nothing is said."""

    code = "card_number_refused"
    sentence = "A number in {member} looks like a card's; send a token in its place."


def card_number_in(command: Command) -> str | None:
    """Returns the first member of the command in which a card's number stands, or None."""
    if _has_texts(command):
        for member, text in _texts(command):
            if has_card_number(text):
                return member
    return None


def has_card_number(text: str) -> bool:
    """True where the text holds a number of 13 to 19 digits that passes the Luhn check.

    Its groups may be parted by single spaces or hyphens; it may begin and end at any group of a
    longer row, so that a date or an invoice's number beside it does not hide it.
    """
    if len(text) < FEWEST_DIGITS or _LONG.search(text) is None:
        return False
    return any(_is_card_number(row) for row in _LONG.findall(_DAY.sub("/", _UUID.sub("/", text))))


def without_card_numbers(command: Command) -> Command:
    """Returns the command with every text left empty that holds a card's number."""
    changes = {
        "narrative": _cleared(command.narrative),
        "reference": _cleared(command.reference),
        "metadata": None
        if command.metadata is None
        else {_clear(name): _clear(text) for name, text in command.metadata.items()},
    }
    if isinstance(command, _WITH_LEGS):
        legs = [replace(leg, narrative=_cleared(leg.narrative)) for leg in command.legs]
        return replace(command, legs=legs, **changes)
    return replace(command, **changes)


def _has_texts(command: Command) -> bool:
    """Most commands have none: that is to be known quickly."""
    if command.narrative is not None or command.reference is not None or command.metadata:
        return True
    if isinstance(command, _WITH_LEGS):
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
    legs: Sequence[LegAsked] = command.legs if isinstance(command, _WITH_LEGS) else ()
    for leg in legs:
        if leg.narrative is not None:
            yield "legs", leg.narrative


def _is_card_number(row: str) -> bool:
    """True where some groups of a row that follow one another make a card's number.

    Luhn's sum of every run of digits is a difference of two running sums: the digits in odd places
    doubled, or those in even ones.
    """
    sums: tuple[list[int], list[int]] = ([0], [0])
    begins, ends = [], set()
    for group in _GROUP.findall(row):
        begins.append(len(sums[0]) - 1)
        for digit in map(int, group):
            odd = len(sums[0]) % 2
            sums[odd].append(sums[odd][-1] + digit)
            sums[1 - odd].append(sums[1 - odd][-1] + _DOUBLED[digit])
        ends.add(len(sums[0]) - 1)
    for begin in begins:
        for end in range(begin + FEWEST_DIGITS, begin + MOST_DIGITS + 1):
            if end in ends:
                single_last = sums[end % 2]
                if (single_last[end] - single_last[begin]) % 10 == 0:
                    return True
    return False


def _clear(text: str) -> str:
    return "" if has_card_number(text) else text


def _cleared(text: str | None) -> str | None:
    return None if text is None else _clear(text)
