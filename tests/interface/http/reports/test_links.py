"""Each figure leads to its lines, and these to their records."""

from fractions import Fraction

import pytest

from tests.interface.http.reports.past import WITHOUT, Past, follow, get, net


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
