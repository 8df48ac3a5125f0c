"""What auditors ask of the whole: gaps, corrections, cash, open items, lead schedules."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.interface.http.reports.past import (
    WITHOUT,
    Past,
    catch_up,
    follow,
    functional,
    get,
    questions,
)
from tests.interface.http.world import entry
from tests.interface.http.world import leg as leg_body
from tests.projections.history import (
    CHART,
    Leg,
    left_out,
    open_items,
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
    for code, kind, purpose in (
        ("assets:till", "asset", "cash"),
        ("equity:conversion", "equity", "conversion"),
    ):
        body = {"code": code, "type": kind, "name": code, "purpose": purpose}
        assert world.controller.post(f"{world.path}/accounts", body).status_code == 201
    day = max(leg.effective_on for leg in legs)
    for debit, credit, amount, class_ in (
        ("assets:till", "revenue:sales", "30.00", "ordinary"),
        ("expenses:rent", "assets:till", "4.00", "ordinary"),
        ("assets:till", "liabilities:loans", "100.00", "ordinary"),
        ("assets:till", "equity:capital", "7.00", "ordinary"),
        ("assets:till", "revenue:sales", "0.50", "revaluation"),
        # No owner put that in.
        ("assets:till", "equity:conversion", "0.25", "revaluation"),
    ):
        world.post(debit, credit, amount, effective_on=str(day), **{"class": class_})
    catch_up(office)
    span = {"from": day, "to": day, "min_position": office.position}
    report = get(world, "cash-flow", **span)
    shown = {row["account"]: row.get("amount") for row in report["rows"]}
    assert report["totals"] == {"change": "133.75"}
    assert shown["Effect of exchange rates on cash"] == "0.75"
    assert shown["equity:conversion"] == "0.25"
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
    # A close takes away what a cost centre cost; what it did cost stays to be seen.
    legs = [
        leg_body("expenses:rent", "credit", "7.00", dimensions={"cost_centre": "101"}),
        leg_body("equity:retained", "debit", "7.00"),
    ]
    closing = {"legs": legs, "class": "closing"}
    assert world.clerk.post(f"{world.path}/entries", closing).status_code == 201
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
