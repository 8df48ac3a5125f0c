"""Entries and holds as answers and reads show them."""

from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from tests.interface.http.world import (
    World,
    assert_problem,
    body_of,
    entry,
    leg,
)


def get(world: World, path: str) -> dict[str, Any]:
    answer = world.clerk.get(f"{world.path}{path}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def test_an_entry_with_all_that_it_may_have(world: World) -> None:
    a, b = world.account(), world.account()
    linked = world.post(a, b, "9.00")
    parts = {
        "journal": "GEN",
        "class": "adjusting",
        "effective_on": "2026-01-31",
        "value_on": "2026-02-02",
        "reference": "INV-7",
        "document": {"type": "invoice", "number": "7", "date": "2026-01-30"},
        "source": {"system": "erp", "file": "gl.csv", "sha256": "0f" * 32, "line": 12},
        "original": {"entered_by": "kim", "entered_at": "2026-01-31T08:00:00Z"},
        "links": [{"kind": "relates", "entry": linked["id"]}],
        "attachments": [{"sha256": "ab" * 32, "media_type": "application/pdf", "name": "a.pdf"}],
    }
    more: dict[str, Any] = {
        "party": "p-1",
        "dimensions": {"cost_centre": "12"},
        "due_on": "2026-03-01",
    }
    legs = [
        leg(a, "debit", "2", functional_amount="2.00", matches="open-7", **more),
        leg(b, "credit", "2.0", narrative="the other side"),
    ]
    id = str(uuid4())
    texts = {"narrative": "For Ada", "metadata": {"ticket": "5"}}
    body = {"id": id, **parts, **texts, "legs": legs, "reason": "month_end", "correlation_id": "c"}
    posted = world.clerk.post(f"{world.path}/entries", body)
    assert posted.status_code == 201, posted.text
    made = body_of(posted)
    assert {**parts, "id": id, "fiscal_year": 2026}.items() <= made.items()
    assert "narrative" not in made
    assert made["legs"][0] == {
        **legs[0],
        "amount": "2.00",
        "line": 2,
        "balance": "11.00",
    }
    shown = get(world, f"/entries/{id}")
    assert shown["legs"][1]["narrative"] == "the other side"
    assert {**texts, "reversed_by": None, "adjusted_by": None}.items() <= shown.items()
    assert {**made, "legs": 0}.items() <= {**shown, "legs": 0}.items()
    (event,) = shown["events"]
    assert (event["type"], event["reason"], event["correlation_id"], event["actor"]) == (
        "EntryPosted",
        "month_end",
        "c",
        "clerk",
    )
    record = world.auditor.get(
        f"{world.path}/events?from_position={made['position']}&limit=1",
        headers={"Accept": "application/x-ndjson"},
    ).data.rstrip(b"\n")
    assert sha256(record).hexdigest() == made["record_sha256"] == event["record_sha256"]
    assert b"For Ada" not in record


def test_corrections_are_linked_both_ways(world: World) -> None:
    a, b, c = world.account(), world.account(), world.account()
    first = world.post(a, b, "10.00")
    path = f"{world.path}/entries/{first['id']}"
    adjusted = world.clerk.post(
        f"{path}/adjust", {"reason": "other", "narrative": "Wrong", **entry(a, c, "8.00")}
    )
    assert adjusted.status_code == 201
    made = body_of(adjusted)
    assert made["id"] == made["replacement"]
    assert (made["corrects"], made["correction"]) == (first["id"], "replacement")
    reversal = get(world, f"/entries/{made['reversal']}")
    assert (reversal["corrects"], reversal["correction"]) == (first["id"], "reversal")
    assert reversal["narrative"] == "Wrong"
    shown = get(world, f"/entries/{first['id']}")
    assert (shown["reversed_by"], shown["adjusted_by"]) == (made["reversal"], made["id"])
    assert [event["type"] for event in shown["events"]] == ["EntryPosted", "EntryAdjusted"]
    taken_back = body_of(
        world.clerk.post(f"{world.path}/entries/{made['id']}/reverse", {"reason": "duplicate"})
    )
    shown = get(world, f"/entries/{made['id']}")
    assert (shown["reversed_by"], shown["adjusted_by"]) == (taken_back["id"], None)
    assert {world.balance(account)["posted"]["balance"] for account in (a, b, c)} == {"0.00"}


def test_an_authorizations_life(world: World) -> None:
    wallet, shop = world.funded("100.00"), world.account("revenue")
    network = {"scheme": "visa", "mcc": "5411", "approval_code": "A1"}
    held = world.hold(
        wallet,
        shop,
        "60",
        over_settle_percent="10",
        expires_at="2099-01-01T02:00:00+02:00",
        network=network,
        narrative="Groceries",
        reference="r-1",
    )
    path = f"{world.path}/authorizations/{held['id']}"
    shown = get(world, f"/authorizations/{held['id']}")
    assert shown.items() <= held.items()
    assert {
        "status": "authorized",
        "closed": False,
        "closed_as": None,
        "authorized": "60.00",
        "settled": "0.00",
        "refunded": "0.00",
        "held": "60.00",
        "expires_at": "2099-01-01T00:00:00Z",
        "debit": wallet,
        "credit": shop,
        "asset": "USD",
        "over_settle_percent": "10",
        "network": network,
        "reference": "r-1",
        "entries": [],
    }.items() <= shown.items()
    assert shown["history"][0]["narrative"] == "Groceries"

    part = world.clerk.post(f"{path}/settle", {"amount": "20.00", "narrative": "part"})
    assert part.status_code == 201
    settled = body_of(part)
    shown = get(world, f"/authorizations/{held['id']}")
    assert shown.items() <= settled.items()
    assert (shown["status"], shown["settled"], shown["held"]) == (
        "partially_settled",
        "20.00",
        "40.00",
    )
    assert shown["entries"] == [settled["entry"]]
    assert int(part.headers["Ledger-Position"]) == settled["position"] + 1
    posted = get(world, f"/entries/{settled['entry']}")
    assert (posted["journal"], posted["authorization"]) == ("AUTH", held["id"])
    assert posted["narrative"] == "part"

    final = body_of(world.clerk.post(f"{path}/settle", {"amount": "46.00", "final": True}))
    assert (final["status"], final["closed_as"], final["held"]) == ("settled", "final", "0.00")
    assert [line["type"] for line in final["history"]] == [
        "AuthorizationOpened",
        "AuthorizationSettled",
        "AuthorizationSettled",
    ]
    assert [line["entry"] for line in final["history"][1:]] == final["entries"]
    assert_problem(world.clerk.post(f"{path}/release"), 409, "authorization_closed")


@pytest.mark.parametrize("verb", ["void", "release"])
def test_a_hold_that_is_given_back(world: World, verb: str) -> None:
    wallet = world.funded("5.00")
    held = world.hold(wallet, world.account(), "5.00")
    path = f"{world.path}/authorizations/{held['id']}"
    ended = world.clerk.post(f"{path}/{verb}", {"narrative": "Changed my mind"})
    assert ended.status_code == 200
    shown = get(world, f"/authorizations/{held['id']}")
    assert shown.items() <= body_of(ended).items()
    assert (shown["status"], shown["held"], shown["authorized"]) == (
        {"void": "voided", "release": "released"}[verb],
        "0.00",
        "5.00",
    )
    assert shown["history"][-1]["narrative"] == "Changed my mind"
    assert world.available(wallet) == "5.00"


def test_a_partly_settled_hold_that_is_released(world: World) -> None:
    held = world.hold(world.account(), world.account(), "5.00")
    path = f"{world.path}/authorizations/{held['id']}"
    world.clerk.post(f"{path}/settle", {"amount": "1.00"})
    ended = body_of(world.clerk.post(f"{path}/release"))
    assert (ended["status"], ended["closed_as"]) == ("partially_settled", "released")


def test_streams_of_other_things_are_no_entries_and_no_holds(world: World) -> None:
    posted = world.post(world.account(), world.account(), "1.00")
    held = world.hold(world.account(), world.account(), "1.00")
    answer = world.clerk.get(f"{world.path}/entries/{held['id']}")
    assert_problem(answer, 404, "entry_not_found")
    answer = world.clerk.get(f"{world.path}/authorizations/{posted['id']}")
    assert_problem(answer, 404, "authorization_not_found")
