"""Numbers that look random and are always the same, and dollars as the contract writes them."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import NAMESPACE_URL, uuid5

Thing = TypeVar("Thing")

_MASK = (1 << 64) - 1
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:backoffice-demonstration")


class Numbers:
    """SplitMix64: a fixed sequence from a seed, good enough to spread things.

    Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        """Returns the next number, from 0 to less than `limit`."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % limit

    def between(self, low: int, high: int) -> int:
        """Returns the next number, `low` and `high` included."""
        return low + self.below(high - low + 1)

    def among(self, things: Sequence[Thing]) -> Thing:
        """Returns one of the things."""
        return things[self.below(len(things))]


def amount(cents: int) -> str:
    """Returns cents as the contract writes them: `50000` is `500.00`."""
    assert cents > 0
    return f"{cents // 100}.{cents % 100:02}"


def stable_id(name: str) -> str:
    """Returns the UUID of a thing of the demonstration that other commands refer to."""
    return str(uuid5(_NAMESPACE, name))
