"""Mandatory settlements over HTTP: who may, what is answered, and that a reference counts once."""

from typing import Any
from uuid import uuid4

import pytest

from tests.interface.http.world import Caller, World, assert_problem, body_of

FEED = "visa-feed"


@pytest.fixture
def feed(world: World) -> Caller:
    return world.caller("clerk", actor=FEED, network_feed=True)


def cleared(world: World, amount: str, **more: Any) -> dict[str, Any]:
    wallet, merchant = world.funded("100.00"), world.account("liability")
    return {"debit": wallet, "credit": merchant, "amount": amount, "asset": "USD", **more}


def path(world: World) -> str:
    return f"{world.path}/settlements"


def test_an_unmatched_settlement_makes_an_authorization(world: World, feed: Caller) -> None:
    network = {"scheme": "visa", "reference": str(uuid4()), "mcc": "5812"}
    body = cleared(world, "120.00", network=network)
    answer = feed.post(path(world), body)
    assert answer.status_code == 201, answer.text
    made = body_of(answer)
    assert (made["status"], made["closed"], made["closed_as"]) == ("settled", True, "final")
    assert (made["authorized"], made["settled"], made["held"]) == ("0.00", "120.00", "0.00")
    assert made["network"] == network
    assert made["history"][0]["exceptions"] == ["unmatched", "below_floor"]
    assert world.available(body["debit"]) == "-20.00"
    shown = body_of(world.clerk.get(f"{world.path}/authorizations/{made['id']}"))
    assert {**made, **shown} == made
    entry = body_of(world.clerk.get(f"{world.path}/entries/{made['entry']}"))
    assert (entry["authorization"], entry["movement"]["kind"]) == (made["id"], "settlement")
    assert (entry["position"], entry["id"]) == (made["position"], made["entries"][0])
    refund = {"amount": "120.00", "reason": "counterparty"}
    refunded = world.clerk.post(f"{world.path}/authorizations/{made['id']}/refund", refund)
    assert refunded.status_code == 201, refunded.text


def test_a_matched_one_settles_its_authorization(world: World, feed: Caller) -> None:
    wallet, merchant = world.funded("100.00"), world.account("liability")
    held = world.hold(wallet, merchant, "100.00")
    answer = feed.post(path(world), {"authorization": held["id"], "amount": "60.00"})
    assert answer.status_code == 201, answer.text
    settled = body_of(answer)
    assert (settled["id"], settled["settled"], settled["held"]) == (held["id"], "60.00", "40.00")
    assert settled["history"][-1]["exceptions"] == []
    over = feed.post(path(world), {"authorization": held["id"].upper(), "amount": "50.00"})
    assert body_of(over)["history"][-1]["exceptions"] == ["over_ceiling", "below_floor"]
    assert world.available(wallet) == "-10.00"


def test_a_reference_again_is_answered_with_the_first(world: World, feed: Caller) -> None:
    body = cleared(world, "10.00", network={"scheme": "visa", "reference": str(uuid4())})
    first = feed.post(path(world), body, key=f"first-{uuid4()}")
    again = assert_problem(feed.post(path(world), body), 409, "already_exists")
    made = body_of(first)
    assert (again["entry"], again["authorization"]) == (made["entry"], made["id"])
    assert again["reference"] == body["network"]["reference"]
    assert world.available(body["debit"]) == "90.00"
    replayed = feed.post(path(world), body, key=first.headers["Idempotency-Key"])
    assert body_of(replayed) == made


def test_a_batch_mixes_them_with_all_others(world: World, feed: Caller) -> None:
    wallet, merchant = world.funded("100.00"), world.account("liability")
    id, reference = str(uuid4()), str(uuid4())
    hold = {"debit": wallet, "credit": merchant, "amount": "50.00", "asset": "USD"}
    network = {"scheme": "visa", "reference": reference}
    commands = [
        {"do": "authorize", "key": f"a-{id}", "id": id, **hold},
        {"do": "settle_mandatory", "key": f"s-{id}", "authorization": id, "amount": "70.00"},
        {"do": "settle_mandatory", "key": f"u-{id}", **hold, "network": network},
        {"do": "settle_mandatory", "key": f"v-{id}", **hold, "network": network},
        {"do": "release", "key": f"r-{id}", "authorization": id},
    ]
    results = body_of(feed.post(f"{world.path}/batch", {"commands": commands}))["results"]
    assert [result["status"] for result in results] == ["done"] * 3 + ["refused", "done"], results
    assert (results[1]["id"], results[3]["code"]) == (id, "already_exists")
    assert (results[3]["entry"], results[3]["authorization"]) == (
        results[2]["entry"],
        results[2]["id"],
    )
    assert world.available(wallet) == "-20.00"


def test_only_a_feed_or_a_controller_with_a_reason(world: World) -> None:
    body = cleared(world, "1.00")
    assert_problem(world.clerk.post(path(world), body), 403, "forbidden")
    assert_problem(world.clerk.post(path(world), {**body, "reason": "x"}), 403, "forbidden")
    assert_problem(world.controller.post(path(world), body), 403, "forbidden")
    made = world.controller.post(path(world), {**body, "reason": "feed_down"})
    assert made.status_code == 201, made.text
    assert body_of(made)["history"][0]["reason"] == "feed_down"


def test_without_an_authorization_all_must_be_said(world: World, feed: Caller) -> None:
    problem = assert_problem(feed.post(path(world), {"amount": "1"}), 422, "invalid_request")
    assert set(problem["errors"]) == {"debit", "credit", "asset"}
    lost = {"authorization": str(uuid4()), "amount": "1.00"}
    assert_problem(feed.post(path(world), lost), 404, "authorization_not_found")


def test_what_may_not_be_touched_goes_to_suspense(world: World, feed: Caller) -> None:
    body = cleared(world, "30.00")
    frozen = world.controller.post(f"{world.path}/accounts/{body['debit']}/freeze", {})
    assert frozen.status_code == 200, frozen.text
    suspense = world.account("liability", purpose="suspense")
    made = body_of(feed.post(path(world), body))
    assert made["history"][0]["exceptions"] == ["unmatched", "account_frozen"]
    assert world.available(body["debit"]) == "100.00"
    assert world.balance(suspense)["posted"]["balance"] == "-30.00"
    closed = world.controller.post(f"{world.path}/accounts/{suspense}/freeze", {})
    assert closed.status_code == 200  # so that other tests have no suspense account


def test_a_closed_day_is_moved_and_kept(world: World, feed: Caller) -> None:
    body = cleared(world, "1.00", effective_on="2026-01-31")
    lock = {"through": "2026-01-31", "reason": "month_end"}
    locked = world.controller.post(f"{world.path}/periods/lock", lock)
    assert locked.status_code == 200, locked.text
    made = body_of(feed.post(path(world), body))
    entry = body_of(world.clerk.get(f"{world.path}/entries/{made['entry']}"))
    assert made["history"][0]["exceptions"] == ["unmatched", "period_moved"]
    assert entry["value_on"] == "2026-01-31" < entry["effective_on"]
