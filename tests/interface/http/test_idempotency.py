"""The same key and body: the first answer again. The same key, another body: a conflict."""

from typing import Any
from uuid import uuid4

import pytest

from tests.interface.http.world import World, assert_problem, authorization, entry


def without_volatile(headers: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name not in ("X-Request-Id", "Idempotency-Replayed")
    }


def commands(world: World) -> dict[str, tuple[str, str, Any]]:
    """Returns a request for each command: method, path, body."""
    wallet = world.funded("100.00")
    posted = world.post(world.account(), world.account(), "1.00")
    other = world.post(world.account(), world.account(), "1.00")
    held = [world.hold(wallet, world.account(), "1.00")["id"] for _ in range(3)]
    account, closing = world.account(), world.account()
    path = world.path
    return {
        "post": ("POST", f"{path}/entries", entry(wallet, world.account(), "1.00")),
        "reverse": ("POST", f"{path}/entries/{posted['id']}/reverse", {"reason": "duplicate"}),
        "adjust": (
            "POST",
            f"{path}/entries/{other['id']}/adjust",
            {
                "reason": "wrong_amount",
                **entry(world.account(), world.account(), "3.00"),
            },
        ),
        "authorize": (
            "POST",
            f"{path}/authorizations",
            authorization(wallet, world.account(), "1.00", narrative="Lunch"),
        ),
        "settle": ("POST", f"{path}/authorizations/{held[0]}/settle", {"amount": "0.40"}),
        "void": ("POST", f"{path}/authorizations/{held[1]}/void", {"narrative": "Not wanted"}),
        "release": ("POST", f"{path}/authorizations/{held[2]}/release", None),
        "amend": ("PATCH", f"{path}/accounts/{account}", {"name": "Other"}),
        "freeze": ("POST", f"{path}/accounts/{account}/freeze", {}),
        "unfreeze": ("POST", f"{path}/accounts/{account}/unfreeze", None),
        "close": ("POST", f"{path}/accounts/{closing}/close", {}),
        "asset": ("POST", f"{path}/assets", {"code": f"A{uuid4().hex[:8].upper()}"}),
        "journal": ("POST", f"{path}/journals", {"code": uuid4().hex[:8], "name": "J"}),
        "account": (
            "POST",
            f"{path}/accounts",
            {"code": f"x:{uuid4()}", "type": "asset", "name": "X"},
        ),
        "lock": ("POST", f"{path}/periods/lock", {"through": "2019-12-31"}),
        "refused": ("POST", f"{path}/entries", entry(wallet, world.account(), "1000.00")),
    }


def test_the_first_answer_is_given_again(world: World) -> None:
    caller = world.caller("controller")
    first = {}
    for name, (method, path, body) in commands(world).items():
        first[name] = caller.send(method, path, body, key=name), (method, path, body)
        assert "Idempotency-Replayed" not in first[name][0].headers
        assert first[name][0].status_code == (
            422 if name == "refused" else first[name][0].status_code
        )
    head = world.head()
    for name, (answer, (method, path, body)) in first.items():
        again = caller.send(method, path, body, key=name)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.data) == (answer.status_code, answer.data), name
        assert without_volatile(again.headers) == without_volatile(answer.headers)
        assert again.headers["Idempotency-Key"] == name
    assert world.head() == head


def test_a_ledger_is_made_once(world: World) -> None:
    body = {"id": "twice", "name": "T", "functional_asset": "JPY", "timezone": "Asia/Tokyo"}
    first = world.operator.post("/v1/ledgers", body, key="make")
    again = world.operator.post("/v1/ledgers", body, key="make")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert again.headers["Idempotency-Replayed"] == "true"
    assert_problem(world.operator.post("/v1/ledgers", body, key="other"), 409, "already_exists")


def test_another_body_under_a_used_key_conflicts(world: World) -> None:
    a, b = world.account(), world.account()
    path = f"{world.path}/entries"
    assert world.clerk.post(path, entry(a, b, "1.00"), key="used").status_code == 201
    head = world.head()
    problem = assert_problem(
        world.clerk.post(path, entry(a, b, "1.01"), key="used"), 409, "idempotency_conflict"
    )
    assert "position" not in problem
    verb = f"{world.path}/authorizations/{uuid4()}/void"
    assert_problem(world.clerk.post(verb, key="used"), 409, "idempotency_conflict")
    assert world.head() == head


