"""`validate_only` and `if` as clients meet them, alone and in batches."""

from typing import Any
from uuid import uuid4

import pytest

from tests.interface.http.batch_requests import FORMS, post, results, send
from tests.interface.http.world import (
    World,
    assert_problem,
    authorization,
    body_of,
    entry,
)


def judged(world: World, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """Asks for a judgement, which must leave no trace; returns its members."""
    before, key = world.head(), str(uuid4())
    given = {**(body or {}), "validate_only": True}
    answer = world.controller.post(f"{world.path}{path}", given, key=key, **more)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/json"
    assert answer.headers["Ledger-Position"] == str(before)
    members = body_of(answer)
    assert (members["position"], members["validate_only"]) == (before, True)
    assert world.head() == before
    return members


def done(world: World, path: str, body: Any = None) -> dict[str, Any]:
    answer = world.controller.post(f"{world.path}{path}", body or {})
    assert answer.status_code in (200, 201), answer.text
    return body_of(answer)


RECEIPT = ("position", "recorded_at", "record_sha256", "validate_only")


def same(would_be: dict[str, Any], was: dict[str, Any]) -> None:
    """But for ids that the key gives, and what only a record has."""
    changing = {*RECEIPT, "id", "entry", "entries", "history", "freeze_id", "freezes"}
    kept = [
        {name: value for name, value in answer.items() if name not in changing}
        for answer in (would_be, was)
    ]
    assert kept[0] == kept[1]
    assert set(was) - set(would_be) <= set(RECEIPT)


def test_each_verb_shows_what_it_would_come_to(world: World) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    held = world.hold(wallet, shop, "3.00")["id"]
    posted = world.post(shop, wallet, "1.00")["id"]
    hold = f"/authorizations/{held}"
    account = {"code": f"x:{uuid4()}", "type": "asset", "name": "X"}
    for path, body in (
        ("/entries", entry(wallet, shop, "1.00", narrative="n")),
        ("/authorizations", authorization(wallet, shop, "1.00", narrative="n")),
        (f"{hold}/settle", {"amount": "1.00", "narrative": "n"}),
        (f"/entries/{posted}/adjust", {"reason": "wrong_amount", **entry(shop, wallet, "2.00")}),
        (f"{hold}/release", {}),
        ("/accounts", account),
        (f"/accounts/{account['code']}/freeze", {}),
        (f"/accounts/{account['code']}/unfreeze", {}),
        (f"/accounts/{account['code']}/close", {}),
        ("/assets", {"code": "GOLD"}),
        ("/journals", {"code": "J1", "name": "J"}),
    ):
        would_be = judged(world, path, body)
        was = done(world, path, body)
        for number in ("voucher_no", "reversal", "replacement", "legs"):
            was.pop(number, None), would_be.pop(number, None)
        same(would_be, was)


def test_a_refusal_is_told_with_status_200_and_what_it_would_be(world: World) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    members = judged(world, "/entries", entry(wallet, shop, "10.01"))
    assert (members["code"], members["status"]) == ("insufficient_funds", 422)
    assert (members["available"], members["asked"]) == ("10.00", "10.01")
    members = judged(world, f"/authorizations/{uuid4()}/settle")
    assert (members["code"], members["status"]) == ("authorization_not_found", 404)


def test_what_is_never_remembered_is_told_as_ever(world: World) -> None:
    wallet, shop, key = world.funded("10.00"), world.account(), str(uuid4())
    path = f"{world.path}/entries"
    body = entry(wallet, shop, "1.00")
    asked = {**body, "validate_only": True}
    assert_problem(world.auditor.post(path, asked), 403, "forbidden")
    assert_problem(world.clerk.post(path, {**asked, "legs": 1}), 422, "invalid_request")
    assert_problem(world.clerk.post(path, {**asked, "validate_only": 1}), 422, "invalid_request")
    assert world.clerk.post(path, body, key=key).status_code == 201
    other = {**entry(wallet, shop, "2.00"), "validate_only": True}
    assert_problem(world.clerk.post(path, other, key=key), 409, "idempotency_conflict")
    again = world.clerk.post(path, asked, key=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")


def test_a_ledger_is_judged_where_there_is_none(world: World) -> None:
    named = {"id": "judged", "name": "J", "functional_asset": "USD", "timezone": "UTC"}
    asked: dict[str, Any] = {**named, "validate_only": True}
    would_be = world.operator.post("/v1/ledgers", asked)
    assert (would_be.status_code, would_be.headers["Ledger-Position"]) == (200, "0")
    members = body_of(would_be)
    assert (members["id"], members["validate_only"], members["position"]) == ("judged", True, 0)
    assert_problem(world.operator.get("/v1/ledgers/judged"), 404, "ledger_not_found")
    assert_problem(world.clerk.post("/v1/ledgers", asked), 403, "forbidden")
    card = body_of(world.operator.post("/v1/ledgers", {**asked, "narrative": "4111111111111111"}))
    assert (card["code"], card["status"], card["position"]) == ("card_number_refused", 422, 0)
    told = world.operator.post("/v1/ledgers", {**named, "narrative": "4111111111111111"})
    assert "position" not in assert_problem(told, 422, "card_number_refused")
    made = world.operator.post("/v1/ledgers", named)
    assert (made.status_code, body_of(made)["position"]) == (201, 1)  # its log begins with it
    there = body_of(world.operator.post("/v1/ledgers", {**asked, "id": "main"}))
    assert (there["code"], there["status"]) == ("already_exists", 409)
    condition = [{"account": "a", "version": 1}]
    refused = world.operator.post("/v1/ledgers", {**asked, "if": condition})
    assert "if" in assert_problem(refused, 422, "invalid_request")["errors"]


def test_texts_of_another_record_at_its_position_are_not_shown(world: World) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    would_be = judged(world, "/authorizations", authorization(wallet, shop, "1.00", narrative="n"))
    assert [line["narrative"] for line in would_be["history"]] == [None]
    held = world.hold(wallet, shop, "1.00", narrative="secret")
    again = judged(
        world, f"/authorizations/{held['id']}/settle", {"amount": "0.50", "narrative": "n"}
    )
    assert [line["narrative"] for line in again["history"]] == ["secret", None]


@pytest.mark.parametrize("form", FORMS)
def test_commands_of_a_batch_are_judged_each_in_its_place(world: World, form: str) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    before = world.head()
    all_of_it = entry(wallet, shop, "10.00")
    commands = [
        {"do": "post", "key": str(uuid4()), **all_of_it, "validate_only": True},
        {"do": "post", "key": str(uuid4()), **all_of_it},
        {"do": "post", "key": str(uuid4()), **all_of_it, "validate_only": True},
    ]
    first, done, last = results(send(world, commands, form))
    assert (first["status"], first["position"], first["validate_only"]) == ("done", before, True)
    assert (done["status"], done["position"]) == ("done", before + 1)
    assert "validate_only" not in done
    assert (last["status"], last["code"]) == ("refused", "insufficient_funds")
    assert (last["position"], last["validate_only"]) == (before + 1, True)
    assert world.head() == before + 1


@pytest.mark.parametrize("form", FORMS)
def test_a_group_is_judged_as_one_or_done_as_one(world: World, form: str) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    before = world.head()

    def group(*flags: bool) -> list[dict[str, Any]]:
        name = str(uuid4())
        commands = [
            {
                "do": "post",
                "key": str(uuid4()),
                "group": name,
                **entry(wallet, shop, "6.00"),
                **({"validate_only": True} if flag else {}),
            }
            for flag in flags
        ]
        return results(send(world, commands, form))

    assert [one["code"] for one in group(True, True)] == ["group_refused", "insufficient_funds"]
    mixed = group(True, False)
    assert [one["code"] for one in mixed] == ["invalid_request"] * 2
    assert all("validate_only" in one["errors"] for one in mixed)
    assert world.head() == before


# Conditions -----------------------------------------------------------------------------------


def test_a_condition_that_fails_says_what_was_found(world: World) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    world.hold(wallet, shop, "4.00")
    path = f"{world.path}/entries"

    def ask(condition: dict[str, Any]) -> Any:
        return world.clerk.post(path, {**entry(shop, world.account(), "1.00"), "if": [condition]})

    enough = {"account": wallet, "asset": "USD", "available": {"gte": "6.00"}}
    assert ask(enough).status_code == 201
    enough["available"] = {"gt": "6.00", "lt": "-1"}
    problem = assert_problem(ask(enough), 409, "condition_failed")
    assert (problem["found"], problem["asked"], problem["account"]) == ("6.00", "6.00", wallet)
    shown = body_of(world.clerk.get(f"{world.path}/accounts/{wallet}/balances"))
    assert ask({"account": wallet, "version": shown["version"]}).status_code == 201
    problem = assert_problem(
        ask({"account": wallet, "version": shown["version"] + 1}), 409, "condition_failed"
    )
    assert problem["found"] == shown["version"]
    assert_problem(ask({"account": "no:such", "version": 1}), 404, "account_not_found")


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"account": "a"},
        {"account": "a", "asset": "USD"},
        {"account": "a", "available": {"gt": "1"}},
        {"account": "a", "asset": "USD", "version": 1},
        {"account": "a", "asset": "USD", "available": {}},
        {"account": "a", "asset": "USD", "available": {"gt": "1"}, "posted": {"gt": "1"}},
        {"account": "a", "asset": "USD", "available": {"ge": "1"}},
        {"account": "a", "asset": "USD", "available": {"gt": 1}},
        {"account": "a", "asset": "USD", "available": {"gt": "1e3"}},
        {"account": "a", "version": -1},
        {"account": "a", "version": "1"},
    ],
)
def test_a_condition_says_one_thing(world: World, condition: dict[str, Any]) -> None:
    body = {**entry(world.account(), world.account(), "1.00"), "if": [condition]}
    refused = world.clerk.post(f"{world.path}/entries", body)
    assert "if" in assert_problem(refused, 422, "invalid_request")["errors"]
    command = {"do": "post", "key": str(uuid4()), **body}
    (result,) = results(
        send(
            world,
            [
                command,
            ],
            FORMS[0],
        )
    )
    assert result["code"] == "invalid_request"


@pytest.mark.parametrize("form", FORMS)
def test_conditions_in_a_batch_see_what_was_done_before(world: World, form: str) -> None:
    wallet, shop = world.funded("10.00"), world.account()
    some = [{"account": wallet, "asset": "USD", "posted": {"eq": "10.00"}}]
    commands = [{**post(wallet, shop), "if": some} for _ in range(2)]
    assert [one.get("code") for one in results(send(world, commands, form))] == [
        None,
        "condition_failed",
    ]
