"""Sending: PostgreSQL stores what was worked out while the next is worked out.

A thread does what is asked of the session, one thing after another, in the caller's transaction.
"""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from queue import Queue
from types import TracebackType
from typing import Any, LiteralString, Self

from psycopg import Connection, Copy

JOBS_MAX = 8
"""Wait at most; whoever has more to send waits too."""

Job = Callable[[Connection[Any]], object]


class GivenUp(Exception):
    """Whoever was sending failed: the rows on their way are to be forgotten."""


class Sending:
    """Rows on their way into a table, and what else is to be done there after them.

    `statement`: a COPY from standard input. A context manager; all is done when it ends without an
    error. While it lasts the session is its own: `connection` gives it back for a moment. Raises
    whatever a job raised, at the next call or at the end.
    """

    def __init__(self, connection: Connection[Any], statement: LiteralString) -> None:
        self._connection = connection
        self._statement = statement
        self._jobs: Queue[Job | None] = Queue(JOBS_MAX)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="sending", daemon=True)
        self._copying = ExitStack()
        self._copy: Copy | None = None
        self._is_given_up = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        self._is_given_up = kind is not None
        self._jobs.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    @property
    def connection(self) -> Connection[Any]:
        """The session, for a question: waits until all that was asked before is done."""
        self.do(lambda _: None)
        self._jobs.join()
        if self._error is not None:
            raise self._error
        return self._connection

    def send(self, rows: bytes) -> None:
        """Has rows stored that are as COPY has them."""
        self._put(lambda connection: self._store(connection, rows))

    def do(self, job: Job) -> None:
        """Has something else done when the rows that were sent before are stored."""

        def after_rows(connection: Connection[Any]) -> None:
            self._end_rows(None)
            job(connection)

        self._put(after_rows)

    def _put(self, job: Job) -> None:
        if self._error is not None:
            raise self._error
        self._jobs.put(job)

    # -- in the thread

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._try(job)
            self._jobs.task_done()
        failed = self._is_given_up or self._error is not None
        self._try_always(lambda _: self._end_rows(GivenUp() if failed else None))

    def _try(self, job: Job) -> None:
        # After an error the transaction is lost: nothing more is asked in it.
        if self._error is None:
            self._try_always(job)

    def _try_always(self, job: Job) -> None:
        try:
            job(self._connection)
        except Exception as error:  # noqa: BLE001 -- it is the caller's, who has it at the next call
            self._error = self._error or error

    def _store(self, connection: Connection[Any], rows: bytes) -> None:
        if self._copy is None:
            cursor = self._copying.enter_context(connection.cursor())
            self._copy = self._copying.enter_context(cursor.copy(self._statement))
        self._copy.write(rows)

    def _end_rows(self, error: GivenUp | None) -> None:
        self._copy = None
        if error is None:
            self._copying.close()
        else:
            self._copying.__exit__(GivenUp, error, None)
