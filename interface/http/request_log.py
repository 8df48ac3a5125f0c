"""The request log: a line of JSON for each answer, on standard error.

A line costs a fraction of what the process's other logging does: it has no caller that could pass
a secret, so only its path is masked, and msgspec writes it. A thread writes what has gathered: each
write gives the interpreter's lock away, and a request would have it back only behind all others.
(Measured: a fifth more single posts a second at 64 connections.)
"""

import atexit
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from time import sleep
from typing import Any

import msgspec
import structlog

LOGGER = "interface.http"
GATHER_SECONDS = 0.02
"""How long lines gather before they are written: what a process that is killed may not say."""

_encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct, frozen=True):
    """A line of the request log."""

    request_id: str
    method: str
    path: str
    status: int
    code: str | None
    milliseconds: float
    actor: str | None
    key_id: str | None
    timestamp: datetime
    event: str = "request"
    logger: str = LOGGER
    level: str = "info"


def request_log() -> Callable[[Line], None] | None:
    """Returns what takes the lines: None where nobody wants them."""
    if not logging.getLogger(LOGGER).isEnabledFor(logging.INFO):
        return None
    if sys.stderr.isatty():
        log = structlog.get_logger(LOGGER)
        return lambda line: log.info(**_members(line))
    return Gathering().take


class Gathering:
    """Lines on their way to standard error, in order."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque()
        self._some = threading.Event()
        self._writing = threading.Lock()
        threading.Thread(target=self._run, name="request-log", daemon=True).start()
        atexit.register(self._write)

    def take(self, line: Line) -> None:
        """Has the line written soon. Never waits, never fails."""
        self._lines.append(line)
        if not self._some.is_set():
            self._some.set()

    def _run(self) -> None:
        while True:
            self._some.wait()
            sleep(GATHER_SECONDS)
            # Before the lines are taken: one that comes in between is written the next time.
            self._some.clear()
            self._write()

    def _write(self) -> None:
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            # What can't be written (a full disk, a pipe that nobody reads) is lost, as nobody could
            # be told either; later lines must not pile up behind it.
            with suppress(OSError):
                # Standard error as it is now: it may be replaced.
                stream = sys.stderr.buffer
                stream.write(b"".join([_encode(line) + b"\n" for line in lines]))
                stream.flush()


def _members(line: Line) -> dict[str, Any]:
    members = msgspec.structs.asdict(line)
    return {name: members[name] for name in members if name not in ("timestamp", "logger", "level")}
