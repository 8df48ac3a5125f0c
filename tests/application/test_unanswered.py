"""What a Writer can not do, and that it goes on afterwards."""

import threading

import pytest

from application.ledgers import Ledgers
from application.outcomes import Unanswered
from tests.application.office import (
    Office,
    transfer,
)
from tests.patience import PATIENCE_SECONDS


def test_a_closed_writer_answers_that_it_is_unavailable(own_office: Office) -> None:
    chart = own_office.chart()
    writer = own_office.ledgers.writer("acme")
    writer.close()
    with pytest.raises(Unanswered) as unanswered:
        own_office.do(transfer(chart.cash, chart.wallet, "1.00"))
    assert unanswered.value.code == "unavailable"


def test_a_bug_that_ends_a_writer_is_told_and_leaves_nobody_waiting(own_office: Office) -> None:
    office, failed = own_office, threading.Event()
    chart = office.chart()
    database = office.database
    ledgers = Ledgers(
        owner=database.owner,
        service=database.service,
        software_version="1.2.3",
        clock=office.clock,
        on_writer_failure=failed.set,
    )
    ledgers.open()
    writer = ledgers.writer("acme")
    asked = office.asked(transfer(chart.cash, chart.wallet, "1.00"))
    # Who is told that a command has ended must raise nothing.
    writer.send([(asked,)], ended=lambda: 1 // 0)
    assert failed.wait(PATIENCE_SECONDS)
    with pytest.raises(Unanswered) as unanswered:
        writer.submit([(office.asked(transfer(chart.cash, chart.wallet, "1.00")),)])
    assert unanswered.value.code == "unavailable"
    ledgers.close()
    # It had been done, and whoever comes next finds it under its key.
    assert office.submit([asked])[0].status == "replayed"


def test_a_log_of_a_newer_format_is_not_written_to(own_office: Office) -> None:
    office = own_office
    chart = office.chart()
    before = office.states()
    office.query("UPDATE {}.head SET format = 2")
    with pytest.raises(Unanswered) as unanswered:
        office.do(transfer(chart.cash, chart.wallet, "1.00"))
    assert unanswered.value.code == "read_only"
    assert office.states() == before
    office.query("UPDATE {}.head SET format = 1")
    office.done(transfer(chart.cash, chart.wallet, "1.00"))


def test_two_errors_in_a_row_and_then_all_is_well(own_office: Office) -> None:
    """The session was ended between commits: nothing was written, so it is tried again."""
    office = own_office
    chart = office.chart()
    for _ in range(2):
        office.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'backoffice_service' AND datname = current_database()"
        )
        office.done(transfer(chart.wallet, chart.merchant, "1.00"))
    assert office.balance(chart.merchant) == (0, 200, 0, 0)
