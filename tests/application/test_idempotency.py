"""A key is good for one command of one actor, for ever, wherever it is sent again."""

import json
import subprocess
import sys
import textwrap
from datetime import date
from typing import Any

from application.outcomes import Caller, Outcome
from domain.accounts import OpenAccount
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Release, Void
from domain.ledgers import LockBooks
from tests.application.office import (
    CLERK,
    CONTROLLER,
    CREATE,
    OPERATOR,
    Office,
    id_of,
    legs,
    records_of,
    transfer,
    types_of,
)


def same(first: Outcome, again: Outcome) -> bool:
    """The first answer once more, to the byte."""
    return (
        [one.state for one in first.stored] == [one.state for one in again.stored]
        and (first.code, first.detail, first.facts) == (again.code, again.detail, again.facts)
        and first.position == again.position
    )


def test_the_same_command_again_is_answered_and_not_done(office: Office) -> None:
    chart = office.chart()
    command, key = transfer(chart.wallet, chart.merchant, "1.00"), office.key()
    first = office.done(command, key=key)
    before = office.position
    again = office.do(command, key=key)
    assert (again.status, again.replayed) == ("replayed", True)
    assert same(first, again)
    assert office.position == before
    assert office.balance(chart.merchant) == (0, 100, 0, 0)


def test_another_command_under_the_key_is_a_conflict_and_leaves_it_alone(office: Office) -> None:
    chart, key = office.chart(), office.key()
    command = transfer(chart.wallet, chart.merchant, "1.00")
    first = office.done(command, key=key)
    for other in (
        transfer(chart.wallet, chart.merchant, "1.01"),
        transfer(chart.wallet, chart.merchant, "1.00", narrative="more"),
        transfer(chart.wallet, chart.merchant, "1.00", effective_on=date(2026, 3, 31)),
        FreezeAccount(account=chart.cash),
    ):
        refused = office.do(other, key=key)
        assert (refused.status, refused.code) == ("refused", "idempotency_conflict")
        assert refused.stored == []
    assert same(first, office.do(command, key=key))


def test_a_key_is_its_actors_own(office: Office) -> None:
    chart, key = office.chart(), office.key()
    command = transfer(chart.wallet, chart.merchant, "1.00")
    first = office.done(command, key=key, by=CONTROLLER)
    other = office.done(command, key=key, by=CLERK)
    assert id_of(first) != id_of(other)
    assert office.balance(chart.merchant) == (0, 200, 0, 0)


def test_an_actor_may_change_its_api_key_and_door(office: Office) -> None:
    chart, key = office.chart(), office.key()
    command = transfer(chart.wallet, chart.merchant, "1.00")
    first = office.done(command, key=key)
    elsewhere = Caller(CONTROLLER.actor, "another-key", CONTROLLER.roles, "import")
    assert same(first, office.do(command, key=key, by=elsewhere))


def test_twice_in_one_commit_is_once(office: Office) -> None:
    chart, key = office.chart(), office.key()
    command = transfer(chart.wallet, chart.merchant, "1.00")
    conflict = transfer(chart.wallet, chart.merchant, "2.00")
    asked = [[office.asked(one, key)] for one in (command, command, conflict, command)]
    first, second, third, fourth = office.submit(*asked)
    assert [one.status for one in (first, second, third, fourth)] == [
        "done",
        "replayed",
        "refused",
        "replayed",
    ]
    assert same(first, second)
    assert third.code == "idempotency_conflict"
    assert same(first, fourth)
    assert office.balance(chart.merchant) == (0, 100, 0, 0)


def test_a_refusal_is_remembered(office: Office) -> None:
    chart, key = office.chart(funds=None), office.key()
    command = transfer(chart.wallet, chart.merchant, "1.00")
    refused = office.do(command, key=key)
    assert (refused.status, refused.code) == ("refused", "insufficient_funds")
    assert types_of(refused) == ["CommandRefused"]
    office.done(transfer(chart.cash, chart.wallet, "5.00"))
    again = office.do(command, key=key)
    assert again.replayed
    assert again.status == "refused"
    assert same(refused, again)
    assert office.done(command).status == "done"


