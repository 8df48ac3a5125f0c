"""What went before on a hold: for the answers to commands on it, which show that too.

A hold's stream is short as a rule, and the writer has just read it or written it itself. Kept here
it spares the answer a read, and a thread to wait for that. Lives and dies with the writer's cache:
what is here stands on record as long as that is believed.
"""

from collections.abc import Iterable, Sequence

from application.outcomes import Outcome
from application.recorder import Row

MAX_EVENTS = 20
"""A longer stream is read where it is shown."""

MAX_STREAMS = 5_000
"""Beyond these all are forgotten."""

_HOLDS = "Authorization"
"""What the names of all events of a hold begin with."""


class Histories:
    """The records of holds from version 1 on, by stream."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[bytes, ...]] = {}

    def load(self, stream: str, states: Sequence[bytes]) -> None:
        """Keeps what was read of a stream: its first records, none left out."""
        if len(self._states) >= MAX_STREAMS:
            self._states.clear()
        self._states[stream] = tuple(states)

    def follow(self, rows: Iterable[Row], outcomes: Iterable[Outcome]) -> None:
        """Takes in what a commit appends, and tells its outcomes what stood before them."""
        before: dict[int, tuple[bytes, ...]] = {}
        for row in rows:
            if not row.topic.startswith(_HOLDS):
                continue
            states = self._states.pop(row.stream, None) if row.version > 1 else ()
            if states is None or len(states) != row.version - 1:
                continue
            before[row.position] = states
            if len(states) < MAX_EVENTS:
                self.load(row.stream, (*states, row.state))
        for outcome in outcomes:
            if outcome.stored and not outcome.replayed and outcome.judged_at is None:
                outcome.before = before.get(outcome.stored[-1].position)
