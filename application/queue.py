"""The queue before a Writer: requests of any size, taken a commit's worth at a time."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from application.outcomes import Outcome, Prepared, Unanswered

MAX_COMMIT_COMMANDS = 2_000
"""Also the largest group: it must fit one commit."""

LARGE_SHARE = 500
"""Of each commit that big batches keep while small requests wait."""

SMALL_REQUEST = 50
MAX_QUEUE_COMMANDS = 50_000


class Ticket:
    """One request's units and, as they come, their outcomes.

    `ended` is called once, when all of them are there or none will be: by the writer's thread,
    which it must not keep waiting, nor raise anything.
    """

    __slots__ = ("done", "ended", "error", "outcomes", "size", "units")

    def __init__(
        self, units: deque[list[Prepared]], size: int, *, ended: Callable[[], object]
    ) -> None:
        self.units = units
        self.size = size
        self.ended = ended
        self.outcomes: list[Outcome] = []
        self.error: Unanswered | None = None
        self.done = False

    def answer(self, outcomes: Sequence[Outcome]) -> None:
        """Adds the outcomes of one unit; the last one ends it."""
        self.outcomes.extend(outcomes)
        if len(self.outcomes) == self.size and not self.done:
            self.done = True
            self.ended()

    def fail(self, error: Unanswered) -> None:
        """Ends it with an error, unless it was answered."""
        if not self.done:
            self.error = error
            self.done = True
            self.ended()

    def result(self) -> list[Outcome]:
        """Returns all outcomes. Requires that it has ended. Raises Unanswered."""
        if self.error is not None:
            raise self.error
        return self.outcomes


Taken = list[tuple[Ticket, list[Prepared]]]


class Queue:
    """Tickets in the order of their coming; small requests go ahead of what remains of big ones."""

    def __init__(self) -> None:
        self._small: deque[Ticket] = deque()
        self._large: deque[Ticket] = deque()
        self._commands = 0
        self._passed_over = False
        self._closing = False
        self._changed = threading.Condition()

    @property
    def depth(self) -> int:
        """How many commands wait."""
        return self._commands

    def put(self, ticket: Ticket) -> None:
        """Adds a request. Raises Unanswered: `busy` where it is full, `unavailable` once closed."""
        with self._changed:
            if self._closing:
                raise Unanswered("unavailable", "The service is stopping.")
            if self._commands + ticket.size > MAX_QUEUE_COMMANDS:
                raise Unanswered("busy", f"{self._commands} commands wait already.")
            self._commands += ticket.size
            (self._small if ticket.size <= SMALL_REQUEST else self._large).append(ticket)
            self._changed.notify()

    def take(self) -> Taken:
        """Waits for work and takes up to a commit's worth of units; nothing once closed and empty.

        Small requests first, large ones keep a share. A group that found no room goes first the
        next time: small requests would starve it.
        """
        with self._changed:
            while not (self._small or self._large or self._closing):
                self._changed.wait()
            return self._take()

    def take_many(self, least: int, *, unless: Callable[[], bool]) -> Taken:
        """Waits until so many commands wait and takes what `take` would; nothing where `unless`
        came true first, of which `wake` is told."""
        with self._changed:
            while not unless():
                if self._commands >= least:
                    return self._take()
                self._changed.wait()
            return []

    def wake(self) -> None:
        """Has `take_many` look again."""
        with self._changed:
            self._changed.notify()

    def _take(self) -> Taken:
        taken: Taken = []
        room = MAX_COMMIT_COMMANDS
        if self._passed_over:
            room -= _move(self._large, room, taken, most=1)
        room -= _move(self._small, room - (LARGE_SHARE if self._large else 0), taken)
        room -= _move(self._large, room, taken)
        self._passed_over = bool(self._large) and all(
            ticket is not self._large[0] for ticket, _ in taken
        )
        self._commands -= MAX_COMMIT_COMMANDS - room
        return taken

    def fail(self, tickets: Iterable[Ticket], error: Unanswered) -> None:
        """Answers these requests with an error, and takes what remains of them away."""
        failed = {id(ticket): ticket for ticket in tickets}
        with self._changed:
            for ticket in failed.values():
                self._commands -= sum(map(len, ticket.units))
                ticket.units.clear()
            for queue in (self._small, self._large):
                while queue and id(queue[0]) in failed:
                    queue.popleft()
        for ticket in failed.values():
            ticket.fail(error)

    def close(self) -> None:
        """Takes no more requests; what waits can still be taken."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def end(self, taken: Taken) -> None:
        """Closes, and answers whoever waits still: nobody will take anything any more."""
        self.close()
        tickets = [ticket for ticket, _ in taken] + [*self._small, *self._large]
        self.fail(tickets, Unanswered("unavailable", "The writer has stopped."))


def _move(queue: deque[Ticket], room: int, taken: Taken, *, most: int = MAX_COMMIT_COMMANDS) -> int:
    """Moves units from the queue's head while they fit, at most so many; returns their size."""
    size = 0
    while queue and most:
        ticket = queue[0]
        if size + len(ticket.units[0]) > room:
            break
        unit = ticket.units.popleft()
        taken.append((ticket, unit))
        size += len(unit)
        most -= 1
        if not ticket.units:
            queue.popleft()
    return size
