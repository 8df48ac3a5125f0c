"""The life of an authorization over HTTP: each verb, its answer, and what it does to balances."""

from typing import Any
from uuid import uuid4

import pytest

from tests.interface.http.world import World, assert_problem, body_of

REASON = {"reason": "counterparty"}


class Shop:
    """A wallet with 1,000.00, a merchant, and one authorization between them."""

    def __init__(self, world: World, amount: str = "100.00", **more: Any) -> None:
        self.world = world
        self.wallet = world.funded("1000.00")
        self.merchant = world.account("liability")
        self.id = world.hold(self.wallet, self.merchant, amount, **more)["id"]

    def send(self, verb: str, body: Any = None, **kwargs: Any) -> Any:
        path = f"{self.world.path}/authorizations/{self.id}/{verb}"
        return self.world.clerk.post(path, body, **kwargs)

    def done(self, verb: str, amount: str | None = None, **more: Any) -> dict[str, Any]:
        body = more if amount is None else {"amount": amount, **more}
        answer = self.send(verb, body)
        assert answer.status_code in (200, 201), answer.text
        return body_of(answer)

    def shown(self) -> dict[str, Any]:
        answer = self.world.clerk.get(f"{self.world.path}/authorizations/{self.id}")
        assert answer.status_code == 200, answer.text
        return body_of(answer)

    def wallet_now(self) -> tuple[str, str, str]:
        balance = self.world.balance(self.wallet)
        return balance["posted"]["balance"], balance["pending"]["debits"], balance["available"]


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


def test_increment_and_reduce_answer_the_authorization(shop: Shop) -> None:
    answer = shop.send("increment", {"amount": "20"})
    assert answer.status_code == 200, answer.text
    grown = body_of(answer)
    assert (grown["authorized"], grown["held"], grown["status"]) == (
        "120.00",
        "120.00",
        "authorized",
    )
    assert shop.wallet_now() == ("1000.00", "120.00", "880.00")
    answer = shop.send("reduce", {"amount": "50.00", "narrative": "Two nights only"})
    assert answer.status_code == 200, answer.text
    reduced = body_of(answer)
    assert (reduced["authorized"], reduced["held"]) == ("70.00", "70.00")
    shown = shop.shown()
    assert {**reduced, **shown} == reduced
    assert [line["type"] for line in shown["history"]] == [
        "AuthorizationOpened",
        "AuthorizationIncremented",
        "AuthorizationReduced",
    ]
    assert shown["history"][2]["narrative"] == "Two nights only"
    assert shown["history_total"] == 3


def test_reduced_to_nothing_it_is_void(shop: Shop) -> None:
    void = shop.done("reduce", "100.00")
    assert (void["status"], void["closed"], void["closed_as"]) == ("voided", True, "voided")
    assert (void["authorized"], void["held"]) == ("0.00", "0.00")
    assert shop.wallet_now() == ("1000.00", "0.00", "1000.00")
    assert_problem(shop.send("increment", {"amount": "1"}), 409, "authorization_closed")


def test_a_reduction_below_what_is_settled_is_refused(shop: Shop) -> None:
    shop.done("settle", "60.00")
    problem = assert_problem(shop.send("reduce", {"amount": "40.01"}), 422, "reduction_too_large")
    assert (problem["reducible"], problem["asked"]) == ("40.00", "40.01")


def test_the_ceiling_counts_all_settlements_together(world: World) -> None:
    shop = Shop(world, over_settle_percent="15")
    assert shop.shown()["ceiling"] == "115.00"
    shop.done("settle", "60.00")
    second = shop.done("settle", "55.00")
    assert (second["held"], second["status"], second["closed"]) == ("0.00", "settled", False)
    assert shop.wallet_now() == ("885.00", "0.00", "885.00")
    problem = assert_problem(shop.send("settle", {"amount": "0.01"}), 422, "over_settlement")
    assert problem["remaining"] == "0.00"
    assert_problem(shop.send("settle", {}), 422, "nothing_to_settle")
    shop.done("release")
    assert_problem(shop.send("settle", {"amount": "0.01"}), 409, "authorization_closed")


def test_refund_chargeback_and_representment_post_an_entry_each(shop: Shop) -> None:
    settled = shop.done("settle", "60.00", final=True)
    answer = shop.send("refund", {"amount": "25.00", **REASON})
    assert answer.status_code == 201, answer.text
    refunded = body_of(answer)
    assert (refunded["refunded"], refunded["status"]) == ("25.00", "partially_settled")
    charged = shop.done("chargeback", "35.00", **REASON)
    assert charged["charged_back"] == "35.00"
    assert_problem(shop.send("refund", {"amount": "0.01", **REASON}), 422, "refund_too_large")
    represented = shop.done("representment", "10.00", **REASON)
    assert represented["represented"] == "10.00"
    assert shop.wallet_now() == ("990.00", "0.00", "990.00")
    entries = [settled["entry"], refunded["entry"], charged["entry"], represented["entry"]]
    assert shop.shown()["entries"] == entries
    kinds = []
    for entry in entries:
        shown = body_of(shop.world.clerk.get(f"{shop.world.path}/entries/{entry}"))
        assert shown["authorization"] == shop.id
        kinds.append((shown["movement"]["kind"], shown["movement"]["amount"]))
    assert kinds == [
        ("settlement", "60.00"),
        ("refund", "25.00"),
        ("chargeback", "35.00"),
        ("representment", "10.00"),
    ]


