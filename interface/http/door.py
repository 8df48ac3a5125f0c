"""What every request needs: the ledgers, who may come in, and how long a reader may wait."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from psycopg import Connection, IsolationLevel
from psycopg.rows import DictRow

from application.ledgers import Ledgers
from application.permissions import READ_LEDGER
from interface.http.admission import Admission, Guest, check_may_read
from interface.http.errors import Problem
from interface.http.targets import named_ledger
from projections.showing import hold

BEHIND_AFTER_SECONDS = 5.0


class HttpSettings(Struct, frozen=True, kw_only=True):
    """`threads`: how many requests the server handles at once. `rate_limit_per_second`: of each
    key; None: no limit."""

    threads: int = 64
    rate_limit_per_second: float | None = None


class Door:
    """The parts that answer a request."""

    def __init__(self, ledgers: Ledgers, settings: HttpSettings) -> None:
        self.ledgers = ledgers
        self.admission = Admission(ledgers, rate_limit_per_second=settings.rate_limit_per_second)
        # The rest of the threads stays free for writes, which move what these wait for.
        self._waiting = threading.BoundedSemaphore(max(1, settings.threads // 4))

    @contextmanager
    def reading(
        self,
        guest: Guest,
        ledger: str,
        query: dict[str, Any],
        *,
        roles: frozenset[str] = READ_LEDGER,
        what: str = "a ledger",
    ) -> Iterator[Connection[DictRow]]:
        """Gives a connection for one read, once the log has reached the query's `min_position`.

        Raises Problem (forbidden, behind), LedgerNotFound.
        """
        check_may_read(guest, roles, what)
        named_ledger(ledger)
        if min_position := query.get("min_position"):
            self.wait(lambda seconds: self.ledgers.wait_for(ledger, min_position, seconds))
        with self.ledgers.reader(ledger) as connection:
            yield connection

    @contextmanager
    def snapshot(
        self, guest: Guest, ledger: str, query: dict[str, Any], **may: Any
    ) -> Iterator[Connection[DictRow]]:
        """Does what `reading` does; all statements on the connection see the same."""
        with self.reading(guest, ledger, query, **may) as connection, snapshot(connection):
            yield connection

    def wait(self, reached: Callable[[float], bool]) -> None:
        """Waits as long as a reader may until it is True that, within so many seconds, the reader's
        position was reached. Raises Problem (behind)."""
        if reached(0):
            return
        in_time = False
        if self._waiting.acquire(blocking=False):
            try:
                in_time = reached(BEHIND_AFTER_SECONDS)
            finally:
                self._waiting.release()
        if not in_time:
            raise Problem("behind", "The position that was asked for has not been reached yet.")


@contextmanager
def snapshot(
    connection: Connection[DictRow], *, views: Collection[str] = (), seconds: int | None = None
) -> Iterator[None]:
    """Lets all statements within see the same; `views`: which they may ask; `seconds`: how long
    each may take."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            if seconds is not None:
                connection.execute(f"SET LOCAL statement_timeout = '{seconds}s'")
            hold(connection, *views)
            yield
    finally:
        connection.isolation_level = None
