"""Sending: rows go into a table by COPY while the next ones are worked out."""

from contextlib import ExitStack
from types import TracebackType
from typing import Any, LiteralString, Self

from psycopg import Connection, Copy
from psycopg.copy import QueuedLibpqWriter


class Sending:
    """Rows on their way into a table, as long as nothing else is asked of the session.

    `statement`: a COPY from standard input. A context manager; what was sent is stored when it
    ends without an error.
    """

    def __init__(self, connection: Connection[Any], statement: LiteralString) -> None:
        self._session = connection
        self._statement = statement
        self._stack = ExitStack()
        self._copy: Copy | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, at)

    @property
    def connection(self) -> Connection[Any]:
        """The session, for other questions: waits until what was sent is stored."""
        self._copy = None
        self._stack.close()
        return self._session

    def send(self, rows: bytes) -> None:
        """Sends rows as COPY has them, and does not wait until they are stored."""
        if self._copy is None:
            cursor = self._stack.enter_context(self._session.cursor())
            writer = QueuedLibpqWriter(cursor)
            self._copy = self._stack.enter_context(cursor.copy(self._statement, writer=writer))
        self._copy.write(rows)
