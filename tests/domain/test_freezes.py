"""Freezes by side, basis and amount; several of them beside each other."""

from typing import Any

import pytest

from domain.accounts import Account, AccountInUse, AccountIsFrozen, AssetNotAllowed, CloseAccount
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.balances import InsufficientFunds
from domain.commands import Command, Comparison, Condition
from domain.corrections import Adjust, Reverse
from domain.freezes import AccountFrozen, FreezeAccount, FreezeNotFound, UnfreezeAccount
from domain.hold_ends import Release, Void
from tests.domain.harness import (
    CHART,
    Given,
    account,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)


def nth(number: int) -> str:
    return f"g{len(CHART) + number}"


def freeze(code: str = "wallet", **more: Any) -> FreezeAccount:
    return FreezeAccount(account=code, **more)


def hold(debited: str, credited: str, amount: str = "1.00") -> Authorize:
    return Authorize(debit=debited, credit=credited, amount=amount, asset="USD")


def stands(past: Given, code: str = "wallet") -> Account:
    found = past.world().books.accounts.get(code)
    assert found is not None
    return found


funded = ledger.given(fund("wallet", "100.00"))  # nth(1)
OUT, IN = transfer("wallet", "merchant", "1.00"), transfer("cash", "wallet", "1.00")
HOLD_OUT, HOLD_IN = hold("wallet", "merchant"), hold("cash", "wallet")


# One side or both ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        ("debits", [OUT, HOLD_OUT]),
        ("credits", [IN, HOLD_IN]),
        ("all", [OUT, IN, HOLD_OUT, HOLD_IN]),
        (None, [OUT, IN, HOLD_OUT, HOLD_IN]),
    ],
)
@pytest.mark.parametrize("basis", ["administrative", "legal", None])
def test_a_freeze_stops_its_side(scope: Any, stopped: list[Command], basis: Any) -> None:
    frozen = funded.given(freeze(scope=scope, basis=basis))
    for command in (OUT, IN, HOLD_OUT, HOLD_IN):
        when = frozen.when(command)
        if command in stopped:
            when.then(AccountIsFrozen(account="wallet", freeze_id=nth(2)))
        else:
            assert when.code is None
    assert stands(frozen).status == "frozen"
    assert not stands(frozen).takes_plain


def test_corrections_are_stopped_by_the_side_that_they_touch() -> None:
    """The reversal of what was credited debits."""
    reverse = Reverse(entry=nth(1), reason="duplicate")
    funded.given(freeze(scope="debits")).when(reverse).then(AccountIsFrozen)
    assert funded.given(freeze(scope="credits")).when(reverse).code is None
    adjust = Adjust(
        entry=nth(1), reason="wrong_amount", legs=[debit("cash", "9"), credit("wallet", "9")]
    )
    funded.given(freeze(scope="credits")).when(adjust).then(AccountIsFrozen)
    other = Adjust(
        entry=nth(1), reason="wrong_account", legs=[debit("cash", "9"), credit("merchant", "9")]
    )
    assert funded.given(freeze(scope="credits")).when(other).code is None


@pytest.mark.parametrize("scope", ["all", "debits", "credits"])
def test_any_freeze_keeps_an_account_from_being_closed(scope: Any) -> None:
    empty = ledger.given(account("old"), freeze("old", scope=scope))
    empty.when(CloseAccount(account="old")).then(AccountIsFrozen)


# What was authorized before -----------------------------------------------------------------

held = funded.given(hold("wallet", "merchant", "60.00"))  # nth(2)
SETTLE = Settle(authorization=nth(2))


@pytest.mark.parametrize("scope", ["all", "debits", "credits"])
@pytest.mark.parametrize("side", ["wallet", "merchant"])
def test_on_an_administrative_basis_it_may_still_settle(scope: Any, side: str) -> None:
    assert held.given(freeze(side, scope=scope)).when(SETTLE).code is None


