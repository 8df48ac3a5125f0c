"""What only views can answer: past balances, statements, lists, and the events of an account."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.interface.http.world import World, assert_problem, body_of, leg

pytestmark = pytest.mark.usefixtures("worker")


def get(world: World, path: str, **query: Any) -> dict[str, Any]:
    """Reads what the views show once they show all that was written before."""
    given = {"min_position": world.head(), **query}
    asked = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
    answer = world.auditor.get(f"{world.path}{path}?{asked}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def pages(world: World, path: str, member: str = "items", **query: Any) -> list[Any]:
    """All items, following `next` to the end."""
    found: list[Any] = []
    cursor = None
    while True:
        page = get(world, path, cursor=cursor, **query)
        found += page[member]
        cursor = page["next"]
        if cursor is None:
            return found


# Past balances ------------------------------------------------------------------------------


def posted(world: World, account: str, **query: Any) -> str:
    (item,) = get(world, f"/accounts/{account}/balances", **query)["items"]
    return str(item["posted"]["balance"])


def test_a_past_balance_under_both_clocks(world: World) -> None:
    cash, sales = world.account(), world.account("revenue")
    first = world.post(cash, sales, "10.00", effective_on="2026-01-31")["position"]
    second = world.post(cash, sales, "1.00", effective_on="2026-02-10")["position"]
    late = world.post(cash, sales, "0.50", effective_on="2026-01-15")
    assert posted(world, cash, effective_on="2026-01-31", known_position=second) == "10.00"
    assert posted(world, cash, effective_on="2026-01-31") == "10.50"
    assert posted(world, sales, effective_on="2026-01-30") == "0.50"
    assert posted(world, cash, known_position=first) == "10.00"
    assert posted(world, cash, effective_on="2025-12-31") == "0.00"
    assert posted(world, cash, known_at=late["recorded_at"]) == "11.50"
    assert posted(world, cash, known_at="2020-01-01") == "0.00"
    assert posted(world, cash, known_at="9999-12-31", effective_on="9999-12-31") == "11.50"
    shown = get(world, f"/accounts/{cash}/balances", known_position=first)
    assert shown["position"] == first


def test_a_version_is_of_now(world: World) -> None:
    cash, sales = world.account(), world.account("revenue")
    first = world.post(cash, sales, "10.00", effective_on="2026-01-31")["position"]
    last = world.post(cash, sales, "1.00")["position"]
    now = get(world, f"/accounts/{cash}/balances")["version"]
    path = f"/accounts/{cash}/balances"
    shown = get(world, path, effective_on="2026-01-31", min_position=last)
    assert (now, shown["version"], shown["position"]) == (3, 3, last)
    assert get(world, path, known_position=first)["version"] is None


def test_a_branch_is_what_lies_below_it(world: World) -> None:
    name = world.account().split(":")[-1]
    codes = [f"b{name}:in", f"b{name}:in:deep", f"b{name}x"]
    for code in codes:
        body = {"code": code, "type": "asset", "name": "An account", "asset": "USD"}
        assert world.controller.post(f"{world.path}/accounts", body).status_code == 201
    for code in codes:
        world.post(code, world.account("revenue"), "2.00")
    world.hold(world.account(), codes[0], "0.50")
    (item,) = get(world, f"/accounts/b{name}:/balances")["items"]
    assert item["posted"] == {"debits": "4.00", "credits": "0.00", "balance": "4.00"}
    assert item["pending"] == {"debits": "0.00", "credits": "0.50"}
    assert item["available"] == "3.50"
    assert_problem(
        world.auditor.get(f"{world.path}/accounts/none{name}:/balances"), 404, "account_not_found"
    )


def test_a_branch_of_then_is_what_lay_below_it_then(world: World) -> None:
    branch = world.account().split(":")[-1]

    def opened(name: str, type: str) -> str:
        body = {"code": f"d{branch}:{name}", "type": type, "name": "An account"}
        assert world.controller.post(f"{world.path}/accounts", body).status_code == 201
        return body["code"]

    known = world.post(world.account(), opened("sales", "revenue"), "2.00")["position"]
    before = get(world, f"/accounts/d{branch}:/balances", known_position=known)
    opened("costs", "expense")
    world.account()  # of no branch of these
    assert get(world, f"/accounts/d{branch}:/balances", known_position=known) == before
    assert get(world, f"/accounts/d{branch}:/balances")["normal_side"] == "debit"


def test_pending_counts_when_it_was_held(world: World) -> None:
    wallet, shop = world.funded("9.00"), world.account("liability")
    before = world.head()
    hold = world.hold(wallet, shop, "4.00")
    settled = world.clerk.post(
        f"{world.path}/authorizations/{hold['id']}/settle", {"amount": "1.50", "final": True}
    )
    assert settled.status_code == 201, settled.text
    for known, pending, balance in (
        (before, "0.00", "9.00"),
        (hold["position"], "4.00", "9.00"),
        (world.head(), "0.00", "7.50"),
    ):
        shown = get(world, f"/accounts/{wallet}/balances", known_position=known)
        (item,) = shown["items"]
        assert (item["pending"]["debits"], item["posted"]["balance"]) == (pending, balance)
    # Held today: at the end of an earlier day nothing was.
    (item,) = get(world, f"/accounts/{wallet}/balances", effective_on="2026-01-01")["items"]
    assert item["pending"]["debits"] == "0.00"


def test_what_liens_kept_is_past_too(world: World) -> None:
    branch = f"lien{world.head()}"
    wallet = world.funded("9.00", code=f"{branch}:a")
    world.funded("5.00", code=f"{branch}:b")
    before = world.head()
    path = f"{world.path}/accounts/{wallet}"
    for amount in ("4.00", "1.50"):
        world.controller.post(f"{path}/freeze", {"amount": amount})
    frozen = world.head()
    (first, _) = body_of(world.clerk.get(path))["freezes"]
    lifted = world.controller.post(f"{path}/unfreeze", {"freeze_id": first["freeze_id"]})
    assert lifted.status_code == 200, lifted.text
    for known, liens, available in (
        (before, "0.00", "9.00"),
        (frozen, "5.50", "3.50"),
        (world.head(), "1.50", "7.50"),
    ):
        (item,) = get(world, f"/accounts/{wallet}/balances", known_position=known)["items"]
        assert (item["liens"], item["available"]) == (liens, available)
    assert world.balance(wallet)["available"] == "7.50"
    (item,) = get(world, f"/accounts/{branch}:/balances", known_position=frozen)["items"]
    assert (item["liens"], item["available"]) == ("5.50", "8.50")
    (item,) = get(world, f"/accounts/{wallet}/balances", effective_on="2026-01-01")["items"]
    assert item["liens"] == "0.00"


def test_a_moment_and_a_position_are_not_both_asked_for(world: World) -> None:
    path = f"{world.path}/accounts/{world.account()}/balances"
    answer = world.auditor.get(f"{path}?known_at=2026-01-01&known_position=1")
    assert_problem(answer, 422, "invalid_request")
    for wrong in ("known_at=yesterday", "effective_on=2026-02-30", "known_position=-1"):
        assert_problem(world.auditor.get(f"{path}?{wrong}"), 422, "invalid_request")


# Statements ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy(world: World, worker: None) -> str:
    """An account with 30 lines, backdated ones among them."""
    cash, sales = world.account(), world.account("revenue")
    for number in range(30):
        day = f"2026-0{1 + number % 3}-{1 + number % 28:02}"
        debit, credit = (cash, sales) if number % 4 else (sales, cash)
        world.post(debit, credit, f"{number + 1}.00", effective_on=day, reference=f"R{number}")
    return cash


@pytest.mark.parametrize("basis", ["booking", "effective"])
@pytest.mark.parametrize("limit", [1, 7, 30, 100])
def test_a_statement_goes_from_opening_to_closing(
    world: World, busy: str, basis: str, limit: int
) -> None:
    path = f"/accounts/{busy}/statement"
    whole = get(world, path, basis=basis)
    lines = pages(world, path, "lines", basis=basis, limit=limit)
    assert lines == whole["lines"]
    assert len(lines) == 30
    balance = 0
    for line in lines:
        cents = int(line["amount"].replace(".", ""))
        balance += cents if line["side"] == "debit" else -cents
        assert int(line["balance"].replace(".", "")) == balance
    assert whole["opening"] == "0.00"
    assert whole["closing"] == lines[-1]["balance"]
    keys = {
        "booking": [line["line"] for line in lines],
        "effective": [(line["effective_on"], line["position"]) for line in lines],
    }
    assert keys[basis] == sorted(keys[basis])
    if basis == "booking":
        assert keys[basis] == list(range(1, 31))


def test_a_statement_of_some_days(world: World, busy: str) -> None:
    path = f"/accounts/{busy}/statement"
    whole = get(world, path)["lines"]
    shown = get(world, path, **{"from": "2026-02-01", "to": "2026-02-20"})
    meant = [line for line in whole if "2026-02-01" <= line["effective_on"] <= "2026-02-20"]
    assert shown["lines"] == meant
    assert meant
    earlier = [line for line in whole if line["effective_on"] < "2026-02-01"]
    assert shown["opening"] == earlier[-1]["balance"]
    assert shown["closing"] == meant[-1]["balance"]
    nothing = get(world, path, **{"from": "2026-02-20", "to": "2026-02-01"})
    assert (nothing["lines"], nothing["opening"]) == ([], nothing["closing"])
    # By booking, days are those of recording: all was recorded today.
    booked = get(world, path, basis="booking", **{"from": "2026-02-01", "to": "2026-02-20"})
    assert booked["lines"] == []
    line = whole[0]
    assert line["counter_accounts"]
    assert line["counter_accounts"] != [busy]


def test_a_statement_as_it_was_known(world: World, busy: str) -> None:
    path = f"/accounts/{busy}/statement"
    booked = get(world, path, basis="booking")["lines"]
    known = booked[9]["position"]
    for basis in ("booking", "effective"):
        shown = get(world, path, basis=basis, known_position=known)
        assert {line["position"] for line in shown["lines"]} == {
            line["position"] for line in booked[:10]
        }
        assert shown["closing"] == booked[9]["balance"]


def test_a_statement_needs_an_account_and_one_asset(world: World) -> None:
    none = world.auditor.get(f"{world.path}/accounts/none/statement")
    assert_problem(none, 404, "account_not_found")
    empty = get(world, f"/accounts/{world.account()}/statement")
    assert (empty["opening"], empty["lines"], empty["closing"]) == ("0.00", [], "0.00")
    path = f"{world.path}/accounts/{world.account()}/statement"
    assert_problem(world.auditor.get(f"{path}?asset=NONE"), 422, "invalid_request")
    assert_problem(world.auditor.get(f"{path}?cursor=eA"), 422, "invalid_request")


# Lists --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(world: World, worker: None) -> list[dict[str, Any]]:
    """Entries of all kinds, as they were answered."""
    bank, rent, fees = world.account(), world.account("expense"), world.account("expense")
    clerk = world.clerk

    def post(**members: Any) -> dict[str, Any]:
        body = {"legs": [leg(rent, "debit", "5.00"), leg(bank, "credit", "5.00")], **members}
        answer = clerk.post(f"{world.path}/entries", body)
        assert answer.status_code == 201, answer.text
        return body_of(answer)

    legs = [leg(fees, "debit", "77.07", party="p-9"), leg(bank, "credit", "77.07")]
    dimensions = {"cost_centre": "c'101"}
    third = [leg(rent, "debit", "8.00", dimensions=dimensions), leg(bank, "credit", "8.00")]
    made = [
        post(reference="INV-77", effective_on="2026-01-05"),
        post(**{"class": "adjusting"}, document={"number": "D-8"}, effective_on="2026-01-06"),
        post(legs=legs, narrative="Fees of Ada", source={"system": "erp-2"}),
        post(legs=third, reason="data_entry"),
    ]
    reversal = clerk.post(
        f"{world.path}/entries/{made[0]['id']}/reverse", {"reason": "wrong_period"}
    )
    made.append(body_of(reversal))
    for number, code in enumerate((bank, rent, fees)):
        made[number]["account"] = code
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"reference": "INV-77"}, [0]),
        ({"class": "adjusting"}, [1]),
        ({"document": "D-8"}, [1]),
        ({"min_amount": "77", "max_amount": "77.1"}, [2]),
        ({"min_amount": "8.01"}, [2]),
        ({"max_amount": "5"}, [0, 1, 4]),
        ({"party": "p-9"}, [2]),
        ({"text": "ADA"}, [2]),
        ({"source": "erp-2"}, [2]),
        ({"dimension": "cost_centre=c'101"}, [3]),
        ({"reason": "wrong_period"}, [4]),
        ({"from": "2026-01-05", "to": "2026-01-05"}, [0, 4]),
        ({"to": "2026-01-06"}, [0, 1, 4]),
        ({"actor": "nobody"}, []),
        ({"journal": "GEN"}, [0, 1, 2, 3, 4]),
        ({}, [0, 1, 2, 3, 4]),
    ],
)
def test_entries_are_found(
    world: World, listed: list[dict[str, Any]], query: dict[str, str], expected: list[int]
) -> None:
    found = pages(world, "/entries", account=listed[0]["account"], **query)
    assert [one["id"] for one in found] == [listed[index]["id"] for index in expected]
    for one, index in zip(found, expected, strict=True):
        assert one["legs"][0].items() >= listed[index]["legs"][0].items()
        assert one["record_sha256"] == listed[index]["record_sha256"]


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_entries_are_paged_both_ways(
    world: World, listed: list[dict[str, Any]], limit: int
) -> None:
    def page(cursor: str | None) -> dict[str, Any]:
        account = listed[0]["account"]
        return get(world, "/entries", account=account, limit=limit, cursor=cursor)

    forth = [page(None)]
    while forth[-1]["next"]:
        forth.append(page(forth[-1]["next"]))
    assert [one["id"] for each in forth for one in each["items"]] == [o["id"] for o in listed]
    back = [forth[-1]]
    while back[-1]["previous"]:
        back.append(page(back[-1]["previous"]))
    ids = [[one["id"] for one in each["items"]] for each in reversed(back)]
    assert [id for each in ids for id in each] == [o["id"] for o in listed]
    if len(forth) > 1:
        again = page(back[-2]["next"] if len(back) > 2 else back[-1]["next"])
        assert again["items"]


def test_holds_are_listed_by_status_and_account(world: World) -> None:
    wallet, shop = world.funded("90.00"), world.account("liability")
    ids = [world.hold(wallet, shop, "3.00")["id"] for _ in range(5)]
    for id, verb, body in (
        (ids[0], "settle", {"amount": "1.00"}),
        (ids[1], "settle", {}),
        (ids[2], "void", {}),
        (ids[3], "release", {}),
    ):
        done = world.clerk.post(f"{world.path}/authorizations/{id}/{verb}", body)
        assert done.status_code in (200, 201), done.text
    path = "/authorizations"
    statuses = ["partially_settled", "settled", "voided", "released", "authorized"]
    for id, status in zip(ids, statuses, strict=True):
        found = get(world, path, account=wallet, status=status)["items"]
        assert [(one["id"], one["status"]) for one in found] == [(id, status)]
        assert found[0] == body_of(world.auditor.get(f"{world.path}{path}/{id}"))
    assert [o["id"] for o in pages(world, path, account=shop, limit=2)] == ids
    third = get(world, path, account=shop, limit=4)["next"]
    last = get(world, path, account=shop, limit=2, cursor=third)
    assert [one["id"] for one in last["items"]] == ids[4:]
    previous = get(world, path, account=shop, limit=2, cursor=last["previous"])
    assert [one["id"] for one in previous["items"]] == ids[2:4]


def test_events_of_an_account(world: World) -> None:
    wallet, shop = world.funded("90.00"), world.account("liability")
    hold = world.hold(wallet, shop, "3.00")
    world.post(wallet, shop, "1.00")
    frozen = world.controller.post(f"{world.path}/accounts/{wallet}/freeze", {"scope": "all"})
    assert frozen.status_code == 200, frozen.text
    world.post(world.account(), shop, "1.00")
    found = pages(world, "/events", account=wallet, limit=2)
    assert [one["type"] for one in found] == [
        "AccountOpened",
        "EntryPosted",
        "AuthorizationOpened",
        "EntryPosted",
        "AccountFrozen",
    ]
    assert found[2]["stream"] == hold["id"]
    only = get(world, "/events", account=wallet, type="EntryPosted")["items"]
    assert only == [found[1], found[3]]
    assert_problem(world.auditor.get(f"{world.path}/events?account=none"), 404, "account_not_found")
    assert_problem(world.clerk.get(f"{world.path}/events?account={wallet}"), 403, "forbidden")


def test_a_view_that_does_not_come_is_not_waited_for_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interface.http.door.BEHIND_AFTER_SECONDS", 0.05)
    position = world.head() + 10
    path = f"{world.path}/entries?min_position={position}"
    assert_problem(world.auditor.get(path), 503, "behind")


@pytest.fixture(autouse=True)
def _none_left_behind(world: World) -> Iterator[None]:
    yield
    health = body_of(world.nobody.get("/health/ready"))
    assert health["stopped_views"] == []
