"""Exchange rates over HTTP: recorded, used, corrected; differences realised and unrealised."""

from typing import Any, NamedTuple

import pytest

from tests.interface.http.world import World, body_of, leg

pytestmark = pytest.mark.usefixtures("worker")

JANUARY, MARCH = "2026-01-31", "2026-03-31"


class Books(NamedTuple):
    """A chart with euros in it, and how it is posted to."""

    world: World
    receivable: str
    bank: str
    conversion: str
    sales: str
    differences: str

    def record(self, rate: str, on: str, kind: str = "spot", **more: Any) -> dict[str, Any]:
        body = {"base": "EUR", "quote": "USD", "kind": kind, "rate": rate, "effective_on": on}
        recorded = self.world.controller.post(f"{self.world.path}/rates", {**body, **more})
        assert recorded.status_code == 200, recorded.text
        return body_of(recorded)

    def post(self, *legs: dict[str, Any], on: str, **more: Any) -> dict[str, Any]:
        body = {"legs": list(legs), "effective_on": on, **more}
        posted = self.world.clerk.post(f"{self.world.path}/entries", body)
        assert posted.status_code == 201, posted.text
        return body_of(posted)

    def sell(self, euros: str, dollars: str, on: str, **more: Any) -> dict[str, Any]:
        return self.post(
            leg(self.receivable, "debit", euros, "EUR", **more),
            leg(self.conversion, "credit", euros, "EUR"),
            leg(self.conversion, "debit", dollars),
            leg(self.sales, "credit", dollars),
            on=on,
        )

    def collect(self, euros: str, on: str, **more: Any) -> dict[str, Any]:
        return self.post(
            leg(self.bank, "debit", euros, "EUR"),
            leg(self.receivable, "credit", euros, "EUR", **more),
            on=on,
        )

    def revalue(self, on: str) -> dict[str, Any]:
        """Asks for a revaluation and returns what has become of it."""
        path = f"{self.world.path}/rates/revaluations"
        asked = body_of(self.world.controller.post(path, {"effective_on": on}))
        assert asked["status"] == "asked"
        while True:
            items = body_of(self.world.controller.get(path))["items"]
            found = next(item for item in items if item["id"] == asked["id"])
            if found["status"] != "asked":
                return dict(found)

    def worth(self, on: str) -> dict[tuple[str, str], tuple[str, str]]:
        """What the trial balance shows of each account and asset: its own and functional net."""
        path = f"{self.world.path}/reports/trial-balance"
        query = f"effective_on={on}&min_position={self.world.head()}"
        rows = body_of(self.world.auditor.get(f"{path}?{query}"))["rows"]
        return {
            (row["account"], row["asset"]): (
                _net(row, "debit", "credit"),
                _net(row, "functional_debit", "functional_credit"),
            )
            for row in rows
            if row["kind"] == "line"
        }


def _net(row: dict[str, Any], debit: str, credit: str) -> str:
    return str(row[debit]) if row[debit] != "0.00" else f"-{row[credit]}".replace("-0.00", "0.00")


@pytest.fixture(scope="module")
def books(world: World) -> Books:
    world.controller.post(f"{world.path}/assets", {"code": "EUR"})
    return Books(
        world,
        receivable=world.account(asset="EUR", monetary=True),
        bank=world.account(asset="EUR", monetary=True, purpose="bank"),
        conversion=world.account("equity", asset=None, purpose="conversion"),
        sales=world.account("revenue"),
        differences=world.account("expense", asset=None, purpose="fx_difference"),
    )


def shown(entry: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (one["account"], one["side"], one["amount"], one["asset"], one.get("functional_amount"))
        for one in entry["legs"]
    ]


def test_a_receivable_lives_through_three_rates(books: Books) -> None:
    """Booked at 1.10, revalued at 1.15 and taken back, settled at 1.08: all in all a loss of 20."""
    receivable, bank, differences = books.receivable, books.bank, books.differences
    books.record("1.10", "2026-01-15")
    sold = books.sell("1000.00", "1100.00", "2026-01-15")
    assert shown(sold)[:2] == [
        (receivable, "debit", "1000.00", "EUR", "1100.00"),
        (books.conversion, "credit", "1000.00", "EUR", "1100.00"),
    ]
    assert sold["class"] == "ordinary"
    assert sold["legs"][0]["rate"]["rate"] == "1.10"
    assert books.worth("2026-01-15")[receivable, "EUR"] == ("1000.00", "1100.00")

    books.record("1.15", JANUARY, "closing", source="ECB")
    revalued = books.revalue(JANUARY)
    assert (revalued["status"], len(revalued["entries"])) == ("posted", 1)
    entry = read_entry(books, revalued["entries"][0])
    assert shown(entry) == [
        (receivable, "debit", "0.00", "EUR", "50.00"),
        (differences, "credit", "0.00", "EUR", "50.00"),
    ]
    assert (entry["class"], entry["reverse_on"]) == ("revaluation", "2026-02-01")
    assert entry["legs"][0]["rate"] == {
        "base": "EUR", "quote": "USD", "kind": "closing", "rate": "1.15",
        "effective_on": JANUARY, "source": "ECB",
    }  # fmt: skip
    assert entry["legs"][0]["revalues"] == {"balance": "1000.00", "functional_amount": "1100.00"}
    while (reversed_by := read_entry(books, entry["id"])["reversed_by"]) is None:
        pass
    reversal = read_entry(books, reversed_by)
    assert (reversal["effective_on"], reversal["class"]) == ("2026-02-01", "revaluation")
    assert books.worth(JANUARY)[receivable, "EUR"] == ("1000.00", "1150.00")
    assert books.worth(JANUARY)[differences, "EUR"] == ("0.00", "-50.00")
    assert books.worth("2026-02-01")[receivable, "EUR"] == ("1000.00", "1100.00")

    books.record("1.08", "2026-02-10")
    settled = books.collect("1000.00", "2026-02-12")
    assert shown(settled) == [
        (bank, "debit", "1000.00", "EUR", "1080.00"),
        (receivable, "credit", "1000.00", "EUR", "1100.00"),
        (differences, "debit", "0.00", "EUR", "20.00"),
    ]
    assert settled["class"] == "fx_difference"
    assert settled["legs"][1]["relieves"] == [
        {"line": 1, "amount": "1000.00", "functional_amount": "1100.00"}
    ]
    lifetime = books.worth("2026-02-12")
    assert (receivable, "EUR") not in lifetime
    assert lifetime[differences, "EUR"] == ("0.00", "20.00")


def read_entry(books: Books, id: str) -> dict[str, Any]:
    return body_of(books.world.clerk.get(f"{books.world.path}/entries/{id}"))
