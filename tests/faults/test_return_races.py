"""Races for what was settled, for what may still be held, and against time."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from application.writer import Writer
from domain.authorizations import Authorize
from domain.corrections import Reverse
from domain.freezes import FreezeAccount
from domain.holds import Network
from domain.increments import Increment
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Chargeback, Refund
from tests.conftest import Database
from tests.faults.book import CASH, LEDGER, MERCHANT, WALLET, post, settle, single
from tests.faults.conftest import StartWriter
from tests.faults.evidence import Evidence, check_sound
from tests.faults.test_races import CLIENTS, ROUNDS, at_once, open_holds
from tests.faults.writer_process import Answer, WriterProcess


@pytest.fixture
def processes(start_writer: StartWriter) -> list[WriterProcess]:
    """Two writers of the ledger, in two processes."""
    return [start_writer(), start_writer()]


def codes(answers: Sequence[Answer]) -> Counter[str | None]:
    return Counter(answer.code for answer in answers)


def settled(writer: Writer) -> list[str]:
    """Opens holds of 10.00 and settles them in full; returns their ids."""
    holds = open_holds(writer)
    done = writer.submit([single(settle(hold), f"settle-{hold}") for hold in holds])
    assert {outcome.code for outcome in done} == {None}
    return holds


def counters(found: Evidence, hold: str) -> tuple[int, int, int]:
    kept = found.books.holds[hold]
    return int(kept.settled), int(kept.refund), int(kept.chargeback)


def test_what_was_settled_goes_back_once(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    """A refund in one process, a chargeback in the other: one of them finds nothing left."""
    holds = settled(writer)
    for hold in holds:
        answers = at_once(
            [
                (
                    processes[0],
                    Refund(authorization=hold, amount="10.00", reason="counterparty"),
                    f"refund-{hold}",
                ),
                (
                    processes[1],
                    Chargeback(authorization=hold, amount="10.00", reason="counterparty"),
                    f"chargeback-{hold}",
                ),
            ]
        )
        assert codes(answers) == {None: 1, "refund_too_large": 1}
    found = check_sound(database.superuser, LEDGER)
    assert {counters(found, hold) for hold in holds} <= {(10, 10, 0), (10, 0, 10)}
    assert found.posted(WALLET) == 10 * ROUNDS + 100
    assert found.posted(MERCHANT) == 0


def test_a_settlement_is_refunded_or_taken_back(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    holds = open_holds(writer)
    for hold in holds:
        (done,) = writer.submit([single(settle(hold), f"settle-{hold}")])
        entry = done.stored[0].stream
        refunded, reversed_ = at_once(
            [
                (
                    processes[0],
                    Refund(authorization=hold, amount="0.01", reason="counterparty"),
                    f"refund-{hold}",
                ),
                (processes[1], Reverse(entry=entry, reason="duplicate"), f"reverse-{hold}"),
            ]
        )
        assert (refunded.code, reversed_.code) in (
            (None, "not_reversible"),
            ("nothing_settled", None),
        )
    check_sound(database.superuser, LEDGER)


def test_increments_get_what_is_there_and_no_more(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    """100.00 are free: of fifty increments by 10.00 ten are had, on whichever holds."""
    holds = open_holds(writer)
    answers = at_once(
        (
            processes[n % 2],
            Increment(authorization=holds[n % len(holds)], amount="10.00"),
            f"increment-{n}",
        )
        for n in range(CLIENTS)
    )
    assert codes(answers) == {None: 10, "insufficient_funds": CLIENTS - 10}
    found = check_sound(database.superuser, LEDGER)
    pending = found.books.balances[WALLET, "USD"].pending_debits
    assert pending == found.posted(WALLET) == 10 * ROUNDS + 100


def test_a_hold_is_settled_or_expires(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    """It holds all the funds, for some milliseconds more each round. Meanwhile one process settles
    it and the other spends what it holds: never both."""
    expired = 0
    for number in range(2 * ROUNDS):
        hold = f"00000000-0000-4000-8000-{number:012}"
        authorize = Authorize(
            id=hold,
            debit=WALLET,
            credit=MERCHANT,
            amount="100.00",
            asset="USD",
            expires_at=datetime.now(UTC) + timedelta(milliseconds=10 + 5 * number),
        )
        (held,) = writer.submit([single(authorize, f"hold-{hold}")])
        if held.code == "expires_in_past":
            continue  # a slow machine; later rounds have more time
        assert held.code is None
        paid, spent = at_once(
            [
                (processes[0], settle(hold, "100.00"), f"settle-{hold}"),
                (processes[1], post(WALLET, CASH, "100.00"), f"spend-{hold}"),
            ]
        )
        assert (paid.code, spent.code) in (
            (None, "insufficient_funds"),
            ("authorization_expired", None),
            ("authorization_expired", "insufficient_funds"),
        )
        expired += paid.code is not None
        if None in (paid.code, spent.code):
            back = post(MERCHANT if paid.code is None else CASH, WALLET, "100.00")
            assert writer.submit([single(back, f"back-{hold}")])[0].code is None
    found = check_sound(database.superuser, LEDGER)
    freed = [one["payload"]["amount"] for one in found.of_type("AuthorizationExpired")]
    assert freed.count("100.00") == expired, "what was settled frees nothing"


def test_the_same_reference_is_settled_once(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    cleared = SettleMandatory(
        debit=WALLET,
        credit=MERCHANT,
        amount="10.00",
        asset="USD",
        network=Network(scheme="visa", reference="ARN-1"),
        reason="feed_down",
    )
    answers = at_once((processes[n % 2], cleared, f"cleared-{n}") for n in range(10))
    assert codes(answers) == {None: 1, "already_exists": 9}
    assert check_sound(database.superuser, LEDGER).posted(WALLET) == 90


def test_a_legal_freeze_and_a_settlement_come_one_after_the_other(
    database: Database, writer: Writer, processes: list[WriterProcess]
) -> None:
    (hold, *_) = open_holds(writer)
    frozen, *paid = at_once(
        [
            (processes[0], FreezeAccount(account=WALLET, basis="legal"), "freeze"),
            *((processes[n % 2], settle(hold, "1.00"), f"settle-{n}") for n in range(10)),
        ]
    )
    assert frozen.code is None
    assert set(codes(paid)) <= {None, "account_frozen"}
    found = check_sound(database.superuser, LEDGER)
    (freeze,) = found.of_type("AccountFrozen")
    for record in found.of_type("AuthorizationSettled"):
        assert record["position"] < freeze["position"]
