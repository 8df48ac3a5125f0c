"""The log over HTTP: the records as they are stored, filtered, a bounded stretch a page."""

import json
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.interface.http.world import World, body_of

NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def told(world: World) -> dict[str, Any]:
    """A small history: two actors, holds settled and refused, and what they left."""
    wallet, shop = world.funded("10.00"), world.account("revenue")
    ann, ben = world.caller("clerk", actor="ann"), world.caller("controller", actor="ben")
    path = f"{world.path}/authorizations"
    body = {"debit": wallet, "credit": shop, "amount": "4.00", "asset": "USD"}
    held = body_of(ann.post(path, {**body, "correlation_id": "case-1"}, key="hold"))
    settled = ann.post(f"{path}/{held['id']}/settle", {"correlation_id": "case-1"}, key="settle")
    refused = ben.post(path, {**body, "amount": "40.00"}, key="hold")
    # What looks like an envelope within a payload is none.
    tricky = {"actor": "ann", "on_behalf_of": "x", "correlation_id": "case-1", "causation_id": "y"}
    legs = [
        {"account": wallet, "side": side, "amount": "0.01", "asset": "USD", "dimensions": tricky}
        for side in ("debit", "credit")
    ]
    posted = ben.post(f"{world.path}/entries", {"legs": legs}, key='quo"te')
    assert [a.status_code for a in (settled, refused, posted)] == [201, 422, 201]
    return {
        "held": held,
        "settled": body_of(settled),
        "refused": body_of(refused),
        "posted": body_of(posted),
    }


def items(answer: TestResponse) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    if answer.mimetype == "application/x-ndjson":
        return [json.loads(line) for line in answer.data.splitlines()]
    return list(body_of(answer)["items"])


def positions(world: World, query: str, *, limit: int = 100) -> list[int]:
    """Returns the positions that a question finds, which are the same in both forms."""
    found: list[int] = []
    path = f"{world.path}/events?{query}"
    cursor = ""
    while True:
        answer = world.auditor.get(f"{path}&limit={limit}{cursor}")
        found += [item["position"] for item in items(answer)]
        following = body_of(answer)["next"]
        if following is None:
            break
        cursor = f"&cursor={following}"
    lines = items(world.auditor.get(path, headers=NDJSON))
    assert [line["position"] for line in lines] == found
    return found


def test_everything_in_order(world: World, told: dict[str, Any]) -> None:
    head = world.head()
    assert positions(world, "from_position=1", limit=2) == list(range(1, head + 1))
    assert positions(world, f"from_position=3&to_position={head - 1}", limit=2) == list(
        range(3, head)
    )
    assert positions(world, f"from_position={head + 1}") == []
    assert positions(world, "to_position=0") == []
    assert positions(world, f"from_position=0&to_position={2**63 - 1}") == list(range(1, head + 1))


def test_ndjson_has_the_same_bytes_and_its_limit(world: World, told: dict[str, Any]) -> None:
    answer = world.auditor.get(f"{world.path}/events?limit=3")
    lines = world.auditor.get(f"{world.path}/events?limit=3", headers=NDJSON)
    assert lines.mimetype == "application/x-ndjson"
    assert len(lines.data.splitlines()) == 3
    assert lines.data.replace(b"\n", b",").rstrip(b",") in answer.data
    for accepted, kind in (
        ("application/x-ndjson, application/json;q=0.5", "application/x-ndjson"),
        ("application/ndjson", "application/x-ndjson"),
        ("application/json, application/x-ndjson;q=0.5", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("nonsense;;q=x,", "application/json"),
    ):
        answer = world.auditor.get(f"{world.path}/events", headers={"Accept": accepted})
        assert answer.mimetype == kind


def test_filters(world: World, told: dict[str, Any]) -> None:
    hold, settled = told["held"], told["settled"]["position"]
    refused, posted = told["refused"]["position"], told["posted"]["position"]
    mine = [hold["position"], settled, settled + 1]
    assert positions(world, f"stream={hold['id']}") == [hold["position"], settled + 1]
    assert positions(world, f"stream={hold['id'].upper()}") == [hold["position"], settled + 1]
    assert positions(world, f"stream={uuid4()}") == []
    assert positions(world, "type=AuthorizationSettled") == [settled + 1]
    assert positions(world, "type=NoSuchEvent") == []
    assert positions(world, "actor=ann") == mine
    assert positions(world, "actor=ann", limit=2) == mine
    assert positions(world, "actor=ben") == [refused, posted]
    assert positions(world, "correlation_id=case-1") == mine
    assert positions(world, "correlation_id=case-1&type=EntryPosted") == [settled]
    assert positions(world, f"actor=ann&stream={hold['id']}&type=AuthorizationOpened") == [
        hold["position"]
    ]
    assert positions(world, "actor=%22") == []


def test_by_key(world: World, told: dict[str, Any]) -> None:
    hold, settled = told["held"]["position"], told["settled"]["position"]
    refused, posted = told["refused"]["position"], told["posted"]["position"]
    assert positions(world, "key=hold") == [hold, refused]
    assert positions(world, "key=hold&actor=ann") == [hold]
    assert positions(world, "key=hold&actor=nobody") == []
    assert positions(world, "key=settle") == [settled, settled + 1]
    assert positions(world, f"key=settle&from_position={settled + 1}") == [settled + 1]
    assert positions(world, "key=settle&type=EntryPosted") == [settled]
    assert positions(world, "key=quo%22te") == [posted]
    assert positions(world, "key=never-used") == []
    (record,) = items(
        world.auditor.get(f"{world.path}/events?from_position={hold}&to_position={hold}")
    )
    assert positions(world, f"key={record['key_id']}") == [hold, settled, settled + 1]


def test_a_page_looks_at_a_bounded_stretch(
    world: World, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interface.http.events.SCANNED_POSITIONS_MAX", 3)
    settled = told["settled"]["position"]
    first = body_of(world.auditor.get(f"{world.path}/events?type=AuthorizationSettled"))
    assert (first["items"], first["next"] is not None) == ([], True)
    assert positions(world, "type=AuthorizationSettled") == [settled + 1]
    assert positions(world, "actor=ann") == [told["held"]["position"], settled, settled + 1]
    # What an index finds needs no stretches.
    by_key = body_of(world.auditor.get(f"{world.path}/events?key=settle"))
    assert (len(by_key["items"]), by_key["next"]) == (2, None)
    by_stream = body_of(world.auditor.get(f"{world.path}/events?stream={told['held']['id']}"))
    assert (len(by_stream["items"]), by_stream["next"]) == (2, None)


def test_a_cursor_goes_on_after_it(world: World, told: dict[str, Any]) -> None:
    first = body_of(world.auditor.get(f"{world.path}/events?limit=4"))
    path = f"{world.path}/events?limit=4&cursor={first['next']}"
    assert items(world.auditor.get(path))[0]["position"] == 5
    assert items(world.auditor.get(f"{path}&from_position=9"))[0]["position"] == 9
    assert items(world.auditor.get(f"{path}&from_position=2"))[0]["position"] == 5