def test_the_same_body_in_other_bytes_is_the_same(world: World) -> None:
    a, b = world.account(), world.account()
    path = f"{world.path}/entries"
    first = world.clerk.post(path, entry(a, b, "1.00", narrative="ä"), key="bytes")
    raw = (
        b'{ "narrative" : "\\u00e4", "reference":null, "legs":[ {"side":"debit","account":"A",'
        b'"asset":"USD","amount":"1.00"},{"account":"B","side":"credit","amount":"1.00",'
        b'"asset":"USD","party":null}]}'
    )
    raw = raw.replace(b'"A"', f'"{a}"'.encode()).replace(b'"B"', f'"{b}"'.encode())
    again = world.clerk.post(path, raw, key="bytes")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.data == first.data


def test_keys_of_actors_and_ledgers_are_apart(world: World) -> None:
    body = {"id": "apart", "name": "A", "functional_asset": "USD", "timezone": "UTC"}
    assert world.operator.post("/v1/ledgers", body).status_code == 201
    journal = {"code": "KEYS", "name": "K"}
    first = world.controller.post(f"{world.path}/journals", journal, key="apart")
    elsewhere = world.controller.post("/v1/ledgers/apart/journals", journal, key="apart")
    other = world.caller("controller", actor="another")
    by_other = other.post(f"{world.path}/journals", journal, key="apart")
    assert (first.status_code, elsewhere.status_code) == (201, 201)
    assert_problem(by_other, 409, "already_exists")


def test_what_is_not_remembered_may_be_tried_again_with_its_key(world: World) -> None:
    account = world.account()
    key = "again"
    path = f"{world.path}/accounts/{account}"
    assert_problem(world.controller.patch(path, {"name": 1}, key=key), 422, "invalid_request")
    assert_problem(world.controller.patch(path, b"{", key=key), 400, "malformed")
    assert_problem(
        world.controller.patch(path, b"{}", key=key, kind="a/b"), 415, "unsupported_media_type"
    )
    stale = world.controller.patch(path, {"name": "B"}, key=key, headers={"If-Match": '"7"'})
    assert_problem(stale, 412, "stale")
    answer = world.controller.patch(path, {"name": "B"}, key=key, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    # Whoever lost that answer may have read the version that it left.
    for version in ({"If-Match": '"2"'}, {}):
        again = world.controller.patch(path, {"name": "B"}, key=key, headers=version)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.headers["ETag"]) == (200, '"2"')


def test_forbidden_is_not_remembered(world: World) -> None:
    body = {"code": f"x:{uuid4()}", "type": "asset", "name": "X"}
    clerk = world.caller("clerk", actor="promoted")
    assert_problem(clerk.post(f"{world.path}/accounts", body, key="p"), 403, "forbidden")
    promoted = world.caller("controller", actor="promoted")
    assert promoted.post(f"{world.path}/accounts", body, key="p").status_code == 201


def test_a_replay_comes_before_permission(world: World) -> None:
    body = {"code": f"x:{uuid4()}", "type": "asset", "name": "X"}
    controller = world.caller("controller", actor="demoted")
    assert controller.post(f"{world.path}/accounts", body, key="d").status_code == 201
    clerk = world.caller("clerk", actor="demoted")
    again = clerk.post(f"{world.path}/accounts", body, key="d")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    conflict = clerk.post(f"{world.path}/accounts", {**body, "name": "Y"}, key="d")
    assert_problem(conflict, 409, "idempotency_conflict")


@pytest.mark.parametrize("key", ["", " ", "a b", "k\t", "x" * 256, "schlüssel", "\x7f"])
def test_keys_that_are_none(world: World, key: str) -> None:
    head = world.head()
    posted = world.clerk.post(
        f"{world.path}/entries", entry(world.path, world.path, "1.00"), key=key
    )
    problem = assert_problem(posted, 422, "invalid_request")
    assert problem["errors"].keys() == {"Idempotency-Key"}
    assert world.head() == head


@pytest.mark.parametrize("key", ["!", "~" * 255, '"', "a:b/c?d=e&f", "%00"])
def test_keys_at_their_bounds(world: World, key: str) -> None:
    a, b = world.account(), world.account()
    for _ in range(2):
        posted = world.clerk.post(f"{world.path}/entries", entry(a, b, "1.00"), key=key)
        assert (posted.status_code, posted.headers["Idempotency-Key"]) == (201, key)
    assert world.balance(a)["lines"] == 1


def test_without_a_key_the_server_makes_one(world: World) -> None:
    a, b = world.account(), world.account()
    first = world.clerk.post(f"{world.path}/entries", entry(a, b, "1.00"))
    second = world.clerk.post(f"{world.path}/entries", entry(a, b, "1.00"))
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    assert world.balance(a)["lines"] == 2
    again = world.clerk.post(
        f"{world.path}/entries", entry(a, b, "1.00"), key=first.headers["Idempotency-Key"]
    )
    assert again.headers["Idempotency-Replayed"] == "true"
