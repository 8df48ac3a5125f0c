"""What holds in a foreign asset post is worth what an entry of that day is."""

from datetime import timedelta

import pytest

from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.corrections import Adjust, Reverse
from domain.entries import EntryPosted
from domain.holds import AuthorizationForceSettled
from domain.items import Opening, Relief
from domain.legs import UnbalancedFunctional
from domain.mandatory_settlements import SettleMandatory
from domain.rates import RateNotFound
from domain.refunds import Chargeback, Refund, Representment
from tests.domain.exchanging import CHART, collect, rate, swap, worths
from tests.domain.harness import TODAY, Given, When, account, ledger

HOLD = Authorize(id="hold", debit="euros", credit="receivable", amount="1000.00", asset="EUR")
BOOKED = CHART.given(
    rate("1.10", 5), swap("1000.00", TODAY - timedelta(days=5)), HOLD, rate("1.08")
)
"""1,000 euros are owed since they stood at 1.10; a hold is to collect them."""

NO_ACCOUNT = ledger.given(
    account("receivable", asset="EUR", monetary=True),
    account("euros", asset="EUR", monetary=True),
    rate("1.10", 1), swap("10.00", TODAY - timedelta(days=1)),
)  # fmt: skip


def entry_of(when: When) -> EntryPosted:
    event = when.events[0][1]
    assert isinstance(event, EntryPosted), when.refusal
    return event


def test_a_settlement_relieves_and_shows_what_was_realised() -> None:
    entry = entry_of(BOOKED.when(Settle(authorization="hold", amount="400.00")))
    assert worths(entry) == [
        ("euros", "debit", "400.00", "432.00"),
        ("receivable", "credit", "400.00", "440.00"),
        ("fx", "debit", "0.00", "8.00"),
    ]
    assert entry.class_ == "fx_difference"
    assert entry.legs[0].rate is not None
    assert entry.legs[0].opens == Opening("400.00", "432.00")
    assert entry.legs[1].relieves == [Relief(1, "400.00", "440.00")]


def test_it_comes_to_what_a_posted_entry_comes_to() -> None:
    posted = BOOKED.when(collect("1000.00")).only()
    assert worths(entry_of(BOOKED.when(Settle(authorization="hold")))) == worths(posted)


@pytest.mark.parametrize(
    ("before", "command", "worth"),
    [
        ([], Refund(authorization="hold", amount="100.00"), "108.00"),
        ([], Chargeback(authorization="hold", amount="100.00"), "108.00"),
        (
            [Chargeback(authorization="hold", amount="100.00")],
            Representment(authorization="hold", amount="50.00"),
            "60.00",
        ),
    ],
)
def test_what_goes_back_takes_off_what_came_in(
    before: list[Chargeback], command: Refund, worth: str
) -> None:
    given = BOOKED.given(Settle(authorization="hold"), *before, rate("1.20"))
    entry = entry_of(given.when(command))
    assert {leg.account: leg.functional_amount for leg in entry.legs}["euros"] == worth


@pytest.mark.parametrize(
    "given", [CHART.given(rate("1.10", 8), HOLD), CHART.given(HOLD, rate("1", kind="closing"))]
)
def test_without_a_rate_of_the_day_only_what_was_cleared_is_posted(given: Given) -> None:
    given.when(Settle(authorization="hold", amount="1.00")).then(RateNotFound)
    assert given.when(Settle(authorization="hold", amount="1000.01")).code == "over_settlement"
    _assert_unvalued(given, SettleMandatory(authorization="hold", amount="1.00"))


def test_without_an_account_for_the_difference_too() -> None:
    # The conversion account of the chart would take it.
    given = NO_ACCOUNT.given(
        Authorize(id="hold", debit="euros", credit="receivable", amount="10.00", asset="EUR"),
        rate("1.20"),
    )
    closed = given.given(AmendAccount(account="conversion", postable=False))
    closed.when(Settle(authorization="hold")).then(UnbalancedFunctional)
    _assert_unvalued(closed, SettleMandatory(authorization="hold", amount="10.00"))


def test_what_was_cleared_is_valued_where_it_can_be() -> None:
    events = BOOKED.when(SettleMandatory(authorization="hold", amount="400.00")).events
    assert worths(events[0][1])[1] == ("receivable", "credit", "400.00", "440.00")  # type: ignore[arg-type]
    assert isinstance(events[1][1], AuthorizationForceSettled)
    assert events[1][1].exceptions == []


def test_what_never_had_a_rate_goes_without() -> None:
    entry = entry_of(CHART.given(HOLD).when(Settle(authorization="hold")))
    assert [leg.functional_amount for leg in entry.legs] == [None, None]
    assert entry.class_ == "ordinary"


def test_corrections_of_a_settlement_keep_and_give_back_its_worth() -> None:
    settled = BOOKED.given(Settle(authorization="hold"))
    entry = f"g{len(settled.what)}"
    back = entry_of(settled.when(Reverse(entry=entry, reason="duplicate")))
    assert worths(back)[1] == ("receivable", "debit", "1000.00", "1100.00")
    right = Adjust(entry=entry, reason="wrong_amount", legs=collect("900.00").legs)
    replacement = settled.when(right).events[1][1]
    assert isinstance(replacement, EntryPosted)
    assert worths(replacement)[2] == ("fx", "debit", "0.00", "18.00")
    assert replacement.movement is not None
    assert replacement.movement.amount == "900.00"


def _assert_unvalued(given: Given, command: SettleMandatory) -> None:
    events = given.when(command).events
    assert [leg.functional_amount for leg in events[0][1].legs] == [None, None]  # type: ignore[attr-defined]
    assert events[1][1].exceptions == ["unvalued"]  # type: ignore[attr-defined]
