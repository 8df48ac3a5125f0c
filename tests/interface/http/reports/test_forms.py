"""Reports in each of their forms, and what is asked wrongly."""

import csv
import io
import random
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pypdf
import pytest

from interface.reports.catalogue import REPORTS
from tests.interface.http.reports.past import Past, catch_up, get
from tests.interface.http.reports.workbook import check_workbook
from tests.interface.http.world import assert_problem, body_of
from tests.projections.history import (
    CHART,
    live,
)


@pytest.mark.parametrize("name", [name for name in REPORTS if name != "restatement"])
def test_every_form_shows_the_same(past: Past, name: str) -> None:
    world, _, _ = past
    asked, query = f"{world.path}/reports/{name}", ""
    if name == "statement":
        query = "?account=assets:bank&asset=USD"
    report = body_of(world.auditor.get(f"{asked}{query}"))
    columns = report["columns"]
    shown = [[str(row.get(c["name"]) or "") for c in columns] for row in report["rows"]]
    # Nothing is effective after today, nor recorded.
    assert bool(shown) == (name not in ("cut-off", "dimension", "baseline", "holds"))

    text = world.auditor.get(f"{asked}.csv{query}")
    assert text.content_type == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(text.text)))
    assert rows[0] == ["kind", *(c["name"] for c in columns)]
    assert [row[1:] for row in rows[1:]] == shown

    workbook = world.auditor.get(f"{asked}.xlsx{query}")
    check_workbook(workbook.data, report)
    assert world.auditor.get(f"{asked}.xlsx{query}").data == workbook.data

    pages = world.auditor.get(f"{asked}{query}", headers={"Accept": "application/pdf"})
    assert pages.content_type == "application/pdf"
    read = pypdf.PdfReader(io.BytesIO(pages.data))
    last = read.pages[-1].extract_text()
    assert f"Page {len(read.pages)} of {len(read.pages)}" in last
    assert f"position {report['position']}" in last


def test_a_report_is_the_same_for_ever(own_past: Past) -> None:
    world, _, office = own_past
    report = f"{world.path}/reports/trial-balance?known_position={office.position}"
    questions = [report, f"{report}&depth=1"]
    before = [world.auditor.get(asked).data for asked in questions]
    live(office, random.Random(6), 20)
    renamed = {"name": "Another name"}
    for account in ("assets:bank", "revenue:sales"):
        amended = world.controller.patch(f"{world.path}/accounts/{account}", renamed)
        assert amended.status_code == 200, amended.text
    branch = {"code": "assets", "type": "asset", "name": "Another name"}
    assert world.controller.post(f"{world.path}/accounts", branch).status_code == 201
    catch_up(office)
    assert [world.auditor.get(asked).data for asked in questions] == before
    assert b"Another name" in world.auditor.get(f"{world.path}/reports/trial-balance").data


def test_what_is_no_report(past: Past) -> None:
    world, _, _ = past
    for name in ("none", "trial-balance.doc", "trial-balance.csv.csv"):
        answer = world.auditor.get(f"{world.path}/reports/{name}")
        assert_problem(answer, 404, "not_found")
    for query in ("basis=booking", "depth=0", "account=assets", "from=2026-01-01", "x=1"):
        answer = world.auditor.get(f"{world.path}/reports/trial-balance?{query}")
        assert_problem(answer, 422, "invalid_request")
    assert_problem(world.clerk.get(f"{world.path}/reports/journal"), 403, "forbidden")


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ("income-statement?from=2026-02-02&to=2026-02-01", "from"),
        ("income-statement?from=2999-01-01", "from"),
        ("completeness?from=2026-02-02&to=2026-02-01", "from"),
        ("baseline?from=2026-02-02&to=2026-02-01", "from"),
        ("general-ledger?account=nowhere", "account"),
        ("open-items?account=asset", "account"),
    ],
)
def test_what_would_be_figures_of_nothing_is_refused(past: Past, asked: str, wrong: str) -> None:
    world, _, _ = past
    answer = world.auditor.get(f"{world.path}/reports/{asked}")
    assert wrong in assert_problem(answer, 422, "invalid_request")["errors"]


@pytest.mark.parametrize("basis", ["booking", "effective"])
def test_a_statement_as_a_report(past: Past, basis: str) -> None:
    world, legs, _ = past
    for account, sign in (("assets:bank", 1), ("revenue:sales", -1)):
        report = get(world, "statement", account=account, asset="EUR", basis=basis)
        meant = [leg for leg in legs if (leg.account, leg.asset) == (account, "EUR")]
        if basis == "effective":
            meant.sort(key=lambda leg: (leg.effective_on, leg.position, leg.number))
        balance = Fraction(0)
        expected = []
        for leg in meant:
            balance += leg.amount if leg.is_debit else -leg.amount
            expected.append((leg.position, leg.number, sign * balance))
        assert expected
        assert [
            (row["position"], row["leg"], Fraction(row["balance"]))
            for row in report["rows"]
            if row["kind"] == "line"
        ] == expected
        assert Fraction(report["rows"][-1]["balance"]) == sign * balance
    none = world.auditor.get(f"{world.path}/reports/statement?account=none")
    assert_problem(none, 422, "invalid_request")


def test_a_statement_says_what_its_page_over_http_says(past: Past) -> None:
    """Vouchers, both dates, texts and counter-accounts, line by line."""
    world, _, _ = past
    report = get(world, "statement", account="assets:bank", asset="EUR")
    path = f"{world.path}/accounts/assets:bank/statement?asset=EUR&limit=1000"
    lines = body_of(world.auditor.get(path))["lines"]
    timezone = ZoneInfo(body_of(world.auditor.get(world.path))["timezone"])
    assert any(line["narrative"] for line in lines)
    # What it has in euros is worth what the trial balance says.
    (total,) = [row for row in report["rows"] if row["kind"] == "total"]
    (balance,) = [
        row
        for row in get(world, "trial-balance")["rows"]
        if (row["account"], row["asset"]) == ("assets:bank", "EUR")
    ]
    worth = Fraction(balance["functional_debit"]) - Fraction(balance["functional_credit"])
    assert Fraction(total["functional"]) == worth != 0
    assert {
        (
            row["line"],
            row["position"],
            row["effective_on"],
            row["recorded_on"],
            row["voucher"],
            row["reference"],
            row["narrative"],
            row["counter_accounts"],
        )
        for row in report["rows"]
        if row["kind"] == "line"
    } == {
        (
            line["line"],
            line["position"],
            line["effective_on"],
            datetime.fromisoformat(line["recorded_at"]).astimezone(timezone).date().isoformat(),
            f"{line['journal']}/{line['fiscal_year']}/{line['voucher_no']}",
            line["reference"],
            line["narrative"],
            ", ".join(line["counter_accounts"]),
        )
        for line in lines
    }


def test_branches_to_a_depth(past: Past) -> None:
    world, _, _ = past
    report = get(world, "trial-balance", depth=1)
    codes = {row["account"] for row in report["rows"] if row["kind"] == "line"}
    assert codes <= {code.split(":")[0] for code in CHART}
