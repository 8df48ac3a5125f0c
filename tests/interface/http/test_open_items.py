"""Open items, their ageing, and open authorizations by age, over HTTP."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.interface.http.world import World, body_of, leg

pytestmark = pytest.mark.usefixtures("worker")

DAY = "2025-06-30"


class Customers:
    """A receivable account and those who owe on it."""

    def __init__(self, world: World, **members: Any) -> None:
        self.world = world
        self.receivable = world.account(**{"purpose": "control", **members})
        self._sales = world.account("revenue")
        self._bank = world.account(purpose="bank")

    def invoice(self, amount: str, day: str, **of_leg: Any) -> dict[str, Any]:
        number = of_leg.pop("number", None)
        document = {} if number is None else {"document": {"number": number}}
        return self._post(
            [leg(self.receivable, "debit", amount, **of_leg), leg(self._sales, "credit", amount)],
            effective_on=day,
            **document,
        )

    def receipt(self, amount: str, day: str, **of_leg: Any) -> dict[str, Any]:
        return self._post(
            [leg(self._bank, "debit", amount), leg(self.receivable, "credit", amount, **of_leg)],
            effective_on=day,
        )

    def _post(self, legs: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        answer = self.world.clerk.post(f"{self.world.path}/entries", {"legs": legs, **more})
        assert answer.status_code == 201, answer.text
        return body_of(answer)

    def ageing(self, day: str = DAY, **query: Any) -> dict[str, list[str]]:
        """The buckets of each party, current first, without their total."""
        found = {}
        for row in lines(report(self.world, "ageing", account=self.receivable, effective_on=day)):
            buckets = [row[name] for name in ("current", *OVERDUE)]
            found[row["party"]] = buckets
        return found

    def open(self, day: str = DAY, **query: Any) -> list[tuple[str, str | None, str]]:
        query = {"account": self.receivable, "effective_on": day, **query}
        return [
            (row["party"], row["item"], row["open"])
            for row in lines(report(self.world, "open-items", **query))
        ]


OVERDUE = ("days_1_30", "days_31_60", "days_61_90", "over_90")


def report(world: World, name: str, **query: Any) -> dict[str, Any]:
    query = {"min_position": world.head(), **query}
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = world.auditor.get(f"{world.path}/reports/{name}?{asked}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def lines(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in found["rows"] if row["kind"] == "line"]


@pytest.fixture
def customers(world: World) -> Customers:
    return Customers(world)


def test_each_bucket_begins_and_ends_where_it_says(customers: Customers) -> None:
    due = {
        "0": ("2025-07-01", "2025-06-30"),
        "1": ("2025-06-29", "2025-05-31"),
        "2": ("2025-05-30", "2025-05-01"),
        "3": ("2025-04-30", "2025-04-01"),
        "4": ("2025-03-31", "2024-12-31"),
    }
    for party, days in due.items():
        for due_on in days:
            customers.invoice("10.00", "2024-12-01", party=party, due_on=due_on)
    nothing = "0.00"
    assert customers.ageing() == {
        party: ["20.00" if place == int(party) else nothing for place in range(5)] for party in due
    }


def test_without_a_due_day_an_item_is_due_on_its_own(customers: Customers) -> None:
    customers.invoice("10.00", "2025-06-29", party="a")
    assert customers.ageing()["a"][1] == "10.00"


def test_receipts_take_the_oldest_of_their_party_or_what_they_match(customers: Customers) -> None:
    customers.invoice("10.00", "2025-01-01", party="a", number="A-1", due_on="2025-06-30")
    second = customers.invoice("20.00", "2025-02-01", party="a", number="A-2")
    customers.invoice("40.00", "2025-01-15", party="b", number="B-1")
    customers.receipt("15.00", "2025-03-01", party="a")
    assert customers.open() == [("a", "A-2", "15.00"), ("b", "B-1", "40.00")]
    customers.receipt("30.00", "2025-03-02", party="a", matches="B-1")
    assert customers.open() == [("a", "A-2", "15.00"), ("b", "B-1", "10.00")]
    customers.receipt("1.00", "2025-03-02", matches=second["id"])
    # What is beyond all items stands as one of the other side.
    customers.receipt("20.00", "2025-03-03", party="a")
    assert customers.open() == [("a", None, "-6.00"), ("b", "B-1", "10.00")]
    customers.invoice("7.00", "2025-03-04", party="a", number="A-3")
    assert customers.open() == [("a", "A-3", "1.00"), ("b", "B-1", "10.00")]
    balance = customers.world.balance(customers.receivable)["posted"]["balance"]
    assert balance == "11.00"


def test_what_is_taken_back_is_not_taken_from_another(customers: Customers) -> None:
    customers.invoice("10.00", "2025-01-01", party="a", number="A-1")
    wrong = customers.invoice("30.00", "2025-02-01", party="a", number="A-2")
    path = f"{customers.world.path}/entries/{wrong['id']}/reverse"
    answer = customers.world.clerk.post(path, {"reason": "duplicate"})
    assert answer.status_code == 201, answer.text
    assert customers.open() == [("a", "A-1", "10.00")]
    # Both clocks: before it was taken back, and before it was due.
    known = body_of(answer)["position"] - 1
    assert ("a", "A-2", "30.00") in customers.open(known_position=known)
    assert customers.open("2025-01-31", known_position=known) == [("a", "A-1", "10.00")]


def test_an_item_without_a_party_is_found_by_what_its_entry_says(customers: Customers) -> None:
    customers.invoice("10.00", "2025-01-01", number="A-1")
    wrong = customers.invoice("30.00", "2025-02-01", number="A-2")
    customers.invoice("5.00", "2025-03-01", number="A-3")
    customers.receipt("4.00", "2025-03-02", matches="A-3")
    path = f"{customers.world.path}/entries/{wrong['id']}/reverse"
    assert customers.world.clerk.post(path, {"reason": "duplicate"}).status_code == 201
    assert customers.open() == [("", "A-1", "10.00"), ("", "A-3", "1.00")]


def test_only_accounts_with_items_are_asked_unless_named(world: World) -> None:
    shown = Customers(world, purpose=None)
    shown.invoice("1.00", "2025-01-01", due_on="2025-02-01")
    wallet = world.funded("5.00", purpose="client_money")
    accounts = {row["account"] for row in lines(report(world, "ageing"))}
    assert shown.receivable in accounts
    assert wallet not in accounts
    named = lines(report(world, "ageing", account=wallet))
    assert [(row["party"], row["total"]) for row in named] == [("", "5.00")]


def test_open_authorizations_by_age(world: World) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    kept = world.hold(wallet, shop, "10.00")
    gone = world.hold(wallet, shop, "20.00")
    before = world.head()
    settled = world.clerk.post(
        f"{world.path}/authorizations/{kept['id']}/settle", {"amount": "4.00"}
    )
    assert settled.status_code == 201, settled.text
    assert world.clerk.post(f"{world.path}/authorizations/{gone['id']}/void").status_code == 200

    def of_shop(**query: Any) -> list[tuple[str, str, str, int]]:
        found = lines(report(world, "holds", **query))
        ours = [row for row in found if row["credit"] == shop]
        return [(row["authorization"], row["settled"], row["held"], row["days"]) for row in ours]

    assert of_shop() == [(kept["id"], "4.00", "6.00", 0)]
    assert of_shop(known_position=before) == [
        (kept["id"], "0.00", "10.00", 0),
        (gone["id"], "0.00", "20.00", 0),
    ]
    assert of_shop(effective_on="2025-01-01") == []
    today = datetime.now(ZoneInfo("America/New_York")).date()
    assert of_shop(effective_on=today)[0][3] == 0
    assert of_shop(effective_on=today.replace(year=today.year + 1, day=1))[0][3] > 300
