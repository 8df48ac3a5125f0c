"""Figures follow from the records, at any date and as known at any time."""

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction

import pytest

from interface.reports.catalogue import year_before
from projections.report import Span
from tests.interface.http.reports.past import (
    CLOSED,
    WITHOUT,
    Past,
    functional,
    get,
    of_kind,
    questions,
)
from tests.interface.http.world import body_of
from tests.projections.history import (
    CHART,
    left_out,
)


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
    path = f"{world.path}/periods/{CLOSED}"
    closes = [one["position"] for one in body_of(world.auditor.get(path))["closes"]]
    assert len(closes) == 3

    def nets(known: int) -> dict[tuple[str, str], Fraction]:
        found: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for leg in legs:
            if leg.position <= known and leg.effective_on.year < 2026:
                found[leg.account, leg.asset] += leg.amount if leg.is_debit else -leg.amount
        return found

    for number, known in enumerate(closes, start=1):
        report = get(world, "trial-balance", period=CLOSED, close=number)
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
            period=CLOSED,
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


@pytest.mark.parametrize(
    ("days", "compared"),
    [
        ("2024-03-01 2025-02-28", "2023-03-01 2024-02-29"),
        ("2023-03-01 2024-02-29", "2022-03-01 2023-02-28"),
        ("2024-02-01 2024-02-28", "2023-02-01 2023-02-28"),
        ("2025-01-01 2025-12-31", "2024-01-01 2024-12-31"),
        ("0001-01-01 9999-12-31", "0001-01-01 9998-12-31"),
    ],
)
def test_a_year_before_february_ends_with_february(days: str, compared: str) -> None:
    before = year_before(Span(*map(date.fromisoformat, days.split())))
    assert before == Span(*map(date.fromisoformat, compared.split()))


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
