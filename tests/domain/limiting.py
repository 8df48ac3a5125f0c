"""A wallet with a limit, and what takes of it: for tests of limits."""

from decimal import Decimal
from typing import Any

from domain.accounts import Account
from domain.authorizations import Authorize
from domain.entries import Post
from domain.limits import (
    SetLimit,
)
from tests.domain.harness import (
    CHART,
    Given,
    fund,
    ledger,
    transfer,
)


def nth(number: int) -> str:
    return f"g{len(CHART) + number}"


def limit(per: Any = "day", amount: str | None = "100.00", **more: Any) -> SetLimit:
    return SetLimit(account="wallet", per=per, amount=amount, **more)


def hold(amount: str = "60.00", **more: Any) -> Authorize:
    return Authorize(debit="wallet", credit="merchant", amount=amount, asset="USD", **more)


def pay(amount: str) -> Post:
    return transfer("wallet", "merchant", amount)


WALLET = f"g{[getattr(one, 'code', '') for one in CHART].index('wallet') + 1}"
funded = ledger.given(fund("wallet", "10000.00"))  # nth(1)
LIMIT = nth(2)
limited = funded.given(limit())
HOLD = nth(3)
held = limited.given(hold())


def used(past: Given, limit_id: str = LIMIT) -> tuple[int, int]:
    """What was taken in the latest period."""
    usage = past.world().books.usages.get(limit_id)
    assert usage is not None
    return usage.minor, usage.count


def left(past: Given, amount: str) -> None:
    """Fails unless just so much may still be given."""
    assert past.when(pay(amount)).code is None
    cent_more = Decimal(amount) + Decimal("0.01")
    assert past.when(pay(str(cent_more))).code == "limit_exceeded"


def stands(past: Given) -> Account:
    found = past.world().books.accounts.get("wallet")
    assert found is not None
    return found