@pytest.mark.parametrize("verb", ["refund", "chargeback", "representment"])
def test_what_returns_needs_an_amount_and_a_reason(shop: Shop, verb: str) -> None:
    problem = assert_problem(shop.send(verb, {}), 422, "invalid_request")
    assert set(problem["errors"]) == {"amount", "reason"}
    unknown = assert_problem(
        shop.send(verb, {"amount": "1.00", "reason": "because"}), 422, "invalid_request"
    )
    assert set(unknown["errors"]) == {"reason"}
    nothing = shop.send(verb, {"amount": "1.00", **REASON})
    assert_problem(nothing, 422, "nothing_settled")
    other = shop.send(verb, {"amount": "1.00", "reason": "other"})
    assert_problem(other, 422, "narrative_required")


def test_a_replay_shows_what_was_shown_first(shop: Shop) -> None:
    first = shop.send("settle", {"amount": "10.00"}, key="settle-once")
    shop.done("settle", "20.00")
    again = shop.send("settle", {"amount": "10.00"}, key="settle-once")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.status_code == 201
    assert body_of(again) == body_of(first)


def test_verbs_of_one_batch_see_each_other(world: World) -> None:
    wallet, merchant = world.funded("100.00"), world.account("liability")
    id = str(uuid4())
    hold = {"debit": wallet, "credit": merchant, "amount": "80.00", "asset": "USD", "id": id}

    def of(do: str, amount: str, **more: Any) -> dict[str, Any]:
        return {"do": do, "key": f"{do}-{id}", "authorization": id, "amount": amount, **more}

    commands = [
        {"do": "authorize", "key": f"authorize-{id}", **hold},
        of("increment", "20.00"),
        of("reduce", "10.00"),
        of("settle", "90.00"),
        of("refund", "30.00", **REASON),
        of("chargeback", "60.00", **REASON),
        of("representment", "60.00", **REASON),
    ]
    answer = world.clerk.post(f"{world.path}/batch", {"atomic": True, "commands": commands})
    assert answer.status_code == 200, answer.text
    results = body_of(answer)["results"]
    assert [result["status"] for result in results] == ["done"] * 7, results
    assert [result["id"] for result in results] == [id] * 7
    assert all("entry" in result for result in results[3:])
    shown = body_of(world.clerk.get(f"{world.path}/authorizations/{id}"))
    counters = ("authorized", "settled", "refunded", "charged_back", "represented", "held")
    assert [shown[name] for name in counters] == [
        "90.00",
        "90.00",
        "30.00",
        "60.00",
        "60.00",
        "0.00",
    ]
    assert world.available(wallet) == "40.00"


def test_a_settlement_taken_back_lowers_what_is_settled(shop: Shop) -> None:
    entry = shop.done("settle", "60.00")["entry"]
    path = f"{shop.world.path}/entries/{entry}"
    body = {"reason": "duplicate", "restore_hold": True}
    answer = shop.world.clerk.post(f"{path}/reverse", body)
    assert answer.status_code == 201, answer.text
    reversal = body_of(answer)
    assert (reversal["authorization"], reversal["corrects"]) == (shop.id, entry)
    shown = shop.shown()
    assert (shown["settled"], shown["held"], shown["status"]) == ("0.00", "100.00", "authorized")
    assert shown["entries"] == [entry, reversal["id"]]
    line = shown["history"][-1]
    assert (line["type"], line["corrects"], line["restored"]) == (
        "AuthorizationCorrected",
        entry,
        "60.00",
    )
    assert shop.wallet_now() == ("1000.00", "100.00", "900.00")


def test_an_adjusted_settlement_counts_what_replaced_it(shop: Shop) -> None:
    entry = shop.done("settle", "60.00")["entry"]
    legs = [
        {"account": shop.wallet, "side": "debit", "amount": "65.00", "asset": "USD"},
        {"account": shop.merchant, "side": "credit", "amount": "65.00", "asset": "USD"},
    ]
    path = f"{shop.world.path}/entries/{entry}/adjust"
    answer = shop.world.clerk.post(path, {"reason": "wrong_amount", "legs": legs})
    assert answer.status_code == 201, answer.text
    adjusted = body_of(answer)
    assert adjusted["movement"] == {"kind": "settlement", "amount": "65.00"}
    shown = shop.shown()
    assert (shown["settled"], shown["held"]) == ("65.00", "35.00")
    assert shown["entries"] == [entry, adjusted["reversal"], adjusted["replacement"]]
    assert shop.wallet_now() == ("935.00", "35.00", "900.00")


def test_an_answer_shows_a_bounded_part_of_a_long_history(world: World) -> None:
    """The event that opened it and the last hundred; the counters say the rest."""
    shop = Shop(world, "200.00")
    commands = [
        {"do": "settle", "key": f"{shop.id}-{n}", "authorization": shop.id, "amount": "1.00"}
        for n in range(150)
    ]
    answer = world.clerk.post(f"{world.path}/batch", {"commands": commands})
    assert {result["status"] for result in body_of(answer)["results"]} == {"done"}
    shown = shop.shown()
    assert [line["version"] for line in shown["history"]] == [1, *range(52, 152)]
    assert shown["history_total"] == 151
    assert len(shown["entries"]) == 100
    assert (shown["settled"], shown["settlements"]) == ("150.00", 150)
    last = shop.done("settle", "1.00")
    assert [line["version"] for line in last["history"]] == [1, *range(133, 153)]
    assert last["history_total"] == 152
