"""Tells the world that a ledger has grown: waiting readers of this process, and NOTIFY for others.

NOTIFY runs on a connection of its own, outside of the writers' transactions (inside, it holds a
cluster-wide lock through the flush), and at most every 20 ms. A lost notice does no harm: whoever
listens also looks at intervals.
"""

import threading
from collections.abc import Callable

import psycopg
import structlog
from psycopg.sql import SQL

from application.store import schema_of

INTERVAL_SECONDS = 0.02

log = structlog.get_logger()


class Notices:
    """Collects positions from the writers and passes them on."""

    def __init__(self, *, connect: Callable[[], psycopg.Connection[tuple[object, ...]]]) -> None:
        self._connect = connect
        self._grown: dict[str, int] = {}
        self._changed = threading.Condition()
        self._due = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def grown(self, ledger: str, position: int) -> None:
        """Says that a commit ended at this position. Cheap: called by writers."""
        with self._changed:
            self._grown[ledger] = position
            self._changed.notify_all()
        self._due.set()

    def wait(self, seconds: float) -> None:
        """Waits until some ledger has grown in this process, at most so long."""
        with self._changed:
            self._changed.wait(seconds)

    def close(self) -> None:
        self._closing.set()
        self._due.set()
        self._thread.join(5)

    def _run(self) -> None:
        connection: psycopg.Connection[tuple[object, ...]] | None = None
        while self._due.wait() and not self._closing.is_set():
            self._due.clear()
            with self._changed:
                grown, self._grown = self._grown, {}
            try:
                if connection is None or connection.closed:
                    connection = self._connect()
                for ledger, position in grown.items():
                    connection.execute(
                        SQL("SELECT pg_notify(%s, %s)"),
                        [f"{schema_of(ledger)}.events", str(position)],
                    )
            except psycopg.Error as error:
                log.warning("notify_failed", error=str(error))
                connection = None
            self._closing.wait(INTERVAL_SECONDS)
        if connection is not None:
            connection.close()
