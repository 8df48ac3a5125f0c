"""What reads and answers show: ledgers, the chart, balances, entries, holds."""

import threading
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.interface.http.world import (
    World,
    assert_problem,
    body_of,
    entry,
    leg,
)


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
    assert {**body, "locked_through": None, "position": 1}.items() <= first.items()
    assert made.headers["Ledger-Position"] == "4"
    shown = body_of(world.auditor.get("/v1/ledgers/shown"))
    assert shown == {**body, "locked_through": None, "position": 4}
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


def test_an_entry_with_all_that_it_may_have(world: World) -> None:
    a, b = world.account(), world.account()
    linked = world.post(a, b, "9.00")
    parts = {
        "journal": "GEN",
        "class": "adjusting",
        "effective_on": "2026-01-31",
        "value_on": "2026-02-02",
        "reference": "INV-7",
        "document": {"type": "invoice", "number": "7", "date": "2026-01-30"},
        "source": {"system": "erp", "file": "gl.csv", "sha256": "0f" * 32, "line": 12},
        "original": {"entered_by": "kim", "entered_at": "2026-01-31T08:00:00Z"},
        "links": [{"kind": "relates", "entry": linked["id"]}],
        "attachments": [{"sha256": "ab" * 32, "media_type": "application/pdf", "name": "a.pdf"}],
    }
    more: dict[str, Any] = {
        "party": "p-1",
        "dimensions": {"cost_centre": "12"},
        "due_on": "2026-03-01",
    }
    legs = [
        leg(a, "debit", "2", functional_amount="2.00", matches="open-7", **more),
        leg(b, "credit", "2.0", narrative="the other side"),
    ]
    id = str(uuid4())
    texts = {"narrative": "For Ada", "metadata": {"ticket": "5"}}
    body = {"id": id, **parts, **texts, "legs": legs, "reason": "month_end", "correlation_id": "c"}
    posted = world.clerk.post(f"{world.path}/entries", body)
    assert posted.status_code == 201, posted.text
    made = body_of(posted)
    assert {**parts, "id": id, "fiscal_year": 2026}.items() <= made.items()
    assert "narrative" not in made
    assert made["legs"][0] == {
        **legs[0],
        "amount": "2.00",
        "line": 2,
        "balance": "11.00",
    }
    shown = get(world, f"/entries/{id}")
    assert shown["legs"][1]["narrative"] == "the other side"
    assert {**texts, "reversed_by": None, "adjusted_by": None}.items() <= shown.items()
    assert {**made, "legs": 0}.items() <= {**shown, "legs": 0}.items()
    (event,) = shown["events"]
    assert (event["type"], event["reason"], event["correlation_id"], event["actor"]) == (
        "EntryPosted",
        "month_end",
        "c",
        "clerk",
    )
    record = world.auditor.get(
        f"{world.path}/events?from_position={made['position']}&limit=1",
        headers={"Accept": "application/x-ndjson"},
    ).data.rstrip(b"\n")
    assert sha256(record).hexdigest() == made["record_sha256"] == event["record_sha256"]
    assert b"For Ada" not in record


def test_corrections_are_linked_both_ways(world: World) -> None:
    a, b, c = world.account(), world.account(), world.account()
    first = world.post(a, b, "10.00")
    path = f"{world.path}/entries/{first['id']}"
    adjusted = world.clerk.post(
        f"{path}/adjust", {"reason": "other", "narrative": "Wrong", **entry(a, c, "8.00")}
    )
    assert adjusted.status_code == 201
    made = body_of(adjusted)
    assert made["id"] == made["replacement"]
    assert (made["corrects"], made["correction"]) == (first["id"], "replacement")
    reversal = get(world, f"/entries/{made['reversal']}")
    assert (reversal["corrects"], reversal["correction"]) == (first["id"], "reversal")
    assert reversal["narrative"] == "Wrong"
    shown = get(world, f"/entries/{first['id']}")
    assert (shown["reversed_by"], shown["adjusted_by"]) == (made["reversal"], made["id"])
    assert [event["type"] for event in shown["events"]] == ["EntryPosted", "EntryAdjusted"]
    taken_back = body_of(
        world.clerk.post(f"{world.path}/entries/{made['id']}/reverse", {"reason": "duplicate"})
    )
    shown = get(world, f"/entries/{made['id']}")
    assert (shown["reversed_by"], shown["adjusted_by"]) == (taken_back["id"], None)
    assert {world.balance(account)["posted"]["balance"] for account in (a, b, c)} == {"0.00"}


