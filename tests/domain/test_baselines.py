"""Baselines: what is recorded of them, and what a month comes to."""

from datetime import date
from typing import Any

import pytest

from domain.baselines import Baseline, BaselineExists, BaselineSet, SetBaseline
from tests.domain.harness import account, ledger

HOUSING = account("housing", "expense")
TWO_PLACES = {f"2025-{month:02}": "2" if month <= 6 else "1" for month in range(1, 13)}


def baseline(**members: Any) -> SetBaseline:
    given: dict[str, Any] = {"account": "housing", "unit_amount": "1000", "units": TWO_PLACES}
    return SetBaseline(**{**given, "source": "Lease", "approver": "ada", **members})


def recorded(**members: Any) -> BaselineSet:
    event: BaselineSet = ledger.given(HOUSING).when(baseline(**members)).only()
    return event


def state(event: BaselineSet) -> Baseline:
    members = {name: getattr(event, name) for name in Baseline.__struct_fields__ if name != "id"}
    return Baseline(id="b", **members)


def test_what_is_left_out_follows_from_the_rest() -> None:
    assert recorded(reference="R") == BaselineSet(
        account="housing",
        asset="USD",
        unit_amount="1000.00",
        units=TWO_PLACES,
        from_=date(2025, 1, 1),
        to=date(2025, 12, 31),
        version=1,
        source="Lease",
        approver="ada",
        reference="R",
    )


def test_what_is_given_is_kept() -> None:
    span = {"from_": date(2024, 1, 1), "to": date(2026, 2, 28)}
    event = recorded(version=7, asset="USD", dimension={"team": "tax"}, **span)
    assert (event.version, event.dimension) == (7, {"team": "tax"})
    assert (event.from_, event.to) == (date(2024, 1, 1), date(2026, 2, 28))


def test_versions_rise_by_account_and_dimension() -> None:
    stood = ledger.given(HOUSING, baseline(version=3), baseline(dimension={"team": "tax"}))
    assert stood.when(baseline()).only().version == 4
    assert stood.when(baseline(dimension={})).only().version == 4
    assert stood.when(baseline(dimension={"team": "tax"})).only().version == 2
    assert stood.when(baseline(dimension={"team": "audit"})).only().version == 1
    stood.when(baseline(version=3)).then(BaselineExists(account="housing", version=3, asked=3))
    assert stood.when(baseline(version=4)).only().version == 4


def test_two_places_of_which_one_ends_after_june_are_eighteen_months() -> None:
    two = state(recorded())
    expected = [two.expected_minor(month) for month in two.months()]
    assert expected == [200_000] * 6 + [100_000] * 6
    assert sum(expected) == 18 * 100_000


def test_months_without_units_expect_nothing() -> None:
    event = recorded(units={"2025-11": "1", "2026-02": "0.5"}, unit_amount="0.02")
    assert [state(event).expected_minor(month) for month in state(event).months()] == [2, 0, 0, 1]


@pytest.mark.parametrize(("units", "unit_amount"), [("0.5", "0.01"), ("0.00001", "1000.00")])
def test_no_month_is_rounded(units: str, unit_amount: str) -> None:
    given = ledger.given(HOUSING)
    asked = baseline(units={"2025-01": units}, unit_amount=unit_amount)
    assert given.when(asked).code == "amount_too_fine"


def test_the_last_month_that_there_is_ends() -> None:
    assert len(list(state(recorded(units={"9999-12": "1"})).months())) == 1
