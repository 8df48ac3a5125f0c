"""Limits as a controller sets and reads them, and as clerks meet them."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.interface.http.batch_requests import FORMS, post, results, send
from tests.interface.http.world import World, assert_problem, authorization, body_of, entry


def set_limit(world: World, account: str, per: str = "day", **more: Any) -> dict[str, Any]:
    answer = world.controller.post(f"{world.path}/limits", {"account": account, "per": per, **more})
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def limits_of(world: World, account: str) -> list[dict[str, Any]]:
    return list(body_of(world.clerk.get(f"{world.path}/limits?account={account}"))["items"])


def pay(world: World, wallet: str, amount: str) -> TestResponse:
    return world.clerk.post(f"{world.path}/entries", entry(wallet, world.account(), amount))


def test_a_limit_is_set_read_changed_and_lifted(world: World) -> None:
    wallet = world.funded("100.00")
    made = set_limit(world, wallet, amount="50", count=3)
    assert {name: made[name] for name in ("account", "per", "asset", "amount", "count")} == {
        "account": wallet,
        "per": "day",
        "asset": "USD",
        "amount": "50.00",
        "count": 3,
    }
    assert {"limit_id", "position", "recorded_at", "record_sha256"} <= made.keys()
    each = set_limit(world, wallet, "authorization", amount="20.00")
    assert pay(world, wallet, "12.00").status_code == 201
    day, one = sorted(limits_of(world, wallet), key=lambda limit: limit["per"], reverse=True)
    assert (day["limit_id"], day["used"]) == (made["limit_id"], {"amount": "12.00", "count": 1})
    assert day["starts_on"] is not None
    assert (one["limit_id"], one["used"], one["starts_on"]) == (each["limit_id"], None, None)
    shown = body_of(world.clerk.get(f"{world.path}/accounts/{wallet}"))
    assert [limit["limit_id"] for limit in shown["limits"]] == [
        made["limit_id"],
        each["limit_id"],
    ]
    changed = set_limit(world, wallet, amount="12.00")
    assert (changed["limit_id"], changed["count"]) == (made["limit_id"], None)
    refused = assert_problem(pay(world, wallet, "0.01"), 422, "limit_exceeded")
    assert (refused["limit"], refused["used"], refused["asked"]) == ("12.00", "12.00", "0.01")
    lifted = set_limit(world, wallet)
    assert (lifted["limit_id"], lifted["amount"], lifted["count"]) == (
        made["limit_id"],
        None,
        None,
    )
    assert [limit["per"] for limit in limits_of(world, wallet)] == ["authorization"]
    assert pay(world, wallet, "30.00").status_code == 201


def test_what_a_hold_gives_back_shows(world: World) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    set_limit(world, wallet, "month", amount="50.00", count=2)
    path = f"{world.path}/authorizations"
    held = world.hold(wallet, shop, "50.00")["id"]
    assert_problem(
        world.clerk.post(path, authorization(wallet, shop, "0.01")), 422, "limit_exceeded"
    )
    assert_problem(
        world.clerk.post(f"{path}/{held}/increment", {"amount": "0.01"}), 422, "limit_exceeded"
    )
    assert world.clerk.post(f"{path}/{held}/reduce", {"amount": "20.00"}).status_code == 200
    (limit,) = limits_of(world, wallet)
    assert limit["used"] == {"amount": "30.00", "count": 1}
    assert world.clerk.post(f"{path}/{held}/void").status_code == 200
    (limit,) = limits_of(world, wallet)
    assert limit["used"] == {"amount": "0.00", "count": 0}


def test_a_count_is_told_in_numbers(world: World) -> None:
    wallet = world.funded("100.00")
    set_limit(world, wallet, count=1)
    assert pay(world, wallet, "1.00").status_code == 201
    refused = assert_problem(pay(world, wallet, "1.00"), 422, "limit_exceeded")
    assert (refused["limit"], refused["used"], refused["asked"]) == (1, 1, 1)
    assert (refused["per"], refused["counted"], refused["account"]) == ("day", "count", wallet)


@pytest.mark.parametrize("form", FORMS)
def test_limits_in_a_batch(world: World, form: str) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    set_limit(world, wallet, amount="2.00")
    codes = [one.get("code") for one in results(send(world, [post(wallet, shop)] * 1, form))]
    commands = [post(wallet, shop) for _ in range(3)]
    codes += [one.get("code") for one in results(send(world, commands, form))]
    assert codes == [None, None, "limit_exceeded", "limit_exceeded"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"account": "a"},
        {"account": "a", "per": "week", "amount": "1"},
        {"account": "a", "per": "day", "amount": 1},
        {"account": "a", "per": "day", "amount": "-1"},
        {"account": "a", "per": "day", "count": -1},
        {"account": "a", "per": "day", "count": "1"},
        {"account": "a", "per": "authorization", "count": 1},
    ],
)
def test_what_is_no_limit(world: World, body: dict[str, Any]) -> None:
    refused = world.controller.post(f"{world.path}/limits", body)
    assert_problem(refused, 422, "invalid_request")


def test_who_may_and_what_must_be_there(world: World) -> None:
    path, wallet = f"{world.path}/limits", world.funded("1.00")
    body = {"account": wallet, "per": "day", "amount": "1.00"}
    assert_problem(world.clerk.post(path, body), 403, "forbidden")
    missing = world.controller.post(path, {**body, "account": "no:such"})
    assert_problem(missing, 404, "account_not_found")
    nothing = world.controller.post(path, {"account": wallet, "per": "day"})
    assert_problem(nothing, 404, "not_found")
    other = world.controller.post(path, {**body, "asset": "XXX"})
    assert_problem(other, 404, "asset_not_found")
    for reader in (world.clerk, world.auditor, world.operator):
        assert reader.get(path).status_code == 200


def test_the_list_goes_page_by_page(world: World) -> None:
    accounts = [world.account("liability") for _ in range(3)]
    for account in accounts:
        set_limit(world, account, amount="1.00")
        set_limit(world, account, "month", count=5)
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = body_of(world.clerk.get(f"{world.path}/limits?limit=2{cursor}"))
        assert len(page["items"]) <= 2
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    keys = [(item["account"], item["limit_id"]) for item in found]
    assert keys == sorted(set(keys))
    assert [item["account"] for item in found if item["account"] in accounts] == sorted(
        [*accounts, *accounts]
    )


def test_a_judgement_takes_nothing_of_a_limit(world: World) -> None:
    wallet = world.funded("100.00")
    set_limit(world, wallet, amount="5.00")
    body = {**entry(wallet, world.account(), "5.00"), "validate_only": True}
    for _ in range(2):
        assert "code" not in body_of(world.clerk.post(f"{world.path}/entries", body))
    assert limits_of(world, wallet)[0]["used"] == {"amount": "0.00", "count": 0}
