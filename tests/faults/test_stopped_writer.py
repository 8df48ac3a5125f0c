"""`kill -STOP` of a writer that holds the lock: the others go on, and it harms nothing later."""

import json
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from time import monotonic

import pytest

from application.outcomes import Unanswered, Unit
from application.writer import Writer
from tests.conftest import Database
from tests.faults.book import (
    CASH,
    LEDGER,
    WALLET,
    assert_done,
    authorize,
    group,
    long_post,
    open_ledgers,
    post,
    single,
)
from tests.faults.conftest import StartWriter
from tests.faults.evidence import check_sound
from tests.faults.proxy import Point, Proxy
from tests.faults.writer_process import Answer
from tests.patience import PATIENCE_SECONDS

SMALL = [single(post(CASH, WALLET, "1.00"), "a"), single(authorize("2.00"), "b")]
LARGE = [group([(long_post(), f"large-{n}") for n in range(400)])]
"""More than fits into the sockets between a writer and the server."""


def test_a_writer_that_stopped_before_it_wrote(
    database: Database, writer: Writer, start_writer: StartWriter
) -> None:
    stopped = start_writer()
    stopped.stop_when_locked()
    answers = stopped.ask(SMALL)
    stopped.wait_until_stopped()
    check_others_go_on(writer, answers)
    stopped.signal(signal.SIGCONT)
    check_answers(database, answers.result(PATIENCE_SECONDS), status="done")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("point", "units"),
    [(Point.ROWS, LARGE), (Point.ROWS_SENT, LARGE), (Point.COMMIT_ASKED, SMALL)],
    ids=["within_rows", "after_rows", "before_commit"],
)
def test_a_writer_that_stopped_while_it_wrote(
    database: Database,
    proxy: Proxy,
    writer: Writer,
    start_writer: StartWriter,
    point: Point,
    units: list[Unit],
) -> None:
    stopped = start_writer(service=proxy.conninfo)
    goes_on = threading.Event()

    def stop() -> None:
        stopped.signal(signal.SIGSTOP)
        stopped.wait_until_stopped()
        # The rest of what it sent is as if it had not got so far.
        assert goes_on.wait(PATIENCE_SECONDS)

    proxy.call_at(point, stop)
    answers = stopped.ask(units)
    stopped.wait_until_stopped()
    check_others_go_on(writer, answers)
    stopped.signal(signal.SIGCONT)
    goes_on.set()
    check_answers(database, answers.result(PATIENCE_SECONDS), status="done")


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_stopped_while_it_was_answered(
    database: Database, proxy: Proxy, writer: Writer, start_writer: StartWriter
) -> None:
    first = writer.submit(LARGE)
    assert_done(first)
    stopped = start_writer(service=proxy.conninfo)

    def stop() -> None:
        stopped.signal(signal.SIGSTOP)
        stopped.wait_until_stopped()

    proxy.call_at(Point.RECORDS, stop)
    answers = stopped.ask(LARGE)
    stopped.wait_until_stopped()
    check_others_go_on(writer, answers)
    stopped.signal(signal.SIGCONT)
    again = answers.result(PATIENCE_SECONDS)
    assert [answer.states for answer in again] == [Answer.of(one).states for one in first]
    check_answers(database, again, status="replayed")


@pytest.mark.usefixtures("impatient")
def test_a_stopped_writer_is_ended_where_the_service_logs_in_as_another(
    database: Database, login: str, writer: Writer, start_writer: StartWriter
) -> None:
    """Both take on the service's role, which has no power over the sessions of their login."""
    proxy = Proxy(login)
    other = open_ledgers(database, service=login)
    stopped = start_writer(service=proxy.conninfo)

    def stop() -> None:
        stopped.signal(signal.SIGSTOP)
        stopped.wait_until_stopped()

    proxy.call_at(Point.ROWS_SENT, stop)
    answers = stopped.ask(LARGE)
    stopped.wait_until_stopped()
    check_others_go_on(other.writer(LEDGER), answers)
    other.close()
    stopped.signal(signal.SIGCONT)
    check_answers(database, answers.result(PATIENCE_SECONDS), status="done")
    proxy.close()


def check_others_go_on(writer: Writer, stopped: "Future[list[Answer]]") -> None:
    """Fails unless another writer of the ledger is answered, though it may be told to try again."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            assert_done(writer.submit([single(post(CASH, WALLET, "3.00"), "meanwhile")]))
            break
        except Unanswered as unanswered:
            if unanswered.code != "busy" or monotonic() > deadline:
                raise
    assert not stopped.done()


def check_answers(database: Database, answers: Sequence[Answer], *, status: str) -> None:
    """Fails unless what the stopped writer said is what is on record."""
    assert {(answer.status, answer.code) for answer in answers} == {(status, None)}
    found = check_sound(database.superuser, LEDGER)
    for answer in answers:
        records = [found.records[position - 1] for position in answer.positions]
        assert records == [json.loads(state) for state in answer.states]
