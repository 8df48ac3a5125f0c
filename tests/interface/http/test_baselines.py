"""Baselines over HTTP: who records them, and what the report holds against them."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.interface.http.world import Caller, World, assert_problem, body_of, leg, make_key

pytestmark = pytest.mark.usefixtures("worker")

YEAR = [f"2025-{month:02}" for month in range(1, 13)]
ONE_PLACE = dict.fromkeys(YEAR, "1")
TWO_PLACES = {month: "2" if month <= "2025-06" else "1" for month in YEAR}


def baseline(account: str, units: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "account": account,
        "unit_amount": "1000",
        "units": units,
        "source": "Lease 2025",
        **more,
    }


def propose(world: World, account: str, units: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = world.compliance.post(f"{world.path}/baselines", baseline(account, units, **more))
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def approve(by: Caller, world: World, id: str) -> Any:
    return by.post(f"{world.path}/baselines/{id}/approve", {})


def record(world: World, account: str, units: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Proposed by one, approved by another."""
    proposed = propose(world, account, units, **more)
    answer = approve(world.approver, world, proposed["id"])
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def subsidies(world: World, account: str, months: dict[str, int], **more: Any) -> list[str]:
    """Posts $500 for each place of each month, and returns the entries."""
    cash = world.account()
    commands = [
        {
            "do": "post",
            "key": f"{account}:{month}",
            "effective_on": f"{month}-28",
            "legs": [
                leg(account, "debit", f"{500 * places}.00", **more),
                leg(cash, "credit", f"{500 * places}.00"),
            ],
        }
        for month, places in months.items()
    ]
    answer = world.clerk.post(f"{world.path}/batch", {"commands": commands})
    results = body_of(answer)["results"]
    assert [one["status"] for one in results] == ["done"] * len(months)
    return [one["id"] for one in results]


