"""What an entry must be to be posted, and what its record says."""

from datetime import timedelta
from typing import Any

import pytest

from domain.assets import RegisterAsset
from domain.entries import EntryPosted, Link, Post
from domain.legs import (
    Leg,
    LegAsked,
    TooManyLegs,
    Unbalanced,
    UnbalancedFunctional,
    UnvaluedLeg,
)
from domain.money import AmountNotPositive, AmountTooFine, AmountTooLarge
from tests.domain.harness import (
    CHART,
    TODAY,
    account,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)

YESTERDAY = TODAY - timedelta(days=1)


def test_an_entry_is_recorded_with_all_that_it_says() -> None:
    ledger.given(fund("wallet", "10.00")).when(
        Post(
            journal="GEN",
            class_="adjusting",
            effective_on=YESTERDAY,
            value_on=TODAY,
            reference="R-1",
            narrative="for the private row, not for the event",
            links=[Link(kind="see", entry=f"g{len(CHART) + 1}")],
            legs=[
                debit("wallet", "4", party="p1", dimensions={"cost_centre": "12"}, narrative="n"),
                credit("merchant", "4.0", due_on=TODAY, matches="m"),
            ],
        )
    ).then(
        (
            "new",
            EntryPosted(
                journal="GEN",
                voucher_no=2,
                fiscal_year=2026,
                class_="adjusting",
                effective_on=YESTERDAY,
                value_on=TODAY,
                reference="R-1",
                links=[Link(kind="see", entry=f"g{len(CHART) + 1}")],
                legs=[
                    Leg(
                        "wallet",
                        "debit",
                        "4.00",
                        "USD",
                        2,
                        "6.00",
                        None,
                        "p1",
                        {"cost_centre": "12"},
                    ),
                    Leg(
                        "merchant", "credit", "4.00", "USD", 1, "4.00", None, None, None, TODAY, "m"
                    ),
                ],
            ),
        )
    )


def test_defaults_are_the_general_journal_today_and_ordinary() -> None:
    event = ledger.when(transfer("cash", "income", "1")).only()
    assert (event.journal, event.effective_on, event.class_) == ("GEN", TODAY, "ordinary")


def test_a_passbook_goes_on_within_an_entry_and_is_kept_per_asset() -> None:
    event = ledger.when(
        Post(
            legs=[
                debit("any", "5.00"),
                credit("any", "2.00"),
                debit("any", "3.00", "EUR", functional_amount="4.00"),
                credit("conversion", "3.00", "EUR", functional_amount="4.00"),
                credit("conversion", "3.00"),
            ]
        )
    ).only()
    assert [(leg.account, leg.asset, leg.line, leg.balance) for leg in event.legs] == [
        ("any", "USD", 1, "5.00"),
        ("any", "USD", 2, "3.00"),
        ("any", "EUR", 1, "3.00"),
        ("conversion", "EUR", 1, "3.00"),
        ("conversion", "USD", 1, "3.00"),
    ]


@pytest.mark.parametrize(
    ("type", "contra", "side", "balance"),
    [
        ("asset", False, "debit", "1.00"),
        ("expense", False, "debit", "1.00"),
        ("liability", False, "debit", "-1.00"),
        ("equity", False, "debit", "-1.00"),
        ("revenue", False, "debit", "-1.00"),
        ("asset", True, "debit", "-1.00"),
        ("expense", True, "debit", "-1.00"),
        ("liability", True, "debit", "1.00"),
        ("equity", True, "debit", "1.00"),
        ("revenue", True, "debit", "1.00"),
        ("asset", True, "credit", "1.00"),
        ("liability", False, "credit", "1.00"),
    ],
)
def test_a_balance_is_positive_on_the_normal_side(
    type: str, contra: bool, side: str, balance: str
) -> None:
    legs = [debit("x", "1.00"), credit("cash", "1.00")]
    if side == "credit":
        legs = [credit("x", "1.00"), debit("cash", "1.00")]
    event = ledger.given(account("x", type, contra=contra)).when(Post(legs=legs)).only()
    assert event.legs[0].balance == balance


# Legs ---------------------------------------------------------------------------------------


def legs_of(count: int) -> list[LegAsked]:
    return [debit("cash", "1.00"), credit("income", "1.00")] * (count // 2) + (
        [] if count % 2 == 0 else [debit("cash", "1.00")]
    )


def test_a_hundred_legs_and_not_one_more() -> None:
    assert len(ledger.when(Post(legs=legs_of(100))).only().legs) == 100
    ledger.when(Post(legs=legs_of(101))).then(TooManyLegs(limit=100, asked=101))


