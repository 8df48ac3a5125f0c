"""Commands of different clients in one commit: none harms another, and each is decided after those
before it.

What is sent in one request is decided in one commit; so is what happens to wait at the same time.
"""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import psycopg
import pytest

from application.ledgers import Ledgers
from application.outcomes import Unanswered
from application.queue import MAX_COMMIT_COMMANDS
from application.writer import Writer
from domain.accounts import OpenAccount
from domain.ledgers import LockBooks
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
    post,
    settle,
    single,
)
from tests.faults.evidence import check_sound
from tests.patience import PATIENCE_SECONDS, wait_until

HOLD = "00000000-0000-4000-8000-000000000001"
SINGLES = 16
OTHERS = 7


def test_a_day_is_locked_for_what_comes_after_it_in_the_same_commit(
    database: Database, writer: Writer
) -> None:
    outcomes = writer.submit(
        [
            single(post(CASH, MERCHANT, "1.00"), "before"),
            single(LockBooks(through=datetime.now(UTC).date(), reason="close"), "lock"),
            single(post(CASH, MERCHANT, "2.00"), "after"),
        ]
    )
    assert [outcome.code for outcome in outcomes] == [None, None, "period_closed"]
    assert check_sound(database.superuser, LEDGER).posted(MERCHANT) == 1


def test_an_account_is_there_for_what_comes_after_it_in_the_same_commit(
    database: Database, writer: Writer
) -> None:
    opened = OpenAccount(code="new", type="asset", name="New", asset="USD")
    outcomes = writer.submit(
        [
            single(post("new", CASH, "1.00"), "too early"),
            single(opened, "open"),
            single(post("new", CASH, "2.00"), "in time"),
            single(authorize("30.00", id=HOLD), "hold"),
            single(settle(HOLD, "20.00"), "settle"),
        ]
    )
    assert [outcome.code for outcome in outcomes] == ["account_not_found", None, None, None, None]
    assert check_sound(database.superuser, LEDGER).posted("new") == 2


def test_a_group_that_falls_takes_all_of_itself_back(database: Database, writer: Writer) -> None:
    """Also what repeats one of its own commands; what an earlier request did stays done."""
    earlier = post(CASH, MERCHANT, "5.00")
    assert_done(writer.submit([single(earlier, "earlier")]))
    twice = post(CASH, MERCHANT, "1.00")
    outcomes = writer.submit(
        [
            single(post(CASH, MERCHANT, "0.10"), "stranger"),
            group(
                [
                    (earlier, "earlier"),
                    (authorize("60.00", id=HOLD), "hold"),
                    (twice, "twice"),
                    (twice, "twice"),
                    (settle(HOLD, "10.00"), "settle"),
                    (authorize("60.00"), "too much"),
                    (twice, "never reached"),
                ]
            ),
            single(authorize("100.00"), "all of it"),
        ]
    )
    assert [(outcome.status, outcome.code) for outcome in outcomes] == [
        ("done", None),
        ("replayed", None),
        *[("refused", "group_refused")] * 4,
        ("refused", "insufficient_funds"),
        ("refused", "group_refused"),
        ("done", None),
    ]
    found = check_sound(database.superuser, LEDGER)
    assert len(found.of_type("AuthorizationOpened")) == 1
    assert len(found.refusals("insufficient_funds")) == len(found.of_type("CommandRefused")) == 1
    assert found.posted(MERCHANT) == Fraction("5.10")
    # Their keys are free: only the culprit's refusal is remembered.
    assert_done(writer.submit([single(twice, "twice")]))


def test_a_record_that_was_tampered_with_fails_its_own_command_alone(
    database: Database, writer: Writer
) -> None:
    assert_done(writer.submit([single(authorize("10.00", id=HOLD), "hold")]))
    with (
        ThreadPoolExecutor(OTHERS + 2) as threads,
        psycopg.connect(database.superuser) as superuser,
    ):
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(f"SET search_path TO ledger_{LEDGER}")
        change = f"UPDATE events SET state = %s WHERE originator_id = '{HOLD}'"
        true = superuser.execute(f"SELECT state FROM events WHERE originator_id = '{HOLD}'")
        (state,) = true.fetchone() or (b"",)
        superuser.execute(change, [b"{}"])
        # The writer waits for the lock with the first request, the others gather behind it.
        # (As after another's commit: what it remembers is void.)
        superuser.execute("UPDATE head SET commit_id = gen_random_uuid()")
        first = threads.submit(writer.submit, [single(post(CASH, WALLET, "1.00"), "first")])
        wait_until(lambda: waits_for_lock(superuser))
        settled = threads.submit(writer.submit, [single(settle(HOLD), "settle")])
        others = [
            threads.submit(writer.submit, [single(post(CASH, WALLET, "1.00"), f"{n}")])
            for n in range(OTHERS)
        ]
        wait_until(lambda: writer._queue.depth == OTHERS + 1)
        superuser.commit()
        for request in (first, *others):
            assert_done(request.result())
        with pytest.raises(Unanswered) as unanswered:
            settled.result()
        assert unanswered.value.code == "internal"
        superuser.execute(change, [state])
    assert_done(writer.submit([single(settle(HOLD), "settle")]))
    check_sound(database.superuser, LEDGER)


def test_a_large_group_does_not_starve(writer: Writer) -> None:
    """It needs a commit of its own, which small requests leave no room for."""
    keys = itertools.count()
    ends = threading.Event()

    def send_singles() -> None:
        while not ends.is_set():
            assert_done(writer.submit([single(post(CASH, WALLET, "0.01"), f"{next(keys)}")]))

    many = [(post(CASH, MERCHANT, "0.01"), f"many-{n}") for n in range(MAX_COMMIT_COMMANDS)]
    with ThreadPoolExecutor(SINGLES + 1) as threads:
        singles = [threads.submit(send_singles) for _ in range(SINGLES)]
        try:
            assert_done(threads.submit(writer.submit, [group(many)]).result(PATIENCE_SECONDS))
        finally:
            ends.set()
        for client in singles:
            client.result()


def test_a_clock_that_stands_still(database: Database) -> None:
    """Moments go on in UTC, whatever timezone the database has: the log says so itself."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database.name} SET timezone = 'Asia/Tokyo'")
    now = datetime.now(UTC)
    ledgers = Ledgers(
        owner=database.owner, service=database.service, software_version="test", clock=lambda: now
    )
    ledgers.migrate()
    ledgers.open(within_seconds=PATIENCE_SECONDS)
    make_ledger(ledgers)
    ledgers.close()
    found = check_sound(database.superuser, LEDGER)
    moments = [record["recorded_at"] for record in found.records]
    assert moments[0] == now.isoformat().replace("+00:00", "Z")
    assert moments[-1][:17] == moments[0][:17]


def waits_for_lock(superuser: psycopg.Connection[Any]) -> bool:
    """Whether a writer waits for the lock of the ledger."""
    found = superuser.execute(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    return found.fetchone() is not None
