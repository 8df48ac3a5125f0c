"""Duties: what the service does of itself beside answering, each in a thread of its own.

A duty is a loop that ends when it is told to stop. What goes wrong in one never stops another: it
is logged, and the duty begins anew after a pause that doubles as long as it keeps failing. Any
number of workers may run on one database; each duty sees to it that they don't disturb each other.
"""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple

import psycopg
import structlog

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STOP_SECONDS = 10.0
"""How long duties may take to end. Whatever a duty does can be cut off anywhere: it is killed."""

log = structlog.get_logger(__name__)


class Duty(NamedTuple):
    """`run(stop)` works until `stop` is set, and is called again where it ends before."""

    name: str
    run: Callable[[threading.Event], None]


def work(
    duties: Sequence[Duty],
    stop: threading.Event,
    *,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> bool:
    """Does all duties until `stop` is set; False where one did not end in STOP_SECONDS."""
    threads = [
        threading.Thread(
            target=_keep, args=(duty, stop, first_pause_seconds), name=duty.name, daemon=True
        )
        for duty in duties
    ]
    log.info("worker_started", duties=[duty.name for duty in duties])
    for thread in threads:
        thread.start()
    stop.wait()
    deadline = monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    stuck = [thread.name for thread in threads if thread.is_alive()]
    if stuck:
        log.warning("duties_did_not_end", duties=stuck, seconds=STOP_SECONDS)
    return not stuck


def _keep(duty: Duty, stop: threading.Event, first_pause_seconds: float) -> None:
    pause = first_pause_seconds
    while not stop.is_set():
        begun = monotonic()
        try:
            duty.run(stop)
        except psycopg.OperationalError as error:
            # The database is away, full or too slow: its words say more than where we asked.
            said = str(error).strip()
            log.warning("duty_interrupted", duty=duty.name, error=said, again_in_seconds=pause)
        except Exception:  # whatever it is: the others go on, and so will this one
            log.exception("duty_failed", duty=duty.name, again_in_seconds=pause)
        else:
            if stop.is_set():
                return
            log.error("duty_ended", duty=duty.name, again_in_seconds=pause)
        if monotonic() - begun > LONGEST_PAUSE_SECONDS:
            pause = first_pause_seconds
        stop.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
