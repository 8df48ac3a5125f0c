"""What a commit writes: positions, moments, sizes, and the record's envelope."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
import pytest

from application.outcomes import Caller
from application.records import MAX_RECORD_BYTES, SHAPES
from domain.accounts import OpenAccount
from domain.books import Books
from domain.catalogue import DECISIONS, EVOLVE
from domain.commands import At, Command
from domain.entries import Post
from domain.refusals import Refusal
from tests.application.office import (
    CONTROLLER,
    NOON,
    Office,
    legs,
    records_of,
    transfer,
)


def test_a_record_is_one_object_of_fixed_order(office: Office) -> None:
    chart, key = office.chart(), office.key()
    by = Caller("dora", "key-7", CONTROLLER.roles, "import")
    outcome = office.done(
        transfer(
            chart.cash,
            chart.wallet,
            "1.00",
            reason="data_entry",
            correlation_id="corr",
            on_behalf_of="somebody",
            reference="R",
        ),
        key=key,
        by=by,
    )
    record = records_of(outcome)[0]
    assert list(record) == [
        "format",
        "ledger",
        "incarnation",
        "position",
        "stream",
        "version",
        "type",
        "schema_version",
        "recorded_at",
        "actor",
        "on_behalf_of",
        "key_id",
        "channel",
        "software_version",
        "command_id",
        "command_digest",
        "correlation_id",
        "causation_id",
        "reason",
        "payload",
    ]
    command_id = str(
        uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, "urn:backoffice:acme"), f"dora\0{key}")
    )
    head = office.query("SELECT * FROM {}.head")[0]
    assert {name: value for name, value in record.items() if name != "payload"} == {
        "format": 1,
        "ledger": "acme",
        "incarnation": 1,
        "position": office.position,
        "stream": command_id,
        "version": 1,
        "type": "EntryPosted",
        "schema_version": 4,
        "recorded_at": head["recorded_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": "dora",
        "on_behalf_of": "somebody",
        "key_id": "key-7",
        "channel": "import",
        "software_version": "1.2.3",
        "command_id": command_id,
        "command_digest": office.ledgers.writer("acme").ids.digest(
            transfer(
                chart.cash,
                chart.wallet,
                "1.00",
                reason="data_entry",
                correlation_id="corr",
                on_behalf_of="somebody",
                reference="R",
            )
        )[0],
        "correlation_id": "corr",
        "causation_id": None,
        "reason": "data_entry",
    }
    state = office.states()[-1]
    assert json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() == state


def test_a_refusal_says_what_was_asked_and_why_not(office: Office) -> None:
    chart = office.chart()
    refused = office.do(transfer(chart.wallet, chart.merchant, "100.01", reason="wrong_amount"))
    (record,) = records_of(refused)
    assert record["reason"] == "wrong_amount"
    assert record["payload"] == {
        "do": "post",
        "code": "insufficient_funds",
        "detail": refused.detail,
        "facts": {
            "account": chart.wallet,
            "asset": "USD",
            "available": "100.00",
            "floor": "0.00",
            "asked": "100.01",
        },
    }
    assert refused.facts == record["payload"]["facts"]


# Time ---------------------------------------------------------------------------------------


def test_all_events_of_a_commit_share_a_moment_and_commits_never(own_office: Office) -> None:
    office = own_office
    chart = office.chart()
    commits = []
    for _ in range(3):
        before = office.position
        office.all(*[transfer(chart.cash, chart.wallet, "1.00")] * 3)
        commits.append({record["recorded_at"] for record in office.records(after=before)})
    assert [len(moments) for moments in commits] == [1, 1, 1]
    assert len(set.union(*commits)) == 3
    assert sorted(min(moments) for moments in commits) == [min(moments) for moments in commits]


def test_the_moment_goes_on_when_the_clock_goes_back(own_office: Office) -> None:
    office = own_office
    chart = office.chart()
    last = office.query("SELECT recorded_at FROM {}.head")[0]["recorded_at"]
    office.clock.now = NOON - timedelta(days=365)
    for number in range(1, 4):
        record = records_of(office.done(transfer(chart.cash, chart.wallet, "1.00")))[0]
        assert datetime.fromisoformat(record["recorded_at"]) == last + timedelta(
            microseconds=number
        )
        assert record["payload"]["effective_on"] == "2026-03-31"
    office.clock.now = last + timedelta(seconds=5)
    record = records_of(office.done(transfer(chart.cash, chart.wallet, "1.00")))[0]
    assert datetime.fromisoformat(record["recorded_at"]) == last + timedelta(seconds=5)


def test_today_is_the_ledgers_own_day(own_office: Office) -> None:
    """Two in the morning in Greenwich is yesterday in New York."""
    office = own_office
    chart = office.chart()
    office.clock.now = datetime(2026, 4, 2, 3, 59, tzinfo=UTC)
    record = records_of(office.done(transfer(chart.cash, chart.wallet, "1.00")))[0]
    assert record["payload"]["effective_on"] == "2026-04-01"
    office.clock.now = datetime(2026, 4, 2, 4, 0, tzinfo=UTC)
    record = records_of(office.done(transfer(chart.cash, chart.wallet, "1.00")))[0]
    assert record["payload"]["effective_on"] == "2026-04-02"


# Size ---------------------------------------------------------------------------------------


def test_a_record_may_have_65535_bytes_and_not_one_more(office: Office) -> None:
    chart = office.chart()

    def padded(length: int) -> Post:
        return transfer(chart.cash, chart.wallet, "1.00", reference="x" * length)

    before = office.position
    refused = office.do(padded(70_000))
    assert (refused.status, refused.code, refused.stored) == ("refused", "too_large", [])
    assert refused.facts["limit"] == MAX_RECORD_BYTES == 65_535
    most = 70_000 - (refused.facts["bytes"] - 65_535)
    assert office.do(padded(most + 1)).facts["bytes"] == 65_536
    assert office.position == before
    assert len(office.done(padded(most)).stored[0].state) == 65_535


def test_one_record_too_large_leaves_the_rest_of_the_batch_alone(office: Office) -> None:
    chart, before = office.chart(), office.position
    good = transfer(chart.cash, chart.wallet, "1.00")
    many = Post(
        narrative="with a private row, which must not be left over",
        legs=[
            leg
            for _ in range(50)
            for leg in legs(
                chart.cash,
                chart.wallet,
                "1.00",
                dimensions={f"dimension_{n}": "v" * 140 for n in range(8)},
            )
        ],
    )
    outcomes = office.all(good, many, good)
    assert [(one.status, one.code) for one in outcomes] == [
        ("done", None),
        ("refused", "too_large"),
        ("done", None),
    ]
    assert [one.position for one in outcomes] == [before + 1, None, before + 2]


def test_a_refusal_too_large_to_record_harms_nobody_else(office: Office) -> None:
    chart = office.chart()
    huge = transfer(chart.wallet, chart.merchant, "999.00", correlation_id="x" * 66_000)
    outcomes = office.all(huge, transfer(chart.cash, chart.wallet, "1.00"))
    assert [(one.status, one.code) for one in outcomes] == [
        ("refused", "too_large"),
        ("done", None),
    ]


# Order --------------------------------------------------------------------------------------


def test_a_request_larger_than_a_commit_is_answered_in_order(office: Office) -> None:
    chart = office.chart(funds="30.00")
    cent = transfer(chart.wallet, chart.merchant, "0.01")
    before = office.position
    outcomes = office.all(*[cent] * 3_005)
    assert [one.status for one in outcomes] == ["done"] * 3_000 + ["refused"] * 5
    assert [one.position for one in outcomes] == list(range(before + 1, before + 3_006))


@pytest.mark.parametrize("count", [1, 49, 50, 51, 600])
def test_small_and_large_commits_store_the_same(office: Office, count: int) -> None:
    """Few rows travel in a statement, many in a COPY; some have a command's id in a column."""
    chart, before = office.chart(), office.position
    commands: list[Command] = [
        transfer(chart.cash, chart.wallet, "0.01", id=str(uuid.uuid4()) if n % 2 else None)
        for n in range(count)
    ]
    asked = [[office.asked(one)] for one in commands]
    outcomes = office.submit(*asked)
    assert [one.stored[0].state for one in outcomes] == office.states(after=before)
    again = office.submit(*asked)
    assert {one.status for one in again} == {"replayed"}
    assert office.position == before + count
    column = office.query(
        "SELECT count(command_id) AS n FROM {}.events WHERE notification_id > %s", before
    )
    assert column[0]["n"] == count // 2


