"""Periods over HTTP, with a worker that works when it is told to: a year is closed, reopened by two
and closed anew. Today is 31 March 2026.

One story, told in the order of the file: each test goes on where the one before it has ended.
"""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from interface.closer import Closer, NotShown
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.application.conftest import office as module_office  # noqa: F401 -- a fixture
from tests.application.conftest import template  # noqa: F401 -- a fixture
from tests.application.office import Office
from tests.interface.evidence.busy import trial_balance_digest
from tests.interface.http.reports.workbook import check_workbook
from tests.interface.http.world import World, assert_problem, body_of, entry, leg
from tests.projections.conftest import Worker

DECEMBER = "2025-12"
LAST_DAY = "2025-12-31"
ROUNDS = 3


class Books:
    """The ledger, the views and the closer behind it."""

    def __init__(self, office: Office, worker: Worker) -> None:
        self.office = office
        self.worker = worker
        self.world = World(office.ledgers, create_app(office.ledgers, HttpSettings()), ledger=None)
        self.world.path = "/v1/ledgers/acme"
        self.closer = Closer(office.ledgers, views_seconds=0)

    def work(self) -> None:
        """What the worker does until nothing is left: the views follow what the closer posts, which
        begins anew where they had not come so far."""
        for _ in range(ROUNDS):
            self.worker.catch_up()
            with suppress(NotShown):
                self.closer.look_after("acme")
                return
        raise AssertionError("the closer does not come to an end")

    def verb(self, verb: str, period: str = DECEMBER, by: str = "controller") -> TestResponse:
        caller = getattr(self.world, by)
        answer: TestResponse = caller.post(f"{self.world.path}/periods/{period}/{verb}", {})
        return answer

    def period(self, name: str = DECEMBER) -> dict[str, Any]:
        answer = self.world.clerk.get(f"{self.world.path}/periods/{name}")
        assert answer.status_code == 200, answer.text
        return body_of(answer)

    def report(self, name: str, **query: Any) -> TestResponse:
        self.worker.catch_up()
        asked = f"{self.world.path}/reports/{name}?{urlencode(query)}"
        answer: TestResponse = self.world.auditor.get(asked)
        return answer

    def nets(self, **query: Any) -> dict[str, str]:
        """What the trial balance shows of each account."""
        rows = body_of(self.report("trial-balance", **query))["rows"]
        return {
            row["account"]: row["debit"] if row["debit"] != "0.00" else f"-{row['credit']}"
            for row in rows
            if row["kind"] == "line"
        }


@pytest.fixture(scope="module")
def books(module_office: Office) -> Iterator[Books]:  # noqa: F811
    worker = Worker(module_office)
    with closing(worker.connection):
        found = Books(module_office, worker)
        for code, type in (("cash", "asset"), ("fees", "revenue"), ("rent", "expense")):
            body = {"code": code, "type": type, "name": code, "asset": "USD"}
            assert found.world.controller.post(f"{found.world.path}/accounts", body).status_code
        yield found


def post(books: Books, *args: str, day: str = LAST_DAY, by: str = "clerk", **more: Any) -> Any:
    body = entry(*args, effective_on=day, **more)
    return getattr(books.world, by).post(f"{books.world.path}/entries", body)


def test_the_calendar_begins_with_the_year_of_the_first_entry(books: Books) -> None:
    world = books.world
    assert post(books, "cash", "fees", "100.00", day="2025-11-02").status_code == 201
    page = body_of(world.clerk.get(f"{world.path}/periods?limit=13"))
    assert [item["period"] for item in page["items"]][::12] == ["2025-01", "2026-01"]
    assert page["items"][0]["status"] == "open"
    rest = body_of(world.clerk.get(f"{world.path}/periods?cursor={page['next']}"))
    assert [item["period"] for item in rest["items"]][::10] == ["2026-02", "2026-12"]
    assert rest["next"] is None
    query = "fiscal_year=2026&status=future"
    future = body_of(world.clerk.get(f"{world.path}/periods?{query}"))["items"]
    assert (len(future), future[0]["period"]) == (9, "2026-04")
    assert_problem(world.clerk.get(f"{world.path}/periods/2026-13"), 404, "not_found")


