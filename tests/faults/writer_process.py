"""A writer in a process of its own, which a test may kill, stop and continue.

It has nothing but the ledgers of a database, as the service's worker has them. It comes from
multiprocessing's fork server, which has imported what it needs: it begins at once.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from application.commit import utc_now
from application.ledgers import Ledgers
from application.outcomes import Caller, Outcome, Unanswered, Unit
from tests.patience import PATIENCE_SECONDS, wait_until

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])
CLERK = Caller(
    actor="clerk", key_id=None, roles=frozenset({"operator", "controller", "clerk"}), channel="http"
)


class Answer(NamedTuple):
    """What a client would be told of one command."""

    status: str
    code: str | None
    positions: tuple[int, ...]
    states: tuple[bytes, ...]

    @classmethod
    def of(cls, outcome: Outcome) -> "Answer":
        rows = outcome.stored
        return cls(
            outcome.status,
            outcome.code,
            tuple(row.position for row in rows),
            tuple(row.state for row in rows),
        )


class Killed(Exception):
    """The process ended before it answered."""


class WriterProcess:
    """The other process, as the test that made it sees it."""

    def __init__(self, *, owner: str, service: str, ledger: str) -> None:
        self._pipe, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=_write, args=(owner, service, ledger, theirs))
        self._process.start()
        theirs.close()
        self._sending = threading.Lock()
        self._asked: dict[int, Future[list[Answer]]] = {}
        self._number = 0
        self._is_gone = False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.ask([]).result(PATIENCE_SECONDS)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def ask(self, units: Sequence[Unit]) -> "Future[list[Answer]]":
        """Sends one request; the future raises Unanswered or Killed."""
        future: Future[list[Answer]] = Future()
        with self._sending:
            if self._is_gone:
                raise Killed
            self._number += 1
            self._asked[self._number] = future
            try:
                self._pipe.send((self._number, list(units)))
            except OSError:
                self._asked.pop(self._number)
                raise Killed from None
        return future

    def submit(self, units: Sequence[Unit]) -> list[Answer]:
        """Returns the answers. Raises Unanswered, Killed."""
        return self.ask(units).result(PATIENCE_SECONDS)

    def stop_when_locked(self) -> None:
        """Has it stop itself, with SIGSTOP, when it next holds the ledger's lock."""
        with self._sending:
            self._pipe.send(None)

    def wait_until_stopped(self) -> None:
        """Returns once it stands still, by whatever it was stopped."""
        status = Path(f"/proc/{self.pid}/stat")
        wait_until(
            lambda: status.read_text().rpartition(")")[2].split()[0] == "T", "the writer's stop"
        )

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once, as `kill -9` does."""
        self._process.kill()
        self._process.join()
        self._listener.join()
        self._pipe.close()

    def _listen(self) -> None:
        while True:
            try:
                number, answers = self._pipe.recv()
            except (EOFError, OSError):
                break
            with self._sending:
                future = self._asked.pop(number)
            if isinstance(answers, tuple):
                future.set_exception(Unanswered(*answers))
            else:
                future.set_result(answers)
        with self._sending:
            self._is_gone = True
            unanswered = list(self._asked.values())
            self._asked.clear()
        for future in unanswered:
            future.set_exception(Killed())


def _write(owner: str, service: str, ledger: str, pipe: "Connection[Any, Any]") -> None:
    """What the other process does: each request in a thread of its own, as a server would."""
    stops = threading.Event()
    answering = threading.Lock()

    def clock() -> datetime:
        # Read once a commit, while the lock is held.
        if stops.is_set():
            stops.clear()
            os.kill(os.getpid(), signal.SIGSTOP)
        return utc_now()

    ledgers = Ledgers(owner=owner, service=service, software_version="test", clock=clock)
    ledgers.open(within_seconds=PATIENCE_SECONDS)
    writer = ledgers.writer(ledger)

    def answer(number: int, units: list[Unit]) -> None:
        said: list[Answer] | tuple[str, str]
        try:
            said = [Answer.of(outcome) for outcome in writer.submit(units)]
        except Unanswered as unanswered:
            said = (unanswered.code, unanswered.detail)
        with answering:
            pipe.send((number, said))

    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        if request is None:
            stops.set()
            continue
        threading.Thread(target=answer, args=request, daemon=True).start()
