"""Races for the same funds and the same hold: whoever wins, nobody gets what is not there."""

import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from application.writer import Writer
from domain.commands import Command
from domain.freezes import UnfreezeAccount
from domain.limits import SetLimit
from tests.conftest import Database
from tests.faults.book import (
    CASH,
    LEDGER,
    WALLET,
    assert_done,
    authorize,
    freeze,
    post,
    settle,
    single,
    void,
)
from tests.faults.conftest import StartWriter
from tests.faults.evidence import check_sound
from tests.faults.writer_process import Answer, WriterProcess

CLIENTS = 50
ROUNDS = 20
Entrant = tuple[WriterProcess, Command, str]
"""Who sends what, under which key."""


@pytest.fixture
def processes(start_writer: StartWriter) -> list[WriterProcess]:
    """Two writers of the ledger, in two processes."""
    return [start_writer(), start_writer()]


def test_only_what_is_there_is_authorized(
    database: Database, processes: list[WriterProcess]
) -> None:
    def ask(turn: int) -> list[Answer]:
        return at_once(
            (processes[(n + turn) % 2], authorize("10.00"), f"hold-{n}") for n in range(CLIENTS)
        )

    answers = ask(0)
    assert Counter(answer.code for answer in answers) == {None: 10, "insufficient_funds": 40}
    found = check_sound(database.superuser, LEDGER)
    assert len(found.of_type("AuthorizationOpened")) == 10
    refusals = found.refusals("insufficient_funds")
    assert [record["payload"]["facts"]["available"] for record in refusals] == ["0.00"] * 40

    # Whoever asks again is told the same, in the other process too.
    again = ask(1)
    assert [(answer.code, answer.states) for answer in again] == [
        (answer.code, answer.states) for answer in answers
    ]
    assert len(check_sound(database.superuser, LEDGER).records) == len(found.records)


def test_one_of_two_settlements_gets_the_remainder(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    for hold in open_holds(writer):
        answers = at_once(
            (process, settle(hold, "6.00"), f"{process.pid}-{hold}") for process in processes
        )
        assert Counter(answer.code for answer in answers) == {None: 1, "over_settlement": 1}
    found = check_sound(database.superuser, LEDGER)
    assert found.books.balances[WALLET, "USD"].pending_debits == 4 * ROUNDS
    assert found.posted(WALLET) == 10 * ROUNDS + 100 - 6 * ROUNDS


def test_either_the_void_or_the_settlement_wins(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    settled = 0
    for hold in open_holds(writer):
        voided, paid = at_once(
            [
                (processes[0], void(hold), f"void-{hold}"),
                (processes[1], settle(hold, "6.00"), f"settle-{hold}"),
            ]
        )
        assert (voided.code, paid.code) in (
            (None, "authorization_closed"),
            ("settlement_exists", None),
        )
        settled += paid.code is None
    found = check_sound(database.superuser, LEDGER)
    assert found.books.balances[WALLET, "USD"].pending_debits == 4 * settled
    assert found.posted(WALLET) == 10 * ROUNDS + 100 - 6 * settled


def test_nothing_settles_once_the_account_is_frozen_by_law(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    settled = 0
    for hold in open_holds(writer):
        frozen, paid = at_once(
            [
                (processes[0], freeze(WALLET), f"freeze-{hold}"),
                (processes[1], settle(hold, "6.00"), f"settle-{hold}"),
            ]
        )
        assert frozen.code is None
        assert paid.code in (None, "account_frozen")
        settled += paid.code is None
        assert_done(writer.submit([single(UnfreezeAccount(account=WALLET), f"lift-{hold}")]))
    found = check_sound(database.superuser, LEDGER)
    assert found.posted(WALLET) == 10 * ROUNDS + 100 - 6 * settled
    frozen_now = False
    for record in found.records:
        if record["type"] in ("AccountFrozen", "AccountUnfrozen"):
            frozen_now = record["type"] == "AccountFrozen"
        assert not (frozen_now and record["type"] == "AuthorizationSettled")


def test_of_fifty_holds_as_many_are_opened_as_the_limits_let_pass(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    """There are funds for ten, an amount for eight and a number for seven."""
    day = SetLimit(account=WALLET, per="day", amount="80.00")
    month = SetLimit(account=WALLET, per="month", count=7)
    assert_done(writer.submit([single(day, "day"), single(month, "month")]))
    answers = at_once((processes[n % 2], authorize("10.00"), f"hold-{n}") for n in range(CLIENTS))
    assert Counter(answer.code for answer in answers) == {None: 7, "limit_exceeded": 43}
    found = check_sound(database.superuser, LEDGER)
    opened = found.of_type("AuthorizationOpened")
    assert len(opened) == 7
    refusals = found.refusals("limit_exceeded")
    assert [record["payload"]["facts"]["used"] for record in refusals] == [7] * 43

    # One is given back: it goes to one of those who ask again at once.
    assert_done(processes[0].submit([single(void(opened[0]["stream"]), "void")]))
    again = at_once((processes[n % 2], authorize("10.00"), f"again-{n}") for n in range(CLIENTS))
    assert Counter(answer.code for answer in again) == {None: 1, "limit_exceeded": 49}
    check_sound(database.superuser, LEDGER)


def open_holds(writer: Writer) -> list[str]:
    """Opens so many holds of 10.00 as there are rounds, and returns their ids."""
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(ROUNDS)]
    funds = single(post(CASH, WALLET, f"{10 * ROUNDS}.00"), "funds for holds")
    assert_done(
        writer.submit([funds, *(single(authorize("10.00", id=id), f"hold-{id}") for id in ids)])
    )
    return ids


def at_once(race: Iterable[Entrant]) -> list[Answer]:
    """Sends each command from a thread of its own, all at once; returns the answers in order."""
    entrants = list(race)
    start = threading.Barrier(len(entrants))

    def run(entrant: Entrant) -> Answer:
        process, command, key = entrant
        start.wait()
        return process.submit([single(command, key)])[0]

    with ThreadPoolExecutor(len(entrants)) as threads:
        return list(threads.map(run, entrants))
