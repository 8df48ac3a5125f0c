"""Exchange rates over HTTP: recorded, used, corrected; differences realised and unrealised."""

from typing import Any, NamedTuple

import pytest

from application.ledgers import Ledgers
from interface.evidence.live import verify_live
from tests.conftest import Database
from tests.interface.http.world import World, assert_problem, body_of, leg
from tests.patience import wait_until

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

        def found() -> dict[str, Any]:
            items = body_of(self.world.controller.get(path))["items"]
            return dict(next(item for item in items if item["id"] == asked["id"]))

        wait_until(lambda: found()["status"] != "asked", "the revaluation")
        return found()

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
    wait_until(lambda: read_entry(books, entry["id"])["reversed_by"], "its reversal")
    reversal = read_entry(books, read_entry(books, entry["id"])["reversed_by"])
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
    path = f"{books.world.path}/reports/statement?min_position={settled['position']}"
    statement = body_of(books.world.auditor.get(f"{path}&account={receivable}"))
    # It has lines in nothing else.
    assert statement["asset"] == "EUR"
    assert [row.get("functional") for row in statement["rows"]] == [
        *(None, "1100.00", "50.00", "-50.00", "-1100.00", "0.00")
    ]
    for name in ("journal", "general-ledger"):
        path = f"{books.world.path}/reports/{name}?min_position={settled['position']}"
        found = body_of(books.world.auditor.get(f"{path}&account={receivable}&from=2026-01-01"))
        assert found["columns"][-1]["title"] == "Worth in USD"
        shown_worth = [row.get("functional") for row in found["rows"] if row["kind"] == "line"]
        assert sorted(shown_worth) == sorted(["1100.00", "50.00", "-50.00", "-1100.00"])


def read_entry(books: Books, id: str) -> dict[str, Any]:
    return body_of(books.world.clerk.get(f"{books.world.path}/entries/{id}"))


def test_what_is_relieved_may_be_named(books: Books) -> None:
    path = f"{books.world.path}/rates"
    books.record("1.20", "2026-03-02")
    for name, day in (("R-7", "2026-03-02"), ("R-8", "2026-03-03")):
        books.sell("10.00", "12.00", day, matches=name)
    settled = books.collect("10.00", "2026-03-04", matches="R-8")
    assert [one["line"] for one in settled["legs"][1]["relieves"]] == [
        books.sell("1.00", "1.20", "2026-03-04")["legs"][0]["line"] - 2
    ]
    # All is worth what it came in at: no difference, and no line for one.
    assert (settled["class"], len(settled["legs"])) == ("ordinary", 2)
    unknown = books.world.auditor.get(f"{path}?on=2026-03-04")
    assert_problem(unknown, 422, "invalid_request")


def test_what_holds_post_is_worth_what_an_entry_is(books: Books) -> None:
    """20 euros at 1.20 are collected by a hold when they stand at 1.25."""
    world, receivable, bank = books.world, books.receivable, books.bank
    books.sell("20.00", "24.00", "2026-03-05", party="gained")
    books.record("1.25", "2026-03-06")
    body = {"debit": bank, "credit": receivable, "amount": "20.00", "asset": "EUR"}
    held = body_of(world.clerk.post(f"{world.path}/authorizations", body))
    path = f"{world.path}/authorizations/{held['id']}"
    early = world.clerk.post(f"{path}/settle", {"effective_on": "2026-01-14"})
    assert_problem(early, 422, "rate_not_found")
    settled = body_of(world.clerk.post(f"{path}/settle", {"effective_on": "2026-03-06"}))
    entry = read_entry(books, settled["entry"])
    assert shown(entry)[:2] == [
        (bank, "debit", "20.00", "EUR", "25.00"),
        (receivable, "credit", "20.00", "EUR", "24.00"),
    ]
    assert shown(entry)[2] == (books.differences, "credit", "0.00", "EUR", "1.00")
    assert entry["class"] == "fx_difference"
    cleared = {**body, "amount": "1.00", "reason": "other", "narrative": "Late clearing"}
    posted = body_of(world.controller.post(f"{world.path}/settlements", cleared))
    assert posted["history"][0]["exceptions"] == ["unmatched", "unvalued"]
    assert [one[-1] for one in shown(read_entry(books, posted["entry"]))] == [None, None]


