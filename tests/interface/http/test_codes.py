"""Each code of the contract that can be reached, by the request that reaches it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from domain.refusals import Refusal, Rejection
from interface.http.errors import STATUS
from tests.interface.http.world import (
    World,
    assert_problem,
    authorization,
    body_of,
    entry,
    leg,
)
from tests.patience import wait_until

Request = Callable[[World, str], TestResponse]
"""Sends what is refused, with this Idempotency-Key."""


def post(world: World, key: str, body: Any) -> TestResponse:
    return world.clerk.post(f"{world.path}/entries", body, key=key)


def authorize(world: World, key: str, body: Any) -> TestResponse:
    return world.clerk.post(f"{world.path}/authorizations", body, key=key)


def account_not_found(world: World, key: str) -> TestResponse:
    return post(world, key, entry(world.account(), "no:such", "1.00"))


def account_not_found_by_path(world: World, key: str) -> TestResponse:
    return world.controller.post(f"{world.path}/accounts/no:such/close", key=key)


def asset_not_found(world: World, key: str) -> TestResponse:
    a, b = world.account(asset=None), world.account(asset=None)
    return post(world, key, {"legs": [leg(a, "debit", "1", "XYZ"), leg(b, "credit", "1", "XYZ")]})


def journal_not_found(world: World, key: str) -> TestResponse:
    return post(world, key, entry(world.account(), world.account(), "1.00", journal="NOPE"))


def entry_not_found(world: World, key: str) -> TestResponse:
    path = f"{world.path}/entries/{uuid4()}/reverse"
    return world.clerk.post(path, {"reason": "duplicate"}, key=key)


def entry_not_found_by_link(world: World, key: str) -> TestResponse:
    links = [{"kind": "reinstates", "entry": str(uuid4())}]
    return post(world, key, entry(world.account(), world.account(), "1.00", links=links))


def authorization_not_found(world: World, key: str) -> TestResponse:
    return world.clerk.post(f"{world.path}/authorizations/{uuid4()}/void", key=key)


def freeze_not_found(world: World, key: str) -> TestResponse:
    return world.controller.post(f"{world.path}/accounts/{world.account()}/unfreeze", key=key)


def already_exists(world: World, key: str) -> TestResponse:
    body = {"code": world.account(), "type": "asset", "name": "Again"}
    return world.controller.post(f"{world.path}/accounts", body, key=key)


def already_exists_by_id(world: World, key: str) -> TestResponse:
    posted = world.post(world.account(), world.account(), "1.00")
    return post(world, key, entry(world.account(), world.account(), "1.00", id=posted["id"]))


def already_reversed(world: World, key: str) -> TestResponse:
    posted = world.post(world.account(), world.account(), "1.00")
    path = f"{world.path}/entries/{posted['id']}/reverse"
    assert world.clerk.post(path, {"reason": "duplicate"}).status_code == 201
    return world.clerk.post(path, {"reason": "duplicate"}, key=key)


def reversal_of_reversal(world: World, key: str) -> TestResponse:
    posted = world.post(world.account(), world.account(), "1.00")
    path = f"{world.path}/entries/{posted['id']}/reverse"
    reversal = body_of(world.clerk.post(path, {"reason": "duplicate"}))
    path = f"{world.path}/entries/{reversal['id']}/reverse"
    return world.clerk.post(path, {"reason": "duplicate"}, key=key)


def authorization_closed(world: World, key: str) -> TestResponse:
    held = world.hold(world.account(), world.account(), "1.00")
    path = f"{world.path}/authorizations/{held['id']}"
    assert world.clerk.post(f"{path}/void").status_code == 200
    return world.clerk.post(f"{path}/settle", key=key)


def unbalanced(world: World, key: str) -> TestResponse:
    a, b = world.account(), world.account()
    return post(world, key, {"legs": [leg(a, "debit", "1.00"), leg(b, "credit", "1.01")]})


def two_assets(world: World, *functional: str) -> dict[str, Any]:
    euros = world.account(asset=None)
    legs = [leg(world.account(), "debit", "1.00"), leg(world.account(), "credit", "1.00")]
    legs += [leg(euros, "debit", "2.00", "EUR"), leg(euros, "credit", "2.00", "EUR")]
    for one, amount in zip(legs[2:], functional, strict=False):
        one["functional_amount"] = amount
    world.controller.post(f"{world.path}/assets", {"code": "EUR"})
    return {"legs": legs}


def unvalued_leg(world: World, key: str) -> TestResponse:
    return post(world, key, two_assets(world))


def unbalanced_functional(world: World, key: str) -> TestResponse:
    return post(world, key, two_assets(world, "2.20", "2.21"))


def close_out_of_order(world: World, key: str) -> TestResponse:
    """May of a year in which January is open."""
    last_year = datetime.now(UTC).year - 1
    world.post(world.account(), world.account(), "1.00", effective_on=f"{last_year}-05-17")
    return world.controller.post(f"{world.path}/periods/{last_year}-05/close", key=key)


def rate_not_found(world: World, key: str) -> TestResponse:
    """There is a rate of the pair, and it is too old."""
    world.controller.post(f"{world.path}/assets", {"code": "CHF"})
    rate = {"base": "CHF", "quote": "USD", "rate": "1.10", "effective_on": "2020-01-31"}
    assert world.controller.post(f"{world.path}/rates", rate).status_code == 200
    francs = world.account(asset=None)
    legs = [leg(francs, "debit", "2.00", "CHF"), leg(francs, "credit", "2.00", "CHF")]
    return post(world, key, {"legs": legs})


def too_many_legs(world: World, key: str) -> TestResponse:
    a, b = world.account(), world.account()
    legs = [leg(a, "debit", "1.00"), leg(b, "credit", "1.00")] * 50 + [leg(a, "debit", "1.00")]
    return post(world, key, {"legs": legs})


def amount(text: str) -> Request:
    return lambda world, key: post(world, key, entry(world.account(), world.account(), text))


def asset_not_allowed(world: World, key: str) -> TestResponse:
    a, b = world.account(), world.account(asset=None)
    world.controller.post(f"{world.path}/assets", {"code": "EUR"})
    return post(world, key, {"legs": [leg(a, "debit", "1", "EUR"), leg(b, "credit", "1", "EUR")]})


def same_account(world: World, key: str) -> TestResponse:
    account = world.account()
    return authorize(world, key, authorization(account, account, "1.00"))


def insufficient_funds(world: World, key: str) -> TestResponse:
    return post(world, key, entry(world.funded("10.00"), world.account(), "10.01"))


def account_frozen(world: World, key: str) -> TestResponse:
    account = world.account()
    frozen = world.controller.post(f"{world.path}/accounts/{account}/freeze")
    assert frozen.status_code == 200
    return post(world, key, entry(account, world.account(), "1.00"))


def account_closed(world: World, key: str) -> TestResponse:
    account = world.account()
    closed = world.controller.post(f"{world.path}/accounts/{account}/close")
    assert closed.status_code == 200
    return post(world, key, entry(account, world.account(), "1.00"))


def account_in_use(world: World, key: str) -> TestResponse:
    path = f"{world.path}/accounts/{world.funded('1.00')}/close"
    return world.controller.post(path, key=key)


def account_in_use_by_amendment(world: World, key: str) -> TestResponse:
    path = f"{world.path}/accounts/{world.funded('1.00')}"
    return world.controller.patch(path, {"type": "asset"}, key=key)


def account_not_postable(world: World, key: str) -> TestResponse:
    return post(world, key, entry(world.account(postable=False), world.account(), "1.00"))


def period_closed(world: World, key: str) -> TestResponse:
    world.controller.post(f"{world.path}/periods/lock", {"through": "2020-12-31"})
    body = entry(world.account(), world.account(), "1.00", effective_on="2020-12-31")
    return post(world, key, body)


def effective_in_future(world: World, key: str) -> TestResponse:
    later = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    return post(world, key, entry(world.account(), world.account(), "1.00", effective_on=later))


def expires_in_past(world: World, key: str) -> TestResponse:
    body = authorization(world.account(), world.account(), "1.00")
    return authorize(world, key, {**body, "expires_at": "2020-01-01T00:00:00Z"})


def expires_now(world: World, key: str) -> TestResponse:
    body = authorization(world.account(), world.account(), "1.00")
    return authorize(world, key, {**body, "expires_in_seconds": 0})


def over_settlement(world: World, key: str) -> TestResponse:
    held = world.hold(world.account(), world.account(), "1.00", over_settle_percent="10")
    path = f"{world.path}/authorizations/{held['id']}/settle"
    return world.clerk.post(path, {"amount": "1.11"}, key=key)


def settlement_exists(world: World, key: str) -> TestResponse:
    held = world.hold(world.account(), world.account(), "1.00")
    path = f"{world.path}/authorizations/{held['id']}"
    assert world.clerk.post(f"{path}/settle", {"amount": "0.10"}).status_code == 201
    return world.clerk.post(f"{path}/void", key=key)


def nothing_to_settle(world: World, key: str) -> TestResponse:
    held = world.hold(world.account(), world.account(), "1.00")
    path = f"{world.path}/authorizations/{held['id']}/settle"
    assert world.clerk.post(path).status_code == 201
    return world.clerk.post(path, key=key)


def narrative_required(world: World, key: str) -> TestResponse:
    posted = world.post(world.account(), world.account(), "1.00")
    path = f"{world.path}/entries/{posted['id']}/reverse"
    return world.clerk.post(path, {"reason": "other"}, key=key)


def not_reversible(world: World, key: str) -> TestResponse:
    path, entry = settled(world)
    back = {"amount": "0.01", "reason": "counterparty"}
    assert world.clerk.post(f"{path}/refund", back).status_code == 201
    return world.clerk.post(
        f"{world.path}/entries/{entry}/reverse", {"reason": "duplicate"}, key=key
    )


def settled(world: World) -> tuple[str, str]:
    """The path of an authorization of which 1.00 was settled, and the entry that did it."""
    held = world.hold(world.account(), world.account(), "1.00")
    path = f"{world.path}/authorizations/{held['id']}"
    return path, body_of(world.clerk.post(f"{path}/settle"))["entry"]


def reduction_too_large(world: World, key: str) -> TestResponse:
    path, _ = settled(world)
    return world.clerk.post(f"{path}/reduce", {"amount": "0.01"}, key=key)


def nothing_settled(world: World, key: str) -> TestResponse:
    held = world.hold(world.account(), world.account(), "1.00")
    path = f"{world.path}/authorizations/{held['id']}/refund"
    return world.clerk.post(path, {"amount": "1.00", "reason": "counterparty"}, key=key)


def refund_too_large(world: World, key: str) -> TestResponse:
    path, _ = settled(world)
    back = {"amount": "1.01", "reason": "counterparty"}
    return world.clerk.post(f"{path}/refund", back, key=key)


def won_too_much(world: World, key: str) -> TestResponse:
    path, _ = settled(world)
    back = {"amount": "0.01", "reason": "counterparty"}
    return world.clerk.post(f"{path}/representment", back, key=key)


RECORDED: list[tuple[str, Request]] = [
    ("account_not_found", account_not_found),
    ("account_not_found", account_not_found_by_path),
    ("asset_not_found", asset_not_found),
    ("journal_not_found", journal_not_found),
    ("entry_not_found", entry_not_found),
    ("entry_not_found", entry_not_found_by_link),
    ("authorization_not_found", authorization_not_found),
    ("freeze_not_found", freeze_not_found),
    ("already_exists", already_exists),
    ("already_exists", already_exists_by_id),
    ("already_reversed", already_reversed),
    ("reversal_of_reversal", reversal_of_reversal),
    ("authorization_closed", authorization_closed),
    ("unbalanced", unbalanced),
    ("unvalued_leg", unvalued_leg),
    ("unbalanced_functional", unbalanced_functional),
    ("rate_not_found", rate_not_found),
    ("close_out_of_order", close_out_of_order),
    ("too_many_legs", too_many_legs),
    ("amount_not_positive", amount("0")),
    ("amount_not_positive", amount("0.00")),
    ("amount_too_fine", amount("0.001")),
    ("amount_too_large", amount("10000000000000000.00")),
    ("amount_too_large", amount("9" * 40)),
    ("asset_not_allowed", asset_not_allowed),
    ("same_account", same_account),
    ("insufficient_funds", insufficient_funds),
    ("account_frozen", account_frozen),
    ("account_closed", account_closed),
    ("account_in_use", account_in_use),
    ("account_in_use", account_in_use_by_amendment),
    ("account_not_postable", account_not_postable),
    ("period_closed", period_closed),
    ("effective_in_future", effective_in_future),
    ("expires_in_past", expires_in_past),
    ("expires_in_past", expires_now),
    ("over_settlement", over_settlement),
    ("settlement_exists", settlement_exists),
    ("nothing_to_settle", nothing_to_settle),
    ("narrative_required", narrative_required),
    ("not_reversible", not_reversible),
    ("reduction_too_large", reduction_too_large),
    ("nothing_settled", nothing_settled),
    ("refund_too_large", refund_too_large),
    ("refund_too_large", won_too_much),
]


@pytest.mark.parametrize(("code", "request_"), RECORDED)
def test_a_refusal_is_answered_and_on_record(world: World, code: str, request_: Request) -> None:
    key = f"refused-{uuid4()}"
    refused = request_(world, key)
    problem = assert_problem(refused, STATUS[code], code)
    position = int(refused.headers["Ledger-Position"])
    assert position == problem["position"] == world.head()
    found = body_of(world.auditor.get(f"{world.path}/events?from_position={position}"))["items"]
    assert [(found[0]["type"], found[0]["payload"]["code"])] == [("CommandRefused", code)]
    assert found[0]["recorded_at"] == problem["recorded_at"]


def test_an_expired_hold_is_freed_by_whoever_comes_too_late(world: World) -> None:
    wallet = world.funded("10.00")
    held = world.hold(wallet, world.account(), "4.00", expires_in_seconds=1)
    path = f"{world.path}/authorizations/{held['id']}"
    wait_until(lambda: body_of(world.clerk.get(path))["closed"], "its expiry")
    assert world.available(wallet) == "6.00"
    late = assert_problem(world.clerk.post(f"{path}/settle"), 422, "authorization_expired")
    assert late["expires_at"] == held["expires_at"]
    assert world.available(wallet) == "10.00"
    shown = body_of(world.clerk.get(path))
    assert (shown["status"], shown["closed_as"], shown["held"]) == ("expired", "expired", "0.00")
    assert_problem(world.clerk.post(f"{path}/void"), 422, "authorization_expired")


def all_refusals(of: type[Refusal] = Refusal) -> list[type[Refusal]]:
    return [*of.__subclasses__(), *(r for sub in of.__subclasses__() for r in all_refusals(sub))]


def test_every_refusal_has_its_status() -> None:
    codes = {refusal.code for refusal in all_refusals() if refusal is not Rejection}
    assert codes <= STATUS.keys()
    assert len(codes) > 30


def test_the_table_is_the_contracts() -> None:
    assert len(STATUS) == 61
    assert set(STATUS.values()) == {400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503}
