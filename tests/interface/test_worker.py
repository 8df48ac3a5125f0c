"""The worker's duties: none stops another, and all end when they are told to."""

import json
import signal
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from interface.duties import Duty, work
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.service import PROGRAM, MakeService


class Diary:
    """A duty that notes when it began, and fails or ends as often as it is told to."""

    def __init__(self, *endings: str) -> None:
        self._endings = list(endings)
        self.beginnings = 0
        self.settled = threading.Event()
        self.ended = False

    def run(self, stop: threading.Event) -> None:
        self.beginnings += 1
        if self._endings:
            ending = self._endings.pop(0)
            if ending == "raises":
                raise ValueError("by the test")
            if ending == "loses":
                raise psycopg.OperationalError("the connection was lost")
            return
        self.settled.set()
        stop.wait()
        self.ended = True


def begun(*diaries: Diary) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()
    duties = [Duty(f"duty-{number}", diary.run) for number, diary in enumerate(diaries)]
    thread = threading.Thread(
        target=work, args=(duties, stop), kwargs={"first_pause_seconds": 0.001}
    )
    thread.start()
    return thread, stop


def test_a_duty_that_fails_begins_anew_and_stops_no_other() -> None:
    failing, ending, steady = Diary("raises", "raises"), Diary("returns"), Diary()
    thread, stop = begun(failing, ending, steady)
    for diary in (failing, ending, steady):
        assert diary.settled.wait(PATIENCE_SECONDS)
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert [d.beginnings for d in (failing, ending, steady)] == [3, 2, 1]
    assert all(d.ended for d in (failing, ending, steady))


def test_a_database_that_is_away_is_told_in_a_line() -> None:
    """Each duty loses it at the same time: five tracebacks a try would bury what else is said."""
    with capture_logs() as said:
        losing = Diary("loses")
        thread, stop = begun(losing)
        assert losing.settled.wait(PATIENCE_SECONDS)
        stop.set()
        thread.join(PATIENCE_SECONDS)
    (lost,) = [line for line in said if line["event"].startswith("duty_")]
    assert (lost["event"], lost["error"]) == ("duty_interrupted", "the connection was lost")
    assert "exc_info" not in lost


def test_a_duty_that_does_not_heed_the_stop_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interface.duties.STOP_SECONDS", 0.01)
    stop, released = threading.Event(), threading.Event()

    def heedless(stop: threading.Event) -> None:
        stop.set()
        released.wait()

    assert not work([Duty("heedless", heedless)], stop)
    released.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_works_until_it_is_told_to_stop(
    make_service: MakeService, number: signal.Signals
) -> None:
    service = make_service()
    log = service.directory / "worker.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [*PROGRAM, "worker"], env=service.environment, stdout=subprocess.PIPE, stderr=said
        )
    wait_for_event(log, "worker_started")
    process.send_signal(number)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, output) == (0, b"")


def wait_for_event(log: Path, event: str) -> None:
    def events() -> list[str]:
        *lines, _unfinished = log.read_text().split("\n")
        return [json.loads(line)["event"] for line in lines]

    wait_until(lambda: event in events(), event)
