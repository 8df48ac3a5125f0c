"""Commands that change a hold or return what was settled, and all that can be wrong with each."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from domain.accounts import CloseAccount
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.corrections import Adjust, Reverse
from domain.freezes import FreezeAccount
from domain.hold_ends import ExpireHold, Release, Void
from domain.holds import Network
from domain.increments import Increment, Reduce
from domain.ledgers import LockBooks
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Chargeback, Refund, Representment
from tests.domain.faults import (
    AMOUNTS,
    BALANCE,
    CLOSED,
    FROZEN,
    FUNDS,
    HOLD,
    ID_TAKEN,
    LEGS,
    LIMITS,
    NOT_FOUND,
    PERIOD,
    TERMINAL,
    Good,
    Spoil,
    after,
    after_the_first,
    fault,
    legs,
    pair,
    sets,
)
from tests.domain.faulty_postings import (
    ENDED,
    EXPIRED,
    FUTURE_DAY,
    HELD,
    HELD_ID,
    NO_HOLD,
    TOO_LARGE,
    TOO_TIGHT,
    nth,
)
from tests.domain.harness import TODAY, account, credit, debit, fund, ledger, transfer

AMOUNT_FAULTS = [
    fault("amount_not_positive", AMOUNTS, sets(amount="0.00"), touches="amount"),
    fault("amount_too_fine", AMOUNTS, sets(amount="0.001"), touches="amount"),
    fault("amount_too_large", AMOUNTS, sets(amount=TOO_LARGE), touches="amount"),
]
STOPPED = [
    fault("account_frozen", FROZEN, after(FreezeAccount(account="wallet"))),
    fault("account_frozen", FROZEN, after(FreezeAccount(account="merchant"))),
    fault("account_not_postable", CLOSED, after(AmendAccount(account="merchant", postable=False))),
]

INCREMENT = Good(
    Increment,
    ledger,
    [fund("wallet", "50.00"), *HELD],
    {"authorization": nth(3), "amount": "50.00"},
    [],
    [
        NO_HOLD,
        *STOPPED,
        fault(
            "authorization_closed", TERMINAL, after(Release(authorization=nth(3))), touches="end"
        ),
        EXPIRED,
        *AMOUNT_FAULTS,
        *(
            fault("limit_exceeded", LIMITS, after(SetLimit(account="wallet", **bounds)))
            for bounds in (*TOO_TIGHT, {"per": "authorization", "amount": "149.99"})
        ),
        fault("insufficient_funds", FUNDS, sets(amount="50.01"), touches="amount"),
    ],
)

REDUCE = Good(
    Reduce,
    ledger,
    HELD,
    {"authorization": HELD_ID, "amount": "100.00"},
    [],
    [
        NO_HOLD,
        ENDED,
        EXPIRED,
        *AMOUNT_FAULTS,
        fault("reduction_too_large", HOLD, sets(amount="100.01"), touches="amount"),
        fault(
            "reduction_too_large",
            HOLD,
            after_the_first(2, Settle(authorization=HELD_ID, amount="0.01")),
            touches="amount",
        ),
    ],
)

PAID: list[Any] = [
    account("shop", "liability", floor="0.00"),
    fund("wallet", "100.00"),
    Authorize(id="unpaid", debit="wallet", credit="shop", amount="1.00", asset="USD"),
    Void(authorization="unpaid"),
    Authorize(id="paid", debit="wallet", credit="shop", amount="100.00", asset="USD"),
    Settle(authorization="paid", amount="60.00", final=True),
]


def returning(command: type[Any], *more: Any, too_large: str, poor: str) -> Good:
    """The verbs that return are refused alike; `poor` is the account that would have to give."""
    taken = transfer(poor, "cash", "60.00")
    emptied = [transfer("shop", "cash", "60.00")] if poor == "shop" else []
    closed = [*emptied, CloseAccount(account="shop")]
    before = [*PAID, *more]

    def early(*what: Any) -> Spoil:
        """Before what other faults do, which could forbid it."""
        return after_the_first(len(before), *what)

    return Good(
        command,
        ledger,
        before,
        {"authorization": "paid", "amount": "60.00", "reason": "counterparty"},
        [],
        [
            NO_HOLD,
            fault("account_frozen", FROZEN, after(FreezeAccount(account="wallet"))),
            fault("account_frozen", FROZEN, after(FreezeAccount(account="shop")), touches="shop"),
            fault("account_closed", CLOSED, early(*closed), touches="shop funds"),
            fault(
                "account_not_postable", CLOSED, after(AmendAccount(account="shop", postable=False))
            ),
            fault("period_closed", PERIOD, after(LockBooks(through=TODAY))),
            fault("narrative_required", LEGS, sets(reason="other"), touches="text"),
            *AMOUNT_FAULTS,
            # Closed: without a chargeback there is nothing to win back.
            fault("authorization_closed", TERMINAL, sets(authorization="unpaid"), touches="hold")
            if command is Representment
            else fault("nothing_settled", HOLD, sets(authorization="unpaid"), touches="hold"),
            fault("refund_too_large", HOLD, sets(amount=too_large), touches="amount"),
            fault("insufficient_funds", FUNDS, early(taken), touches="hold funds"),
        ],
    )


REFUND = returning(Refund, too_large="60.01", poor="shop")
CHARGEBACK = returning(Chargeback, too_large="60.01", poor="shop")
REPRESENTMENT = returning(
    Representment,
    Chargeback(authorization="paid", amount="60.00", reason="counterparty"),
    too_large="60.01",
    poor="wallet",
)

PAID_ENTRY = nth(len(PAID))
"""The entry that settled 60.00 of a hold of 100.00, which is closed."""

RETURNED = Refund(authorization="paid", amount="0.01", reason="counterparty")

REVERSE_SETTLEMENT = Good(
    Reverse,
    ledger,
    PAID,
    {"entry": PAID_ENTRY, "reason": "duplicate"},
    [],
    [
        fault("account_frozen", FROZEN, after(FreezeAccount(account="wallet"))),
        fault("authorization_closed", TERMINAL, sets(restore_hold=True)),
        fault("period_closed", PERIOD, sets(effective_on=TODAY), after(LockBooks(through=TODAY))),
        fault("narrative_required", LEGS, sets(reason="other"), touches="text"),
        fault("not_reversible", HOLD, after_the_first(len(PAID), RETURNED), touches="shop"),
        fault(
            "insufficient_funds",
            FUNDS,
            after_the_first(len(PAID), transfer("shop", "cash", "0.01")),
            touches="shop",
        ),
    ],
)

ADJUST_SETTLEMENT = Good(
    Adjust,
    ledger,
    PAID,
    {"entry": PAID_ENTRY, "reason": "wrong_amount"},
    [debit("wallet", "50.00"), credit("shop", "50.00")],
    [
        fault("account_frozen", FROZEN, after(FreezeAccount(account="wallet"))),
        fault("narrative_required", LEGS, sets(reason="other"), touches="text"),
        fault("amount_not_positive", AMOUNTS, pair("cash", "income", "0.00")),
        fault("unbalanced", BALANCE, legs(debit("cash", "3.00"))),
        fault("over_settlement", HOLD, pair("wallet", "shop", "50.01"), touches="legs"),
        fault(
            "not_reversible",
            HOLD,
            after_the_first(len(PAID), replace(RETURNED, amount="50.01")),
            touches="legs",
        ),
        fault("insufficient_funds", FUNDS, pair("bank", "income"), pair("income", "bank", "2.00")),
    ],
)

ADJUST_REFUND = Good(
    Adjust,
    ledger,
    [*PAID, replace(RETURNED, amount="60.00")],
    {"entry": nth(len(PAID) + 1), "reason": "wrong_amount"},
    [debit("shop", "60.00"), credit("wallet", "60.00")],
    [
        fault("unbalanced", BALANCE, legs(debit("cash", "3.00"))),
        fault("refund_too_large", HOLD, pair("shop", "wallet", "0.01"), touches="legs"),
    ],
)

EXPIRE = Good(
    ExpireHold,
    ledger,
    [*HELD, timedelta(days=1)],
    {"authorization": HELD_ID},
    [],
    [NO_HOLD, fault("authorization_closed", TERMINAL, after(ExpireHold(authorization=HELD_ID)))],
)

CLEARED = Network(scheme="visa", reference="ARN-1")

SETTLE_MANDATORY = Good(
    SettleMandatory,
    ledger,
    HELD,
    {"authorization": HELD_ID, "amount": "500.00", "reason": "feed_down"},
    [],
    [
        NO_HOLD,
        fault("account_not_found", NOT_FOUND, sets(debit="nowhere"), touches="debit"),
        fault("account_not_found", NOT_FOUND, sets(credit="nowhere")),
        fault("asset_not_found", NOT_FOUND, sets(asset="XAU"), touches="asset"),
        fault(
            "already_exists",
            ID_TAKEN,
            after_the_first(2, SettleMandatory(authorization=HELD_ID, amount="1", network=CLEARED)),
            sets(network=CLEARED),
        ),
        FUTURE_DAY,
        fault("same_account", LEGS, sets(debit="merchant"), touches="debit"),
        fault("asset_not_allowed", LEGS, sets(asset="JPY"), touches="asset"),
        *AMOUNT_FAULTS,
        # Only where the ledger has no suspense account; what is beyond the hold depends on amounts.
        fault("account_frozen", None, after(FreezeAccount(account="wallet", basis="legal"))),
        fault(
            "account_closed",
            None,
            after(account("gone", "liability"), CloseAccount(account="gone")),
            sets(credit="gone"),
        ),
    ],
)

HOLDS = [
    SETTLE_MANDATORY,
    EXPIRE,
    INCREMENT,
    REDUCE,
    REFUND,
    CHARGEBACK,
    REPRESENTMENT,
    REVERSE_SETTLEMENT,
    ADJUST_SETTLEMENT,
    ADJUST_REFUND,
]
