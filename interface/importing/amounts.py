"""Amounts of a file: signs, decimal signs and thousands, learnt from the whole column.

An amount leaves here as the contract wants it, digits and a point, without zeros that say nothing
(`26664.0` would be too fine for a currency without decimals). Nothing is ever a float.

A point alone is the decimal sign, as in the standard. A comma is what the column shows it to be:
1,234.56 and 1,234,567 can only group, 12,50 can only be decimal, and a column with nothing but
1,234 is refused unless the decimal sign is given.
"""

import re
from collections.abc import Sequence
from typing import Literal

from interface.importing.lines import Unreadable
from interface.importing.remembered import Remembered

Decimal = Literal[".", ","]

SCALE = 12
"""Decimals that amounts are compared in: as many as the finest asset has."""

LONGEST_DIGITS = 31
"""More digits than this are beyond every limit, at whatever scale."""

_PLAIN = b"0123456789. "
_SPACES = " \u00a0\u2009\u202f'\u2019"
_GROUPED = "[0-9]{{1,3}}(?:(?P<sign>[{signs}])[0-9]{{3}}(?:(?P=sign)[0-9]{{3}})*)?|[0-9]*"
_FORMS = {
    ".": re.compile(
        "(?P<whole>" + _GROUPED.format(signs="," + _SPACES) + r")(?:\.(?P<fraction>[0-9]*))?"
    ),
    ",": re.compile(
        "(?P<whole>" + _GROUPED.format(signs="." + _SPACES) + r")(?:,(?P<fraction>[0-9]*))?"
    ),
}
_TWO_POINTS = re.compile(r"\.[0-9]*\.")
_NOT_DIGITS = re.compile("[^0-9]")
_SIGNED = re.compile(r"(?P<open>\()?\s*(?P<lead>[-+\u2212])?\s*(?P<digits>.*?)\s*(?P<trail>-)?\)?")


class AmbiguousAmounts(Unreadable):
    """A column whose amounts can be read in two ways, or in none for all of them."""


Amount = tuple[bool, str, int]
"""Whether it is negative; the rest unsigned: without needless zeros, and times 10^12."""


class NotAnAmount(ValueError):
    """A cell that is no amount; `code` is the contract's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Amounts:
    """How a file writes its amounts. `learn` all of them, then `settle`, then `read`."""

    def __init__(self, *, decimal: Decimal | None = None) -> None:
        self._decimal = decimal
        self._points: str | None = None
        self._commas: str | None = None
        self._undecided: str | None = None
        self.known: Remembered[str, Amount] = Remembered(self.read)

    def learn(self, values: Sequence[str]) -> bool:
        """Takes in values of the column; returns whether one of them is other than plain digits."""
        joined = " ".join(values)
        plain = joined.isascii() and not joined.encode().translate(None, _PLAIN)
        # A second point can only group: 1.234.567 has no other sign that would give it away.
        if plain and not _TWO_POINTS.search(joined):
            return False
        for value in values:
            self._learn(value)
        return True

    def settle(self) -> None:
        """Raises AmbiguousAmounts."""
        if self._decimal is not None:
            return
        if self._points and self._commas:
            raise AmbiguousAmounts(
                f"{self._points} and {self._commas} stand in one column: say which decimal sign "
                "is right (--decimal)"
            )
        if self._undecided and not self._points and not self._commas:
            raise AmbiguousAmounts(
                f"no amount shows whether the comma of {self._undecided} groups or is the "
                "decimal sign; say it (--decimal)"
            )
        self._decimal = "," if self._commas else "."

    def read(self, text: str) -> Amount:
        """Returns the amount of a cell. Requires that it is settled. `known` remembers it.

        Raises NotAnAmount.
        """
        assert self._decimal is not None, "settle comes before read"
        whole, point, fraction = text.partition(self._decimal)
        negative = False
        if not (whole.isdigit() and (fraction.isdigit() or not point) and text.isascii()):
            negative, whole, fraction = self._take_apart(text)
        whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
        if len(fraction) > SCALE:
            raise NotAnAmount("amount_too_fine", f"{text[:64]} has more than {SCALE} decimals")
        if len(whole) > LONGEST_DIGITS:
            raise NotAnAmount("amount_too_large", f"{text[:64]} is too large")
        plain = f"{whole or '0'}.{fraction}" if fraction else whole or "0"
        return negative, plain, int(whole + fraction.ljust(SCALE, "0"))

    def _take_apart(self, text: str) -> tuple[bool, str, str]:
        """Returns (negative, digits before the decimal sign, digits behind it)."""
        stripped = text.strip()
        signed = _SIGNED.fullmatch(stripped)
        match = signed and _FORMS[self._decimal or "."].fullmatch(signed["digits"])
        if not signed or not match or bool(signed["open"]) != stripped.endswith(")"):
            raise NotAnAmount("invalid_request", f"{text[:64]!r} is not an amount")
        whole, fraction = _NOT_DIGITS.sub("", match["whole"]), match["fraction"] or ""
        if not whole and not fraction:
            raise NotAnAmount("invalid_request", f"{text[:64]!r} is not an amount")
        negative = signed["lead"] in ("-", "\u2212") or signed["trail"] or signed["open"]
        return bool(negative), whole, fraction

    def _learn(self, value: str) -> None:
        points, commas = value.count("."), value.count(",")
        if points and commas:
            if value.rindex(".") > value.rindex(","):
                self._points = value
            else:
                self._commas = value
        elif commas:
            self._learn_comma(value, commas)
        elif points > 1:
            self._commas = value
        elif points and not _thousands(value, "."):
            self._points = value

    def _learn_comma(self, value: str, commas: int) -> None:
        if commas > 1:
            self._points = value
        elif _thousands(value, ","):
            self._undecided = value
        else:
            self._commas = value


def _thousands(value: str, sign: str) -> bool:
    """Whether the sign could group: one to three digits before it, not 0, and three behind."""
    before, _, behind = value.partition(sign)
    before, behind = _NOT_DIGITS.sub("", before), _NOT_DIGITS.sub("", behind)
    return 1 <= len(before) <= 3 and not before.startswith("0") and len(behind) == 3


def written_negative(text: str) -> bool:
    """Whether the cell of an amount says that it is negative, in whichever way."""
    return "-" in text or "(" in text or "\u2212" in text
