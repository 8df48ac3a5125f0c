"""Sides: which amounts of a file are debits and which are credits.

A file says it by an indicator beside the amount, by the amount's sign (negative is a credit), or
by two columns. Where there is an indicator and negative amounts too, the whole file shows what
they mean: if every credit is negative and no debit is, the sign only repeats the indicator;
otherwise a negative amount stands on the other side.
"""

from collections.abc import Callable, Mapping, Sequence

from interface.importing.amounts import Amounts, NotAnAmount, written_negative
from interface.importing.columns import Layout, UnknownColumns
from interface.importing.lines import Unreadable

STANDARD = {
    "d": "debit",
    "dr": "debit",
    "debit": "debit",
    "c": "credit",
    "cr": "credit",
    "credit": "credit",
}

_OTHER = {"debit": "credit", "credit": "debit"}

INDICATORS_MAX = 1_000

INDICATOR = "Amount_Credit_Debit_Indicator"
AMOUNT_FIELDS = ("Amount", "Debit_Amount", "Credit_Amount")


Measure = Callable[[list[str]], tuple[str, str, int]]
"""Takes a row; returns its side, its amount, and that times 10^12. Raises NotAnAmount."""


class UnknownSides(Unreadable):
    """No indicator of the file says debit or credit."""


class Sides:
    """How a file tells debits from credits. `learn` all rows, then `settle` gives the measure."""

    def __init__(self, layout: Layout, amounts: Amounts, named: Mapping[str, str]) -> None:
        positions = layout.positions
        self._amounts = amounts
        self._columns = [positions[field] for field in AMOUNT_FIELDS if field in positions]
        self._indicator = positions.get(INDICATOR)
        self._in_two = "Amount" not in positions
        # A side that is named otherwise is no longer called what the standard calls it.
        self._words = {
            word: side for word, side in STANDARD.items() if side not in named.values()
        } | {word.casefold(): side for word, side in named.items()}
        self._sides: dict[str, str | None] = {}
        self._negative_credits = self._positive_credits = self._negative_debits = False
        if self._in_two and len(self._columns) != 2:
            raise UnknownColumns(
                "there is neither a column Amount nor both of Debit_Amount and Credit_Amount"
            )

    def learn(self, rows: Sequence[list[str]]) -> None:
        """Takes in rows, all of the layout's width."""
        special = False
        for column in self._columns:
            special = self._amounts.learn([row[column] for row in rows]) or special
        if self._indicator is None:
            return
        indicators = [row[self._indicator] for row in rows]
        for word in set(indicators) - self._sides.keys():
            self._sides[word] = self._words.get(word.strip().casefold())
        if len(self._sides) > INDICATORS_MAX:
            raise UnknownSides(f"{INDICATOR} has more than {INDICATORS_MAX:,} values")
        if special:
            self._learn_signs(rows, indicators)
        else:
            sides = {self._sides[word] for word in set(indicators)}
            self._positive_credits = self._positive_credits or "credit" in sides

    def settle(self) -> Measure:
        """Returns how the amount of a row is measured. Raises UnknownSides, AmbiguousAmounts."""
        self._amounts.settle()
        if self._in_two:
            return self._by_column
        if self._indicator is None:
            return self._by_sign
        words = sorted(word for word in self._sides if word.strip())
        if words and not any(self._sides.values()):
            raise UnknownSides(
                f"{INDICATOR} has {', '.join(words[:10])}: say which is which "
                "(--map debit=... --map credit=...)"
            )
        return self._by_indicator(self._indicator)

    def _learn_signs(self, rows: Sequence[list[str]], indicators: Sequence[str]) -> None:
        column = self._columns[0]
        for row, word in zip(rows, indicators, strict=True):
            side, negative = self._sides[word], written_negative(row[column])
            if side == "credit" and row[column].strip("0. "):
                self._negative_credits = self._negative_credits or negative
                self._positive_credits = self._positive_credits or not negative
            elif side == "debit":
                self._negative_debits = self._negative_debits or negative

    def _by_indicator(self, indicator: int) -> Measure:
        column, amounts, sides = self._columns[0], self._amounts.known, self._sides
        repeated = self._negative_credits and not (self._positive_credits or self._negative_debits)

        def measure(row: list[str]) -> tuple[str, str, int]:
            negative, amount, scaled = amounts[row[column]]
            side = sides.get(row[indicator])
            if side is None:
                word = row[indicator]
                raise NotAnAmount("invalid_request", f"{INDICATOR} {word!r} is neither side")
            return _OTHER[side] if negative and not repeated else side, amount, scaled

        return measure

    def _by_sign(self, row: list[str]) -> tuple[str, str, int]:
        negative, amount, scaled = self._amounts.known[row[self._columns[0]]]
        return "credit" if negative else "debit", amount, scaled

    def _by_column(self, row: list[str]) -> tuple[str, str, int]:
        read = [
            (side, self._amounts.known[row[column]])
            for side, column in zip(("debit", "credit"), self._columns, strict=True)
            if row[column].strip()
        ]
        moving = [(side, amount) for side, amount in read if amount[2]] or read[:1]
        if len(moving) != 1:
            raise NotAnAmount("invalid_request", "one of debit and credit has an amount")
        side, (negative, amount, scaled) = moving[0]
        return _OTHER[side] if negative else side, amount, scaled
