"""Processes of ours that another one of ours starts, keeps alive and ends.

They are spawned: threads and connections must never cross a fork. A child ends with its
supervisor, however that ends, by the kernel's word: a pipe that closes with it.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from time import monotonic
from types import TracebackType
from typing import Any, Self

import structlog

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
STOP_SECONDS = 15.0

_SPAWN = multiprocessing.get_context("spawn")

log = structlog.get_logger(__name__)


class KeptProcess:
    """A child process that is started again whenever it ends. A context manager.

    `target` and `arguments` must be such that they can be pickled; the target heeds SIGTERM and
    calls `end_with_supervisor`.
    """

    def __init__(self, *, name: str, target: Callable[..., None], arguments: tuple[Any, ...]):
        self._name = name
        self._target = target
        self._arguments = arguments
        self._stop_heard, self._stop = _SPAWN.Pipe(duplex=False)
        self._keeper = threading.Thread(target=self._keep, name=f"{name}-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.close()
        self._keeper.join()
        self._stop_heard.close()

    def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            begun = monotonic()
            process = _SPAWN.Process(
                target=self._target, args=self._arguments, name=self._name, daemon=True
            )
            process.start()
            if self._stop_heard in wait([process.sentinel, self._stop_heard]):
                _end(process)
                return
            process.join()
            log.warning("child_died", child=self._name, status=process.exitcode)
            process.close()
            if monotonic() - begun > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if self._stop_heard.poll(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join(STOP_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    process.close()


def end_with_supervisor() -> None:
    """Makes this process end when the one that spawned it does, and leaves Ctrl-C to that one."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch(sentinel: Any) -> None:
        wait([sentinel])
        # Killed: so is this. It would keep what its successor needs otherwise: a port, a lock.
        os._exit(1)

    threading.Thread(
        target=watch, args=(supervisor.sentinel,), name="supervisor", daemon=True
    ).start()


def end_at_once() -> None:
    """Ends this process as if it had been killed, so that whoever started it starts another.

    For what must not go on after a bug. Nothing is lost by it: what was confirmed is on disk, and
    who was not answered asks again with the same key, of a process that remembers nothing.
    """
    os._exit(os.EX_SOFTWARE)
