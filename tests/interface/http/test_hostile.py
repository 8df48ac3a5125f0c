"""Bodies and amounts that no honest client sends: the contract's code, nothing written, no harm."""

from typing import Any
from uuid import uuid4

import pytest

from tests.interface.http.world import World, assert_problem, body_of, leg

NOBODYS_ID = "5f0c6d0e-6f0b-4c58-9d0a-3f6a1f6f3b11"
"""Fixed: a test's name must be the same in each process of a run."""

ACCOUNT = "test:asset:1"
UNKNOWN = "0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e"


@pytest.fixture(scope="module", autouse=True)
def _accounts(world: World) -> None:
    assert world.account() == ACCOUNT


@pytest.mark.parametrize(
    "amount",
    [
        "1e3",
        "NaN",
        "Infinity",
        "-1",
        "+1",
        "",
        " 1",
        "1 ",
        "1\n",
        "1.",
        ".5",
        "1.2.3",
        "1,000.00",
        "0x10",
        "1_000",
        "\u0663",
        "\uff11.00",
        "Ⅷ",
        "$1",
        "9" * 256,
        1,
        1.5,
        0,
        -1,
        True,
        None,
        [],
        {},
        ["1.00"],
        10**40,
        1e300,
    ],
)
@pytest.mark.parametrize("where", ["entry", "hold", "settlement", "floor", "functional"])
def test_amounts_of_the_wrong_form(world: World, amount: Any, where: str) -> None:
    if (amount, where) in MEANINGFUL:
        return
    head = world.head()
    debit, credit = leg(ACCOUNT, "debit", "1.00"), leg(ACCOUNT, "credit", "1.00")
    hold = {"debit": "a", "credit": "b", "asset": "USD", "amount": amount}
    account = {"code": "f", "type": "asset", "name": "F", "asset": "USD", "floor": amount}
    caller, path, body, field = {
        "entry": (world.clerk, "entries", {"legs": [{**debit, "amount": amount}, credit]}, "legs"),
        "functional": (
            world.clerk,
            "entries",
            {"legs": [{**debit, "functional_amount": amount}, credit]},
            "legs",
        ),
        "hold": (world.clerk, "authorizations", hold, "amount"),
        "settlement": (
            world.clerk,
            f"authorizations/{NOBODYS_ID}/settle",
            {"amount": amount},
            "amount",
        ),
        "floor": (world.controller, "accounts", account, "floor"),
    }[where]
    problem = assert_problem(caller.post(f"{world.path}/{path}", body), 422, "invalid_request")
    assert problem["errors"].keys() == {field}
    assert world.head() == head


MEANINGFUL = [("-1", "floor"), (None, "floor"), (None, "settlement"), (None, "functional")]
"""A floor may be negative; null is nothing."""


DEEP = b"[" * 100_000 + b"]" * 100_000
BROKEN = [
    b"",
    b"{",
    b"{]",
    b"nope",
    b"'a'",
    b'{"legs": [}',
    b'{"legs": NaN}',
    b'{"legs": Infinity}',
    b'{"legs": -Infinity}',
    b'{"a":1}{"a":1}',
    b'{"a":1,}',
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"narrative":"\xff"}',
    b'{"narrative":"\xed\xa0\x80"}',
    b'{"narrative":"a\nb"}',
    b'{"narrative":"\\x"}',
    b'{"legs":[],"legs":[]}',
    b'{"metadata":{"a":"1","a":"2"}}',
    '{"legs": []}'.encode("utf-16"),
    DEEP,
    b'{"legs":' * 50_000 + b"1" + b"}" * 50_000,
]


@pytest.mark.parametrize("raw", BROKEN, ids=lambda raw: repr(raw[:20]))
@pytest.mark.parametrize("path", ["entries", "authorizations", "batch"])
def test_what_is_no_json(world: World, raw: bytes, path: str) -> None:
    head = world.head()
    assert_problem(world.clerk.post(f"{world.path}/{path}", raw), 400, "malformed")
    assert world.head() == head


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"legs"', b"true", b"1" * 5000, b"[{}]"])
@pytest.mark.parametrize("path", ["entries", "authorizations", "batch"])
def test_bodies_that_are_no_objects(world: World, raw: bytes, path: str) -> None:
    answer = world.clerk.post(f"{world.path}/{path}", raw)
    assert_problem(answer, 422, "invalid_request")


