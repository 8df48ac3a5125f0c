"""Conditions: compared with what is so right before the command."""

from typing import Any

import pytest

from domain.accounts import AccountNotFound
from domain.assets import AssetNotFound
from domain.authorizations import Authorize
from domain.commands import Comparison, Condition
from domain.conditions import ConditionFailed
from domain.entries import Post
from domain.money import AmountTooFine
from tests.domain.harness import debit, fund, ledger, transfer

# 100.00 posted, 30.00 of them held: 70.00 available; two events touched the wallet after its own.
stands = ledger.given(
    fund("wallet", "100.00"),
    Authorize(debit="wallet", credit="merchant", amount="30.00", asset="USD"),
)

HOLDS: list[tuple[str, dict[str, str]]] = [
    ("available", {"eq": "70.00"}),
    ("available", {"eq": "70"}),
    ("available", {"gte": "70.00"}),
    ("available", {"lte": "70.00"}),
    ("available", {"gt": "69.99"}),
    ("available", {"lt": "70.01"}),
    ("available", {"gt": "-70.00"}),
    ("available", {"gt": "60.00", "lt": "80.00"}),
    ("posted", {"eq": "100.00"}),
    # A balance may come to more than any amount.
    ("posted", {"lt": "10000000000000000.00"}),
]
FAILS: list[tuple[str, dict[str, str], str, str]] = [
    ("available", {"eq": "70.01"}, "70.01", "70.00"),
    ("available", {"gte": "70.01"}, "70.01", "70.00"),
    ("available", {"lte": "69.99"}, "69.99", "70.00"),
    ("available", {"gt": "70"}, "70.00", "70.00"),
    ("available", {"lt": "70"}, "70.00", "70.00"),
    ("available", {"lt": "-70"}, "-70.00", "70.00"),
    ("available", {"gt": "60.00", "lt": "65.00"}, "65.00", "70.00"),
    ("posted", {"eq": "70.00"}, "70.00", "100.00"),
    ("posted", {"gte": "10000000000000000.00"}, "10000000000000000.00", "100.00"),
]


def on_wallet(what: str, compared: dict[str, str]) -> Post:
    balance: Any = {what: Comparison(**compared)}
    condition = Condition(account="wallet", asset="USD", **balance)
    return transfer("cash", "wallet", "1.00", if_=[condition])


@pytest.mark.parametrize(("what", "compared"), HOLDS)
def test_it_holds(what: str, compared: dict[str, str]) -> None:
    assert stands.when(on_wallet(what, compared)).code is None


@pytest.mark.parametrize(("what", "compared", "asked", "found"), FAILS)
def test_it_fails_and_says_what_was_found(
    what: str, compared: dict[str, str], asked: str, found: str
) -> None:
    stands.when(on_wallet(what, compared)).then(
        ConditionFailed(account="wallet", asset="USD", what=what, asked=asked, found=found)
    )


def test_what_was_never_touched_has_nothing_of_it() -> None:
    nothing = Condition(account="any", asset="EUR", posted=Comparison(eq="0.00"))
    assert stands.when(transfer("cash", "wallet", "1.00", if_=[nothing])).code is None


@pytest.mark.parametrize(("version", "code"), [(3, None), (2, "condition_failed"), (4, "x")])
def test_the_version_counts_all_that_touched_the_account(version: int, code: str | None) -> None:
    when = stands.when(
        transfer("cash", "wallet", "1.00", if_=[Condition(account="wallet", version=version)])
    )
    if code is None:
        assert when.code is None
    else:
        when.then(ConditionFailed(account="wallet", what="version", asked=version, found=3))


def test_all_of_them_must_hold_and_the_first_that_fails_is_told() -> None:
    conditions = [
        Condition(account="wallet", version=3),
        Condition(account="wallet", asset="USD", posted=Comparison(gt="100.00")),
        Condition(account="cash", version=99),
    ]
    stands.when(transfer("cash", "wallet", "1.00", if_=conditions)).then(
        ConditionFailed(account="wallet", what="posted", found="100.00")
    )


def test_what_a_condition_names_must_be_there() -> None:
    """And that comes first: before what is wrong with the command itself."""
    broken = Post(legs=[debit("cash", "1.00"), debit("cash", "0.00")])
    missing = Condition(account="nobody", version=1)
    stands.when(Post(legs=broken.legs, if_=[missing])).then(AccountNotFound(account="nobody"))
    missing = Condition(account="cash", asset="XAU", posted=Comparison(eq="0"))
    stands.when(Post(legs=broken.legs, if_=[missing])).then(AssetNotFound(asset="XAU"))


def test_an_amount_finer_than_the_asset_is_refused() -> None:
    stands.when(on_wallet("posted", {"gt": "99.999"})).then(AmountTooFine(asked="99.999"))


def test_funds_are_judged_after_the_conditions() -> None:
    poor = transfer("wallet", "cash", "1000.00")
    assert stands.when(poor).code == "insufficient_funds"
    failing = Condition(account="wallet", version=1)
    assert stands.when(Post(legs=poor.legs, if_=[failing])).code == "condition_failed"