def test_an_authorizations_life(world: World) -> None:
    wallet, shop = world.funded("100.00"), world.account("revenue")
    network = {"scheme": "visa", "mcc": "5411", "approval_code": "A1"}
    held = world.hold(
        wallet,
        shop,
        "60",
        over_settle_percent="10",
        expires_at="2099-01-01T02:00:00+02:00",
        network=network,
        narrative="Groceries",
        reference="r-1",
    )
    path = f"{world.path}/authorizations/{held['id']}"
    shown = get(world, f"/authorizations/{held['id']}")
    assert shown.items() <= held.items()
    assert {
        "status": "authorized",
        "closed": False,
        "closed_as": None,
        "authorized": "60.00",
        "settled": "0.00",
        "refunded": "0.00",
        "held": "60.00",
        "expires_at": "2099-01-01T00:00:00Z",
        "debit": wallet,
        "credit": shop,
        "asset": "USD",
        "over_settle_percent": "10",
        "network": network,
        "reference": "r-1",
        "entries": [],
    }.items() <= shown.items()
    assert shown["history"][0]["narrative"] == "Groceries"

    part = world.clerk.post(f"{path}/settle", {"amount": "20.00", "narrative": "part"})
    assert part.status_code == 201
    settled = body_of(part)
    shown = get(world, f"/authorizations/{held['id']}")
    assert shown.items() <= settled.items()
    assert (shown["status"], shown["settled"], shown["held"]) == (
        "partially_settled",
        "20.00",
        "40.00",
    )
    assert shown["entries"] == [settled["entry"]]
    assert int(part.headers["Ledger-Position"]) == settled["position"] + 1
    posted = get(world, f"/entries/{settled['entry']}")
    assert (posted["journal"], posted["authorization"]) == ("AUTH", held["id"])
    assert posted["narrative"] == "part"

    final = body_of(world.clerk.post(f"{path}/settle", {"amount": "46.00", "final": True}))
    assert (final["status"], final["closed_as"], final["held"]) == ("settled", "final", "0.00")
    assert [line["type"] for line in final["history"]] == [
        "AuthorizationOpened",
        "AuthorizationSettled",
        "AuthorizationSettled",
    ]
    assert [line["entry"] for line in final["history"][1:]] == final["entries"]
    assert_problem(world.clerk.post(f"{path}/release"), 409, "authorization_closed")


@pytest.mark.parametrize("verb", ["void", "release"])
def test_a_hold_that_is_given_back(world: World, verb: str) -> None:
    wallet = world.funded("5.00")
    held = world.hold(wallet, world.account(), "5.00")
    path = f"{world.path}/authorizations/{held['id']}"
    ended = world.clerk.post(f"{path}/{verb}", {"narrative": "Changed my mind"})
    assert ended.status_code == 200
    shown = get(world, f"/authorizations/{held['id']}")
    assert shown.items() <= body_of(ended).items()
    assert (shown["status"], shown["held"], shown["authorized"]) == (
        {"void": "voided", "release": "released"}[verb],
        "0.00",
        "5.00",
    )
    assert shown["history"][-1]["narrative"] == "Changed my mind"
    assert world.available(wallet) == "5.00"


def test_a_partly_settled_hold_that_is_released(world: World) -> None:
    held = world.hold(world.account(), world.account(), "5.00")
    path = f"{world.path}/authorizations/{held['id']}"
    world.clerk.post(f"{path}/settle", {"amount": "1.00"})
    ended = body_of(world.clerk.post(f"{path}/release"))
    assert (ended["status"], ended["closed_as"]) == ("partially_settled", "released")


def test_streams_of_other_things_are_no_entries_and_no_holds(world: World) -> None:
    posted = world.post(world.account(), world.account(), "1.00")
    held = world.hold(world.account(), world.account(), "1.00")
    answer = world.clerk.get(f"{world.path}/entries/{held['id']}")
    assert_problem(answer, 404, "entry_not_found")
    answer = world.clerk.get(f"{world.path}/authorizations/{posted['id']}")
    assert_problem(answer, 404, "authorization_not_found")


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
    while not answers:
        pass  # one of them is turned away at once, whichever came second
    assert answers == [503]
    world.post(world.account(), world.account(), "1.00")
    for reader in readers:
        reader.join()
    assert sorted(answers) == [200, 503]


def test_an_amendment_that_changes_nothing(world: World) -> None:
    path = f"{world.path}/accounts/{world.account(name='Same')}"
    for body in ({}, {"name": "Same"}, {"contra": False, "floor": None}):
        answer = world.controller.patch(path, body)
        assert (answer.status_code, body_of(answer)["name"]) == (200, "Same"), answer.text
        assert answer.headers["ETag"] == world.clerk.get(path).headers["ETag"]