GOOD_LEGS = [leg(ACCOUNT, "debit", "1.00"), leg(ACCOUNT, "credit", "1.00")]
BAD_MEMBERS: list[tuple[str, Any]] = [
    ("foo", 1),
    ("legs", None),
    ("legs", {}),
    ("legs", "legs"),
    ("legs", []),
    ("legs", GOOD_LEGS[:1]),
    ("legs", [*GOOD_LEGS, None]),
    ("legs", [*GOOD_LEGS, []]),
    ("legs", [*GOOD_LEGS, {}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "foo": 1}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "side": "DEBIT"}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "account": ""}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "account": "a\0b"}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "account": "\ud800"}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "account": "x" * 121}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "asset": 840}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "dimensions": {str(n): "x" for n in range(9)}}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "dimensions": {"a": 1}}]),
    ("legs", [*GOOD_LEGS, {**GOOD_LEGS[0], "due_on": "2026-02-30"}]),
    ("legs", GOOD_LEGS * 5001),
    ("id", "not-a-uuid"),
    ("id", 7),
    ("journal", ["GEN"]),
    ("class", "unusual"),
    ("class_", "ordinary"),
    ("effective_on", "2026-3-31"),
    ("effective_on", "2026-03-31T00:00:00Z"),
    ("effective_on", "31.03.2026"),
    ("effective_on", 20260331),
    ("effective_on", "\ud800"),
    ("value_on", "20260331"),
    ("reason", "Data entry"),
    ("reason", "x" * 41),
    ("reason", "a\n"),
    ("reason", ""),
    ("narrative", "x" * 1001),
    ("narrative", "a\0"),
    ("narrative", "\udc00"),
    ("narrative", {"text": "x"}),
    ("reference", "x" * 141),
    ("reference", ""),
    ("reference", 5),
    ("metadata", []),
    ("metadata", {"a": 1}),
    ("metadata", {"a": None}),
    ("metadata", {"a": {"b": "c"}}),
    ("metadata", {"": "x"}),
    ("metadata", {"a\0": "x"}),
    ("metadata", {"\ud800": "x"}),
    ("metadata", {str(n): "x" for n in range(33)}),
    ("metadata", {"a": "x" * 4096}),
    ("metadata", {"a": "ä" * 2048}),
    ("correlation_id", "x" * 256),
    ("on_behalf_of", True),
    ("document", "invoice"),
    ("document", {"foo": 1}),
    ("document", {"date": "soon"}),
    ("source", {"line": 0}),
    ("source", {"line": "3"}),
    ("source", {"line": 3.0}),
    ("source", {"line": True}),
    ("source", {"line": 2**63}),
    ("source", {"sha256": "0F" * 32}),
    ("original", {"entered_at": "2026-03-31T09:00:00"}),
    ("original", {"entered_at": "0001-01-01T00:00:00+14:00"}),
    ("original", {"entered_at": "2026-03-31"}),
    ("original", {"entered_at": 1774944000}),
    ("links", [{"kind": "x"}]),
    ("links", [{"kind": "X", "entry": str(uuid4())}]),
    ("links", {"kind": "x", "entry": str(uuid4())}),
    ("attachments", [{"sha256": "abc"}]),
    ("if", {}),
    ("if", [[]]),
    ("if", [{"account": "a", "version": 1, "more": 1}]),
    ("if", [{"account": "a", "version": 1}] * 101),
    ("validate_only", 1),
    ("validate_only", "true"),
    ("\ud800" * 300, 1),
]


@pytest.mark.parametrize(("name", "value"), BAD_MEMBERS)
def test_members_that_break_the_schema(world: World, name: str, value: Any) -> None:
    head = world.head()
    body = {"legs": GOOD_LEGS, name: value}
    answer = world.clerk.post(f"{world.path}/entries", body, key=str(uuid4()))
    problem = assert_problem(answer, 422, "invalid_request")
    assert problem["errors"]
    assert world.head() == head
    element = {"do": "post", "key": str(uuid4()), "legs": GOOD_LEGS, name: value}
    batch = body_of(world.clerk.post(f"{world.path}/batch", {"commands": [element]}))
    (result,) = batch["results"]
    assert (result["status"], result["code"]) == ("refused", "invalid_request")
    assert result["errors"] == problem["errors"]
    assert world.head() == head


def test_integers_longer_than_python_reads(world: World) -> None:
    body = b'{"legs":[],"source":{"line":%b}}' % (b"9" * 5000)
    problem = assert_problem(
        world.clerk.post(f"{world.path}/entries", body), 422, "invalid_request"
    )
    assert problem["errors"]["source"] == {"line": ["Not an integer."]}


