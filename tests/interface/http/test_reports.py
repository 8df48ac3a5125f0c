"""Reports over HTTP: in each form the same figures, and figures that follow from the records."""

import csv
import io
import random
from collections import defaultdict
from contextlib import closing, suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pypdf
import pytest

from application.outcomes import Caller
from application.transparency.certificates import canonical
from domain.closes import ClosePeriod, ReopenPeriod
from domain.ledgers import LockBooks
from interface.closer import Closer, NotShown
from interface.evidence.recomputed import Recomputation
from interface.evidence.shapes import decode_envelope
from interface.http.app import create_app
from interface.http.door import HttpSettings, snapshot
from interface.http.viewing import read_own
from interface.reports.catalogue import REPORTS
from interface.reports.certificates import model, parameters
from interface.reports.making import make_document
from tests.application.conftest import office as module_office  # noqa: F401 -- a fixture
from tests.application.conftest import own_office, template, unchecked_office  # noqa: F401 -- fixtures
from tests.application.office import Office
from tests.interface.http.world import World, assert_problem, body_of, entry
from tests.interface.http.world import leg as leg_body
from tests.projections.conftest import Worker
from tests.projections.history import (
    CHART,
    Leg,
    left_out,
    legs_of,
    live,
    live_in,
    open_items,
    prepare,
)

WITHOUT = {
    "unadjusted": {
        "adjusting",
        "reclassification",
        "audit_adjustment",
        "revaluation",
        "closing",
    },
    "adjusted": {"closing"},
    "post-closing": set(),
}


DECEMBER = "2025-12"
ROUNDS = 3
CARL = Caller("carl", "key-7", frozenset({"controller"}), "http")

Past = tuple[World, list[Leg], Office]


def lived(office: Office) -> Past:
    """Gives the ledger a random history and takes its views to the end of it."""
    prepare(office)
    live(office, random.Random(5), 120)
    catch_up(office)
    world = World(office.ledgers, create_app(office.ledgers, HttpSettings()), ledger=None)
    world.path = "/v1/ledgers/acme"
    return world, legs_of(office.records()), office


def catch_up(office: Office) -> None:
    worker = Worker(office)
    with closing(worker.connection):
        worker.catch_up()


@pytest.fixture(scope="module")
def past(module_office: Office) -> Past:  # noqa: F811
    """A ledger with a random history, in which a year was closed, reopened and closed anew, and
    its legs; to be read only."""
    world, _, office = lived(module_office)
    chance = random.Random(7)
    office.done(LockBooks(through=date(2025, 11, 30)))
    for _ in range(2):
        close(office)
        live(office, chance, 6)
        office.done(ReopenPeriod(period=DECEMBER, reason="regulatory"))
        office.done(ReopenPeriod(period=DECEMBER), by=CARL)
        live_in(office, chance, DECEMBER, 8)
    close(office)
    live(office, chance, 20)
    catch_up(office)
    return world, legs_of(office.records()), office


def close(office: Office) -> None:
    """Has the closer close the year, as often as it has to wait for the views."""
    office.done(ClosePeriod(period=DECEMBER))
    for _ in range(ROUNDS):
        catch_up(office)
        with suppress(NotShown):
            Closer(office.ledgers, views_seconds=0).look_after("acme")
            return
    raise AssertionError("the closer does not come to an end")


@pytest.fixture
def own_past(own_office: Office) -> Past:  # noqa: F811
    """For a test that goes on with it."""
    return lived(own_office)


def get(world: World, name: str, **query: Any) -> dict[str, Any]:
    asked = "&".join(f"{k}={v}" for k, v in query.items() if v is not None)
    answer = world.auditor.get(f"{world.path}/reports/{name}?{asked}")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def questions(legs: list[Leg], head: int) -> list[tuple[date, int]]:
    chance = random.Random(9)
    days = sorted({leg.effective_on for leg in legs})
    found = [(days[-1], head), (days[0] - timedelta(days=1), head)]
    found += [(chance.choice(days), chance.randint(1, head)) for _ in range(12)]
    return found


