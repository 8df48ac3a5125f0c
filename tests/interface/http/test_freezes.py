"""Freezes as a controller sets and lifts them."""

from typing import Any
from uuid import uuid4

from werkzeug.test import TestResponse

from tests.interface.http.world import World, assert_problem, authorization, body_of, entry


def freeze(world: World, account: str, **more: Any) -> dict[str, Any]:
    frozen = world.controller.post(f"{world.path}/accounts/{account}/freeze", more)
    assert frozen.status_code == 200, frozen.text
    return body_of(frozen)


def unfreeze(world: World, account: str, **more: Any) -> TestResponse:
    return world.controller.post(f"{world.path}/accounts/{account}/unfreeze", more)


def test_several_freezes_each_with_its_id(world: World) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    entries = f"{world.path}/entries"
    first = freeze(world, wallet, scope="debits", basis="legal", authority_reference="court 7")
    second = freeze(world, wallet, amount="30", authority_reference="tax 9")
    assert first["status"] == second["status"] == "frozen"
    assert second["freezes"] == [
        {
            "freeze_id": first["freeze_id"],
            "scope": "debits",
            "basis": "legal",
            "amount": None,
            "authority_reference": "court 7",
        },
        {
            "freeze_id": second["freeze_id"],
            "scope": "all",
            "basis": "administrative",
            "amount": "30.00",
            "authority_reference": "tax 9",
        },
    ]
    refused = assert_problem(
        world.clerk.post(entries, entry(wallet, shop, "1.00")), 422, "account_frozen"
    )
    assert refused["freeze_id"] == first["freeze_id"]
    assert world.clerk.post(entries, entry(shop, wallet, "1.00")).status_code == 201
    assert_problem(unfreeze(world, wallet), 404, "freeze_not_found")
    assert_problem(unfreeze(world, wallet, freeze_id=str(uuid4())), 404, "freeze_not_found")
    lifted = unfreeze(world, wallet, freeze_id=first["freeze_id"])
    assert body_of(lifted)["freeze_id"] == first["freeze_id"]
    assert body_of(lifted)["status"] == "open"
    balance = world.balance(wallet)
    assert (balance["posted"]["balance"], balance["liens"]) == ("101.00", "30.00")
    assert balance["available"] == "71.00"
    refused = assert_problem(
        world.clerk.post(entries, entry(wallet, shop, "71.01")), 422, "insufficient_funds"
    )
    assert refused["available"] == "71.00"
    assert world.clerk.post(entries, entry(wallet, shop, "71.00")).status_code == 201
    assert body_of(unfreeze(world, wallet))["freezes"] == []
    assert world.available(wallet) == "30.00"


def test_what_was_authorized_settles_unless_the_law_says_no(world: World) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    holds = [world.hold(wallet, shop, "10.00")["id"] for _ in range(2)]
    path = f"{world.path}/authorizations"
    frozen = freeze(world, wallet)
    assert_problem(
        world.clerk.post(path, authorization(wallet, shop, "1.00")), 422, "account_frozen"
    )
    assert world.clerk.post(f"{path}/{holds[0]}/settle").status_code == 201
    freeze(world, wallet, basis="legal", scope="debits")
    assert_problem(world.clerk.post(f"{path}/{holds[1]}/settle"), 422, "account_frozen")
    assert unfreeze(world, wallet, freeze_id=frozen["freeze_id"]).status_code == 200
    assert_problem(world.clerk.post(f"{path}/{holds[1]}/settle"), 422, "account_frozen")
    assert unfreeze(world, wallet).status_code == 200
    assert world.clerk.post(f"{path}/{holds[1]}/settle").status_code == 201


def test_a_frozen_account_and_one_with_a_lien_in_the_list(world: World) -> None:
    stopped, kept = world.account(), world.account()
    freeze(world, stopped, scope="credits")
    freeze(world, kept, amount="1.00")
    listed = body_of(world.clerk.get(f"{world.path}/accounts?status=frozen&limit=1000"))["items"]
    codes = [item["code"] for item in listed]
    assert stopped in codes
    assert kept not in codes
    closing = world.controller.post(f"{world.path}/accounts/{kept}/close")
    assert assert_problem(closing, 422, "account_in_use")["standing"] == "lien"