@pytest.mark.parametrize(
    ("code", "scope", "stopped"),
    [
        ("wallet", "all", True),
        ("wallet", "debits", True),
        ("wallet", "credits", False),
        ("merchant", "all", True),
        ("merchant", "credits", True),
        ("merchant", "debits", False),
    ],
)
def test_on_a_legal_basis_it_may_not(code: str, scope: Any, stopped: bool) -> None:
    frozen = held.given(freeze(code, scope=scope, basis="legal"))
    when = frozen.when(SETTLE)
    if stopped:
        when.then(AccountIsFrozen(account=code, freeze_id=nth(3)))
    else:
        assert when.code is None
    assert frozen.given(UnfreezeAccount(account=code)).when(SETTLE).code is None


@pytest.mark.parametrize("end", [Void, Release])
def test_what_is_held_may_be_given_back_whatever_stands(end: Any) -> None:
    frozen = held.given(freeze(basis="legal"), freeze("merchant", basis="legal"))
    assert frozen.when(end(authorization=nth(2))).code is None


def test_beyond_the_hold_is_new_and_stopped_on_any_basis() -> None:
    more = Authorize(
        debit="wallet", credit="merchant", amount="60.00", asset="USD", over_settle_percent="10"
    )
    over = funded.given(more, freeze(scope="debits"))
    assert over.when(Settle(authorization=nth(2), amount="60.00")).code is None
    over.when(Settle(authorization=nth(2), amount="60.01")).then(AccountIsFrozen)


# Liens --------------------------------------------------------------------------------------


def test_a_lien_keeps_its_amount_from_being_available_and_stops_nothing() -> None:
    lien = funded.given(freeze(amount="30"))
    funded.when(freeze(amount="30", authority_reference="A")).then(
        (
            f"g{[getattr(one, 'code', '') for one in CHART].index('wallet') + 1}",
            AccountFrozen(
                account="wallet",
                freeze_id="new",
                scope="all",
                basis="administrative",
                amount="30.00",
                authority_reference="A",
            ),
        )
    )
    assert (stands(lien).status, stands(lien).lien_minor) == ("open", 3000)
    assert not stands(lien).takes_plain
    assert lien.when(transfer("wallet", "merchant", "70.00")).code is None
    assert lien.when(hold("wallet", "merchant", "70.00")).code is None
    short = InsufficientFunds(account="wallet", available="70.00", floor="0.00", asked="70.01")
    lien.when(transfer("wallet", "merchant", "70.01")).then(short)
    lien.when(hold("wallet", "merchant", "70.01")).then(short)
    left = Condition(account="wallet", asset="USD", available=Comparison(eq="70.00"))
    assert lien.when(transfer("cash", "merchant", "1.00", if_=[left])).code is None


def test_a_lien_may_be_more_than_there_is() -> None:
    """What comes in later is kept for it."""
    lien = funded.given(freeze(amount="130.00"))
    lien.when(OUT).then(InsufficientFunds(available="-30.00"))
    richer = lien.given(fund("wallet", "31.00"))
    assert richer.when(OUT).code is None
    richer.when(transfer("wallet", "merchant", "1.01")).then(InsufficientFunds(available="1.00"))


def test_a_lien_counts_on_top_of_the_floor() -> None:
    line = ledger.given(freeze("credit_line", amount="20.00"))
    assert line.when(transfer("credit_line", "merchant", "30.00")).code is None
    line.when(transfer("credit_line", "merchant", "30.01")).then(
        InsufficientFunds(available="-20.00", floor="-50.00", asked="30.01")
    )


def test_without_a_floor_a_lien_brings_one_of_zero() -> None:
    lien = ledger.given(fund("merchant", "50.00"), freeze("merchant", amount="20.00"))
    assert lien.when(transfer("merchant", "cash", "30.00")).code is None
    lien.when(transfer("merchant", "cash", "30.01")).then(
        InsufficientFunds(account="merchant", available="30.00", floor="0.00")
    )
    free = lien.given(UnfreezeAccount(account="merchant"))
    assert stands(free, "merchant").floor_minor is None
    assert free.when(transfer("merchant", "cash", "500.00")).code is None


