"""Other processes that use the embedded PostgreSQL of a data directory, for tests that kill them.

They come from multiprocessing's fork server, which has imported what they need: they begin at once.
"""

import multiprocessing
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from interface.embedded import EmbeddedPostgres, check_durability
from interface.embedded_programs import EmbeddedPostgresError
from tests.patience import PATIENCE_SECONDS

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


class Holder:
    """A process that starts the server, or uses it if it runs, until it is told to leave."""

    def __init__(
        self, data_dir: Path, *, user: int | None = None, programs: Path | None = None
    ) -> None:
        self._pipe, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=hold, args=(data_dir, theirs, user, programs))
        self._process.start()
        theirs.close()
        assert self._hear() == "starting"

    def wait_until_started(self) -> str:
        """Returns the superuser's connection string."""
        return self._hear()

    def leave(self) -> None:
        """Lets it stop using the server and end; fails where it could not."""
        self._pipe.send("leave")
        assert self._hear() == "stopped"
        self._process.join()
        assert self._process.exitcode == 0

    def signal(self, number: signal.Signals) -> int | None:
        """Sends a signal that ends it, and returns its exit status."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)
        self._process.join()
        return self._process.exitcode

    def end(self) -> None:
        """Makes sure that it is no more."""
        self._process.kill()
        self._process.join()

    def _hear(self) -> str:
        assert self._pipe.poll(PATIENCE_SECONDS), "the other process said nothing"
        return str(self._pipe.recv())


def hold(
    data_dir: Path,
    pipe: "Connection[str, str]",
    user: int | None,
    programs: Path | None,
) -> None:
    """What the other process does; as root it becomes `user` first, where one is given."""
    server = EmbeddedPostgres(data_dir=data_dir)
    if programs is not None:
        sys.path.insert(0, str(programs))
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)

    started = False

    # A service may leave from its handler, or let the start that was interrupted fail.
    def interrupt(number: int, frame: FrameType | None) -> None:
        server.stop()
        if started:
            sys.exit(1)

    def terminate(number: int, frame: FrameType | None) -> None:
        server.stop()
        sys.exit(1)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, terminate)
    pipe.send("starting")
    try:
        endpoints = server.start()
    except EmbeddedPostgresError as error:
        sys.exit(str(error))
    started = True
    check_durability(endpoints.service)
    pipe.send(endpoints.superuser)
    pipe.recv()
    server.stop()
    pipe.send("stopped")
