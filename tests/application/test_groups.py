"""Groups: commands that stand or fall together."""

from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Reverse
from domain.freezes import FreezeAccount
from tests.application.office import (
    CLERK,
    CONTROLLER,
    Office,
    id_of,
    records_of,
    transfer,
    types_of,
)


def codes(outcomes: list[object]) -> list[object]:
    return [getattr(outcome, "code", None) for outcome in outcomes]


def test_a_group_stands_as_a_whole(office: Office) -> None:
    chart = office.chart()
    outcomes = office.group(
        transfer(chart.wallet, chart.merchant, "40.00"),
        transfer(chart.wallet, chart.merchant, "60.00"),
    )
    assert [one.status for one in outcomes] == ["done", "done"]
    assert [one.position for one in outcomes] == [office.position - 1, office.position]
    assert office.balance(chart.wallet) == (10_000, 10_000, 0, 0)


def test_a_group_falls_as_a_whole_and_only_the_culprit_is_on_record(office: Office) -> None:
    chart, before = office.chart(), office.position
    outcomes = office.group(
        transfer(chart.wallet, chart.merchant, "40.00"),
        transfer(chart.wallet, chart.merchant, "60.01"),
        transfer(chart.cash, chart.wallet, "500.00"),
    )
    assert codes([*outcomes]) == ["group_refused", "insufficient_funds", "group_refused"]
    assert [one.status for one in outcomes] == ["refused"] * 3
    assert [len(one.stored) for one in outcomes] == [0, 1, 0]
    assert [record["type"] for record in office.records(after=before)] == ["CommandRefused"]
    # Judged within the group: what the first command left.
    assert outcomes[1].facts["available"] == "60.00"
    assert office.balance(chart.wallet) == (0, 10_000, 0, 0)


def test_those_that_fell_with_it_keep_their_keys_and_the_culprit_does_not(office: Office) -> None:
    chart = office.chart(funds=None)
    commands = [
        transfer(chart.cash, chart.merchant, "5.00"),
        transfer(chart.wallet, chart.merchant, "1.00"),
        transfer(chart.cash, chart.merchant, "7.00"),
    ]
    keys = [office.key() for _ in commands]
    first = office.group(*commands, keys=keys)
    office.done(transfer(chart.cash, chart.wallet, "100.00"))
    again = office.group(*commands, keys=keys)
    assert (
        codes([*again])
        == codes([*first])
        == [
            "group_refused",
            "insufficient_funds",
            "group_refused",
        ]
    )
    assert again[1].replayed
    assert again[1].position == first[1].position
    renewed = office.group(*commands, keys=[keys[0], office.key(), keys[2]])
    assert [one.status for one in renewed] == ["done"] * 3


def test_a_group_again_is_replayed_whole(office: Office) -> None:
    chart = office.chart()
    commands = [transfer(chart.wallet, chart.merchant, "1.00")] * 2
    keys = [office.key() for _ in commands]
    first = office.group(*commands, keys=keys)
    before = office.position
    again = office.group(*commands, keys=keys)
    assert [one.status for one in again] == ["replayed", "replayed"]
    assert [one.position for one in again] == [one.position for one in first]
    assert office.position == before


def test_what_an_earlier_request_did_stays_done(office: Office) -> None:
    chart, key = office.chart(), office.key()
    done = transfer(chart.wallet, chart.merchant, "1.00")
    first = office.done(done, key=key)
    outcomes = office.group(
        done,
        transfer(chart.wallet, chart.merchant, "2.00"),
        transfer(chart.wallet, chart.merchant, "999.00"),
        keys=[key, office.key(), office.key()],
    )
    assert [one.status for one in outcomes] == ["replayed", "refused", "refused"]
    assert outcomes[0].position == first.position
    assert codes([*outcomes]) == [None, "group_refused", "insufficient_funds"]
    assert office.balance(chart.merchant) == (0, 100, 0, 0)


def test_a_replay_of_what_fell_with_the_group_fell_too(office: Office) -> None:
    """The same key twice in one group: the second is no replay of what was never written."""
    chart, key, before = office.chart(), office.key(), office.position
    twice = transfer(chart.wallet, chart.merchant, "1.00")
    outcomes = office.group(
        twice,
        twice,
        transfer(chart.wallet, chart.merchant, "999.00"),
        keys=[key, key, office.key()],
    )
    assert codes([*outcomes]) == ["group_refused", "group_refused", "insufficient_funds"]
    assert [one.stored for one in outcomes[:2]] == [[], []]
    assert len(office.records(after=before)) == 1
    office.done(twice, key=key)


def test_a_key_of_an_earlier_group_of_the_same_commit(office: Office) -> None:
    """Replayed where that group stood; fresh where it fell."""
    chart = office.chart()
    good, bad = (transfer(chart.wallet, chart.merchant, amount) for amount in ("1.00", "999.00"))
    stood, fell = office.key(), office.key()
    outcomes = office.submit(
        [office.asked(good, stood), office.asked(good)],
        [office.asked(good, fell), office.asked(bad)],
        [office.asked(good, stood), office.asked(good, fell)],
    )
    assert [one.status for one in outcomes] == [
        "done",
        "done",
        "refused",
        "refused",
        "replayed",
        "done",
    ]
    assert office.balance(chart.merchant) == (0, 300, 0, 0)