def functional(legs: list[Leg]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = defaultdict(Fraction)
    for leg in legs:
        found[leg.account] += leg.functional if leg.is_debit else -leg.functional
    return found


def of_kind(nets: dict[str, Fraction], *kinds: str) -> Fraction:
    return sum((net for code, net in nets.items() if CHART[code] in kinds), Fraction(0))


def test_the_trial_balance_equals_the_records(past: Past) -> None:
    world, legs, office = past
    for day, known in questions(legs, office.position):
        for basis, classes in WITHOUT.items():
            without = left_out(legs, classes, day.year)
            report = get(
                world, "trial-balance", effective_on=day, known_position=known, basis=basis
            )
            nets: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
            for leg in legs:
                is_left_out = leg.entry in without
                if leg.position <= known and leg.effective_on <= day and not is_left_out:
                    nets[leg.asset, leg.account] += leg.amount if leg.is_debit else -leg.amount
            shown = {
                (row["asset"], row["account"]): Fraction(row["debit"]) - Fraction(row["credit"])
                for row in report["rows"]
                if row["kind"] == "line"
            }
            assert {k: v for k, v in shown.items() if v} == {k: v for k, v in nets.items() if v}
            assert report["position"] == known
            for sides in report["totals"].values():
                assert sides["debit"] == sides["credit"]


def test_each_close_equals_the_records_and_so_does_what_changed_between_them(past: Past) -> None:
    world, legs, _ = past
    path = f"{world.path}/periods/{DECEMBER}"
    closes = [one["position"] for one in body_of(world.auditor.get(path))["closes"]]
    assert len(closes) == 3

    def nets(known: int) -> dict[tuple[str, str], Fraction]:
        found: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for leg in legs:
            if leg.position <= known and leg.effective_on.year < 2026:
                found[leg.account, leg.asset] += leg.amount if leg.is_debit else -leg.amount
        return found

    for number, known in enumerate(closes, start=1):
        report = get(world, "trial-balance", period=DECEMBER, close=number)
        shown = {
            (row["account"], row["asset"]): Fraction(row["debit"]) - Fraction(row["credit"])
            for row in report["rows"]
            if row["kind"] == "line"
        }
        assert report["position"] == known
        assert {key: net for key, net in shown.items() if net} == {
            key: net for key, net in nets(known).items() if net
        }
        # What is closed holds no result any more.
        assert not [key for key, net in nets(known).items() if net and _is_result(key[0])]
    for first, second in ((1, 2), (2, 3), (1, 3)):
        changed = get(
            world,
            "restatement",
            period=DECEMBER,
            close=first,
            against=second,
            basis="post-closing",
        )
        before, after = nets(closes[first - 1]), nets(closes[second - 1])
        shown = {
            (row["account"], row["asset"]): (Fraction(row["restated"]) - Fraction(row["closed"]))
            for row in changed["rows"]
            if row["kind"] == "total"
        }
        assert shown
        assert {key: abs(net) for key, net in shown.items() if net} == {
            key: abs(after[key] - before[key])
            for key in after.keys() | before.keys()
            if after[key] != before[key]
        }


def _is_result(account: str) -> bool:
    return CHART[account] in ("revenue", "expense")


def test_assets_are_liabilities_equity_and_result_at_every_date(
    past: Past,
) -> None:
    world, legs, office = past
    for day, known in questions(legs, office.position):
        report = get(world, "balance-sheet", effective_on=day, known_position=known)
        meant = [leg for leg in legs if leg.position <= known and leg.effective_on <= day]
        nets = functional(meant)
        assert Fraction(report["totals"]["assets"]) == of_kind(nets, "asset")
        assert Fraction(report["totals"]["liabilities"]) == -of_kind(nets, "liability")
        assert Fraction(report["totals"]["equity"]) == -of_kind(
            nets, "equity", "revenue", "expense"
        )
        earlier = functional([leg for leg in meant if leg.effective_on.year < day.year])
        results = {
            row["account"]: Fraction(row["amount"])
            for row in report["rows"]
            if "result" in row["account"].lower()
        }
        assert results.get("Unappropriated results of earlier years", 0) == -of_kind(
            earlier, "revenue", "expense"
        )


def test_the_income_statement_equals_the_records(past: Past) -> None:
    world, legs, office = past
    for day, known in questions(legs, office.position):
        first = day - timedelta(days=100)
        report = get(
            world,
            "income-statement",
            **{"from": first, "to": day, "known_position": known},
        )

        def result(low: date, high: date, known: int = known) -> Fraction:
            meant = [
                leg
                for leg in legs
                if leg.position <= known
                and low <= leg.effective_on <= high
                and leg.class_ != "closing"
            ]
            return -of_kind(functional(meant), "revenue", "expense")

        (row,) = (row for row in report["rows"] if row["account"] == "Result")
        assert Fraction(row["amount"]) == result(first, day)
        compared = (
            date.fromisoformat(report["compared_from"]),
            date.fromisoformat(report["compared_to"]),
        )
        assert Fraction(row["comparative"]) == result(*compared)


def test_the_ledger_and_the_journal_have_every_line(
    past: Past,
) -> None:
    world, legs, _ = past
    days = sorted({leg.effective_on for leg in legs})
    span = {"from": days[len(days) // 3], "to": days[-2]}
    meant = [leg for leg in legs if span["from"] <= leg.effective_on <= span["to"]]
    for name in ("general-ledger", "journal"):
        report = get(world, name, **span)
        lines = [row for row in report["rows"] if row["kind"] == "line"]
        assert sorted(
            (row["position"], row["account"], Fraction(row["debit"] or 0)) for row in lines
        ) == sorted(
            (leg.position, leg.account, leg.amount if leg.is_debit else Fraction(0))
            for leg in meant
        )
    closing = {
        (row["account"], row["asset"]): Fraction(row["balance"])
        for row in get(world, "general-ledger", **span)["rows"]
        if row["kind"] == "total"
    }
    for (account, asset), balance in closing.items():
        assert balance == sum(
            (leg.amount if leg.is_debit else -leg.amount)
            for leg in legs
            if (leg.account, leg.asset) == (account, asset) and leg.effective_on <= span["to"]
        )


def test_what_auditors_ask_of_the_whole(past: Past) -> None:
    world, legs, _ = past
    complete = get(world, "completeness")
    assert complete["totals"] == {
        "accounts": len({(leg.account, leg.asset) for leg in legs}),
        "entries": len({leg.entry for leg in legs}),
        "missing_vouchers": 0,
        "uneven": 0,
    }
    some = {"from": min(leg.effective_on for leg in legs) + timedelta(days=60), "to": "2026-01-31"}
    for row in get(world, "completeness", **some)["rows"]:
        if row.get("asset"):
            assert row["even"] == "yes"
            net = Fraction(row["debits"]) - Fraction(row["credits"])
            assert Fraction(row["opening"]) + net == Fraction(row["closing"])
    day = sorted({leg.effective_on for leg in legs})[-3]
    for row in get(world, "roll-forward", to=day)["rows"]:
        opening, debits, credits, closing = (
            Fraction(row[name]) for name in ("opening", "debits", "credits", "closing")
        )
        assert opening + debits - credits == closing
        assert closing == sum(
            (leg.amount if leg.is_debit else -leg.amount)
            for leg in legs
            if (leg.account, leg.asset) == (row["account"], row["asset"])
            and leg.effective_on <= day
        )
    rows = get(world, "cut-off", effective_on=day)["rows"]
    assert rows
    assert {row["why"] for row in rows} == {"recorded after"}
    assert {row["position"] for row in rows} == {
        leg.position
        for leg in legs
        # The ledger's day ends at four or five in the morning, UTC.
        if leg.effective_on <= day and recorded_on(leg) > day
    }


def test_missing_vouchers_are_named(own_past: Past) -> None:
    """The view is damaged by hand: what a hole in the log would look like."""
    world, _, office = own_past
    gone = "(2, 4, 5, 6)"
    office.query(f"DELETE FROM {{}}.posted_entries WHERE voucher_no IN {gone} AND fiscal_year=2026")
    (given,) = office.query("SELECT last_no FROM {}.vouchers WHERE fiscal_year = 2025")
    for year, number in ((2026, 9), (2025, given["last_no"] - 1)):
        office.query(
            f"UPDATE {{}}.posted_entries SET voucher_no = {number - 1}"
            f" WHERE voucher_no = {number} AND fiscal_year = {year}"
        )
    report = get(world, "completeness")
    series = {row["fiscal_year"]: row for row in report["rows"] if "journal" in row}
    assert (series[2026]["missing"], series[2026]["even"]) == ("2, 4-6, 9", "no")
    last = given["last_no"]
    assert (series[2025]["missing"], series[2025]["last_no"]) == (str(last - 1), last)
    assert report["totals"]["missing_vouchers"] >= 6
    assert report["totals"]["uneven"] == sum(row.get("even") == "no" for row in report["rows"])
    entries = follow(world, series[2025]["links"]["entries"])["items"]
    assert {(one["journal"], one["fiscal_year"]) for one in entries} == {("GEN", 2025)}


def recorded_on(leg: Leg) -> date:
    moment = datetime.fromisoformat(leg.recorded_at)
    return moment.astimezone(ZoneInfo("America/New_York")).date()


def test_the_cash_flow_ties_to_the_cash(own_past: Past) -> None:
    world, legs, office = own_past
    # No account of this chart is cash; then nothing flows, and what moved cancels out.
    assert get(world, "cash-flow")["totals"] == {"change": "0.00"}
    cash = {"code": "assets:till", "type": "asset", "name": "Till", "purpose": "cash"}
    assert world.controller.post(f"{world.path}/accounts", cash).status_code == 201
    day = max(leg.effective_on for leg in legs)
    for debit, credit, amount, class_ in (
        ("assets:till", "revenue:sales", "30.00", "ordinary"),
        ("expenses:rent", "assets:till", "4.00", "ordinary"),
        ("assets:till", "liabilities:loans", "100.00", "ordinary"),
        ("assets:till", "equity:capital", "7.00", "ordinary"),
        ("assets:till", "revenue:sales", "0.50", "revaluation"),
    ):
        world.post(debit, credit, amount, effective_on=str(day), **{"class": class_})
    catch_up(office)
    span = {"from": day, "to": day, "min_position": office.position}
    report = get(world, "cash-flow", **span)
    shown = {row["account"]: row.get("amount") for row in report["rows"]}
    assert report["totals"] == {"change": "133.50"}
    assert shown["Effect of exchange rates on cash"] == "0.50"
    assert shown["Total financing activities"].endswith("7.00")
    # A close moves the result into equity; what flowed stays as it was.
    world.post(
        "revenue:sales", "equity:retained", "30.00", effective_on=str(day), **{"class": "closing"}
    )
    catch_up(office)
    closed = get(world, "cash-flow", **{**span, "min_position": office.position})
    assert {row["account"]: row.get("amount") for row in closed["rows"]} == shown


def test_dimensions_corrections_and_refusals(own_past: Past) -> None:
    world, _, office = own_past
    for centre, amount in (("101", "5.00"), ("101", "2.00"), ("102", "1.00")):
        legs = [
            leg_body("expenses:rent", "debit", amount, dimensions={"cost_centre": centre}),
            leg_body("assets:bank", "credit", amount),
        ]
        assert world.clerk.post(f"{world.path}/entries", {"legs": legs}).status_code == 201
    refused = world.clerk.post(
        f"{world.path}/entries", entry("expenses:rent", "assets:none", "1.00")
    )
    assert refused.status_code == 404
    catch_up(office)
    totals = get(world, "dimension")["totals"]
    assert {value: sides["net"] for value, sides in totals.items()} == {
        "101": "7.00",
        "102": "1.00",
    }
    records = office.records()
    found = {
        (row["code"], row["command"]): row["refusals"]
        for row in get(world, "refusals")["rows"]
        if row["account"] == "assets:none"
    }
    assert found == {("account_not_found", "post"): 1}
    corrected = [r for r in records if r["payload"].get("correction")]
    span = {"from": "2000-01-01"}
    assert get(world, "corrections", **span)["totals"] == {"entries": len(corrected)}
    assert get(world, "refusals")["totals"] == {
        "refusals": sum(r["type"] == "CommandRefused" for r in records)
    }


def test_open_items_equal_the_records(past: Past) -> None:
    world, legs, office = past
    for day, known in questions(legs, office.position)[::5]:
        for branch in ("assets", "liabilities:loans"):
            expected = [
                (leg.position, leg.number, leg.party, still)
                for leg, still in open_items(legs, position=known, effective_on=day)
                if leg.account.partition(":")[0] == branch.partition(":")[0]
            ]
            asked = {"account": branch, "effective_on": day, "known_position": known}
            items = [row for row in get(world, "open-items", **asked)["rows"] if "position" in row]
            shown = [
                (row["position"], row["leg"], row["party"], abs(Fraction(row["open"])))
                for row in items
            ]
            assert sorted(shown) == sorted(expected)
            overdue = sum(
                still if leg.is_debit else -still
                for leg, still in open_items(legs, position=known, effective_on=day)
                if leg.account == "liabilities:loans"
                and (day - (leg.due_on or leg.effective_on)).days > 90
            )
            if branch == "liabilities:loans":
                totals = get(world, "ageing", **asked)["totals"].values()
                assert sum(Fraction(sums["over_90"]) for sums in totals) == -overdue


def test_lead_schedules_equal_the_records(past: Past) -> None:
    world, legs, office = past
    for day, known in questions(legs, office.position)[::4]:
        report = get(world, "lead-schedules", effective_on=day, known_position=known)
        meant = [leg for leg in legs if leg.position <= known and leg.effective_on <= day]
        earlier = [leg for leg in meant if leg.effective_on.year < day.year]
        before = [leg for leg in earlier if leg.effective_on.year == day.year - 1]
        this = [leg for leg in meant if leg.effective_on.year == day.year]

        def without(some: list[Leg], basis: str) -> dict[str, Fraction]:
            first = min((leg.effective_on.year for leg in some), default=0)
            entries = left_out(legs, WITHOUT[basis], first)
            return functional([leg for leg in some if leg.entry not in entries])

        unadjusted, adjusted = without(this, "unadjusted"), without(this, "adjusted")
        carried, year_before = functional(earlier), without(before, "adjusted")
        expected = {}
        for code, kind in CHART.items():
            is_result = kind in ("revenue", "expense")
            start = Fraction(0) if is_result else carried.get(code, Fraction(0))
            prior = year_before.get(code, Fraction(0)) if is_result else start
            sums = (
                start + unadjusted.get(code, Fraction(0)),
                start + adjusted.get(code, Fraction(0)),
                prior,
            )
            if any(sums):
                expected[code] = sums
        shown = {
            row["account"]: tuple(
                Fraction(row[name]) for name in ("unadjusted", "adjusted", "prior_year")
            )
            for row in report["rows"]
            if row["kind"] == "line"
        }
        assert shown == expected


# From a figure to the records ---------------------------------------------------------------


def follow(world: World, path: str) -> dict[str, Any]:
    answer = world.auditor.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return body_of(answer)


def net(row: dict[str, Any]) -> Fraction:
    return Fraction(row["debit"] or 0) - Fraction(row["credit"] or 0)


@pytest.mark.parametrize("basis", WITHOUT)
def test_a_balance_leads_to_its_lines_and_these_to_their_records(past: Past, basis: str) -> None:
    world, legs, office = past
    known, day = office.position - 40, legs[-60].effective_on
    asked = {"effective_on": day, "known_position": known, "basis": basis, "depth": 2}
    rows = [row for row in get(world, "trial-balance", **asked)["rows"] if row["kind"] == "line"]
    assert rows
    for row in rows[:: max(1, len(rows) // 3)]:
        below = follow(world, row["links"]["lines"])["rows"]
        lines = [one for one in below if one["kind"] == "line" and one["asset"] == row["asset"]]
        closing = [one for one in below if one["kind"] == "total" and one["asset"] == row["asset"]]
        carried = [
            Fraction(one["balance"])
            for one in below
            if one["kind"] == "heading" and one["asset"] == row["asset"]
        ]
        assert sum(carried) + sum(map(net, lines)) == net(row)
        assert sum(Fraction(one["balance"]) for one in closing) == net(row)
        if not lines:
            continue
        line = lines[-1]
        entry = follow(world, line["links"]["entry"])
        leg = entry["legs"][line["leg"] - 1]
        assert (leg["account"], leg["amount"]) == (line["account"], line[leg["side"]])
        (record,) = follow(world, line["links"]["event"])["items"]
        assert (record["stream"], record["position"]) == (entry["id"], line["position"])
        assert record["payload"]["legs"][line["leg"] - 1]["amount"] == leg["amount"]


def test_what_moved_leads_to_its_lines(past: Past) -> None:
    world, legs, _ = past
    days = sorted({leg.effective_on for leg in legs})
    span = {"from": days[len(days) // 3], "to": days[-1]}
    for row in get(world, "roll-forward", **span)["rows"][::4]:
        # The account's own: one may have others below it.
        lines = [
            one
            for one in follow(world, row["links"]["lines"])["rows"]
            if one["kind"] == "line"
            and (one["account"], one["asset"]) == (row["account"], row["asset"])
        ]
        assert sum(map(net, lines)) == Fraction(row["debits"]) - Fraction(row["credits"])
    for row in get(world, "income-statement", **span)["rows"]:
        if row["kind"] == "line" and row["account"] == "revenue:sales":
            for name, figure in (("lines", "amount"), ("comparative", "comparative")):
                path = row["links"][name]
                positions = {
                    (one["position"], one["leg"])
                    for one in follow(world, path)["rows"]
                    if one["kind"] == "line"
                }
                worth = sum(
                    (-leg.functional if leg.is_debit else leg.functional)
                    for leg in legs
                    if (leg.position, leg.number) in positions and leg.account == row["account"]
                )
                assert worth == Fraction(row[figure])


def test_other_figures_lead_to_what_they_count(past: Past) -> None:
    world, legs, _ = past
    days = sorted({leg.effective_on for leg in legs})
    corrected = get(world, "corrections", **{"from": days[0], "to": days[-1]})["rows"][0]
    assert follow(world, corrected["links"]["entries"])["items"]
    (aged, *_) = get(world, "ageing", account="assetsx", effective_on=days[-1])["rows"]
    items = follow(world, aged["links"]["items"])["rows"]
    mine = [one for one in items if one["kind"] == "line" and one["party"] == aged["party"]]
    of_asset = [one for one in mine if one["asset"] == aged["asset"]]
    assert sum(Fraction(one["open"]) for one in of_asset) == Fraction(aged["total"])
    refused = get(world, "refusals")["rows"]
    for row in refused[:1]:
        found = follow(world, row["links"]["events"])["items"]
        assert sum(one["payload"]["code"] == row["code"] for one in found) >= row["refusals"]
    whole = get(world, "completeness")["rows"][0]
    assert len(follow(world, whole["links"]["lines"])["rows"]) >= whole["lines"]


# Forms --------------------------------------------------------------------------------------


# A restatement needs a period that was closed: test_periods.py.
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


def check_workbook(content: bytes, report: dict[str, Any]) -> None:
    formulas = openpyxl.load_workbook(io.BytesIO(content)).active
    values = openpyxl.load_workbook(io.BytesIO(content), data_only=True).active
    assert formulas is not None
    assert values is not None
    assert formulas.freeze_panes is not None
    first = int(str(formulas.freeze_panes)[1:])
    for number, row in enumerate(report["rows"]):
        for place, column in enumerate(report["columns"], start=1):
            cell = values.cell(first + number, place).value
            expected = row.get(column["name"])
            if expected in (None, ""):
                assert cell is None
            elif column["kind"] == "amount":
                assert Decimal(str(cell)) == Decimal(expected)
                assert isinstance(cell, int | float)
            elif column["kind"] == "number":
                assert cell == expected
            elif column["kind"] == "day":
                assert cell.date().isoformat() == expected
            else:
                assert cell == expected
    if any(row["kind"] == "total" for row in report["rows"]) and report["report"] != "journal":
        found = [c.value for line in formulas.iter_rows(min_row=first) for c in line]
        assert any(str(value).startswith("=") for value in found)


def test_a_report_is_the_same_for_ever(own_past: Past) -> None:
    world, _, office = own_past
    asked = f"{world.path}/reports/trial-balance?known_position={office.position}"
    before = world.auditor.get(asked).data
    live(office, random.Random(6), 20)
    renamed = {"name": "Another name"}
    for account in ("assets:bank", "revenue:sales"):
        amended = world.controller.patch(f"{world.path}/accounts/{account}", renamed)
        assert amended.status_code == 200, amended.text
    catch_up(office)
    assert world.auditor.get(asked).data == before
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


def test_branches_to_a_depth(past: Past) -> None:
    world, _, _ = past
    report = get(world, "trial-balance", depth=1)
    codes = {row["account"] for row in report["rows"] if row["kind"] == "line"}
    assert codes <= {code.split(":")[0] for code in CHART}


DAYS = {"from_": date(2026, 1, 10), "to": date(2026, 3, 1)}
ASKED: list[tuple[str, dict[str, Any]]] = [
    *(("trial-balance", {"basis": basis}) for basis in WITHOUT),
    ("trial-balance", {"depth": 1, "effective_on": date(2026, 2, 1)}),
    *((name, {"basis": "adjusted", **DAYS}) for name in ("trial-balance", "general-ledger")),
    ("trial-balance", {"period": "2026-01", "close": 1, "to": date(2026, 1, 31)}),
    *((name, {}) for name in ("general-ledger", "journal", "roll-forward")),
    *((name, {"account": "assets:bank", **DAYS}) for name in ("general-ledger", "journal")),
    ("roll-forward", DAYS),
    *(
        ("statement", {"account": account, "asset": asset, "basis": basis, **days})
        for account, asset in (("assets:bank", "USD"), ("revenue:sales", "EUR"))
        for basis in ("effective", "booking")
        for days in ({}, {"from_": date(2026, 1, 5)}, {"to": date(2026, 2, 2)})
    ),
    *(
        ("statement", {"account": "assetsx", "basis": basis, "from_": from_, "to": to})
        for basis in ("effective", "booking")
        for from_, to in (
            (date(2026, 3, 1), date(2026, 1, 1)),
            (date.min, date.max),
            (date(9999, 12, 31), date(9999, 12, 31)),
        )
    ),
]


@pytest.mark.parametrize("share", [0.3, 0.8, 1])
def test_what_is_certified_follows_from_the_records_alone(past: Past, share: float) -> None:
    """Made from the views, and made again without them: the same bytes."""
    _, legs, office = past
    known = int(office.position * share)
    records = [decode_envelope(state) for state in office.states()]
    days = sorted(leg.recorded_at for leg in legs)
    between = {"from_": date.fromisoformat(days[9][:10]), "to": date.fromisoformat(days[-9][:10])}
    asked = [*ASKED, ("statement", {"account": "assets:bank", "basis": "booking", **between})]
    with office.ledgers.reader("acme") as connection, snapshot(connection):
        ledger = read_own(connection)
        for name, query in asked:
            document = make_document(connection, ledger=ledger, known=known, name=name, query=query)
            again = Recomputation(report=name, parameters=parameters(document), position=known)
            for record in records:
                again.take(record)
            assert canonical(again.model()) == canonical(model(document)), (name, query)
