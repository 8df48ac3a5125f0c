"""What shares a commit with what: later commands see earlier ones, nobody drags others down."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import psycopg
import pytest

from application.outcomes import Outcome, Unanswered
from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Void
from domain.ledgers import LockBooks
from tests.application.office import Office, legs, transfer
from tests.patience import wait_until

ID = "5d2f8d0e-0a3c-4a07-9d26-6f3cf0a30d{:02x}"


def codes(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.code for outcome in outcomes]


def test_a_command_sees_what_those_before_it_in_the_commit_did(office: Office) -> None:
    chart = office.chart(funds="10.00")
    spend = transfer(chart.wallet, chart.merchant, "10.00")
    assert codes(office.all(spend, spend)) == [None, "insufficient_funds"]
    into = transfer(chart.cash, chart.wallet, "1.00")
    assert codes(
        office.all(
            FreezeAccount(account=chart.wallet), into, UnfreezeAccount(account=chart.wallet), into
        )
    ) == [None, "account_frozen", None, None]
    assert codes(
        office.all(
            AmendAccount(account=chart.wallet, floor="0.50"),
            transfer(chart.wallet, chart.merchant, "0.51"),
            AmendAccount(account=chart.wallet, floor="0.49"),
            transfer(chart.wallet, chart.merchant, "0.51"),
        )
    ) == [None, "insufficient_funds", None, None]
    assert codes(
        office.all(
            OpenAccount(code=chart.any + ":1", type="asset", name="1"),
            transfer(chart.any + ":1", chart.cash, "1.00"),
            transfer(chart.cash, chart.any + ":1", "1.00"),
            CloseAccount(account=chart.any + ":1"),
            transfer(chart.any + ":1", chart.cash, "1.00"),
        )
    ) == [None, None, None, None, "account_closed"]


def test_a_lock_holds_for_the_rest_of_its_commit(own_office: Office) -> None:
    office = own_office
    chart = office.chart()

    def on(day: int) -> Command:
        return transfer(chart.cash, chart.wallet, "1.00", effective_on=date(2026, 3, day))

    assert codes(
        office.all(
            on(5),
            LockBooks(through=date(2026, 3, 5)),
            on(5),
            on(6),
            LockBooks(through=date(2026, 3, 6)),
            on(6),
            on(7),
        )
    ) == [None, None, "period_closed", None, None, "period_closed", None]


def test_things_made_in_a_commit_are_acted_on_in_it(office: Office) -> None:
    chart = office.chart(funds="10.00")
    entry, hold, other = (ID.format(number) for number in range(3))
    outcomes = office.all(
        transfer(chart.cash, chart.wallet, "1.00", id=entry),
        Adjust(entry=entry, reason="wrong_amount", legs=legs(chart.cash, chart.wallet, "2.00")),
        Reverse(entry=entry, reason="duplicate"),
        Authorize(id=hold, debit=chart.wallet, credit=chart.merchant, amount="5.00", asset="USD"),
        Settle(authorization=hold, amount="3.00"),
        Void(authorization=hold),
        Settle(authorization=hold, final=True),
        Settle(authorization=hold),
        transfer(chart.cash, chart.wallet, "1.00", id=other),
        Reverse(entry=other, reason="duplicate"),
    )
    assert codes(outcomes) == [
        None,
        None,
        "already_reversed",
        None,
        None,
        "settlement_exists",
        None,
        "authorization_closed",
        None,
        None,
    ]
    assert office.balance(chart.wallet) == (700, 1_400, 0, 0)


@pytest.mark.parametrize("falls", [False, True])
def test_a_large_group_within_a_large_commit(office: Office, falls: bool) -> None:
    """What is stored while later commands are decided is nothing that could still fall."""
    chart = office.chart()
    cent = transfer(chart.wallet, chart.merchant, "0.01")
    last = transfer(chart.wallet, chart.merchant, "999.00" if falls else "0.01")
    before = office.position
    units = [
        *[[office.asked(cent)] for _ in range(600)],
        [*[office.asked(cent) for _ in range(599)], office.asked(last)],
        *[[office.asked(cent)] for _ in range(600)],
    ]
    outcomes = office.submit(*units)
    group = codes(outcomes)[600:1200]
    if falls:
        assert group == ["group_refused"] * 599 + ["insufficient_funds"]
        assert office.position == before + 1_201
        assert office.balance(chart.merchant) == (0, 1_200, 0, 0)
    else:
        assert group == [None] * 600
        assert office.position == before + 1_800
        assert office.balance(chart.merchant) == (0, 1_800, 0, 0)
    assert set(codes(outcomes)[:600] + codes(outcomes)[1200:]) == {None}


# Several requests at once -------------------------------------------------------------------


@contextmanager
def gathered(office: Office) -> Iterator[None]:
    """Holds the ledger's lock, so that what is sent meanwhile gathers into one commit."""
    with psycopg.connect(office.database.superuser) as holder:
        holder.execute("SELECT * FROM ledger_acme.head FOR UPDATE")
        yield
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        wait_until(lambda: office.query(waiting), "a writer behind the lock")


def test_a_command_that_breaks_the_software_breaks_no_other(office: Office) -> None:
    """Nothing that passes the contract's schema may do it; this one doesn't pass."""
    chart = office.chart()
    poison = Authorize(
        debit=chart.wallet,
        credit=chart.merchant,
        amount="1.00",
        asset="USD",
        expires_in_seconds=10**15,
    )
    answers: dict[int, str | None] = {}

    def send(number: int, command: Command) -> None:
        try:
            answers[number] = office.do(command).code
        except Unanswered as unanswered:
            answers[number] = unanswered.code

    good = transfer(chart.wallet, chart.merchant, "1.00")
    threads = [
        threading.Thread(target=send, args=(number, poison if number == 3 else good))
        for number in range(6)
    ]
    with gathered(office):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert answers == {0: None, 1: None, 2: None, 3: "internal", 4: None, 5: None}
    assert office.balance(chart.merchant) == (0, 500, 0, 0)


def test_a_broken_request_can_be_sent_again_in_part(office: Office) -> None:
    """Its commands that were committed are found under their keys."""
    chart = office.chart()
    good = transfer(chart.wallet, chart.merchant, "1.00")
    poison = Authorize(
        debit=chart.wallet,
        credit=chart.merchant,
        amount="1.00",
        asset="USD",
        expires_in_seconds=10**15,
    )
    asked = [office.asked(one) for one in (good, poison, good)]
    with pytest.raises(Unanswered) as unanswered:
        office.submit(*[[one] for one in asked])
    assert unanswered.value.code == "internal"
    office.submit([asked[0]], [asked[2]])
    assert office.balance(chart.merchant) == (0, 200, 0, 0)


def test_a_queue_has_an_end(office: Office) -> None:
    """More than it holds is refused before anything of it is taken."""
    chart, before = office.chart(), office.position
    one = office.asked(transfer(chart.wallet, chart.merchant, "0.01"), "the same key")
    with pytest.raises(Unanswered) as unanswered:
        office.submit(*[[one]] * 50_001)
    assert unanswered.value.code == "busy"
    assert office.position == before