OTHER_BODIES: list[tuple[str, dict[str, Any], str]] = [
    (
        "authorizations",
        {"expires_in_seconds": 60, "expires_at": "2099-01-01T00:00:00Z"},
        "expires_at",
    ),
    ("authorizations", {"expires_in_seconds": "60"}, "expires_in_seconds"),
    ("authorizations", {"expires_in_seconds": 1.5}, "expires_in_seconds"),
    ("authorizations", {"expires_in_seconds": 10**12}, "expires_in_seconds"),
    ("authorizations", {"expires_at": "2099-01-01"}, "expires_at"),
    ("authorizations", {"over_settle_percent": "-1"}, "over_settle_percent"),
    ("authorizations", {"over_settle_percent": "10%"}, "over_settle_percent"),
    ("authorizations", {"over_settle_percent": "10000"}, "over_settle_percent"),
    ("authorizations", {"over_settle_percent": 10}, "over_settle_percent"),
    ("authorizations", {"network": {"foo": "x"}}, "network"),
    ("accounts", {"floor": "0.00"}, "floor"),
    ("accounts", {"code": "a::b"}, "code"),
    ("accounts", {"code": ":a"}, "code"),
    ("accounts", {"code": "a b"}, "code"),
    ("accounts", {"code": "a/b"}, "code"),
    ("accounts", {"code": "a\n"}, "code"),
    ("accounts", {"code": "ä"}, "code"),
    ("accounts", {"code": "a:b:c:d:e:f:g:h:i"}, "code"),
    ("accounts", {"code": "x" * 121}, "code"),
    ("accounts", {"type": "income"}, "type"),
    ("accounts", {"contra": "true"}, "contra"),
    ("accounts", {"postable": 1}, "postable"),
    ("accounts", {"purpose": "money"}, "purpose"),
    ("accounts", {"statutory_codes": {"a": None}}, "statutory_codes"),
    ("assets", {"code": "usd"}, "code"),
    ("assets", {"code": "U" * 25}, "code"),
    ("assets", {"code": "USD", "scale": 13}, "scale"),
    ("assets", {"code": "USD", "scale": "2"}, "scale"),
    ("assets", {"code": "USD", "scale": -1}, "scale"),
    ("assets", {"code": "USD", "kind": "coin"}, "kind"),
    ("journals", {"code": "", "name": "x"}, "code"),
    ("journals", {"code": "J", "name": ""}, "name"),
    ("periods/lock", {}, "through"),
    ("periods/lock", {"through": "2026-13-01"}, "through"),
    (f"accounts/{ACCOUNT}/freeze", {"scope": "debit"}, "scope"),
    (f"accounts/{ACCOUNT}/freeze", {"basis": "lawful"}, "basis"),
    (f"accounts/{ACCOUNT}/freeze", {"amount": "-1.00"}, "amount"),
    (f"accounts/{ACCOUNT}/freeze", {"amount": 1}, "amount"),
    ("limits", {"account": ACCOUNT, "per": "year"}, "per"),
    ("limits", {"account": ACCOUNT, "per": "day", "count": 1.5}, "count"),
    ("limits", {"account": ACCOUNT, "per": "day", "amount": "1e3"}, "amount"),
    (f"accounts/{ACCOUNT}/unfreeze", {"freeze_id": "x"}, "freeze_id"),
    (f"entries/{UNKNOWN}/reverse", {}, "reason"),
    (f"entries/{UNKNOWN}/reverse", {"reason": "mistake"}, "reason"),
    (f"entries/{UNKNOWN}/reverse", {"reason": "duplicate", "entry": UNKNOWN}, "entry"),
    (f"entries/{UNKNOWN}/adjust", {"reason": "duplicate"}, "legs"),
    (f"authorizations/{UNKNOWN}/settle", {"final": "yes"}, "final"),
    (f"authorizations/{UNKNOWN}/settle", {"authorization": UNKNOWN}, "authorization"),
]
NEEDED = {
    "authorizations": {"debit": "a", "credit": "b", "amount": "1", "asset": "USD"},
    "accounts": {"code": "hostile", "type": "asset", "name": "H"},
}


@pytest.mark.parametrize(("path", "members", "field"), OTHER_BODIES)
def test_other_commands_have_bounds_too(
    world: World, path: str, members: dict[str, Any], field: str
) -> None:
    head = world.head()
    body = {**NEEDED.get(path, {}), **members}
    answer = world.controller.post(f"{world.path}/{path}", body)
    problem = assert_problem(answer, 422, "invalid_request")
    assert problem["errors"].keys() == {field}
    assert world.head() == head


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"id": "Main"}, "id"),
        ({"id": "1a"}, "id"),
        ({"id": "a-b"}, "id"),
        ({"id": "x" * 32}, "id"),
        ({"id": "system"}, "id"),
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "localtime"}, "timezone"),
        ({"fiscal_year_start": "02-29"}, "fiscal_year_start"),
        ({"fiscal_year_start": "1-1"}, "fiscal_year_start"),
        ({"fiscal_year_start": "13-01"}, "fiscal_year_start"),
        ({"functional_asset": "dollars"}, "functional_asset"),
        ({"entity": {"name": "x"}}, "entity"),
        ({"entity": []}, "entity"),
        ({"name": None}, "name"),
    ],
)
def test_ledgers_that_can_not_be(world: World, members: dict[str, Any], field: str) -> None:
    body = {"id": "ok", "name": "O", "functional_asset": "USD", "timezone": "UTC", **members}
    problem = assert_problem(world.operator.post("/v1/ledgers", body), 422, "invalid_request")
    assert problem["errors"].keys() == {field}
    assert_problem(world.operator.get("/v1/ledgers/ok"), 404, "ledger_not_found")


def test_the_service_is_unharmed(world: World) -> None:
    ready = world.clerk.get("/health/ready")
    assert (ready.status_code, body_of(ready)["ledgers"] >= 1) == (200, True)
    before = world.balance(ACCOUNT)
    world.post(ACCOUNT, world.account(), "1.00")
    assert world.balance(ACCOUNT)["lines"] == before["lines"] + 1