def test_a_rate_is_corrected_and_both_are_known(books: Books) -> None:
    path = f"{books.world.path}/rates"
    first = books.record("0.91", MARCH, "average", source="ECB")
    right = books.record("0.92", MARCH, "average")
    assert (first["replaces"], right["replaces"], right["id"]) == (None, "0.91", first["id"])
    (rate,) = items_of(books, "kind=average")
    assert (rate["rate"], rate["version"], rate["position"]) == ("0.92", 2, right["position"])
    assert [(one["rate"], one["source"], one["position"]) for one in rate["earlier"]] == [
        ("0.91", "ECB", first["position"])
    ]
    used = "base=USD&quote=EUR&kind=average&on"
    assert [one["rate"] for one in items_of(books, f"{used}=2026-04-07")] == ["0.92"]
    assert items_of(books, f"{used}=2026-04-08") == []
    assert items_of(books, f"{used}=2026-03-30") == []
    days = [(one["kind"], one["effective_on"]) for one in items_of(books, "limit=1000")]
    assert days == sorted(days)
    pages: list[tuple[str, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"?limit=1&cursor={cursor}" if cursor else "?limit=1"
        page = body_of(books.world.clerk.get(path + query))
        pages += [(one["kind"], one["effective_on"]) for one in page["items"]]
        cursor = page["next"]
    assert pages == days


def items_of(books: Books, query: str) -> list[dict[str, Any]]:
    return list(body_of(books.world.clerk.get(f"{books.world.path}/rates?{query}"))["items"])


def test_a_rate_said_twice_under_a_key_is_one(books: Books) -> None:
    path = f"{books.world.path}/rates"
    body = {"base": "EUR", "quote": "USD", "rate": "1.3", "effective_on": "2025-01-02"}
    first = books.world.controller.post(path, body, key="said-once")
    again = books.world.controller.post(path, body, key="said-once")
    assert body_of(first) == body_of(again)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(items_of(books, "to=2025-12-31")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 1.1},
        {"rate": "-1.1"},
        {"rate": "1.1234567890123"},
        {"rate": "1e3"},
        {"quote": "EUR"},
        {"kind": "mid"},
        {"effective_on": "yesterday"},
        {"price": "1"},
    ],
)
def test_what_is_no_rate(books: Books, wrong: dict[str, Any]) -> None:
    body = {"base": "EUR", "quote": "USD", "rate": "1.1", **wrong}
    refused = books.world.controller.post(f"{books.world.path}/rates", body)
    assert_problem(refused, 422, "invalid_request")


def test_controllers_record_rates_and_ask_for_revaluations(books: Books) -> None:
    path = f"{books.world.path}/rates"
    rate = {"base": "EUR", "quote": "USD", "rate": "1.1"}
    assert_problem(books.world.clerk.post(path, rate), 403, "forbidden")
    day = {"effective_on": JANUARY}
    assert_problem(books.world.clerk.post(f"{path}/revaluations", day), 403, "forbidden")
    for reader in (books.world.clerk, books.world.auditor, books.world.operator):
        assert reader.get(path).status_code == reader.get(f"{path}/revaluations").status_code == 200


def test_a_month_without_a_rate_is_abandoned_and_may_be_asked_for_again(books: Books) -> None:
    abandoned = books.revalue("2026-05-31")
    assert (abandoned["status"], abandoned["code"]) == ("abandoned", "rate_not_found")
    assert abandoned["entries"] == []
    books.record("1.21", "2026-05-29", "closing")
    first, second = books.revalue("2026-05-31"), books.revalue("2026-05-31")
    assert (first["status"], len(first["entries"])) == ("posted", 1)
    assert (second["status"], second["entries"]) == ("posted", [])
    path = f"{books.world.path}/rates/revaluations?status=abandoned"
    assert [one["id"] for one in body_of(books.world.clerk.get(path))["items"]] == [abandoned["id"]]


def test_all_of_it_is_verified(books: Books, ledgers: Ledgers, module_database: Database) -> None:
    path = f"{books.world.path}/rates/revaluations"
    revaluations = body_of(books.world.clerk.get(path))["items"]
    posted = [entry for one in revaluations for entry in one["entries"]]
    wait_until(
        lambda: all(read_entry(books, entry)["reversed_by"] for entry in posted), "their reversals"
    )
    done = verify_live(module_database.superuser, "main", against=None, advance=lambda _: None)
    assert done.size >= books.world.head()
    with ledgers.reader("main") as connection:
        row = connection.execute("SELECT count(*) AS n FROM due_reversals").fetchone()
    assert row == {"n": 0}
