"""The connection is cut at COMMIT: the answer is right whether the server has committed or not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic

import pytest

from application.ledgers import Ledgers
from application.outcomes import Unanswered, Unit
from application.transactions import UNKNOWN_AFTER_SECONDS
from application.writer import Writer
from tests.conftest import Database
from tests.faults.book import (
    CASH,
    LEDGER,
    MERCHANT,
    WALLET,
    assert_done,
    authorize,
    group,
    make_ledger,
    open_ledgers,
    post,
    single,
)
from tests.faults.evidence import check_sound
from tests.faults.proxy import Point, Proxy

SMALL = [single(post(CASH, WALLET, "1.00"), "a"), single(authorize("2.00"), "b")]
LARGE = [group([(post(CASH, MERCHANT, "0.01"), f"{n}") for n in range(200)])]
"""More than psycopg itself would send in one go."""


@pytest.fixture
def cut_off(database: Database, proxy: Proxy, writer: Writer) -> Iterator[Writer]:
    """Another writer of the ledger, which reaches the database through the proxy."""
    ledgers = open_ledgers(database, service=proxy.conninfo)
    yield ledgers.writer(LEDGER)
    ledgers.close()


@pytest.mark.parametrize("units", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("point", [Point.COMMIT_ASKED, Point.COMMIT_DONE])
def test_a_commit_whose_answer_is_lost_is_looked_up(
    database: Database, proxy: Proxy, cut_off: Writer, units: list[Unit], point: Point
) -> None:
    before = len(check_sound(database.superuser, LEDGER).records)
    was_cut = proxy.cut_at(point)
    outcomes = cut_off.submit(units)
    assert was_cut.is_set()
    assert_done(outcomes)
    assert [outcome.status for outcome in outcomes] == ["done"] * len(outcomes)

    found = check_sound(database.superuser, LEDGER)
    states = [row.state for outcome in outcomes for row in outcome.stored]
    assert len(found.records) == before + len(states)
    assert [record["position"] for record in found.records[before:]] == [
        row.position for outcome in outcomes for row in outcome.stored
    ]
    again = cut_off.submit(units)
    assert [outcome.status for outcome in again] == ["replayed"] * len(outcomes)
    assert [row.state for outcome in again for row in outcome.stored] == states


@pytest.mark.usefixtures("impatient")
def test_a_server_that_does_not_notice_the_cut_does_not_keep_the_lock(
    database: Database, proxy: Proxy, cut_off: Writer
) -> None:
    was_cut = proxy.fall_silent_at(Point.COMMIT_ASKED)
    outcomes = cut_off.submit(SMALL)
    assert was_cut.is_set()
    assert_done(outcomes)
    check_sound(database.superuser, LEDGER)


def test_a_server_that_is_shut_down_after_it_committed(
    database: Database, proxy: Proxy, cut_off: Writer
) -> None:
    """It says that it ends the session, and not what became of the commit."""
    before = len(check_sound(database.superuser, LEDGER).records)
    was_told = proxy.shut_down_at(Point.COMMIT_DONE)
    assert [outcome.status for outcome in cut_off.submit(SMALL)] == ["done", "done"]
    assert was_told.is_set()
    assert [outcome.status for outcome in cut_off.submit(SMALL)] == ["replayed", "replayed"]
    assert len(check_sound(database.superuser, LEDGER).records) == before + len(SMALL)


def test_where_nobody_can_look_the_outcome_is_unknown_until_a_retry(
    database: Database, ledgers: Ledgers
) -> None:
    """At both points at once, in two ledgers: it takes a while."""
    with ThreadPoolExecutor() as threads:
        list(threads.map(partial(check_unknown, database, ledgers), UNKNOWN))


UNKNOWN = ((Point.COMMIT_ASKED, "done"), (Point.COMMIT_DONE, "replayed"))
"""Where the connection is cut, and what the retry shall be told."""


def check_unknown(database: Database, ledgers: Ledgers, case: tuple[Point, str]) -> None:
    """Fails unless an outcome that can't be looked up is unknown, and a retry finds it."""
    point, truth = case
    ledger = truth
    make_ledger(ledgers, ledger)
    proxy = Proxy(database.service)
    cut_off = open_ledgers(database, service=proxy.conninfo)
    writer = cut_off.writer(ledger)
    before = len(check_sound(database.superuser, ledger).records)
    proxy.cut_at(point, then_refuse=True)
    began = monotonic()
    with pytest.raises(Unanswered) as unanswered:
        writer.submit(SMALL)
    assert unanswered.value.code == "outcome_unknown"
    assert monotonic() - began >= UNKNOWN_AFTER_SECONDS

    # It is still down: what is new can't have been sent, so nothing is unknown of it.
    with pytest.raises(Unanswered) as unanswered:
        writer.submit([single(post(CASH, WALLET, "7.00"), "new")])
    assert unanswered.value.code == "unavailable"

    proxy.accept_again()
    assert [outcome.status for outcome in writer.submit(SMALL)] == [truth, truth]
    assert len(check_sound(database.superuser, ledger).records) == before + len(SMALL)
    cut_off.close()
    proxy.close()
