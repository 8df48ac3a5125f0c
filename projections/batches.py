"""Batches: the events of a log as views take them.

Views that are at the same position share what was read. While one batch is folded the next one is
read, by a thread, through a session of its own: PostgreSQL and Python work at the same time. It
doesn't matter when or through which session: only what is committed is read, and it never changes.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Self

from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from projections.views import Stored


class Span(NamedTuple):
    """Positions of a ledger's log, above `after` and up to `to`."""

    schema: str
    after: int
    to: int


class Batches:
    """Reads events of some topics; remembers one batch, and one ahead. A context manager.

    `session`: opens an autocommit session for reading ahead.
    """

    def __init__(self, topics: Sequence[str], *, session: Callable[[], Connection[Any]]) -> None:
        self._topics = list(topics)
        self._session = session
        self._ahead_session: Connection[Any] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._last: tuple[Span, list[Stored]] | None = None
        self._ahead: tuple[Span, Future[list[Stored]]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        if self._ahead_session is not None:
            self._ahead_session.close()

    def read(self, connection: Connection[Any], span: Span, *, head: int) -> list[Stored]:
        """Returns the events of a span, and begins to read the next one of the same size where the
        log goes on so far. Requires that everything up to `head` is committed.

        Raises psycopg.OperationalError.
        """
        if self._last is None or self._last[0] != span:
            self._last = None  # Before another one is in memory.
            self._last = span, self._found(connection, span)
            after = Span(span.schema, span.to, 2 * span.to - span.after)
            if after.to <= head:
                self._ahead = after, self._thread.submit(self._read_ahead, after)
        return self._last[1]

    def _found(self, connection: Connection[Any], span: Span) -> list[Stored]:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == span:
            return ahead[1].result()
        return read_events(connection, span, topics=self._topics)

    def _read_ahead(self, span: Span) -> list[Stored]:
        if self._ahead_session is None or self._ahead_session.closed:
            self._ahead_session = self._session()
        return read_events(self._ahead_session, span, topics=self._topics)


def read_events(connection: Connection[Any], span: Span, *, topics: Sequence[str]) -> list[Stored]:
    """Returns the events of some topics in the order of their positions."""
    # Binary: a record's bytes as they are, not in hex.
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    query = SQL(
        "SELECT notification_id, state, topic FROM {}.events"
        " WHERE notification_id > %s AND notification_id <= %s AND topic = ANY(%s)"
        " ORDER BY notification_id"
    ).format(Identifier(span.schema))
    return cursor.execute(query, [span.after, span.to, list(topics)]).fetchall()


def read_head(connection: Connection[Any]) -> int:
    """Returns the position of the last event of the log that the search path finds."""
    row = connection.execute("SELECT position FROM head").fetchone()
    assert row is not None
    return int(row[0])