def test_an_empty_request_is_answered_at_once(office: Office) -> None:
    before = office.position
    assert office.submit() == []
    assert office.position == before


# Forms of the record that are filled in instead of encoded ----------------------------------


@pytest.mark.parametrize(
    "actor", ["70000000000000012", "700000000000000012", "a", "@0@", "née", 'q"uote\\', "7" * 64]
)
def test_any_actors_name_comes_through(office: Office, actor: str) -> None:
    chart = office.chart()
    by = Caller(actor, actor, CONTROLLER.roles, "http")
    record = records_of(office.done(transfer(chart.cash, chart.wallet, "1.00"), by=by))[0]
    assert (record["actor"], record["key_id"]) == (actor, actor)


@pytest.mark.parametrize("code", ["7000000000000012:@3@", "x:@4@", 'quo"te', "back\\slash", "ü"])
def test_any_accounts_code_comes_through(office: Office, code: str) -> None:
    """The contract's schema lets through less; what writes records relies on none of it."""
    chart = office.chart()
    code = f"{code}:{chart.cash}"
    office.done(OpenAccount(code=code, type="asset", name="X", asset="USD"))
    record = records_of(office.done(transfer(code, chart.wallet, "1.00")))[0]
    assert record["payload"]["legs"][0]["account"] == code