def test_of_too_many_legs_only_the_first_hundred_are_looked_at() -> None:
    unknown = [debit("nowhere", "1.00"), credit("nowhere", "1.00")]
    ledger.when(Post(legs=[*legs_of(100), *unknown])).then(TooManyLegs)


@pytest.mark.parametrize(
    ("amount", "outcome"),
    [
        ("9999999999999999.99", None),
        ("10000000000000000.00", AmountTooLarge),
        ("0.01", None),
        ("0.00", AmountNotPositive),
        ("0.001", AmountTooFine),
    ],
)
def test_the_limits_of_a_legs_amount(amount: str, outcome: Any) -> None:
    when = ledger.when(transfer("cash", "income", amount))
    if outcome is None:
        assert when.only().legs[0].amount == amount
    else:
        when.then(outcome)


def test_balances_may_pass_what_one_leg_may_not() -> None:
    most = transfer("cash", "income", "9999999999999999.99")
    event = ledger.given(*[most] * 12).when(most).only()
    assert event.legs[0].balance == "129999999999999999.87"


@pytest.mark.parametrize(
    ("scale", "least", "most"),
    [(0, "1", "999999999999999999"), (12, "0.000000000001", "999999.999999999999")],
)
def test_assets_of_the_smallest_and_the_largest_scale(scale: int, least: str, most: str) -> None:
    world = ledger.given(RegisterAsset(code="TINY", scale=scale), account("tiny", asset="TINY"))
    for amount in (least, most):
        legs = [debit("tiny", amount, "TINY"), credit("any", amount, "TINY")]
        assert world.when(Post(legs=legs)).only().legs[0].balance == amount
    finer = [debit("tiny", least + ("1" if scale else ".1"), "TINY"), credit("any", "1", "TINY")]
    world.when(Post(legs=finer)).then(AmountTooFine)


def test_each_asset_balances_by_itself() -> None:
    legs = [
        debit("any", "5.00", "EUR", functional_amount="5.00"),
        credit("any", "4.99", "EUR", functional_amount="5.00"),
        debit("any", "1.00"),
        credit("any", "1.00"),
    ]
    ledger.when(Post(legs=legs)).then(Unbalanced(asset="EUR", difference="0.01"))
    ledger.when(Post(legs=[debit("cash", "1.00"), credit("income", "1.01")])).then(
        Unbalanced(asset="USD", difference="0.01")
    )
    ledger.when(Post(legs=[debit("cash", "1.00"), debit("income", "1.00")])).then(
        Unbalanced(asset="USD", difference="2.00")
    )


# Functional amounts -------------------------------------------------------------------------


def bought(cost: str, value: str | None, conversion_value: str | None) -> Post:
    """3 EUR for dollars, by way of the conversion account."""
    return Post(
        legs=[
            debit("any", "3.00", "EUR", functional_amount=value),
            credit("conversion", "3.00", "EUR", functional_amount=conversion_value),
            debit("conversion", cost),
            credit("cash", cost),
        ]
    )


def test_an_entry_of_several_assets_is_valued_in_every_foreign_leg() -> None:
    assert [
        leg.functional_amount for leg in ledger.when(bought("4.00", "4", "4.00")).only().legs
    ] == ["4.00", "4.00", None, None]
    ledger.when(bought("4.00", None, "4.00")).then(UnvaluedLeg(leg=1, account="any"))
    ledger.when(bought("4.00", "4.00", None)).then(UnvaluedLeg(leg=2, account="conversion"))
    ledger.when(bought("4.00", "4.00", "4.01")).then(UnbalancedFunctional(difference="0.01"))


def test_an_entry_of_one_foreign_asset_need_not_be_valued_but_then_wholly() -> None:
    def entry(value: str | None, other: str | None) -> Post:
        return Post(
            legs=[
                debit("any", "3.00", "EUR", functional_amount=value),
                credit("conversion", "3.00", "EUR", functional_amount=other),
            ]
        )

    assert ledger.when(entry(None, None)).code is None
    assert ledger.when(entry("3.30", "3.30")).code is None
    assert ledger.when(entry("0.00", "0.00")).code is None
    ledger.when(entry("3.30", None)).then(UnvaluedLeg(leg=2))
    ledger.when(entry("3.30", "3.29")).then(UnbalancedFunctional)
    ledger.when(entry("3.301", "3.30")).then(AmountTooFine)
    ledger.when(entry("10000000000000000", "1")).then(AmountTooLarge)


def test_a_leg_in_the_functional_asset_is_worth_its_amount() -> None:
    def entry(value: str) -> Post:
        return Post(legs=[debit("cash", "3.00", functional_amount=value), credit("any", "3.00")])

    assert ledger.when(entry("3")).only().legs[0].functional_amount == "3.00"
    ledger.when(entry("3.01")).then(UnbalancedFunctional(difference="0.01"))
