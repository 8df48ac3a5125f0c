"""Baselines: what is recorded of them, and what a month comes to."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from domain.baselines import (
    AnotherPersonNeeded,
    ApproveBaseline,
    ApproverNeeded,
    Baseline,
    BaselineApproved,
    BaselineExists,
    BaselineIsApproved,
    BaselineNotFound,
    BaselineSet,
    SetBaseline,
)
from tests.domain.harness import Hand, account, ledger

HOUSING = account("housing", "expense")
TWO_PLACES = {f"2025-{month:02}": "2" if month <= 6 else "1" for month in range(1, 13)}


def baseline(**members: Any) -> SetBaseline:
    given: dict[str, Any] = {"account": "housing", "unit_amount": "1000", "units": TWO_PLACES}
    return SetBaseline(**{**given, "source": "Lease", **members})


def recorded(**members: Any) -> BaselineSet:
    event: BaselineSet = ledger.given(HOUSING).when(baseline(**members)).only()
    return event


def state(event: BaselineSet) -> Baseline:
    names = [one for one in Baseline.__struct_fields__ if one not in ("id", "approval")]
    return Baseline(id="b", **{name: getattr(event, name) for name in names})


def test_what_is_left_out_follows_from_the_rest() -> None:
    asked = baseline(reference="R", approver="ada", on_behalf_of="bo")
    assert ledger.given(HOUSING, Hand("ann", "controller")).when(asked).only() == BaselineSet(
        account="housing",
        asset="USD",
        unit_amount="1000.00",
        units=TWO_PLACES,
        from_=date(2025, 1, 1),
        to=date(2025, 12, 31),
        version=1,
        source="Lease",
        author="ann",
        on_behalf_of="bo",
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


ANN, BOB, CLARA = (Hand(name, "controller") for name in ("ann", "bob", "clara"))


def test_another_person_approves_it() -> None:
    proposed = ledger.given(HOUSING, ANN, baseline(dimension={"team": "tax"}))
    approve = ApproveBaseline(baseline="g15", reference="R")
    approval = BaselineApproved(
        account="housing",
        dimension={"team": "tax"},
        version=1,
        author="ann",
        approver="bob",
        reference="R",
    )
    proposed.given(BOB).when(approve).then(("g15", approval))
    proposed.when(approve).then(AnotherPersonNeeded(author="ann"))
    proposed.when(ApproveBaseline(baseline="g14")).then(BaselineNotFound(baseline="g14"))
    approved = proposed.given(BOB, approve, CLARA)
    approved.when(approve).then(BaselineIsApproved(account="housing", version=1, approved_by="bob"))


def test_nobody_approves_it_on_behalf_of_its_author_nor_whoever_it_was_proposed_for() -> None:
    proposed = ledger.given(HOUSING, ANN, baseline(on_behalf_of="clara"))
    for hand, on_behalf_of in ((CLARA, None), (BOB, "ann"), (BOB, "clara")):
        asked = ApproveBaseline(baseline="g15", on_behalf_of=on_behalf_of)
        proposed.given(hand).when(asked).then(AnotherPersonNeeded(author="ann"))


def test_a_person_and_the_services_she_answers_for_are_one() -> None:
    bot, other = Hand("bot", "controller", "ann"), Hand("feed", "controller", "ann")
    for author, second in ((bot, ANN), (ANN, bot), (bot, other)):
        proposed = ledger.given(HOUSING, author, baseline(), second)
        proposed.when(ApproveBaseline(baseline="g15")).then(
            AnotherPersonNeeded(author=author.actor)
        )
    event = ledger.given(HOUSING, bot).when(baseline()).only()
    assert (event.author, event.person) == ("bot", "ann")
    approved = ledger.given(HOUSING, ANN, baseline(), Hand("till", "controller", "bob"))
    approval = approved.when(ApproveBaseline(baseline="g15")).only()
    assert (approval.approver, approval.person) == ("till", "bob")


def test_who_was_asked_to_approve_it_does() -> None:
    proposed = ledger.given(HOUSING, ANN, baseline(approver="bob"), CLARA)
    proposed.when(ApproveBaseline(baseline="g15")).then(ApproverNeeded(approver="bob"))
    assert proposed.when(ApproveBaseline(baseline="g15", on_behalf_of="bob")).code is None
    assert proposed.given(BOB).when(ApproveBaseline(baseline="g15")).code is None


def test_what_was_recorded_without_an_author_was_approved_before() -> None:
    old = replace(state(recorded()), author=None, approver="ada")
    assert old.approved_by == "ada"
    assert state(recorded(approver="ada")).approved_by is None


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