def test_who_closes_what(books: Books) -> None:
    assert_problem(books.verb("close", by="clerk"), 403, "forbidden")
    problem = assert_problem(books.verb("close"), 422, "close_out_of_order")
    assert (problem["other"], problem["position"]) == ("2025-01", books.world.head())
    assert_problem(books.verb("close", "2026-04"), 422, "effective_in_future")
    locked = books.world.controller.post(
        f"{books.world.path}/periods/lock", {"through": "2025-11-30"}
    )
    assert locked.status_code == 200
    assert books.period("2025-11")["status"] == "locked"
    assert_problem(books.verb("close", "2025-11"), 422, "period_closed")


def test_controllers_post_where_clerks_do_not(books: Books) -> None:
    soft = books.verb("soft-close")
    assert (soft.status_code, body_of(soft)["status"]) == (200, "soft_closed")
    assert_problem(post(books, "cash", "fees", "1.00"), 422, "period_closed")
    legs = [
        leg("rent", "debit", "30.00", dimensions={"cost_centre": "101"}),
        leg("rent", "debit", "12.00", dimensions={"cost_centre": "102", "project": "x"}),
        leg("rent", "debit", "3.00"),
        leg("cash", "credit", "45.00"),
    ]
    body = {"legs": legs, "effective_on": LAST_DAY}
    done = books.world.controller.post(f"{books.world.path}/entries", body)
    assert done.status_code == 201, done.text
    opened = books.verb("reopen")
    assert body_of(opened)["status"] == "open"


def test_a_close_that_cannot_be_is_abandoned_with_the_reason(books: Books) -> None:
    begun = books.verb("close")
    assert (begun.status_code, body_of(begun)["status"]) == (200, "closing")
    assert_problem(post(books, "cash", "fees", "1.00", by="controller"), 422, "period_closed")
    books.work()
    period = books.period()
    assert period["status"] == "open"
    assert period["abandoned"]["why"] == "no_retained_earnings"
    assert post(books, "cash", "fees", "1.00").status_code == 201


def test_a_year_is_closed_into_retained_earnings(books: Books) -> None:
    account = {
        "code": "retained",
        "type": "equity",
        "name": "Retained",
        "purpose": "retained_earnings",
    }
    assert books.world.controller.post(f"{books.world.path}/accounts", account).status_code == 201
    before = books.nets(basis="adjusted", effective_on=LAST_DAY)
    assert before == {"cash": "56.00", "fees": "-101.00", "rent": "45.00"}
    books.verb("close")
    books.work()
    period = books.period()
    (close,) = period["closes"]
    assert (period["status"], period["abandoned"], len(close["entries"])) == ("closed", None, 1)
    assert close["digest"] == trial_balance_digest(books.office.records(), LAST_DAY)
    assert books.nets(effective_on=LAST_DAY) == {"cash": "56.00", "retained": "-56.00"}
    assert books.nets(basis="adjusted", effective_on=LAST_DAY) == before
    entry = body_of(books.world.clerk.get(f"{books.world.path}/entries/{close['entries'][0]}"))
    assert (entry["class"], entry["effective_on"]) == ("closing", LAST_DAY)
    assert [(one["account"], one["amount"], one.get("dimensions")) for one in entry["legs"]] == [
        ("fees", "101.00", None),
        ("rent", "3.00", None),
        ("rent", "30.00", {"cost_centre": "101"}),
        ("rent", "12.00", {"cost_centre": "102", "project": "x"}),
        ("retained", "56.00", None),
    ]
    record = books.office.records()[entry["events"][0]["position"] - 1]
    assert (record["channel"], record["actor"]) == ("worker", "system")
    assert_problem(post(books, "cash", "fees", "1.00", by="controller"), 422, "period_closed")


