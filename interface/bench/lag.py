"""The lag of views: how old the oldest event is that one of them does not show yet."""

import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from interface.bench.rig import RigFailed

LOOK_SECONDS = 0.01
WAIT_SECONDS_MAX = 600.0


class Lag:
    """Looks at a ledger's head and at its views from a thread, between `begin` and `end`.

    An event's age counts from when the head was first seen to have passed it, so it is told too
    low by the time of one look.
    """

    def __init__(self, conninfo: str, schema: str) -> None:
        self._connection: Connection[Any] = psycopg.connect(conninfo, autocommit=True)
        name = Identifier(schema)
        self._query = SQL(
            "SELECT position, (SELECT min(notification_id) FROM {}.tracking) FROM {}.head"
        ).format(name, name)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="lag")
        self._seconds: list[float] = []
        self._error: psycopg.Error | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._connection.close()

    def wait_until_none(self) -> None:
        """Waits for the views to reach the head. Raises RigFailed."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            head, shown = self._look()
            if shown >= head:
                return
            if time.monotonic() > deadline:
                raise RigFailed(f"the views are at {shown} of {head} and do not catch up")
            time.sleep(LOOK_SECONDS)

    def begin(self) -> None:
        """Begins to look."""
        self._thread.start()

    def end(self) -> list[float]:
        """Returns the lag at each look, in seconds. Raises psycopg.Error."""
        self._ended.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._seconds

    def _look_on(self) -> None:
        heads: deque[tuple[int, float]] = deque()
        try:
            while not self._ended.wait(LOOK_SECONDS):
                now = time.perf_counter()
                head, shown = self._look()
                if not heads or heads[-1][0] < head:
                    heads.append((head, now))
                while heads and heads[0][0] <= shown:
                    heads.popleft()
                self._seconds.append(now - heads[0][1] if heads else 0.0)
        except psycopg.Error as error:
            self._error = error

    def _look(self) -> tuple[int, int]:
        row = self._connection.execute(self._query).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])
