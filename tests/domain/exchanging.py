"""A chart with accounts in euros, and what is done on them: for tests of rates and worth."""

from datetime import date, timedelta
from typing import Any

from domain.assets import Asset
from domain.entries import EntryPosted, Post
from domain.rates import (
    Kind,
    RecordRate,
)
from tests.domain.harness import TODAY, account, credit, debit, ledger

EUR, USD, JPY = (
    Asset("EUR", 2, "currency"),
    Asset("USD", 2, "currency"),
    Asset("JPY", 0, "currency"),
)


def rate(
    value: str, days_ago: int = 0, pair: str = "EUR/USD", kind: Kind | None = None, **more: Any
) -> RecordRate:
    base, quote = pair.split("/")
    on = TODAY - timedelta(days=days_ago)
    return RecordRate(base=base, quote=quote, kind=kind, rate=value, effective_on=on, **more)


CHART = ledger.given(
    account("receivable", asset="EUR", monetary=True),
    account("euros", asset="EUR", monetary=True),
    account("fx", "expense", asset=None, purpose="fx_difference"),
)


def swap(amount: str, on: date = TODAY, **more: Any) -> Post:
    """Euros on the receivable, out of the conversion account."""
    return Post(
        legs=[debit("receivable", amount, "EUR", **more), credit("conversion", amount, "EUR")],
        effective_on=on,
    )


def collect(amount: str, on: date = TODAY, **more: Any) -> Post:
    return Post(
        legs=[debit("euros", amount, "EUR"), credit("receivable", amount, "EUR", **more)],
        effective_on=on,
    )


def worths(event: EntryPosted) -> list[tuple[str, str, str, str | None]]:
    return [(leg.account, leg.side, leg.amount, leg.functional_amount) for leg in event.legs]
