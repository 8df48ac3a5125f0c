"""What reads and answers show: ledgers, the chart, balances, entries, holds."""

import threading
from typing import Any
from uuid import uuid4

import pytest

from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.interface.http.world import (
    World,
    assert_problem,
    body_of,
    leg,
)
from tests.patience import wait_until


def get(world: World, path: str) -> dict[str, Any]:
    answer = world.clerk.get(f"{world.path}{path}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def pages(world: World, path: str, limit: int) -> list[list[str]]:
    """Returns the codes on each page of a list."""
    found, cursor = [], ""
    while True:
        page = get(world, f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
        found.append([item["code"] for item in page["items"]])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_a_ledger(world: World) -> None:
    entity = {"legal_name": "Ada GmbH", "country": "DE", "tax_id": "1", "address": "Berlin"}
    body = {
        "id": "shown",
        "name": "Shown",
        "functional_asset": "JPY",
        "timezone": "Asia/Tokyo",
        "fiscal_year_start": "04-01",
        "entity": entity,
    }
    made = world.operator.post("/v1/ledgers", body)
    assert made.status_code == 201
    first = body_of(made)
    nothing_shut = {"locked_through": None, "closed_through": None}
    assert {**body, **nothing_shut, "position": 1}.items() <= first.items()
    assert made.headers["Ledger-Position"] == "4"
    shown = body_of(world.auditor.get("/v1/ledgers/shown"))
    # The key that signs its log came fifth.
    assert shown == {**body, **nothing_shut, "position": 5}
    assert body_of(world.auditor.get("/v1/ledgers/shown/assets"))["items"] == [
        {"code": "JPY", "scale": 0, "kind": "currency"}
    ]
    journals = body_of(world.auditor.get("/v1/ledgers/shown/journals"))["items"]
    assert [journal["code"] for journal in journals] == ["AUTH", "GEN"]


def test_lists_of_ledgers_come_in_pages(world: World) -> None:
    for id in ("page_a", "page_b", "page_c"):
        body = {"id": id, "name": id, "functional_asset": "USD", "timezone": "UTC"}
        assert world.operator.post("/v1/ledgers", body).status_code == 201
    found, path = [], "/v1/ledgers?limit=2"
    while True:
        page = body_of(world.clerk.get(path))
        assert len(page["items"]) <= 2
        found += [ledger["id"] for ledger in page["items"]]
        if page["next"] is None:
            break
        path = f"/v1/ledgers?limit=2&cursor={page['next']}"
    assert found == sorted(found)
    assert {"main", "page_a", "page_b", "page_c"} <= set(found)


def test_a_locked_period_shows(world: World) -> None:
    locked = world.controller.post(f"{world.path}/periods/lock", {"through": "2001-01-31"})
    assert locked.status_code == 200
    assert body_of(locked)["through"] == "2001-01-31"
    assert get(world, "")["locked_through"] == "2001-01-31"
    again = world.controller.post(f"{world.path}/periods/lock", {"through": "2001-02-28"})
    assert body_of(again)["before"] == "2001-01-31"
    refused = world.controller.post(f"{world.path}/periods/lock", {"through": "2001-02-28"})
    assert_problem(refused, 422, "period_closed")


def test_lists_of_assets_and_journals(world: World) -> None:
    for code, scale in (("PA", None), ("PB", 0), ("PC", 12)):
        body = {"code": code, "kind": "unit", **({} if scale is None else {"scale": scale})}
        made = world.controller.post(f"{world.path}/assets", body)
        assert (made.status_code, body_of(made)["scale"]) == (201, 2 if scale is None else scale)
    codes = [code for page in pages(world, "/assets", 1) for code in page]
    assert codes == sorted(codes)
    assert {"PA", "PB", "PC", "USD"} <= set(codes)
    made = world.controller.post(f"{world.path}/journals", {"code": "SALES", "name": "Sales"})
    assert (made.status_code, body_of(made)["name"]) == (201, "Sales")
    assert pages(world, "/journals", 100)[0] == ["AUTH", "GEN", "SALES"]


def test_the_chart_by_prefix_type_and_status(world: World) -> None:
    opened = {}
    for code, kind in (
        ("chart:a", "asset"),
        ("chart:a:b", "asset"),
        ("chart:b", "liability"),
        ("chart", "equity"),
        ("chart-2", "asset"),
        ("Chart:a", "asset"),
    ):
        body = {"code": code, "type": kind, "name": code}
        opened[code] = world.controller.post(f"{world.path}/accounts", body)
        assert opened[code].status_code == 201
    world.controller.post(f"{world.path}/accounts/chart:a:b/freeze")
    world.controller.post(f"{world.path}/accounts/chart:b/close")

    def codes(query: str) -> list[str]:
        return [item["code"] for item in get(world, f"/accounts?{query}")["items"]]

    assert codes("prefix=chart:") == ["chart:a", "chart:a:b", "chart:b"]
    assert codes("prefix=chart") == ["chart", "chart-2", "chart:a", "chart:a:b", "chart:b"]
    assert codes("prefix=chart&type=asset") == ["chart-2", "chart:a", "chart:a:b"]
    assert codes("prefix=chart&status=frozen") == ["chart:a:b"]
    assert codes("prefix=chart&status=closed") == ["chart:b"]
    assert codes("prefix=chart&status=open&type=liability") == []
    assert codes("prefix=no:such") == []
    assert pages(world, "/accounts?prefix=chart:", 2) == [["chart:a", "chart:a:b"], ["chart:b"]]
    assert pages(world, "/accounts?prefix=chart:", 3) == [["chart:a", "chart:a:b", "chart:b"]]
    assert set(codes("prefix=&limit=1000")) >= {"chart", "Chart:a"}


def test_an_accounts_life(world: World) -> None:
    body: dict[str, Any] = {
        "code": f"life:{uuid4()}",
        "type": "liability",
        "name": "Wallet",
        "asset": "USD",
        "floor": "-5",
        "number": "2100",
        "purpose": "client_money",
        "monetary": True,
        "cash_flow": "operating",
        "current": True,
        "statement_line": "Client funds",
        "statutory_codes": {"SKR03": "1700"},
        "owner": "party-7",
        "reference": "ticket 5",
    }
    path = f"{world.path}/accounts/{body['code']}"
    opened = world.controller.post(f"{world.path}/accounts", body)
    shown = body_of(world.clerk.get(path))
    assert opened.headers["ETag"] == '"1"'
    expected = {**body, "floor": "-5.00", "contra": False, "postable": True, "status": "open"}
    expected.pop("reference")
    assert expected.items() <= shown.items()
    assert (shown["normal_side"], shown["version"], shown["freezes"]) == ("credit", 1, [])
    assert shown.items() <= body_of(opened).items()

    world.post(world.account(), body["code"], "3.00")
    after = world.clerk.get(path)
    assert (after.headers["ETag"], body_of(after)) == ('"1"', shown), "postings leave it alone"
    for tags, status in (('"1"', 304), ('W/"1"', 304), ('"0", "1"', 304), ("*", 304), ('"2"', 200)):
        known = world.clerk.get(path, headers={"If-None-Match": tags})
        assert (known.status_code, known.headers["ETag"]) == (status, '"1"')
        assert bool(known.data) == (status == 200)

    changes = {"name": "Purse", "owner": None, "floor": "1"}
    amended = world.controller.patch(path, changes, headers={"If-Match": '"1"'})
    assert (amended.status_code, amended.headers["ETag"]) == (200, '"2"')
    assert {"name": "Purse", "owner": None, "floor": "1.00"}.items() <= body_of(amended).items()

    frozen = body_of(world.controller.post(f"{path}/freeze", {"authority_reference": "AZ 7"}))
    (freeze,) = body_of(world.clerk.get(path))["freezes"]
    assert freeze == {
        "freeze_id": frozen["freeze_id"],
        "scope": "all",
        "basis": "administrative",
        "amount": None,
        "authority_reference": "AZ 7",
    }
    assert_problem(
        world.controller.post(f"{path}/unfreeze", {"freeze_id": str(uuid4())}),
        404,
        "freeze_not_found",
    )
    lifted = world.controller.post(f"{path}/unfreeze", {"freeze_id": frozen["freeze_id"]})
    assert (lifted.status_code, body_of(lifted)["status"]) == (200, "open")
    assert lifted.headers["ETag"] == '"4"'


def test_balances(world: World) -> None:
    cash, wallet = world.account(), world.account("liability", floor="0.00")
    assert world.balance(wallet) == {
        "asset": "USD",
        "posted": {"debits": "0.00", "credits": "0.00", "balance": "0.00"},
        "pending": {"debits": "0.00", "credits": "0.00"},
        "liens": "0.00",
        "available": "0.00",
        "lines": 0,
    }
    posted = world.post(cash, wallet, "100.5")
    held = world.hold(wallet, world.account("revenue"), "30.25")
    balances = get(world, f"/accounts/{wallet}/balances")
    assert balances == {
        "items": [
            {
                "asset": "USD",
                "posted": {"debits": "0.00", "credits": "100.50", "balance": "100.50"},
                "pending": {"debits": "30.25", "credits": "0.00"},
                "liens": "0.00",
                "available": "70.25",
                "lines": 1,
            }
        ],
        "version": 3,
        "position": held["position"],
    }
    assert posted["legs"] == [
        {**leg(cash, "debit", "100.50"), "line": 1, "balance": "100.50"},
        {**leg(wallet, "credit", "100.50"), "line": 1, "balance": "100.50"},
    ]
    world.post(wallet, world.account(), "70.25")
    overdrawn = world.account("asset")
    world.post(world.account(), overdrawn, "1.00")
    assert world.balance(overdrawn)["posted"]["balance"] == "-1.00"


def test_balances_of_several_assets(world: World) -> None:
    for code, scale in (("GOLD", 4), ("HOURS", 1)):
        world.controller.post(f"{world.path}/assets", {"code": code, "scale": scale})
    store, conversion = world.account(asset=None), world.account("equity", asset=None)
    assert get(world, f"/accounts/{store}/balances")["items"] == []
    for asset, amount in (("GOLD", "0.5"), ("HOURS", "8"), ("USD", "1")):
        legs = [leg(store, "debit", amount, asset), leg(conversion, "credit", amount, asset)]
        for one in legs if asset != "USD" else []:
            one["functional_amount"] = "7.00"
        assert world.clerk.post(f"{world.path}/entries", {"legs": legs}).status_code == 201
    items = get(world, f"/accounts/{store}/balances")["items"]
    assert [(item["asset"], item["available"]) for item in items] == [
        ("GOLD", "0.5000"),
        ("HOURS", "8.0"),
        ("USD", "1.00"),
    ]
    only = get(world, f"/accounts/{store}/balances?asset=GOLD")["items"]
    assert only == items[:1]
    assert get(world, f"/accounts/{store}/balances?asset=NONE")["items"] == []


def test_an_amendment_that_changes_nothing(world: World) -> None:
    path = f"{world.path}/accounts/{world.account(name='Same')}"
    for body in ({}, {"name": "Same"}, {"contra": False, "floor": None}):
        answer = world.controller.patch(path, body)
        assert (answer.status_code, body_of(answer)["name"]) == (200, "Same"), answer.text
        assert answer.headers["ETag"] == world.clerk.get(path).headers["ETag"]


def test_reads_wait_for_a_position(world: World) -> None:
    a, b = world.account(), world.account()
    head = world.head()
    answers = []

    def read() -> None:
        path = f"{world.path}/accounts/{a}/balances?min_position={head + 1}"
        answers.append(world.clerk.get(path))

    reader = threading.Thread(target=read)
    reader.start()
    world.post(a, b, "1.00")
    reader.join()
    assert body_of(answers[0])["items"][0]["lines"] == 1


def test_reads_say_which_position_they_show(world: World) -> None:
    a, b = world.account(), world.account()
    entry = world.post(a, b, "1.00")["id"]
    head = world.head()
    for what in ("assets", "journals", "accounts", "limits", "periods", "rates", "baselines"):
        shown = body_of(world.auditor.get(f"{world.path}/{what}"))
        assert shown["position"] == head, what
    for what in (f"accounts/{a}", f"entries/{entry}"):
        assert world.clerk.get(f"{world.path}/{what}").headers["Ledger-Position"] == str(head)


def test_an_entry_says_who_posted_it_and_why(world: World) -> None:
    a, b = world.account(), world.account()
    said = {"reason": "payroll", "on_behalf_of": "ada", "correlation_id": "run-7"}
    entry = world.post(a, b, "1.00", **said)["id"]
    shown = get(world, f"/entries/{entry}")
    assert {"actor": shown["actor"], **said}.items() <= shown.items()


def test_a_read_that_waits_too_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interface.http.door.BEHIND_AFTER_SECONDS", 0.05)
    path = f"?min_position={world.head() + 1}"
    for what in ("", "/accounts", "/assets", "/journals"):
        answer = world.clerk.get(f"{world.path}{what}{path}")
        assert_problem(answer, 503, "behind")
        assert answer.headers["Retry-After"] == "1"
    assert_problem(world.auditor.get(f"{world.path}/events{path}"), 503, "behind")


def test_few_readers_may_wait_at_once(world: World) -> None:
    app = create_app(world.ledgers, HttpSettings(threads=4))
    other = World(world.ledgers, app, ledger=None)
    path = f"{world.path}?min_position={world.head() + 1}"
    answers: list[int] = []
    started = threading.Barrier(3)

    def read() -> None:
        started.wait()
        answers.append(other.clerk.get(path).status_code)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    started.wait()
    # One of them is turned away at once, whichever came second.
    wait_until(lambda: answers, "an answer")
    assert answers == [503]
    world.post(world.account(), world.account(), "1.00")
    for reader in readers:
        reader.join()
    assert sorted(answers) == [200, 503]