def test_a_conflict_a_forbidden_or_a_stale_command_takes_its_group_along(office: Office) -> None:
    """Rejections, so nothing at all is on record."""
    chart, key = office.chart(), office.key()
    good = transfer(chart.wallet, chart.merchant, "1.00")
    office.done(good, key=key)
    before = office.position
    outcomes = office.submit(
        [office.asked(good), office.asked(transfer(chart.wallet, chart.merchant, "2.00"), key)],
        [office.asked(good, by=CLERK), office.asked(FreezeAccount(account=chart.any), by=CLERK)],
        [office.asked(good), office.asked(AmendAccount(account=chart.any, expected_version=9))],
        [office.asked(good), office.asked(transfer(chart.wallet, chart.merchant, "1" * 70_000))],
        [office.asked(good), office.asked(good)],
    )
    assert codes([*outcomes])[:6] == [
        "group_refused",
        "idempotency_conflict",
        "group_refused",
        "forbidden",
        "group_refused",
        "stale",
    ]
    assert [one.status for one in outcomes[8:]] == ["done", "done"]
    recorded = [record["type"] for record in office.records(after=before)]
    assert recorded == ["CommandRefused", "EntryPosted", "EntryPosted"]


def test_a_record_too_large_takes_its_group_along(office: Office) -> None:
    chart, before = office.chart(), office.position
    outcomes = office.group(
        transfer(chart.wallet, chart.merchant, "1.00"),
        transfer(chart.wallet, chart.merchant, "1.00", reference="x" * 66_000),
    )
    assert codes([*outcomes]) == ["group_refused", "too_large"]
    assert office.position == before


def test_units_around_a_fallen_group_are_not_touched_by_it(office: Office) -> None:
    chart = office.chart()
    part = transfer(chart.wallet, chart.merchant, "40.00")
    outcomes = office.submit(
        [office.asked(part)],
        [office.asked(part), office.asked(part)],
        [office.asked(part)],
        [office.asked(part)],
    )
    assert [one.status for one in outcomes] == ["done", "refused", "refused", "done", "refused"]
    assert office.balance(chart.wallet) == (8_000, 10_000, 0, 0)


def test_what_a_group_made_is_gone_with_it(office: Office) -> None:
    """Its ids are free, its accounts and holds never were, its vouchers are given to others."""
    chart = office.chart()
    wanted = "5d2f8d0e-0a3c-4a07-9d26-6f3cf0a30c01"
    made: list[Command] = [
        Authorize(
            id=wanted, debit=chart.wallet, credit=chart.merchant, amount="10.00", asset="USD"
        ),
        Settle(authorization=wanted, amount="4.00"),
    ]
    vouchers = office.query("SELECT * FROM {}.vouchers ORDER BY journal")
    outcomes = office.group(*made, Settle(authorization=wanted, amount="99.00"))
    assert codes([*outcomes])[-1] == "over_settlement"
    assert office.query("SELECT * FROM {}.vouchers ORDER BY journal") == vouchers
    assert office.do(Settle(authorization=wanted)).code == "authorization_not_found"
    assert [one.status for one in office.group(*made)] == ["done", "done"]
    assert office.balance(chart.wallet) == (400, 10_000, 600, 0)


def test_a_hold_that_expired_before_a_group_fell_stays_expired(office: Office) -> None:
    """That its time had come is true whatever becomes of the group."""
    chart = office.chart()
    hold = office.done(
        Authorize(
            debit=chart.wallet,
            credit=chart.merchant,
            amount="100.00",
            asset="USD",
            expires_in_seconds=60,
        )
    )
    office.clock.move(seconds=61)
    before = office.position
    outcomes = office.group(
        transfer(chart.cash, chart.wallet, "1.00"), Settle(authorization=id_of(hold))
    )
    assert codes([*outcomes]) == ["group_refused", "authorization_expired"]
    recorded = office.records(after=before)
    assert [record["type"] for record in recorded] == ["AuthorizationExpired", "CommandRefused"]
    assert recorded[0]["stream"] == id_of(hold)
    assert office.balance(chart.wallet) == (0, 10_000, 0, 0)
    assert office.do(Settle(authorization=id_of(hold))).code == "authorization_expired"
    assert types_of(office.done(transfer(chart.wallet, chart.merchant, "100.00"))) == [
        "EntryPosted"
    ]


def test_a_member_sees_what_those_before_it_did(office: Office) -> None:
    chart = office.chart(funds=None)
    wanted = "5d2f8d0e-0a3c-4a07-9d26-6f3cf0a30c02"
    outcomes = office.group(
        transfer(chart.cash, chart.wallet, "10.00", id=wanted),
        transfer(chart.wallet, chart.merchant, "10.00"),
        transfer(chart.cash, chart.wallet, "10.00"),
        Reverse(entry=wanted, reason="duplicate"),
    )
    assert [one.status for one in outcomes] == ["done"] * 4
    (last,) = [record for record in records_of(outcomes[3]) if record["type"] == "EntryReversed"]
    assert last["version"] == 2
    assert office.balance(chart.wallet) == (2_000, 2_000, 0, 0)


def test_the_largest_group(office: Office) -> None:
    chart = office.chart()
    cent = transfer(chart.wallet, chart.merchant, "0.01")
    outcomes = office.group(*[cent] * 2_000)
    assert {one.status for one in outcomes} == {"done"}
    positions = [one.position for one in outcomes]
    assert positions == list(range(office.position - 1_999, office.position + 1))
    assert office.balance(chart.wallet) == (2_000, 10_000, 0, 0)
    assert outcomes[0].stored[0].record.actor == CONTROLLER.actor