def report(world: World, **query: Any) -> dict[str, Any]:
    query = {"from": "2025-01-01", "to": "2025-12-31", "min_position": world.head(), **query}
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = world.auditor.get(f"{world.path}/reports/baseline?{asked}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def lines(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in found["rows"] if row["kind"] == "line"]


@pytest.fixture
def housing(world: World) -> str:
    return world.account("expense")


def test_one_place_saves_six_thousand_a_year(world: World, housing: str) -> None:
    record(world, housing, ONE_PLACE)
    subsidies(world, housing, dict.fromkeys(YEAR, 1))
    found = report(world, account=housing)
    assert found["totals"] == {
        "baseline": "12000.00",
        "actual": "6000.00",
        "avoided": "6000.00",
        "not_posted": "0.00",
    }
    assert len(lines(found)) == 12
    assert body_of(world.auditor.get(f"{world.path}/reports/trial-balance"))["totals"]["USD"]
    # A saving is no posting: the account holds what was paid.
    assert world.balance(housing)["posted"]["balance"] == "6000.00"


def test_of_two_places_one_ends_after_june(world: World, housing: str) -> None:
    record(world, housing, TWO_PLACES, dimension={"cost_centre": "tax"})
    places = {month: int(units) for month, units in TWO_PLACES.items()}
    subsidies(world, housing, places, dimensions={"cost_centre": "tax"})
    # Another cost centre's is not compared.
    world.post(housing, world.account(), "77.00", effective_on="2025-03-01")
    totals = report(world, account=housing)["totals"]
    assert (totals["baseline"], totals["actual"]) == ("18000.00", "9000.00")
    assert totals["avoided"] == "9000.00"


def test_a_month_leads_to_the_entries_of_all_its_dimensions(world: World, housing: str) -> None:
    both = {"cost_centre": "tax, audit", "site": "north=1"}
    record(world, housing, ONE_PLACE, dimension=both)
    meant = subsidies(world, housing, {"2025-01": 1}, dimensions=both)
    other = leg(housing, "debit", "5.00", dimensions={**both, "site": "south"})
    legs = [other, leg(world.account(), "credit", "5.00")]
    body = {"legs": legs, "effective_on": "2025-01-28"}
    assert world.clerk.post(f"{world.path}/entries", body).status_code == 201
    (first, *_) = lines(report(world, account=housing))
    assert first["actual"] == "500.00"
    answer = world.auditor.get(first["links"]["entries"])
    assert [one["id"] for one in body_of(answer)["items"]] == meant
    path = f"{world.path}/entries?dimension=site=north&dimension="
    assert_problem(world.auditor.get(f"{path}site=south"), 422, "invalid_request")
    assert_problem(world.auditor.get(f"{path}x"), 422, "invalid_request")


def test_what_is_not_posted_is_not_saved(world: World, housing: str) -> None:
    record(world, housing, ONE_PLACE)
    first, _ = subsidies(world, housing, {"2025-01": 1, "2025-02": 3})
    found = report(world, account=housing)
    assert found["totals"] == {
        "baseline": "2000.00",
        "actual": "2000.00",
        "avoided": "0.00",
        "not_posted": "10000.00",
    }
    avoided = [row["avoided"] for row in lines(found)]
    assert avoided == ["500.00", "-500.00", *[None] * 10]
    # What is taken back stands posted no more.
    reversal = {"reason": "duplicate", "effective_on": "2025-01-31"}
    answer = world.clerk.post(f"{world.path}/entries/{first}/reverse", reversal)
    assert answer.status_code == 201, answer.text
    assert report(world, account=housing)["totals"]["not_posted"] == "11000.00"
    known = report(world, account=housing, known_position=found["position"])
    assert known["totals"] == found["totals"]
    assert known["rows"] == found["rows"]


def test_closing_entries_do_not_count_and_corrections_do(world: World, housing: str) -> None:
    record(world, housing, {"2025-12": 1})
    (paid,) = subsidies(world, housing, {"2025-12": 2})
    closing = {"class": "closing", "effective_on": "2025-12-31"}
    world.post(world.account("equity"), housing, "1000.00", **closing)
    assert report(world, account=housing)["totals"]["actual"] == "1000.00"
    adjust = {
        "reason": "wrong_amount",
        "effective_on": "2025-12-28",
        "legs": [leg(housing, "debit", "500.00"), leg(world.account(), "credit", "500.00")],
    }
    answer = world.clerk.post(f"{world.path}/entries/{paid}/adjust", adjust)
    assert answer.status_code == 201, answer.text
    assert report(world, account=housing)["totals"]["avoided"] == "500.00"


def test_a_later_version_counts_in_its_months_and_the_earlier_stays_known(
    world: World, housing: str
) -> None:
    first = record(world, housing, ONE_PLACE)
    subsidies(world, housing, {"2025-01": 1, "2025-07": 1})
    before = report(world, account=housing)
    dearer = record(world, housing, {"2025-07": 1}, unit_amount="1100.00")
    assert (first["version"], dearer["version"]) == (1, 2)
    january, *_, july = [row for row in lines(report(world, account=housing)) if row["avoided"]]
    assert (january["version"], january["avoided"]) == (1, "500.00")
    assert (july["version"], july["avoided"]) == (2, "600.00")
    again = report(world, account=housing, known_position=before["position"])
    assert again["rows"] == before["rows"]
    said = f"approved by approver at position {first['position']}"
    assert any("Proposed by compliance" in note and said in note for note in again["notes"])


def test_months_that_are_not_over_are_left_out(world: World, housing: str) -> None:
    this = datetime.now(ZoneInfo("America/New_York")).date().replace(day=1)
    last = this - timedelta(days=1)
    record(world, housing, {f"{last:%Y-%m}": 1, f"{this:%Y-%m}": 1, "2999-12": 1})
    span = {"from": last.replace(day=1), "to": "2999-12-31"}
    months = [row["month"] for row in lines(report(world, account=housing, **span))]
    assert months == [f"{last:%Y-%m}"]


def test_baselines_are_listed(world: World, housing: str) -> None:
    made = propose(world, housing, {"2025-01": 1, "2025-02": "0.5"}, reference="R-1")
    assert made["units"] == {"2025-01": "1", "2025-02": "0.5"}
    assert (made["from"], made["to"]) == ("2025-01-01", "2025-02-28")
    again = propose(world, housing, {"2025-02": 1})
    path = f"{world.path}/baselines?account={housing}"
    page = body_of(world.auditor.get(f"{path}&limit=1"))
    rest = body_of(world.auditor.get(f"{path}&cursor={page['next']}"))
    found = [*page["items"], *rest["items"]]
    assert [one["id"] for one in found] == [made["id"], again["id"]]
    assert found[0]["author"] == "compliance"
    assert {name: found[0][name] for name in made.keys() & found[0].keys()} == {
        name: made[name] for name in made.keys() & found[0].keys()
    }
    assert rest["next"] is None
    assert_problem(world.clerk.get(path), 403, "forbidden")
    assert approve(world.approver, world, again["id"]).status_code == 200
    for status, ids in (("proposed", [made["id"]]), ("approved", [again["id"]])):
        found = body_of(world.approver.get(f"{path}&status={status}"))["items"]
        assert [(one["id"], one["status"]) for one in found] == [(id, status) for id in ids]


def test_who_approves_is_not_who_proposes(world: World, housing: str) -> None:
    path = f"{world.path}/baselines"
    own = baseline(housing, ONE_PLACE, approver="compliance")
    assert_problem(world.compliance.post(path, own), 403, "forbidden")
    assert world.controller.post(path, own).status_code == 200
    assert_problem(world.clerk.post(path, baseline(housing, ONE_PLACE)), 403, "forbidden")
    id = propose(world, housing, ONE_PLACE)["id"]
    for caller in (world.compliance, world.clerk, world.auditor):
        assert_problem(approve(caller, world, id), 403, "forbidden")
    for unknown in ("none", "00000000-0000-0000-0000-000000000000"):
        assert_problem(approve(world.approver, world, unknown), 404, "not_found")


def test_it_counts_once_it_is_approved(world: World, housing: str) -> None:
    proposed = propose(world, housing, {"2025-01": 1})
    assert (proposed["status"], proposed["approved_by"]) == ("proposed", None)
    subsidies(world, housing, {"2025-01": 1})
    before = report(world, account=housing)
    assert lines(before) == []
    assert any("not approved, so it does not count" in note for note in before["notes"])
    first = approve(world.controller, world, proposed["id"])
    approved = body_of(first)
    assert (approved["author"], approved["approved_by"]) == ("compliance", "controller")
    assert (approved["status"], approved["units"]) == ("approved", proposed["units"])
    assert report(world, account=housing)["totals"]["avoided"] == "500.00"
    again = report(world, account=housing, known_position=before["position"])
    assert (again["rows"], again["notes"]) == (before["rows"], before["notes"])
    # Done once: the same key has the same answer, another one finds it done.
    path, key = f"{world.path}/baselines/{proposed['id']}/approve", first.headers["Idempotency-Key"]
    replayed = world.controller.post(path, {}, key=key)
    assert (body_of(replayed), replayed.headers["Idempotency-Replayed"]) == (approved, "true")
    assert_problem(approve(world.approver, world, proposed["id"]), 409, "already_exists")


def test_one_is_shown_with_its_figures_and_what_happened_to_it(world: World, housing: str) -> None:
    units = {"2025-02": "0.5", "2025-01": "2"}
    made = propose(world, housing, units, narrative="As the lease says", to="2025-12-31")
    path = f"{world.path}/baselines/{made['id']}"
    shown = body_of(world.approver.get(path))
    assert made.items() <= shown.items()
    assert shown["total"] == "2500.00"
    assert [list(month.values()) for month in shown["months"]] == [
        ["2025-01", "2", "2000.00"],
        ["2025-02", "0.5", "500.00"],
    ]
    approve(world.controller, world, made["id"])
    answer = world.auditor.get(path)
    shown = body_of(answer)
    assert (shown["status"], shown["approved_by"]) == ("approved", "controller")
    assert int(answer.headers["Ledger-Position"]) >= shown["history"][1]["position"]
    told = [(one["type"], one["actor"], one["narrative"]) for one in shown["history"]]
    proposed = ("BaselineSet", "compliance", "As the lease says")
    assert told == [proposed, ("BaselineApproved", "controller", None)]
    assert_problem(world.clerk.get(path), 403, "forbidden")
    for unknown in ("none", "00000000-0000-0000-0000-000000000000"):
        assert_problem(world.auditor.get(f"{world.path}/baselines/{unknown}"), 404, "not_found")
    subsidies(world, housing, {"2025-01": 1})
    (january, *_) = lines(report(world, account=housing))
    assert january["links"]["baseline"] == path


def test_a_person_and_her_service_are_one(world: World, housing: str) -> None:
    token = make_key(world.ledgers, "planner", "controller", owner="controller")
    planner = Caller(world.app.test_client, token)
    answer = planner.post(f"{world.path}/baselines", baseline(housing, ONE_PLACE))
    id = body_of(answer)["id"]
    assert_problem(approve(world.controller, world, id), 403, "forbidden")
    assert_problem(approve(planner, world, id), 403, "forbidden")
    assert approve(world.approver, world, id).status_code == 200
    shown = body_of(world.auditor.get(f"{world.path}/baselines/{id}"))
    assert [one["person"] for one in shown["history"]] == ["controller", None]


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("units", {}),
        ("units", {"2025-13": "1"}),
        ("units", {"2025-01": -1}),
        ("units", {"2025-01": 1.5}),
        ("units", {"2025-01": True}),
        ("from", "2025-01-02"),
        ("to", "2025-12-30"),
        ("approver", ""),
    ],
)
def test_what_breaks_its_form_is_refused(
    world: World, housing: str, member: str, wrong: Any
) -> None:
    sent = baseline(housing, ONE_PLACE) | {member: wrong}
    problem = assert_problem(
        world.compliance.post(f"{world.path}/baselines", sent), 422, "invalid_request"
    )
    assert member in problem["errors"]


def test_units_lie_within_the_span(world: World, housing: str) -> None:
    for span in ({"from": "2025-02-01"}, {"to": "2025-11-30"}):
        sent = baseline(housing, ONE_PLACE, **span)
        problem = assert_problem(
            world.compliance.post(f"{world.path}/baselines", sent), 422, "invalid_request"
        )
        assert "units" in problem["errors"]
