"""Shelves of immutable things: what the books of a ledger consist of.

Nothing on a shelf is ever modified, only replaced. A shelf knows what the commit in the making has
replaced, and while a group of commands is being decided what stood there before: a group is taken
back by putting that back, a commit that fails by dropping the books whole.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Things by key: `now` as this commit sees them, `changed` what it put there itself.

    `get(key)` is the dict's own, the cheapest look-up there is.
    """

    __slots__ = ("changed", "get", "now", "undo")

    def __init__(self) -> None:
        self.now: dict[K, V] = {}
        self.changed: dict[K, V] = {}
        self.undo: list[tuple[K, V | None, bool]] | None = None
        self.get: Callable[[K], V | None] = self.now.get

    def put(self, key: K, value: V) -> None:
        """Replaces what stands under the key."""
        if self.undo is not None:
            self.undo.append((key, self.now.get(key), key in self.changed))
        self.now[key] = value
        self.changed[key] = value

    def begin_group(self) -> None:
        """Starts to remember what is replaced."""
        self.undo = []

    def keep_group(self) -> None:
        """Keeps what the group replaced."""
        self.undo = None

    def drop_group(self) -> None:
        """Puts back what stood here when the group began, last change first."""
        for key, value, was_changed in reversed(self.undo or ()):
            self.put_back(key, value)
            if value is not None and was_changed:
                self.changed[key] = value
            else:
                del self.changed[key]
        self.undo = None

    def put_back(self, key: K, value: V | None) -> None:
        """Has what stood under the key stand there again, or nothing."""
        if value is None:
            del self.now[key]
        else:
            self.now[key] = value

    def confirm(self) -> None:
        """Forgets what was changed: only after a confirmed COMMIT."""
        self.changed.clear()


class CommitShelf(Shelf[K, V]):
    """A shelf whose things are needed for one commit only: there are too many to keep."""

    __slots__ = ()

    def confirm(self) -> None:
        """Forgets everything."""
        self.now.clear()
        self.changed.clear()