def test_what_is_decided_in_a_straight_line_is_what_the_domain_decides(office: Office) -> None:
    """Plain posts, one by one and in groups, folded and decided again by the domain alone."""
    charts = [office.chart(funds="3.00") for _ in range(2)]
    commands = [
        transfer(debited, credited, amount, effective_on=day)
        for chart in charts
        for debited, credited in ((chart.wallet, chart.merchant), (chart.cash, chart.any))
        for amount in ("1.00", "1", "0.5", "2.01", "0.00", "0.001", "9999999999999999.99")
        for day in (None, NOON.date() - timedelta(days=400), NOON.date() + timedelta(days=1))
    ]
    before = office.position
    outcomes = office.all(*commands)
    books = Books()
    states = office.states()
    for state in states[:before]:
        record = SHAPES.decode(state)
        EVOLVE[type(record.payload)](books, record.stream, record.payload)
    at = At(NOON, NOON.date())
    for command, outcome in zip(commands, outcomes, strict=True):
        if outcome.code is not None:
            with pytest.raises(Refusal) as refusal:
                DECISIONS[Post](books, command, at, lambda n: "stream")
            assert refusal.value.code == outcome.code
            continue
        decided = DECISIONS[Post](books, command, at, lambda n: "stream")
        payload = msgspec.json.encode(decided[0][1])
        assert outcome.stored[0].state.endswith(b'"payload":' + payload + b"}")
        EVOLVE[type(decided[0][1])](books, str(outcome.position), decided[0][1])


def test_the_digest_of_the_record_can_be_made_by_anybody(office: Office) -> None:
    """The stored bytes are the record: nothing has to be encoded again to hash it."""
    chart = office.chart()
    outcome = office.done(transfer(chart.cash, chart.wallet, "1.00"))
    row = office.query("SELECT encode(sha256(state), 'hex') AS hash FROM {}.events")[-1]
    assert row["hash"] == sha256(outcome.stored[0].state).hexdigest()