def test_a_refusal_twice_in_one_commit_is_recorded_once(office: Office) -> None:
    chart, key = office.chart(funds=None), office.key()
    command = transfer(chart.wallet, chart.merchant, "1.00")
    first, again = office.submit([office.asked(command, key)], [office.asked(command, key)])
    assert same(first, again)
    assert again.replayed
    assert len(first.stored) == 1


def prepared(office: Office) -> list[tuple[str, Command]]:
    """A command of each kind that succeeds, with things of its own to act on."""
    chart = office.chart()

    def hold() -> str:
        command = Authorize(debit=chart.wallet, credit=chart.merchant, amount="1.00", asset="USD")
        return id_of(office.done(command))

    def entry() -> str:
        return id_of(office.done(transfer(chart.cash, chart.wallet, "1.00")))

    frozen = office.chart()
    office.done(FreezeAccount(account=frozen.cash))
    return [
        ("Post", transfer(chart.cash, chart.wallet, "1.00")),
        ("Reverse", Reverse(entry=entry(), reason="duplicate")),
        (
            "Adjust",
            Adjust(
                entry=entry(),
                reason="wrong_amount",
                legs=legs(chart.cash, chart.wallet, "2.00"),
            ),
        ),
        (
            "Authorize",
            Authorize(debit=chart.wallet, credit=chart.merchant, amount="1", asset="USD"),
        ),
        ("Settle", Settle(authorization=hold())),
        ("Void", Void(authorization=hold())),
        ("Release", Release(authorization=hold())),
        ("Open", OpenAccount(code=chart.cash + ":x", type="asset", name="X")),
        ("Amend", AmendAccount(account=chart.any, name="New")),
        ("Freeze", FreezeAccount(account=chart.cash)),
        ("Unfreeze", UnfreezeAccount(account=frozen.cash)),
    ]


EVENTS_OF = {
    "Post": ["EntryPosted"],
    "Reverse": ["EntryPosted", "EntryReversed"],
    "Adjust": ["EntryPosted", "EntryPosted", "EntryAdjusted"],
    "Authorize": ["AuthorizationOpened"],
    "Settle": ["EntryPosted", "AuthorizationSettled"],
    "Void": ["AuthorizationVoided"],
    "Release": ["AuthorizationReleased"],
    "Open": ["AccountOpened"],
    "Amend": ["AccountAmended"],
    "Freeze": ["AccountFrozen"],
    "Unfreeze": ["AccountUnfrozen"],
}


def test_every_kind_of_command_is_answered_again_whole(own_office: Office) -> None:
    """All of its events in their order, also by a process that never saw it, also in one go."""
    office = own_office
    first: dict[str, tuple[Command, str, Outcome]] = {}
    for name, command in prepared(office):
        key = office.key()
        first[name] = (command, key, office.done(command, key=key))
        assert types_of(first[name][2]) == EVENTS_OF[name]
    before = office.position
    for name, (command, key, outcome) in first.items():
        again = office.do(command, key=key)
        assert again.replayed, name
        assert same(outcome, again), name
    stranger = Office(office.database)
    units = [[stranger.asked(command, key)] for command, key, _ in first.values()]
    for (name, (_, _, outcome)), again in zip(
        first.items(), stranger.submit(*reversed(units))[::-1], strict=True
    ):
        assert again.replayed, name
        assert same(outcome, again), name
    stranger.close()
    assert office.position == before


def test_creating_a_ledger_again_is_answered_whole(own_office: Office) -> None:
    again = own_office.ledgers.create(CREATE, key="create", by=OPERATOR)
    assert again.replayed
    assert types_of(again) == ["LedgerCreated", "AssetRegistered", "JournalOpened", "JournalOpened"]
    assert again.position == 4
    other = own_office.ledgers.create(CREATE, key="another", by=OPERATOR)
    assert (other.status, other.code) == ("refused", "already_exists")


def test_locking_the_books_is_answered_again(own_office: Office) -> None:
    command, key = LockBooks(through=date(2026, 1, 31)), own_office.key()
    first = own_office.done(command, key=key)
    assert same(first, own_office.do(command, key=key))


