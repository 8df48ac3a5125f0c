"""Everything about one thing: who did what, when, for whom, why."""

import hashlib
from typing import Any

import pytest

from tests.interface.http.world import World, body_of

AUDIT = "/v1/ledgers/main/audit"


def trail(world: World, kind: str, id: str, query: str = "") -> list[dict[str, Any]]:
    answer = world.auditor.get(f"{AUDIT}/{kind}/{id}{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = body_of(answer)["items"]
    assert [item["position"] for item in items] == sorted({item["position"] for item in items})
    return items


def types(items: list[dict[str, Any]]) -> list[str]:
    return [item["type"] for item in items]


def test_an_entry_leads_to_what_took_it_back_and_to_what_was_refused(world: World) -> None:
    cash, wallet = world.account(), world.account()
    entry = world.post(cash, wallet, "5.00")["id"]
    path = f"/v1/ledgers/main/entries/{entry}/reverse"
    assert world.clerk.post(path, {"reason": "duplicate"}).status_code == 201
    assert world.clerk.post(path, {"reason": "duplicate"}).status_code == 409
    erased = f"/v1/ledgers/main/entries/{entry}/erase"
    assert world.controller.post(erased, {"reason": "privacy_request"}).status_code == 200
    items = trail(world, "entry", entry)
    told = ["EntryPosted", "EntryPosted", "EntryReversed", "CommandRefused", "PrivateTextErased"]
    assert types(items) == told
    assert items[1]["payload"]["corrects"] == entry
    assert items[1]["reason"] == "duplicate"
    assert {item["actor"] for item in items[:-1]} == {"clerk"}
    assert trail(world, "entry", items[1]["stream"])[:3] == items[:3]


def test_the_digest_is_that_of_the_record(world: World) -> None:
    cash, wallet = world.account(), world.account()
    posted = world.post(cash, wallet, "5.00")
    (item,) = trail(world, "entry", posted["id"])
    assert item["record_sha256"] == posted["record_sha256"]
    lines = world.auditor.send(
        "GET",
        f"/v1/ledgers/main/events?stream={posted['id']}",
        headers={"Accept": "application/x-ndjson"},
    ).data
    assert hashlib.sha256(lines.strip()).hexdigest() == item["record_sha256"]


def test_an_authorization_leads_to_its_entries(world: World) -> None:
    wallet, cash = world.funded("100.00"), world.account()
    hold = world.hold(wallet, cash, "10.00")["id"]
    path = f"/v1/ledgers/main/authorizations/{hold}/settle"
    refused = world.clerk.post(path, {"amount": "40.00"})
    assert body_of(refused)["authorization"] == hold
    assert world.clerk.post(path, {"amount": "4.00", "final": True}).status_code == 201
    items = trail(world, "authorization", hold)
    told = ["AuthorizationOpened", "CommandRefused", "EntryPosted", "AuthorizationSettled"]
    assert types(items) == told
    assert trail(world, "entry", items[2]["stream"]) == items


def test_actors_and_commands_are_found_by_the_log(world: World) -> None:
    cash, wallet = world.account(), world.account()
    legs = [
        {"account": cash, "side": "debit", "amount": "1.00", "asset": "USD"},
        {"account": wallet, "side": "credit", "amount": "1.00", "asset": "USD"},
    ]
    key = f"audit/{cash}"
    path = "/v1/ledgers/main/entries"
    assert world.clerk.send("POST", path, {"legs": legs}, key=key).status_code == 201
    (item,) = trail(world, "command", key)
    assert item["type"] == "EntryPosted"
    found = trail(world, "actor", "clerk", "?limit=1000")
    assert item in found
    assert {each["actor"] for each in found} == {"clerk"}
    assert trail(world, "command", "never") == []


@pytest.mark.usefixtures("worker")
def test_an_account_has_its_own_life_and_what_was_posted(world: World) -> None:
    cash, wallet = world.account(), world.account()
    posted = world.post(cash, wallet, "5.00")
    items = trail(world, "account", cash, f"?min_position={posted['position']}")
    assert types(items) == ["AccountOpened", "EntryPosted"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("entry/00000000-0000-4000-8000-000000000000", 404, "entry_not_found"),
        ("entry/nothing", 404, "entry_not_found"),
        ("authorization/00000000-0000-4000-8000-000000000000", 404, "authorization_not_found"),
        ("account/no:such:account", 404, "account_not_found"),
        ("invoice/1", 404, "not_found"),
        ("actor", 404, "not_found"),
    ],
)
def test_what_has_no_trail(world: World, path: str, status: int, code: str) -> None:
    answer = world.auditor.get(f"{AUDIT}/{path}")
    assert (answer.status_code, body_of(answer)["code"]) == (status, code)


def test_who_may_read_trails(world: World) -> None:
    assert world.nobody.get(f"{AUDIT}/actor/clerk").status_code == 401
    assert world.clerk.get(f"{AUDIT}/actor/clerk").status_code == 403
    assert world.controller.get(f"{AUDIT}/actor/clerk").status_code == 200
