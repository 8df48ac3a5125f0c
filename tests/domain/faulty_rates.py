"""Commands on exchange rates and revaluations, and all that can be wrong with each."""

from datetime import timedelta
from typing import Any

from domain.ledgers import LockBooks
from domain.rates import RecordRate
from domain.revaluations import AbandonRevaluation, Figure, PostRevaluation, Revalue
from tests.domain.faults import AMOUNTS, BALANCE, NOT_FOUND, PERIOD, Good, after, fault, sets
from tests.domain.harness import TODAY, ledger

IN_FUTURE = TODAY + timedelta(days=30)
CLOSING = RecordRate(base="EUR", quote="USD", kind="closing", rate="1.15")
ASKED = f"g{len(ledger.what) + 2}"
WAITING: list[Any] = [CLOSING, Revalue(effective_on=TODAY)]
ENDED = after(AbandonRevaluation(revaluation=ASKED, code="busy", detail="Too busy."))


def figures(account: str = "any", asset: str = "EUR", balance: str = "1.00") -> list[Figure]:
    return [Figure(account=account, asset=asset, balance=balance, functional_amount="1.10")]


RATES = [
    Good(
        RecordRate,
        ledger,
        [],
        {"base": "EUR", "quote": "USD", "rate": "1.10"},
        [],
        [
            fault("asset_not_found", NOT_FOUND, sets(base="XAU")),
            fault("asset_not_found", NOT_FOUND, sets(quote="XAU")),
            fault("effective_in_future", PERIOD, sets(effective_on=IN_FUTURE)),
            fault("amount_not_positive", AMOUNTS, sets(rate="0.00")),
        ],
    ),
    Good(
        Revalue,
        ledger,
        [],
        {"effective_on": TODAY},
        [],
        [
            fault("effective_in_future", PERIOD, sets(effective_on=IN_FUTURE)),
            fault("period_closed", PERIOD, after(LockBooks(through=TODAY))),
        ],
    ),
    Good(
        PostRevaluation,
        ledger,
        WAITING,
        {"revaluation": ASKED, "known_position": 9, "figures": figures()},
        [],
        [
            fault("not_found", NOT_FOUND, sets(revaluation="other")),
            fault("not_found", NOT_FOUND, ENDED),
            fault("period_closed", PERIOD, after(LockBooks(through=TODAY))),
            fault("account_not_found", None, sets(figures=figures(account="nowhere"))),
            fault("asset_not_found", None, sets(figures=figures(asset="XAU"))),
            fault("rate_not_found", BALANCE, sets(figures=figures("yen", "JPY", "1"))),
            fault(
                "amount_too_large", BALANCE, sets(figures=figures(balance="9999999999999999.99"))
            ),
        ],
    ),
    Good(
        AbandonRevaluation,
        ledger,
        WAITING,
        {"revaluation": ASKED, "code": "rate_not_found", "detail": "There is none."},
        [],
        [
            fault("not_found", NOT_FOUND, sets(revaluation="other")),
            fault("not_found", NOT_FOUND, ENDED),
        ],
    ),
]