def test_one_command_of_a_repeated_request_was_done(office: Office) -> None:
    """The connection was lost halfway through a request: its first half is there."""
    chart = office.chart()
    commands = [transfer(chart.wallet, chart.merchant, f"{n}.00") for n in range(1, 5)]
    keys = [office.key() for _ in commands]
    asked = [[office.asked(one, key)] for one, key in zip(commands, keys, strict=True)]
    office.submit(*asked[:2])
    assert [one.status for one in office.submit(*asked)] == [
        "replayed",
        "replayed",
        "done",
        "done",
    ]
    assert office.balance(chart.merchant) == (0, 1000, 0, 0)


REPLAY = """
    import json, sys
    from application.ledgers import Ledgers
    from application.outcomes import Asked, Caller
    from tests.application.office import transfer
    asked = json.loads(sys.argv[1])
    ledgers = Ledgers(owner=asked["owner"], service=asked["service"], software_version="9")
    ledgers.open()
    by = Caller("carla", "key-9", frozenset({"controller"}), "http")
    [outcome] = ledgers.writer("acme").submit(
        [(Asked(transfer(*asked["transfer"]), asked["key"], by),)]
    )
    print(json.dumps([outcome.status, [one.state.decode() for one in outcome.stored]]))
    ledgers.close()
"""


def test_another_process_gives_the_same_answer(office: Office) -> None:
    chart, key = office.chart(), office.key()
    first = office.done(transfer(chart.wallet, chart.merchant, "1.00"), key=key)
    asked: dict[str, Any] = {
        "owner": office.database.owner,
        "service": office.database.service,
        "transfer": [chart.wallet, chart.merchant, "1.00"],
        "key": key,
    }
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REPLAY), json.dumps(asked)],
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(ran.stdout) == ["replayed", [one.state.decode() for one in first.stored]]


def test_the_order_of_an_objects_members_is_no_difference(office: Office) -> None:
    """Clients that build JSON from a hash map send them in any order."""
    chart, key = office.chart(), office.key()
    one = transfer(chart.wallet, chart.merchant, "1.00", metadata={"a": "1", "b": "2"})
    other = transfer(chart.wallet, chart.merchant, "1.00", metadata={"b": "2", "a": "1"})
    office.done(one, key=key)
    assert office.do(other, key=key).status == "replayed"


def test_replay_comes_before_permission(office: Office) -> None:
    """A role that was taken away does not take the answer away."""
    chart, key = office.chart(), office.key()
    command = transfer(chart.wallet, chart.merchant, "1.00")
    first = office.done(command, key=key)
    demoted = Caller(CONTROLLER.actor, "k", frozenset({"auditor"}), "http")
    assert same(first, office.do(command, key=key, by=demoted))
    conflict = office.do(transfer(chart.wallet, chart.merchant, "9"), key=key, by=demoted)
    assert conflict.code == "idempotency_conflict"
    fresh = office.key()
    assert office.do(command, key=fresh, by=demoted).code == "forbidden"
    assert office.done(command, key=fresh).status == "done"


def test_what_was_never_remembered_keeps_its_key(office: Office) -> None:
    """forbidden, stale, too_large: neither recorded nor remembered."""
    chart, key = office.chart(), office.key()
    before = office.position
    big = Post(legs=legs(chart.wallet, chart.merchant, "1.00"), reference="x" * 70_000)
    assert office.do(big, key=key).code == "too_large"
    amend = AmendAccount(account=chart.any, name="New", expected_version=7)
    assert office.do(amend, key=key).code == "stale"
    auditor = Caller(CONTROLLER.actor, "k", frozenset({"auditor"}), "http")
    assert office.do(amend, key=key, by=auditor).code == "forbidden"
    assert office.position == before
    office.done(transfer(chart.wallet, chart.merchant, "1.00"), key=key)


def test_a_record_names_its_command(office: Office) -> None:
    chart, key = office.chart(), office.key()
    outcome = office.done(transfer(chart.wallet, chart.merchant, "1.00"), key=key)
    ids = office.ledgers.writer("acme").ids
    (record,) = records_of(outcome)
    assert record["command_id"] == ids.command_id(actor=CONTROLLER.actor, key=key)
    assert record["stream"] == record["command_id"]
    digest, _ = ids.digest(transfer(chart.wallet, chart.merchant, "1.00"))
    assert record["command_digest"] == digest
