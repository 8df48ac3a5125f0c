"""Floors: judged on the net effect of a whole command, and only where available falls."""

import pytest

from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.balances import InsufficientFunds
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.hold_ends import Void
from tests.domain.harness import CHART, account, credit, debit, fund, ledger, transfer

FIRST = f"g{len(CHART) + 1}"


@pytest.mark.parametrize(
    ("floor", "funds", "allowed", "below"),
    [
        ("0.00", "10.00", "10.00", "10.01"),
        ("5.00", "10.00", "5.00", "5.01"),
        ("-50.00", "10.00", "60.00", "60.01"),
        ("-0.01", "10.00", "10.01", "10.02"),
    ],
)
@pytest.mark.parametrize(
    ("type", "contra"),
    [("liability", False), ("asset", True), ("asset", False), ("revenue", True)],
)
def test_equal_to_the_floor_passes_and_one_minor_unit_below_fails(
    type: str, contra: bool, floor: str, funds: str, allowed: str, below: str
) -> None:
    debit_normal = (type == "asset") != contra

    def moved(amount: str, *, into: bool) -> Post:
        return (
            transfer("x", "any", amount) if into == debit_normal else transfer("any", "x", amount)
        )

    world = ledger.given(account("x", type, contra=contra, floor=floor), moved(funds, into=True))
    assert world.when(moved(allowed, into=False)).code is None
    world.when(moved(below, into=False)).then(
        InsufficientFunds(account="x", asset="USD", available=funds, floor=floor, asked=below)
    )


def test_an_account_without_a_floor_may_go_anywhere() -> None:
    assert ledger.when(transfer("merchant", "income", "1000000.00")).code is None


def test_the_net_effect_of_the_whole_entry_counts() -> None:
    world = ledger.given(fund("wallet", "10.00"))
    turnover = [debit("wallet", "500.00"), credit("wallet", "490.00"), credit("income", "10.00")]
    assert world.when(Post(legs=turnover)).code is None
    turnover = [debit("wallet", "500.00"), credit("wallet", "489.99"), credit("income", "10.01")]
    world.when(Post(legs=turnover)).then(InsufficientFunds(asked="10.01", available="10.00"))


def test_money_may_always_come_in() -> None:
    deep = ledger.given(
        account("low", "liability"),
        transfer("low", "income", "100.00"),
        AmendAccount(account="low", floor="0.00"),
    )
    assert deep.when(fund("low", "1.00")).code is None
    neutral = [debit("low", "7.00"), credit("low", "7.00")]
    assert deep.when(Post(legs=neutral)).code is None
    deep.when(transfer("low", "income", "0.01")).then(InsufficientFunds(available="-100.00"))


def test_a_hold_is_not_available() -> None:
    held = ledger.given(fund("wallet", "10.00"), hold("wallet", "merchant", "4.00"))
    assert held.when(transfer("wallet", "income", "6.00")).code is None
    held.when(transfer("wallet", "income", "6.01")).then(InsufficientFunds(available="6.00"))
    assert held.when(hold("wallet", "merchant", "6.00")).code is None
    held.when(hold("wallet", "merchant", "6.01")).then(InsufficientFunds(available="6.00"))


def hold(debited: str, credited: str, amount: str, **more: str) -> Authorize:
    return Authorize(debit=debited, credit=credited, amount=amount, asset="USD", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("givers", ["debit", "credit", "both"])
def test_a_hold_needs_funds_on_the_side_that_gives_them(givers: str) -> None:
    """A credit-normal account gives by debits, a debit-normal one by credits."""
    debited = "wallet" if givers in ("debit", "both") else "cash"
    credited = "bank" if givers in ("credit", "both") else "merchant"
    world = ledger.given(fund("wallet", "10.00"), transfer("bank", "income", "20.00"))
    least = "20.00" if givers == "credit" else "10.00"
    assert world.when(hold(debited, credited, least)).code is None
    world.when(hold(debited, credited, least[:-1] + "1")).then(InsufficientFunds(available=least))


def test_a_hold_that_brings_funds_needs_none() -> None:
    """Pending credits of a credit-normal account, pending debits of a debit-normal one."""
    assert ledger.when(hold("bank", "wallet", "99.00")).code is None
    pending = ledger.given(hold("bank", "wallet", "99.00"))
    pending.when(transfer("wallet", "income", "0.01")).then(InsufficientFunds(available="0.00"))
    pending.when(transfer("income", "bank", "0.01")).then(InsufficientFunds(available="0.00"))


def test_settling_within_the_hold_tests_no_floor() -> None:
    """The wallet's floor is raised above what it has: what was set aside may still settle."""
    world = ledger.given(
        fund("wallet", "10.00"),
        hold("wallet", "merchant", "10.00"),
        AmendAccount(account="wallet", floor="500.00"),
    )
    authorization = f"g{len(CHART) + 2}"
    assert world.when(Settle(authorization=authorization, amount="10.00")).code is None
    world.when(transfer("wallet", "income", "0.01")).then(InsufficientFunds)


def test_settling_beyond_the_hold_needs_funds_for_the_excess_alone() -> None:
    authorization = f"g{len(CHART) + 2}"
    world = ledger.given(
        fund("wallet", "12.00"),
        hold("wallet", "merchant", "10.00", over_settle_percent="50"),
    )
    assert world.when(Settle(authorization=authorization, amount="12.00")).code is None
    world.when(Settle(authorization=authorization, amount="12.01")).then(
        InsufficientFunds(available="2.00", asked="2.01")
    )


def test_what_a_void_frees_can_be_spent() -> None:
    authorization = f"g{len(CHART) + 2}"
    world = ledger.given(fund("wallet", "10.00"), hold("wallet", "merchant", "10.00"))
    world.when(transfer("wallet", "income", "10.00")).then(InsufficientFunds)
    freed = world.given(Void(authorization=authorization))
    assert freed.when(transfer("wallet", "income", "10.00")).code is None


def test_a_reversal_needs_the_funds_that_it_takes_back() -> None:
    spent = ledger.given(fund("wallet", "10.00"), transfer("wallet", "income", "3.00"))
    spent.when(Reverse(entry=FIRST, reason="duplicate")).then(
        InsufficientFunds(account="wallet", available="7.00", asked="10.00")
    )
    assert (
        spent.given(fund("wallet", "3.00")).when(Reverse(entry=FIRST, reason="duplicate")).code
        is None
    )


def test_a_correction_is_judged_as_a_pair() -> None:
    """10.00 came in and 9.00 was spent: taking back 10.00 alone would fail, 10.00 for 9.00 not."""

    def corrected(amount: str) -> Adjust:
        legs = [debit("cash", amount), credit("wallet", amount)]
        return Adjust(entry=FIRST, reason="wrong_amount", legs=legs)

    spent = ledger.given(fund("wallet", "10.00"), transfer("wallet", "income", "9.00"))
    assert spent.when(corrected("9.00")).code is None
    spent.when(corrected("8.99")).then(InsufficientFunds(available="1.00", asked="1.01"))


def test_several_legs_on_one_account_are_one_change() -> None:
    world = ledger.given(fund("wallet", "10.00"))
    parts = [debit("wallet", "5.00"), debit("wallet", "5.01"), credit("income", "10.01")]
    world.when(Post(legs=parts)).then(InsufficientFunds(asked="10.01"))