def test_a_lien_on_a_debit_normal_account_keeps_what_is_credited() -> None:
    lien = ledger.given(transfer("bank", "income", "50.00"), freeze("bank", amount="20.00"))
    assert lien.when(transfer("cash", "bank", "30.00")).code is None
    lien.when(transfer("cash", "bank", "30.01")).then(InsufficientFunds(available="30.00"))


def test_an_administrative_lien_gives_way_to_what_was_held_before() -> None:
    """60.00 of the 100.00 are held: the lien finds 40.00, and waits for the rest."""
    lien = held.given(freeze(amount="90.00"))
    assert lien.when(SETTLE).code is None
    lien.when(OUT).then(InsufficientFunds(available="-50.00"))


def test_a_legal_lien_does_not() -> None:
    for amount, code in (("40.00", None), ("40.01", "insufficient_funds")):
        lien = held.given(freeze(amount=amount, basis="legal"))
        assert lien.when(SETTLE).code == code
    lien = held.given(freeze(amount="40.01", basis="legal"))
    lien.when(SETTLE).then(InsufficientFunds(available="59.99", floor="0.00", asked="60.00"))
    assert lien.when(Settle(authorization=nth(2), amount="59.99")).code is None


def test_a_lien_needs_an_account_of_one_asset() -> None:
    ledger.when(freeze("any", amount="1.00")).then(AssetNotAllowed(account="any"))


def test_an_account_with_a_lien_is_in_use() -> None:
    lien = ledger.given(account("old"), freeze("old", amount="1.00"))
    in_use = AccountInUse(account="old", standing="lien")
    lien.when(CloseAccount(account="old")).then(in_use)
    lien.when(AmendAccount(account="old", asset="EUR")).then(in_use)
    assert lien.when(AmendAccount(account="old", floor="-5.00")).code is None
    assert lien.given(UnfreezeAccount(account="old")).when(CloseAccount(account="old")).code is None


@pytest.mark.parametrize(
    ("use", "standing"),
    [(transfer("old", "income", "1.00"), "balance"), (hold("old", "income"), "holds")],
)
def test_what_keeps_an_account_open_is_told(use: Command, standing: str) -> None:
    used = ledger.given(account("old"), use)
    used.when(CloseAccount(account="old")).then(AccountInUse(standing=standing))


# Several ------------------------------------------------------------------------------------


def test_several_stand_beside_each_other_and_each_is_lifted_by_its_id() -> None:
    several = funded.given(
        freeze(scope="debits", authority_reference="A"),
        freeze(scope="debits", basis="legal", authority_reference="B"),
        freeze(amount="10.00"),
        freeze(amount="25.50", basis="legal"),
    )
    found = stands(several)
    assert [one.freeze_id for one in found.freezes] == [nth(number) for number in (2, 3, 4, 5)]
    assert [one.authority_reference for one in found.freezes] == ["A", "B", None, None]
    assert found.lien_minor == 3550
    several.when(UnfreezeAccount(account="wallet")).then(FreezeNotFound(standing=4))
    several.when(UnfreezeAccount(account="wallet", freeze_id="x")).then(FreezeNotFound)

    def lift(number: int) -> UnfreezeAccount:
        return UnfreezeAccount(account="wallet", freeze_id=nth(number))

    several.given(lift(2)).when(OUT).then(AccountIsFrozen(freeze_id=nth(3)))
    several.given(lift(2)).when(lift(2)).then(FreezeNotFound)
    liens = several.given(lift(2), lift(3))
    liens.when(transfer("wallet", "merchant", "64.51")).then(InsufficientFunds(available="64.50"))
    last = liens.given(lift(4))
    assert stands(last).lien_minor == 2550
    free = last.given(UnfreezeAccount(account="wallet"))
    assert (stands(free).freezes, stands(free).takes_plain) == ((), True)
    assert free.when(transfer("wallet", "merchant", "100.00")).code is None
    free.when(UnfreezeAccount(account="wallet")).then(FreezeNotFound(standing=0))
