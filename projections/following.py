"""Following: one batch of a ledger's log after another goes into a view.

A batch is one transaction: the tracking row is taken, the events are read and folded, the row is
moved. Batches end at the same positions for all views, so that they can share what is read. Where
one fails it is halved until one event is left: that event stops the view, and only this view, until
somebody looks. An event is never skipped.
"""

from typing import Any, NamedTuple

import psycopg
import structlog
from psycopg import Connection

from projections.batches import Batches, Span, read_events, read_head
from projections.tracking import State, Tracking, read_state, stop_view
from projections.views import Decode, Fold, Stored, View

BATCH_POSITIONS = 10_000

TRANSIENT = (psycopg.OperationalError, psycopg.InterfaceError)
"""What says nothing about an event: a lost connection, a timeout, a full disk."""

log = structlog.get_logger(__name__)


class Step(NamedTuple):
    """Up to where a view shows, and where the log ended when that was looked at."""

    position: int
    head: int

    @property
    def is_behind(self) -> bool:
        return self.position < self.head


class Follower:
    """Takes one view of one ledger forward, as far as this worker may.

    `batches`: shared with followers of other views; None: it reads for itself. Requires
    connections whose search path finds the view's tables and the ledger's.
    """

    def __init__(
        self,
        *,
        ledger: str,
        schema: str,
        view: View,
        decode: Decode,
        batches: Batches | None = None,
    ) -> None:
        self._ledger = ledger
        self._schema = schema
        self._view = view
        self._decode = decode
        self._batches = batches
        self._tracking = Tracking(schema)
        self._fold: Fold | None = None
        self._folded: tuple[int, int] | None = None
        """The build and the position that `_fold` remembers."""

    @property
    def view(self) -> str:
        """The view's name."""
        return self._view.name

    def shown(self, connection: Connection[Any]) -> State:
        """Returns how the view stands."""
        return read_state(connection, self._view.name)

    def step(
        self, connection: Connection[Any], limit: int | None = None, *, head: int | None = None
    ) -> Step | None:
        """Folds the events of the next `limit` positions at most (BATCH_POSITIONS without it), up
        to `head` (None: all there are); None where there is nothing to do: another worker has the
        view, or it is stopped.

        Requires an autocommit connection. Raises psycopg.OperationalError.
        """
        limit = limit or BATCH_POSITIONS
        while True:
            try:
                return self._step(connection, limit, head)
            except TRANSIENT:
                self._forget()
                raise
            except Exception as error:  # noqa: BLE001 -- whatever a fold raises is about its events
                self._forget()
                if limit == 1:
                    self._stop(connection, error)
                    return None
                log.warning("batch_failed", **self._names(), size=limit, error=repr(error))
                limit //= 2

    def _step(self, connection: Connection[Any], limit: int, head: int | None) -> Step | None:
        with connection.transaction():
            state = self._tracking.take(connection, self._view.name)
            if state is None or state.error is not None:
                return None
            start = state.position
            if head is None:
                head = read_head(connection)
            # Another worker may have gone further than this one has looked.
            end = max(start, min(head, (start // limit + 1) * limit))
            if end > start:
                if self._fold is None or self._folded != (state.build, start):
                    self._fold = self._view.new_fold(self._decode)
                events = self._read(connection, Span(self._schema, start, end), head)
                if events:
                    self._fold.fold(connection, events)
                self._tracking.move(connection, self._view.name, end)
        if end > start:
            # Not where there was nothing to do: others may have come on since this was folded.
            self._folded = (state.build, end)
        return Step(end, head)

    def _read(self, connection: Connection[Any], span: Span, head: int) -> list[Stored]:
        topics = self._view.topics
        if self._batches is None:
            return read_events(connection, span, topics=topics)
        events = self._batches.read(connection, span, head=head)
        return [event for event in events if event[2] in topics]

    def _stop(self, connection: Connection[Any], error: Exception) -> None:
        with connection.transaction():
            state = self._tracking.take(connection, self._view.name)
            if state is None:
                return
            said = f"{type(error).__name__}: {error}"
            log.error(
                "view_stopped",
                **self._names(),
                position=state.position + 1,
                error=said,
                exc_info=error,
            )
            stop_view(connection, self._view.name, said)

    def _forget(self) -> None:
        self._fold = self._folded = None

    def _names(self) -> dict[str, str]:
        return {"ledger": self._ledger, "view": self._view.name}
