"""Holds whose time has come: recorded before anything acts on them, by whoever comes first."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.expiry import MAX_EXPIRED_PER_COMMAND
from application.outcomes import Caller
from application.sweeper import Sweeper
from domain.accounts import OpenAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command, Comparison, Condition
from domain.corrections import Reverse
from domain.hold_ends import Release, Void
from domain.increments import Increment, Reduce
from domain.refunds import Chargeback, Refund, Representment
from tests.application.office import (
    LEDGER,
    Chart,
    Office,
    id_of,
    records_of,
    transfer,
    types_of,
)
from tests.patience import wait_until

VERBS = [Increment, Reduce, Settle, Void, Release, Refund, Chargeback, Representment]


def hold(office: Office, chart: Chart, seconds: int = 60, amount: str = "100.00") -> str:
    command = Authorize(
        debit=chart.wallet,
        credit=chart.merchant,
        amount=amount,
        asset="USD",
        expires_in_seconds=seconds,
    )
    return id_of(office.done(command))


def test_expiry_is_counted_from_the_commits_moment(office: Office) -> None:
    chart = office.chart()
    hold(office, chart, seconds=60)
    (opened,) = office.records(after=office.position - 1)
    recorded_at = datetime.fromisoformat(opened["recorded_at"])
    expires_at = datetime.fromisoformat(opened["payload"]["authorization"]["expires_at"])
    assert expires_at - recorded_at == timedelta(seconds=60)


@pytest.mark.parametrize("verb", [Settle, Void, Release])
def test_at_its_moment_it_expires_and_the_verb_is_refused(
    office: Office, verb: type[Command]
) -> None:
    chart, key = office.chart(), office.key()
    authorization = hold(office, chart)
    command = verb(authorization=authorization)  # type: ignore[call-arg]
    office.clock.move(seconds=61)
    before = office.position
    refused = office.do(command, key=key)
    assert refused.code == "authorization_expired"
    expired, refusal = office.records(after=before)
    assert (expired["type"], expired["stream"], expired["version"]) == (
        "AuthorizationExpired",
        authorization,
        2,
    )
    # Caused by the command, not of it: the command's own record is the refusal.
    assert (expired["command_id"], expired["command_digest"], expired["reason"]) == (
        None,
        None,
        None,
    )
    assert expired["causation_id"] == refusal["command_id"] == refusal["stream"]
    assert [one["type"] for one in records_of(refused)] == ["CommandRefused"]
    assert office.balance(chart.wallet) == (0, 10_000, 0, 0)
    assert office.query("SELECT * FROM {}.holds WHERE debit = %s", chart.wallet) == []
    again = office.do(command, key=key)
    assert again.replayed
    assert again.position == refused.position


@pytest.mark.parametrize(("before", "code"), [(1, None), (0, "authorization_expired")])
def test_the_very_moment_is_due(office: Office, before: int, code: str | None) -> None:
    chart = office.chart()
    authorization = hold(office, chart)
    (opened,) = office.records(after=office.position - 1)
    moment = opened["payload"]["authorization"]["expires_at"]
    office.clock.now = datetime.fromisoformat(moment) - timedelta(microseconds=before)
    assert office.do(Settle(authorization=authorization)).code == code


def test_it_expires_once(office: Office) -> None:
    chart = office.chart()
    authorization = hold(office, chart)
    office.clock.move(seconds=61)
    before = office.position
    outcomes = office.all(
        Settle(authorization=authorization),
        Void(authorization=authorization),
        Release(authorization=authorization),
        transfer(chart.wallet, chart.merchant, "100.00"),
    )
    assert [one.code for one in outcomes] == ["authorization_expired"] * 3 + [None]
    types = [record["type"] for record in office.records(after=before)]
    assert types == ["AuthorizationExpired", *["CommandRefused"] * 3, "EntryPosted"]


def test_a_hold_that_nobody_needs_still_holds(office: Office) -> None:
    """Nothing happens by itself: until it is swept, acted on or in the way, it stands."""
    chart = office.chart()
    hold(office, chart)
    office.clock.move(days=1)
    office.done(transfer(chart.cash, chart.wallet, "1.00"))
    assert office.balance(chart.wallet) == (0, 10_100, 10_000, 0)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_lets_it_expire_first(office: Office, verb: Any) -> None:
    chart = office.chart()
    authorization = hold(office, chart)
    office.clock.move(seconds=61)
    before = office.position
    more = {} if verb in (Settle, Void, Release) else {"amount": "1.00", "reason": "counterparty"}
    refused = office.do(verb(authorization=authorization, **more))
    nothing_settled = verb in (Refund, Chargeback)
    assert refused.code == ("nothing_settled" if nothing_settled else "authorization_expired")
    types = [record["type"] for record in office.records(after=before)]
    assert types == ["AuthorizationExpired", "CommandRefused"]


def test_a_hold_is_not_restored_after_its_time(office: Office) -> None:
    chart = office.chart()
    authorization = hold(office, chart)
    entry = id_of(office.done(Settle(authorization=authorization, amount="1.00")))
    office.clock.move(seconds=61)
    restore = Reverse(entry=entry, reason="duplicate", restore_hold=True)
    assert office.do(restore).code == "authorization_expired"
    assert office.do(Reverse(entry=entry, reason="duplicate")).code is None


# Funds that only seem to be held ---------------------------------------------------------------


def due(office: Office, chart: Chart, *seconds: int, amount: str = "10.00") -> list[str]:
    """Holds, each with so many seconds to live, whose time has come."""
    ids = [hold(office, chart, seconds=each, amount=amount) for each in seconds]
    office.clock.move(seconds=max(seconds) + 1)  # each commit is a little later than the clock
    return ids


def expired(office: Office, after: int) -> list[str]:
    records = office.records(after=after)
    return [one["stream"] for one in records if one["type"] == "AuthorizationExpired"]


def test_who_needs_funds_lets_due_holds_expire_in_order_until_it_passes(office: Office) -> None:
    chart = office.chart()
    third, first, second = due(office, chart, 30, 10, 20)
    before = office.position
    done = office.done(transfer(chart.wallet, chart.merchant, "85.00"))
    assert expired(office, before) == [first, second]
    assert types_of(done) == ["EntryPosted"]
    assert {record["causation_id"] for record in office.records(after=before)} == {
        None,
        records_of(done)[0]["command_id"],
    }
    assert office.balance(chart.wallet) == (8_500, 10_000, 1_000, 0)
    before = office.position
    office.done(transfer(chart.wallet, chart.merchant, "15.00"))
    assert expired(office, before) == [third]


def test_one_command_expires_so_many_and_the_next_one_the_rest(office: Office) -> None:
    """Two commands of one commit need 1,001 holds of a cent to be gone."""
    chart = office.chart(funds="10.01")
    cent = Authorize(
        debit=chart.wallet,
        credit=chart.merchant,
        amount="0.01",
        asset="USD",
        expires_in_seconds=60,
    )
    assert {opened.code for opened in office.all(*[cent] * (MAX_EXPIRED_PER_COMMAND + 1))} == {None}
    office.clock.move(seconds=61)
    before = office.position
    everything = transfer(chart.wallet, chart.merchant, "10.01")
    first, second = office.all(everything, everything)
    assert (first.code, first.facts["available"]) == ("insufficient_funds", "10.00")
    assert second.code is None
    types = [record["type"] for record in office.records(after=before)]
    assert types[MAX_EXPIRED_PER_COMMAND:] == [
        "CommandRefused",
        "AuthorizationExpired",
        "EntryPosted",
    ]


def test_of_the_same_moment_the_smaller_id_comes_first(office: Office) -> None:
    chart = office.chart()
    command = Authorize(
        debit=chart.wallet,
        credit=chart.merchant,
        amount="10.00",
        asset="USD",
        expires_at=office.clock.now + timedelta(seconds=60),
    )
    ids = [id_of(office.done(command)) for _ in range(3)]
    office.clock.move(seconds=60)
    before = office.position
    office.done(transfer(chart.wallet, chart.merchant, "100.00"))
    assert expired(office, before) == sorted(ids)


def test_what_expired_stays_expired_where_the_command_is_refused(office: Office) -> None:
    chart = office.chart()
    ids = due(office, chart, 10, 20)
    before = office.position
    refused = office.do(transfer(chart.wallet, chart.merchant, "100.01"))
    assert (refused.code, refused.facts["available"]) == ("insufficient_funds", "100.00")
    assert expired(office, before) == ids
    assert office.balance(chart.wallet) == (0, 10_000, 0, 0)


def test_what_expired_stays_expired_where_the_group_is_refused(office: Office) -> None:
    chart = office.chart()
    ids = due(office, chart, 10, 20)
    before = office.position
    group = [
        office.asked(transfer(chart.wallet, chart.merchant, "100.00")),
        office.asked(transfer(chart.wallet, chart.merchant, "0.01")),
    ]
    outcomes = office.submit(group)
    assert [one.code for one in outcomes] == ["group_refused", "insufficient_funds"]
    types = [record["type"] for record in office.records(after=before)]
    assert types == ["AuthorizationExpired"] * 2 + ["CommandRefused"]
    assert expired(office, before) == ids
    assert office.balance(chart.wallet) == (0, 10_000, 0, 0)


def test_a_judgement_lets_nothing_expire(office: Office) -> None:
    chart = office.chart()
    ids = due(office, chart, 10)
    before = office.position
    ask = transfer(chart.wallet, chart.merchant, "100.00", validate_only=True)
    really = transfer(chart.wallet, chart.merchant, "100.00")
    judged, done = office.submit([office.asked(ask)], [office.asked(really)])
    assert (judged.code, judged.judged_at) == (None, before)
    assert done.code is None
    assert expired(office, before) == ids
    assert len(office.records(after=before)) == 2


def test_holds_that_are_not_due_stand_in_the_way(office: Office) -> None:
    chart = office.chart()
    due(office, chart, 10)
    hold(office, chart, seconds=10, amount="10.00")
    before = office.position
    assert office.do(transfer(chart.wallet, chart.merchant, "95.00")).code == "insufficient_funds"
    assert len(expired(office, before)) == 1


def test_a_hold_on_the_other_side_expires_too(office: Office) -> None:
    """An asset account that gives: what it is to pay out is held as pending credits."""
    chart = office.chart()
    till = f"{chart.cash}:till"
    office.done(OpenAccount(code=till, type="asset", name="Till", asset="USD", floor="0.00"))
    office.done(transfer(till, chart.merchant, "10.00"))
    command = Authorize(
        debit=chart.wallet, credit=till, amount="10.00", asset="USD", expires_in_seconds=10
    )
    id = id_of(office.done(command))
    office.clock.move(seconds=11)
    before = office.position
    office.done(transfer(chart.merchant, till, "10.00"))
    assert expired(office, before) == [id]


def test_a_condition_is_judged_without_what_is_due(office: Office) -> None:
    chart = office.chart()
    ids = due(office, chart, 10)
    condition = Condition(account=chart.wallet, asset="USD", available=Comparison(gte="100.00"))
    before = office.position
    office.done(transfer(chart.cash, chart.merchant, "1.00", if_=[condition]))
    assert expired(office, before) == ids


def test_a_cold_cache_finds_them_too(office: Office, partner: Office) -> None:
    chart = office.chart()
    ids = due(office, chart, 10, 20)
    before = office.position
    partner.done(transfer(chart.wallet, chart.merchant, "100.00"))
    assert expired(office, before) == ids


# The sweeper -----------------------------------------------------------------------------------


def test_the_sweeper_records_what_is_due(own_office: Office) -> None:
    office = own_office
    chart = office.chart()
    last, first, waiting = [hold(office, chart, each, "10.00") for each in (20, 10, 30)]
    before = office.position
    sweeper = Sweeper(office.ledgers, clock=office.clock)
    office.clock.move(seconds=21)
    assert sweeper.sweep(office.ledger) == 2
    swept = office.records(after=before)
    assert [(one["type"], one["stream"]) for one in swept] == [
        ("AuthorizationExpired", first),
        ("AuthorizationExpired", last),
    ]
    assert {(one["actor"], one["channel"]) for one in swept} == {("system", "worker")}
    assert office.balance(chart.wallet) == (0, 10_000, 1_000, 0)
    assert sweeper.sweep(office.ledger) == 0
    office.done(Void(authorization=waiting))


def test_two_sweepers_record_it_once(own_office: Office, other_office: Office) -> None:
    office = own_office
    chart = office.chart()
    ids = due(office, chart, *range(1, 11))
    before = office.position
    sweepers = [Sweeper(each.ledgers, clock=each.clock) for each in (own_office, other_office)]
    with ThreadPoolExecutor() as threads:
        swept = list(threads.map(lambda sweeper: sweeper.sweep(LEDGER), sweepers))
    assert sum(swept) == 10
    assert expired(office, before) == ids


def test_more_than_it_takes_at_once_is_swept_whole(
    own_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = own_office
    monkeypatch.setattr("application.sweeper.SWEPT_AT_ONCE", 3)
    chart = office.chart()
    ids = due(office, chart, *range(1, 9))
    before = office.position
    assert Sweeper(office.ledgers, clock=office.clock).sweep(office.ledger) == 8
    assert expired(office, before) == ids


def test_a_running_sweeper_records_what_is_due(own_office: Office) -> None:
    """By the machine's clock, as the worker runs it."""
    office = own_office
    chart, stop = office.chart(), threading.Event()
    office.clock.now = datetime.now(UTC)
    authorization = hold(office, chart, seconds=1)
    sweeping = threading.Thread(target=Sweeper(office.ledgers).run, args=(stop,))
    office.clock.move(seconds=10)  # its commit must not be before the sweep's moment
    sweeping.start()
    try:
        due = "SELECT 1 FROM {}.holds WHERE debit = %s"
        wait_until(lambda: not office.query(due, chart.wallet), "the end of the hold")
    finally:
        stop.set()
        sweeping.join()
    assert office.records(after=office.position - 1)[0]["stream"] == authorization


def test_an_answered_command_is_answered_again_after_the_end(own_office: Office) -> None:
    """A replay acts on nothing, so it lets nothing expire."""
    office = own_office
    chart, key = office.chart(), office.key()
    authorization = hold(office, chart)
    command = Settle(authorization=authorization, amount="1.00")
    first = office.done(command, key=key)
    office.clock.move(days=1)
    before = office.position
    again = office.do(command, key=key)
    assert again.replayed
    assert again.position == first.position
    assert office.position == before


def test_who_may_not_act_on_it_does_not_make_it_expire(own_office: Office) -> None:
    office = own_office
    chart = office.chart()
    authorization = hold(office, chart)
    office.clock.move(days=1)
    before = office.position
    nobody = Caller("nora", None, frozenset({"auditor"}), "http")
    assert office.do(Settle(authorization=authorization), by=nobody).code == "forbidden"
    assert office.position == before
