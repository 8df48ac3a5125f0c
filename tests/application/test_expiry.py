"""Holds whose time has come: recorded before anything acts on them, by whoever comes first."""

from datetime import datetime, timedelta

import pytest

from application.outcomes import Caller
from domain.authorizations import Authorize, Release, Settle, Void
from domain.commands import Command
from tests.application.office import Chart, Office, id_of, records_of, transfer


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


def test_a_hold_that_nobody_acts_on_still_holds(office: Office) -> None:
    """Nothing happens by itself: until it is swept or acted on, its funds are not available."""
    chart = office.chart()
    hold(office, chart)
    office.clock.move(days=1)
    assert office.do(transfer(chart.wallet, chart.merchant, "1.00")).code == "insufficient_funds"


def test_an_answered_command_is_answered_again_after_the_end(office: Office) -> None:
    """A replay acts on nothing, so it lets nothing expire."""
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


def test_who_may_not_act_on_it_does_not_make_it_expire(office: Office) -> None:
    chart = office.chart()
    authorization = hold(office, chart)
    office.clock.move(days=1)
    before = office.position
    nobody = Caller("nora", None, frozenset({"auditor"}), "http")
    assert office.do(Settle(authorization=authorization), by=nobody).code == "forbidden"
    assert office.position == before
