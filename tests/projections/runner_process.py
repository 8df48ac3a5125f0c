"""A runner in a process of its own, which a test may kill at any point.

It comes from multiprocessing's fork server, which has imported what it needs: it begins at once.
"""

import multiprocessing
import os
import signal
import threading
from functools import partial
from multiprocessing.connection import Connection

from application.records import SHAPES
from application.sessions import acting_as_service
from application.store import schema_of
from projections.runner import Runner, connect
from projections.showing import VIEWS

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


class RunnerProcess:
    """Follows one ledger until it is killed."""

    def __init__(self, *, service: str, ledger: str, run_lines: int, stretch_places: int) -> None:
        self._begun, theirs = PROCESSES.Pipe(duplex=False)
        self._process = PROCESSES.Process(
            target=follow, args=(service, ledger, run_lines, stretch_places, theirs)
        )
        self._process.start()
        theirs.close()

    def wait_until_begun(self) -> None:
        self._begun.recv()

    def kill(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()
        self._begun.close()


def follow(
    service: str, ledger: str, run_lines: int, stretch_places: int, begun: Connection
) -> None:
    """Runs in the other process."""
    import projections.chart_totals
    import projections.following
    import projections.totals

    projections.totals.RUN_LINES = run_lines
    projections.chart_totals.STRETCH_PLACES = stretch_places
    projections.following.BATCH_POSITIONS = 5
    runner = Runner(
        session=partial(connect, acting_as_service(service)),
        ledgers=lambda: {ledger: schema_of(ledger)},
        views=VIEWS,
        decode=SHAPES.decode,
    )
    begun.send(None)
    runner.run(threading.Event())
