"""Pace: how fast a worker catches up while somebody posts.

A worker that is far behind would keep a processor, and the disk, from those who wait for an answer.
So while a ledger is posted to, its views are followed in short batches with a rest after each, as
long as the batch took: half of the time is theirs. Not where the log grows so fast that the views
would fall behind: then they are followed as fast as can be.
"""

from collections.abc import Callable
from time import monotonic

from projections.following import BATCH_POSITIONS

SHORT_POSITIONS = 2_000

GAIN = 4
"""A worker that takes turns must fold so many times what is posted meanwhile, resting not
counted."""

REST_SECONDS_MAX = 0.25


class Pace:
    """Of one ledger's followers. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._head: int | None = None
        self._began_at = 0.0
        self._worked_seconds = 0.0
        self._folded = 0
        self.takes_turns = False

    @property
    def positions(self) -> int:
        """How many a batch may have."""
        return SHORT_POSITIONS if self.takes_turns else BATCH_POSITIONS

    def begin(self, head: int) -> None:
        """Begins a round of all views: judges by the one before, and by what came in since."""
        now = self._clock()
        if self._head is not None and self._folded:
            # Both were done in times of their own: a / b >= GAIN * c / d, without a zero below.
            folded = self._folded * (now - self._began_at)
            posted = (head - self._head) * self._worked_seconds
            self.takes_turns = 0 < GAIN * posted <= folded
        self._head, self._began_at = head, now
        self._worked_seconds, self._folded = 0.0, 0

    def worked(self, seconds: float, positions: int) -> float:
        """Notes what a view's batch took, of so many positions; returns how long to rest now."""
        self._worked_seconds += seconds
        # All views go the same way: a position counts when the last of them has it.
        self._folded = max(self._folded, positions)
        return min(seconds, REST_SECONDS_MAX) if self.takes_turns else 0.0