def test_a_closed_year_is_reopened_by_two_and_closed_anew(books: Books) -> None:
    world, path = books.world, f"{books.world.path}/periods/{DECEMBER}/reopen"
    assert_problem(books.verb("reopen"), 422, "narrative_required")
    assert_problem(world.approver.post(path, {"reason": "regulatory"}), 403, "forbidden")
    closed = books.report("trial-balance.csv", period=DECEMBER)
    assert closed.status_code == 200, closed.text
    asked = world.controller.post(path, {"reason": "regulatory"})
    wish = {"asked_by": "controller", "reason": "regulatory"}
    assert (asked.status_code, body_of(asked)["reopening"]) == (200, wish)
    assert (books.period()["status"], books.period()["reopening"]) == ("closed", wish)
    assert_problem(books.verb("reopen"), 403, "forbidden")
    done = books.verb("reopen", by="approver")
    assert (done.status_code, body_of(done)["status"]) == (200, "open")
    books.work()
    opened = {"cash": "56.00", "fees": "-101.00", "rent": "45.00"}
    assert books.nets(effective_on=LAST_DAY) == opened
    assert post(books, "cash", "fees", "9.00").status_code == 201
    books.verb("close")
    books.work()
    period = books.period()
    assert [one["close"] for one in period["closes"]] == [1, 2]
    assert books.nets(effective_on=LAST_DAY) == {"cash": "65.00", "retained": "-65.00"}
    assert period["closes"][1]["digest"] == trial_balance_digest(books.office.records(), LAST_DAY)
    assert books.report("trial-balance.csv", period=DECEMBER, close=1).data == closed.data
    assert books.report("trial-balance.csv", period=DECEMBER).data != closed.data


def test_later_years_carry_forward_what_was_closed(books: Books) -> None:
    """No basis takes a closing entry of an earlier year back: its result is in equity for good."""
    assert post(books, "rent", "cash", "5.00", day="2026-01-02", **{"class": "adjusting"})
    carried = {"cash": "65.00", "retained": "-65.00"}
    for basis in ("unadjusted", "adjusted", "post-closing"):
        assert books.nets(basis=basis, effective_on="2026-01-01") == carried
    year = {"effective_on": "2026-01-31"}
    assert books.nets(basis="unadjusted", **year) == carried
    adjusted = {"cash": "60.00", "rent": "5.00", "retained": "-65.00"}
    assert books.nets(basis="adjusted", **year) == adjusted
    rows = body_of(books.report("trial-balance", basis="adjusted", **year))["rows"]
    for row in rows[:-1]:
        lines = body_of(books.world.auditor.get(row["links"]["lines"]))["rows"]
        shown = row["debit"] if row["debit"] != "0.00" else f"-{row['credit']}"
        assert lines[-1]["balance"] == shown


def test_a_closed_report_stays_and_the_difference_is_explained(books: Books) -> None:
    late = post(books, "rent", "cash", "4.00", day="2026-01-02").get_json()
    assert late["id"]
    report = body_of(books.report("restatement", period="2025"))
    assert (report["close"], report["against"], report["basis"]) == (1, 2, "adjusted")
    rows = [
        (row["kind"], row["account"], row.get("closed"), row["difference"], row.get("restated"))
        for row in report["rows"]
        if row["kind"] != "heading"
    ]
    assert rows == [
        ("line", "cash", None, "9.00", None),
        ("total", "cash", "56.00", "9.00", "65.00"),
        ("line", "fees", None, "9.00", None),
        ("total", "fees", "101.00", "9.00", "110.00"),
    ]
    assert report["totals"] == {"figures": 2, "entries": 1}
    all_entries = body_of(books.report("restatement", period=DECEMBER, basis="post-closing"))
    assert [
        (row["class"], row["difference"])
        for row in all_entries["rows"]
        if (row["kind"], row["account"]) == ("line", "retained")
    ] == [("closing", "-56.00"), ("closing", "65.00")]
    assert all_entries["notes"] == [
        "2 more accounts have later entries that leave their figure as it was."
    ]
    for form in ("csv", "pdf"):
        assert books.report(f"restatement.{form}", period=DECEMBER).status_code == 200
    check_workbook(books.report("restatement.xlsx", period="2025").data, report)


@pytest.mark.parametrize(
    ("report", "query", "wrong"),
    [
        ("restatement", {}, "period"),
        ("restatement", {"period": "2025-11"}, "close"),
        ("restatement", {"period": DECEMBER, "against": 3}, "against"),
        ("restatement", {"period": DECEMBER, "close": 2, "against": 2}, "against"),
        ("trial-balance", {"period": DECEMBER, "close": 3}, "close"),
        ("trial-balance", {"period": DECEMBER, "effective_on": LAST_DAY}, "effective_on"),
        ("trial-balance", {"period": "2025-13"}, "period"),
        ("trial-balance", {"close": 1}, "period"),
        ("completeness", {"period": DECEMBER}, "period"),
    ],
)
def test_what_is_wrong_with_a_period_is_told(
    books: Books, report: str, query: dict[str, Any], wrong: str
) -> None:
    problem = assert_problem(books.report(report, **query), 422, "invalid_request")
    assert list(problem["errors"]) == [wrong]
