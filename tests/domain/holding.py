"""A hold of 100.00 on a wallet for a merchant, as the tests about holds begin."""

from domain.authorizations import Authorize, Settle
from domain.holds import Authorization
from domain.money import format_amount
from tests.domain.harness import CHART, Given, fund, ledger

HOLD = f"g{len(CHART) + 2}"


def authorize(amount: str = "100.00", **more: object) -> Authorize:
    return Authorize(debit="wallet", credit="merchant", amount=amount, asset="USD", **more)  # type: ignore[arg-type]


def settle(amount: str | None = None, **more: object) -> Settle:
    return Settle(authorization=HOLD, amount=amount, **more)  # type: ignore[arg-type]


def held(amount: str = "100.00", *, funds: str = "1000.00", **more: object) -> Given:
    return ledger.given(fund("wallet", funds), authorize(amount, **more))


def state(**more: object) -> Authorization:
    fields = {
        "debit": "wallet",
        "credit": "merchant",
        "asset": "USD",
        "authorized": "100.00",
        "settled": "0.00",
        "refunded": "0.00",
        "charged_back": "0.00",
        "represented": "0.00",
        "held": "100.00",
    }
    return Authorization(**{**fields, **more})  # type: ignore[arg-type]


def found(given: Given) -> Authorization:
    """The hold as what happened has left it."""
    authorization = given.world().books.authorizations.get(HOLD)
    assert authorization is not None
    return authorization


def wallet(given: Given) -> tuple[str, str]:
    """What is posted and what is pending on the wallet."""
    balance = given.world().books.balances.get(("wallet", "USD"))
    assert balance is not None
    posted = balance.credits - balance.debits
    return format_amount(posted, 2), format_amount(balance.pending_debits, 2)
