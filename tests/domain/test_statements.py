"""Certified statements: what is put on record of an account."""

import pytest

from domain.accounts import AccountNotFound, AssetNotAllowed, CloseAccount
from domain.assets import AssetNotFound
from domain.commands import Comparison, Condition
from domain.conditions import ConditionFailed
from domain.freezes import FreezeAccount
from domain.refusals import Refusal
from domain.statements import AccountStated, StateAccount
from tests.domain.harness import CHART, Given, fund, ledger, transfer

OPENED = {account: f"g{number}" for number, account in enumerate(CHART, start=1)}


def stream(code: str) -> str:
    return next(s for command, s in OPENED.items() if getattr(command, "code", None) == code)


def stated(code: str, lines: int, balance: str, asset: str = "USD") -> tuple[str, AccountStated]:
    event = AccountStated(account=code, asset=asset, lines=lines, balance=balance)
    return stream(code), event


FUNDED = ledger.given(fund("wallet", "100.00"), transfer("wallet", "merchant", "7.50"))


@pytest.mark.parametrize(
    ("past", "command", "event"),
    [
        (FUNDED, StateAccount(account="wallet"), stated("wallet", 2, "92.50")),
        (FUNDED, StateAccount(account="wallet", asset="USD"), stated("wallet", 2, "92.50")),
        # As many decimals as the asset has, and no line at all.
        (FUNDED, StateAccount(account="yen"), stated("yen", 0, "0", "JPY")),
        (FUNDED, StateAccount(account="credit_line"), stated("credit_line", 0, "0.00")),
        # An account of any asset: the functional one, or the one that is named.
        (FUNDED, StateAccount(account="any"), stated("any", 0, "0.00")),
        (FUNDED, StateAccount(account="any", asset="EUR"), stated("any", 0, "0.00", "EUR")),
        # Below zero it is on the other side.
        (
            ledger.given(transfer("merchant", "cash", "1.00")),
            StateAccount(account="cash"),
            stated("cash", 1, "-1.00"),
        ),
        # Nothing is moved: neither a freeze nor a closed account is in the way.
        (
            FUNDED.given(FreezeAccount(account="wallet", basis="legal")),
            StateAccount(account="wallet"),
            stated("wallet", 2, "92.50"),
        ),
        (
            ledger.given(CloseAccount(account="bank")),
            StateAccount(account="bank"),
            stated("bank", 0, "0.00"),
        ),
    ],
)
def test_what_is_stated(
    past: Given, command: StateAccount, event: tuple[str, AccountStated]
) -> None:
    past.when(command).then(event)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (StateAccount(account="nothing", asset="XXX"), AccountNotFound(account="nothing")),
        (StateAccount(account="yen", asset="XXX"), AssetNotFound(asset="XXX")),
        (StateAccount(account="yen", asset="USD"), AssetNotAllowed(allowed="JPY", asset="USD")),
        (
            StateAccount(
                account="wallet",
                if_=[Condition(account="wallet", asset="USD", posted=Comparison(eq="1.00"))],
            ),
            ConditionFailed,
        ),
    ],
)
def test_what_is_refused_in_the_order_of_precedence(
    command: StateAccount, refusal: Refusal | type[Refusal]
) -> None:
    FUNDED.when(command).then(refusal)


def test_it_counts_as_an_event_of_the_account_and_changes_nothing_else() -> None:
    before = FUNDED.world().books
    after = FUNDED.given(StateAccount(account="wallet")).world().books
    assert after.balances.get(("wallet", "USD")) == before.balances.get(("wallet", "USD"))
    assert after.version_of("wallet") == before.version_of("wallet") + 1
    old, new = before.accounts.now["wallet"], after.accounts.now["wallet"]
    assert new.version == old.version + 1
    assert new.takes_plain
