"""Batches, in JSON and in NDJSON: one result for each command, groups whole or not at all."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.interface.http.batch_requests import FORMS, post, results, send, statuses
from tests.interface.http.world import World, assert_problem, body_of, entry


@pytest.mark.parametrize("form", FORMS)
def test_each_command_has_its_result(world: World, pair: tuple[str, str], form: str) -> None:
    wallet = world.funded("10.00")
    held = world.hold(wallet, world.account(), "3.00")
    posted = world.post(*pair, "5.00")
    before = world.head()
    commands = [
        post(*pair),
        {"do": "settle", "key": "s", "authorization": held["id"], "amount": "1.00"},
        {"do": "release", "key": "r", "authorization": held["id"].upper()},
        {"do": "void", "key": "v", "authorization": held["id"]},
        {
            "do": "adjust",
            "key": "a",
            "entry": posted["id"],
            "reason": "wrong_amount",
            **entry(*pair, "4.00"),
        },
        {"do": "reverse", "key": "x", "entry": posted["id"], "reason": "duplicate"},
        {
            "do": "authorize",
            "key": "h",
            "debit": wallet,
            "credit": pair[0],
            "amount": "100.00",
            "asset": "USD",
        },
        post(pair[0], "no:such"),
        {**post(*pair), "narrative": "Grüße"},
    ]
    keys = {command["key"]: f"{form}-{command['key']}" for command in commands}
    commands = [{**command, "key": keys[command["key"]]} for command in commands]
    answer = send(world, commands, form)
    assert statuses(answer) == [
        "done",
        "done",
        "done",
        "authorization_closed",
        "done",
        "already_reversed",
        "insufficient_funds",
        "account_not_found",
        "done",
    ]
    first = results(answer)
    assert int(answer.headers["Ledger-Position"]) == world.head()
    positions = [result["position"] for result in first]
    assert positions == sorted(positions)
    assert positions[0] == before + 1
    assert first[1]["id"] == first[2]["id"] == held["id"]
    shown = body_of(world.clerk.get(f"{world.path}/authorizations/{held['id']}"))
    assert shown["entries"] == [first[1]["entry"]]
    corrected = body_of(world.clerk.get(f"{world.path}/entries/{posted['id']}"))
    assert corrected["adjusted_by"] == first[4]["id"]
    assert first[6]["available"] == "9.00"
    again = results(send(world, commands, form))
    assert [result["status"] for result in again] == [
        "replayed" if result["status"] == "done" else "refused" for result in first
    ]
    for one, two in zip(first, again, strict=True):
        assert {**one, "status": ""} == {**two, "status": ""}


@pytest.mark.parametrize("form", FORMS)
def test_a_command_alone_and_in_a_batch_is_the_same(
    world: World, pair: tuple[str, str], form: str
) -> None:
    key = str(uuid4())
    body = entry(*pair, "1.00", reference="r", narrative="n", metadata={"a": "b"})
    alone = world.clerk.post(f"{world.path}/entries", body, key=key)
    (result,) = results(send(world, [{"do": "post", "key": key, **body}], form))
    assert result == {
        "status": "replayed",
        "id": body_of(alone)["id"],
        "position": body_of(alone)["position"],
    }
    held = world.hold(world.funded("5.00"), pair[0], "2.00")
    path = f"{world.path}/authorizations/{held['id']}/settle"
    alone = world.clerk.post(path, {"amount": "1.00"}, key=f"{key}-2")
    element = {"do": "settle", "key": f"{key}-2", "authorization": held["id"], "amount": "1.00"}
    (result,) = results(send(world, [element], form))
    assert (result["status"], result["entry"]) == ("replayed", body_of(alone)["entry"])


@pytest.mark.parametrize("form", FORMS)
def test_the_same_key_twice_in_a_batch(world: World, pair: tuple[str, str], form: str) -> None:
    command = post(*pair)
    other = {**command, "reference": "another"}
    assert statuses(send(world, [command, command, other], form)) == [
        "done",
        "replayed",
        "idempotency_conflict",
    ]
    assert world.balance(pair[0])["lines"] == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_group_stands_or_falls_as_one(world: World, pair: tuple[str, str], form: str) -> None:
    wallet = world.funded("1.00")
    good = [post(*pair, group="good"), post(*pair, group="good")]
    bad = [
        post(*pair, group="bad"),
        post(wallet, pair[0], "1.01", group="bad"),
        post(*pair, group="bad"),
    ]
    mixed = [good[0], bad[0], post(*pair), bad[1], good[1], bad[2]]
    assert statuses(send(world, mixed, form)) == [
        "done",
        "group_refused",
        "done",
        "insufficient_funds",
        "done",
        "group_refused",
    ]
    assert world.balance(pair[0])["lines"] == 3
    # The others of the group kept their keys.
    kept = [{k: v for k, v in one.items() if k != "group"} for one in (bad[0], bad[2])]
    assert statuses(send(world, kept, form)) == ["done", "done"]


@pytest.mark.parametrize("form", FORMS)
def test_a_command_that_fails_its_schema_fails_its_group(
    world: World, pair: tuple[str, str], form: str
) -> None:
    commands = [
        post(*pair, group="g"),
        {**post(*pair, group="g"), "foo": 1},
        post(*pair),
        {"do": "nothing", "key": "k", "group": "h"},
        post(*pair, group="h"),
    ]
    answer = send(world, commands, form)
    assert statuses(answer) == [
        "group_refused",
        "invalid_request",
        "done",
        "invalid_request",
        "group_refused",
    ]
    assert results(answer)[1]["errors"] == {"foo": ["Unknown field."]}
    assert results(answer)[3]["errors"].keys() == {"do"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spoiler", [{"do": "post", "key": "k"}, None])
def test_an_atomic_batch_stands_or_falls_as_one(
    world: World, pair: tuple[str, str], form: str, spoiler: Any
) -> None:
    wallet = world.funded("1.00")
    head = world.head()
    commands = [post(*pair), spoiler or post(wallet, pair[0], "2.00"), post(*pair, group="x")]
    code = "invalid_request" if spoiler else "insufficient_funds"
    answer = send(world, commands, form, atomic=True)
    assert statuses(answer) == ["group_refused", code, "group_refused"]
    assert world.head() == head + (0 if spoiler else 1)
    assert statuses(send(world, [commands[0], commands[2]], form, atomic=True)) == ["done", "done"]


def test_a_role_is_judged_for_each_command(world: World, pair: tuple[str, str]) -> None:
    answer = world.auditor.post(f"{world.path}/batch", {"commands": [post(*pair)]})
    assert statuses(answer) == ["forbidden"]
    assert "position" not in results(answer)[0]
    assert int(answer.headers["Ledger-Position"]) == world.head()


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        (None, {"_schema"}),
        ([], {"_schema"}),
        ("post", {"_schema"}),
        ({}, {"do"}),
        ({"do": "open_account", "key": "k"}, {"do"}),
        ({"do": ["post"], "key": "k"}, {"do"}),
        ({"do": "void", "key": "k"}, {"authorization"}),
        ({"do": "void", "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "", "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "a b", "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "x" * 256, "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": 1, "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "k", "authorization": "x"}, {"authorization"}),
        ({"do": "void", "key": "k", "authorization": str(uuid4()), "group": ""}, {"group"}),
        ({"do": "void", "key": "k", "authorization": str(uuid4()), "group": 1}, {"group"}),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_commands_that_break_their_schema(
    world: World, command: Any, fields: set[str], form: str
) -> None:
    (result,) = results(send(world, [command], form))
    assert (result["status"], result["code"]) == ("refused", "invalid_request")
    assert result["errors"].keys() == fields
    assert "position" not in result


@pytest.mark.parametrize(
    ("envelope", "field"),
    [
        ({}, "commands"),
        ({"commands": None}, "commands"),
        ({"commands": {}}, "commands"),
        ({"commands": []}, "commands"),
        ({"commands": [{}], "atomic": "true"}, "atomic"),
        ({"commands": [{}], "atomic": None}, "atomic"),
        ({"commands": [{}], "foo": 1}, "foo"),
        ({"commands": [{}], "key": "k"}, "key"),
    ],
)
def test_envelopes_that_are_broken(world: World, envelope: Any, field: str) -> None:
    head = world.head()
    answer = world.clerk.post(f"{world.path}/batch", envelope)
    assert assert_problem(answer, 422, "invalid_request")["errors"].keys() == {field}
    assert world.head() == head


def test_a_broken_command_makes_a_json_batch_malformed(world: World, pair: tuple[str, str]) -> None:
    head = world.head()
    good = json.dumps(post(*pair)).encode()
    for bad in (b'{"a":1,"a":2}', b'{"narrative":"\xff"}', b'{"a":NaN}', b'{"a":01}'):
        body = b'{"commands":[%b,%b]}' % (good, bad)
        assert_problem(world.clerk.post(f"{world.path}/batch", body), 400, "malformed")
    twice = b'{"commands":[%b],"commands":[]}' % good
    assert_problem(world.clerk.post(f"{world.path}/batch", twice), 400, "malformed")
    assert world.head() == head


def test_too_many_commands(world: World, pair: tuple[str, str]) -> None:
    head = world.head()
    path = f"{world.path}/batch"
    many = [{"do": "x"}] * 10_001
    assert_problem(world.clerk.post(path, {"commands": many}), 413, "too_large")
    atomic = {"commands": many[:2001], "atomic": True}
    assert_problem(world.clerk.post(path, atomic), 413, "too_large")
    assert_problem(send(world, many[:2001], "ndjson", atomic=True), 413, "too_large")
    group = [post(*pair, group="large") for _ in range(2001)]
    answer = send(world, [*group, {"do": "x"}])
    assert set(statuses(answer)[:2001]) == {"too_large"}
    assert world.head() == head


def test_ten_thousand_commands(world: World, pair: tuple[str, str]) -> None:
    commands = [post(*pair, "0.01") for _ in range(10_000)]
    answer = send(world, commands)
    assert set(statuses(answer)) == {"done"}
    assert world.balance(pair[0])["lines"] == 10_000
    assert set(statuses(send(world, commands, "ndjson"))) == {"replayed"}
