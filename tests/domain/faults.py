"""What can be wrong with a command: each fault spoils a good draft of it in one way.

Ranks are DESIGN's order of precedence; faults of one rank are not ordered among each other. A fault
without a rank is tried alone only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.commands import Command, Condition
from domain.legs import LegAsked
from tests.domain.harness import Given, When, credit, debit

(
    NOT_FOUND,
    ID_TAKEN,
    FROZEN,
    CLOSED,
    TERMINAL,
    PERIOD,
    LEGS,
    AMOUNTS,
    BALANCE,
    HOLD,
    TEXTS,
    CONDITIONS,
    LIMITS,
    FUNDS,
) = range(14)


@dataclass
class Draft:
    """A command in the making and what happened before it."""

    fields: dict[str, Any]
    before: list[Any]
    legs: list[LegAsked] = field(default_factory=list)
    last_legs: list[LegAsked] = field(default_factory=list)


Spoil = Callable[[Draft], None]


@dataclass(frozen=True)
class Fault:
    """`touches`: two faults that touch the same thing can't be had at once."""

    code: str
    rank: int | None
    spoil: Spoil
    touches: frozenset[str]


class Good(NamedTuple):
    """A command that succeeds, and what can be wrong with it."""

    command: type[Command]
    start: Given
    before: list[Any]
    fields: dict[str, Any]
    legs: list[LegAsked]
    faults: list[Fault]

    def when(self, *faults: Fault) -> When:
        """Decides the command with these faults, spoiled in this order."""
        draft = Draft(dict(self.fields), list(self.before), list(self.legs))
        for one in faults:
            one.spoil(draft)
        if self.legs:
            draft.fields["legs"] = draft.legs + draft.last_legs
        return self.start.given(*draft.before).when(self.command(**draft.fields))

    def sample(self) -> Command:
        """The command without a fault."""
        fields = {**self.fields, "legs": self.legs} if self.legs else self.fields
        return self.command(**fields)

    def pairs(self) -> list[tuple[Fault, Fault]]:
        """Every two faults of different rank that can be had at once, the earlier one first."""
        ranked = [one for one in self.faults if one.rank is not None]
        ranked.sort(key=lambda one: one.rank or 0)
        return [
            (one, other)
            for one, other in combinations(ranked, 2)
            if one.rank != other.rank and not one.touches & other.touches
        ]


def common_faults() -> list[Fault]:
    """What can be wrong with any command, on a ledger that is there."""
    card = "4111 1111 1111 1111"
    known = Condition(account="cash", version=99)
    return [
        fault("account_not_found", NOT_FOUND, meets(Condition(account="nowhere", version=0))),
        fault("asset_not_found", NOT_FOUND, meets(replace(known, version=None, asset="XAU"))),
        fault("card_number_refused", TEXTS, sets(narrative=f"paid with {card}"), touches="text"),
        fault("card_number_refused", TEXTS, sets(reference=card)),
        fault("condition_failed", CONDITIONS, meets(known)),
    ]


def meets(condition: Condition) -> Spoil:
    """Adds a condition."""

    def spoil(draft: Draft) -> None:
        draft.fields["if_"] = [*draft.fields.get("if_", ()), condition]

    return spoil


def fault(code: str, rank: int | None, *spoils: Spoil, touches: str = "") -> Fault:
    """A fault that takes all of these to be had; `touches` are words."""

    def spoil(draft: Draft) -> None:
        for one in spoils:
            one(draft)

    return Fault(code, rank, spoil, frozenset(touches.split()))


def sets(**fields: Any) -> Spoil:
    """Sets fields of the command."""
    return lambda draft: draft.fields.update(fields)


def after(*what: Any) -> Spoil:
    """Lets something happen before the command, after all that happened already."""
    return lambda draft: draft.before.extend(what)


def after_the_first(count: int, *what: Any) -> Spoil:
    """Lets something happen early: what other faults do later could forbid it."""

    def spoil(draft: Draft) -> None:
        draft.before[count:count] = what

    return spoil


def pair(debited: str, credited: str, amount: str = "1.00", **more: Any) -> Spoil:
    """Adds two legs that balance."""

    def spoil(draft: Draft) -> None:
        draft.legs += [debit(debited, amount, **more), credit(credited, amount, **more)]

    return spoil


def legs(*more: LegAsked) -> Spoil:
    """Adds legs."""
    return lambda draft: draft.legs.extend(more)


def last_legs(*more: LegAsked) -> Spoil:
    """Adds legs behind all others: of too many, only the first hundred are looked at."""
    return lambda draft: draft.last_legs.extend(more)
