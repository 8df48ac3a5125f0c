"""Limits on record: counters are rows, written with the events, and follow from them."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from domain.authorizations import Authorize, Settle
from domain.commands import Comparison, Condition
from domain.hold_ends import Void
from domain.limits import SetLimit
from tests.application.office import Chart, Office, id_of, records_of, transfer


def limit(chart: Chart, amount: str = "50.00", per: str = "day", count: int = 9) -> SetLimit:
    return SetLimit(account=chart.wallet, per=per, amount=amount, count=count)  # type: ignore[arg-type]


def hold(chart: Chart, amount: str, seconds: int | None = None) -> Authorize:
    return Authorize(
        debit=chart.wallet,
        credit=chart.merchant,
        amount=amount,
        asset="USD",
        expires_in_seconds=seconds,
    )


def used(office: Office, chart: Chart) -> list[tuple[int, int]]:
    rows = office.query(
        "SELECT used, count FROM {}.limit_usages WHERE account = %s ORDER BY limit_id",
        chart.wallet,
    )
    return [(int(row["used"]), row["count"]) for row in rows]


def test_the_counters_are_written_with_what_they_count(office: Office) -> None:
    chart = office.chart()
    office.done(limit(chart))
    assert used(office, chart) == [(0, 0)]
    held = id_of(office.done(hold(chart, "20.00")))
    office.done(transfer(chart.wallet, chart.merchant, "30.00"))
    assert used(office, chart) == [(5000, 2)]
    refused = office.do(transfer(chart.wallet, chart.merchant, "0.01"))
    assert (refused.code, refused.facts["used"]) == ("limit_exceeded", "50.00")
    office.done(Void(authorization=held))
    assert used(office, chart) == [(3000, 1)]
    office.done(replace(limit(chart), amount=None, count=None))
    assert used(office, chart) == []
    office.done(transfer(chart.wallet, chart.merchant, "60.00"))


def test_another_process_counts_on(office: Office, partner: Office) -> None:
    chart = office.chart()
    office.done(limit(chart))
    for one in (office, partner, office, partner, office):
        one.done(transfer(chart.wallet, chart.merchant, "10.00"))
    for one in (office, partner):
        refused = one.do(transfer(chart.wallet, chart.merchant, "0.01"))
        assert (refused.code, refused.facts["used"]) == ("limit_exceeded", "50.00")


def test_commands_of_one_commit_see_each_others_use(office: Office) -> None:
    chart = office.chart()
    half = transfer(chart.wallet, chart.merchant, "25.00")
    outcomes = office.all(limit(chart), half, half, half)
    assert [one.code for one in outcomes] == [None, None, None, "limit_exceeded"]
    assert used(office, chart) == [(5000, 2)]


def test_a_group_that_falls_takes_nothing(office: Office) -> None:
    chart = office.chart()
    office.done(limit(chart))
    half = transfer(chart.wallet, chart.merchant, "25.00")
    fallen = office.group(half, half, half)
    assert [one.code for one in fallen] == ["group_refused", "group_refused", "limit_exceeded"]
    assert used(office, chart) == [(0, 0)]
    judged = office.group(*[replace(half, validate_only=True)] * 2)
    assert [one.code for one in judged] == [None, None]
    assert used(office, chart) == [(0, 0)]
    office.group(half, half)
    assert used(office, chart) == [(5000, 2)]


def test_the_day_is_the_ledgers_own(office: Office) -> None:
    """Midnight in New York is 4 o'clock in UTC; effective dates don't matter."""
    chart = office.chart()
    office.done(limit(chart))
    yesterday = office.clock.now.date()
    office.done(transfer(chart.wallet, chart.merchant, "50.00"))
    office.clock.now = office.clock.now.replace(hour=3, minute=59, second=0) + timedelta(days=1)
    assert office.do(transfer(chart.wallet, chart.merchant, "1.00")).code == "limit_exceeded"
    office.clock.move(minutes=1)
    office.done(transfer(chart.wallet, chart.merchant, "50.00", effective_on=yesterday))
    assert used(office, chart) == [(5000, 1)]


def test_expiry_gives_back(office: Office) -> None:
    chart = office.chart()
    office.done(limit(chart))
    held = id_of(office.done(hold(chart, "50.00", seconds=60)))
    office.clock.move(seconds=61)
    assert office.do(Settle(authorization=held)).code == "authorization_expired"
    assert used(office, chart) == [(0, 0)]


def test_a_limited_account_never_takes_the_straight_line(office: Office) -> None:
    chart = office.chart()
    office.done(limit(chart))
    done = office.done(transfer(chart.wallet, chart.merchant, "1.00"))
    (record,) = records_of(done)
    assert record["payload"]["limits"][0]["amount"] == "1.00"


# Holds whose time has come give way ------------------------------------------------------------


def test_a_due_hold_gives_back_before_a_limit_is_told(office: Office) -> None:
    for bounds in ({"amount": "50.00"}, {"count": 1}):
        chart = office.chart()
        office.done(replace(limit(chart), **{"amount": None, "count": None, **bounds}))
        office.done(hold(chart, "50.00", seconds=60))
        assert office.do(hold(chart, "50.00")).code == "limit_exceeded"
        office.clock.move(seconds=61)
        before = office.position
        judged = office.do(replace(hold(chart, "50.00"), validate_only=True))
        assert (judged.code, office.position) == (None, before)
        office.done(hold(chart, "50.00"))
        assert [record["type"] for record in office.records(after=before)] == [
            "AuthorizationExpired",
            "AuthorizationOpened",
        ]
        assert used(office, chart) == [(5000, 1)]


def test_what_expired_stays_so_where_the_limit_is_told_after_all(office: Office) -> None:
    chart = office.chart()
    office.done(limit(chart))
    office.done(hold(chart, "20.00", seconds=60))
    office.clock.move(seconds=61)
    assert office.do(hold(chart, "50.01")).code == "limit_exceeded"
    assert used(office, chart) == [(0, 0)]


def test_a_due_hold_expires_before_a_condition_fails(office: Office) -> None:
    chart = office.chart()
    office.done(hold(chart, "20.00", seconds=60))
    whole = Condition(account=chart.wallet, asset="USD", available=Comparison(eq="100.00"))
    command = transfer(chart.cash, chart.any, "1.00", if_=[whole])
    assert office.do(command).code == "condition_failed"
    office.clock.move(seconds=61)
    office.done(command)


@pytest.mark.parametrize(
    ("begins", "hours"), [("2026-11-01T04:00:00+00:00", 25), ("2027-03-14T05:00:00+00:00", 23)]
)
def test_days_on_which_the_clocks_are_changed_end_at_midnight_too(
    office: Office, begins: str, hours: int
) -> None:
    chart = office.chart("500.00")
    office.done(limit(chart))
    all_of_it = transfer(chart.wallet, chart.merchant, "50.00")
    start = datetime.fromisoformat(begins)
    for moment in (start - timedelta(seconds=1), start):
        office.clock.now = moment
        office.done(all_of_it)
    office.clock.now = start + timedelta(hours=hours, seconds=-1)
    assert office.do(all_of_it).code == "limit_exceeded"
    office.clock.now = start + timedelta(hours=hours)
    office.done(all_of_it)
