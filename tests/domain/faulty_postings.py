"""Commands that move or hold money, and all that can be wrong with each."""

from datetime import timedelta
from typing import Any

from domain.accounts import (
    CloseAccount,
)
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.corrections import Adjust, Reverse
from domain.entries import Link, Post
from domain.erasures import EraseAuthorizationTexts, EraseEntryTexts
from domain.freezes import FreezeAccount
from domain.hold_ends import Release, Void
from domain.ledgers import LockBooks
from domain.limits import SetLimit
from domain.rates import RecordRate
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
    after,
    after_the_first,
    fault,
    last_legs,
    legs,
    pair,
    sets,
)
from tests.domain.harness import (
    NOW,
    TODAY,
    account,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)

LOCKED_ON = TODAY - timedelta(days=20)
IN_FUTURE = TODAY + timedelta(days=30)
LOCK = LockBooks(through=TODAY - timedelta(days=10))
TOO_OLD = TODAY - timedelta(days=400)
TOO_LARGE = "10000000000000000.00"


def nth(number: int) -> str:
    """The id of the n-th thing that happens after the chart was made."""
    return f"g{len(ledger.what) + number}"


# Entries --------------------------------------------------------------------------------------

FUTURE_DAY = fault("effective_in_future", PERIOD, sets(effective_on=IN_FUTURE), touches="day")
LOCKED_DAY = fault(
    "period_closed", PERIOD, after(LOCK), sets(effective_on=LOCKED_ON), touches="day"
)
TOO_MANY = [debit("cash", "1.00"), credit("income", "1.00")] * 51

LEG_FAULTS = [
    fault("account_not_found", NOT_FOUND, pair("nowhere", "income")),
    fault("asset_not_found", NOT_FOUND, pair("any", "conversion", asset="XAU")),
    fault(
        "account_frozen",
        FROZEN,
        after(account("stopped"), FreezeAccount(account="stopped")),
        pair("stopped", "income"),
    ),
    fault(
        "account_closed",
        CLOSED,
        after(account("gone"), CloseAccount(account="gone")),
        pair("income", "gone"),
    ),
    fault(
        "account_not_postable",
        CLOSED,
        after(account("group", postable=False)),
        pair("group", "income"),
    ),
    fault("too_many_legs", LEGS, last_legs(*TOO_MANY)),
    fault("asset_not_allowed", LEGS, pair("yen", "income")),
    fault("amount_not_positive", AMOUNTS, pair("cash", "income", "0.00")),
    fault("amount_too_fine", AMOUNTS, pair("cash", "income", "0.001")),
    fault("amount_too_large", AMOUNTS, pair("cash", "income", TOO_LARGE)),
    fault("unbalanced", BALANCE, legs(debit("cash", "3.00"))),
    fault("unvalued_leg", BALANCE, pair("any", "conversion", asset="EUR"), touches="rates"),
    fault(
        "rate_not_found",
        BALANCE,
        after(RecordRate(base="EUR", quote="USD", rate="1.10", effective_on=TOO_OLD)),
        legs(debit("any", "1.00", "EUR"), credit("conversion", "1.00", "EUR")),
        touches="rates",
    ),
    fault(
        "unbalanced_functional",
        BALANCE,
        legs(
            debit("any", "5.00", "EUR", functional_amount="6.00"),
            credit("conversion", "5.00", "EUR", functional_amount="6.01"),
        ),
    ),
    fault(
        "insufficient_funds",
        FUNDS,
        after(account("poor", "liability", floor="0.00")),
        pair("poor", "income"),
    ),
]

# What every command that takes of a limit is too much for.
TOO_TIGHT: list[dict[str, Any]] = [
    {"per": "day", "amount": "0.99"},
    {"per": "month", "amount": "0.00"},
    {"per": "day", "count": 0},
    {"per": "month", "amount": "1000.00", "count": 0},
]

POST = Good(
    Post,
    ledger,
    [],
    {},
    [debit("cash", "1.00"), credit("income", "1.00")],
    [
        fault("journal_not_found", NOT_FOUND, sets(journal="NONE")),
        fault(
            "limit_exceeded",
            LIMITS,
            after(account("limited", "liability"), SetLimit(account="limited", **TOO_TIGHT[0])),
            pair("limited", "income"),
        ),
        fault("entry_not_found", NOT_FOUND, sets(links=[Link(kind="of", entry="nothing")])),
        fault("already_exists", ID_TAKEN, sets(id="g1")),
        FUTURE_DAY,
        LOCKED_DAY,
        *LEG_FAULTS,
    ],
)

CORRECTED: list[Any] = [
    account("from"),
    account("to", "liability", floor="0.00"),
    transfer("from", "to", "5.00", effective_on=LOCKED_ON),
]
ENTRY = nth(3)


CORRECTION_FAULTS = [
    fault("entry_not_found", NOT_FOUND, sets(entry="nothing"), touches="entry"),
    fault("account_frozen", FROZEN, after(FreezeAccount(account="from")), touches="account"),
    fault(
        "already_reversed",
        TERMINAL,
        after_the_first(3, Reverse(entry=ENTRY, reason="duplicate")),
        touches="entry funds",
    ),
    fault(
        "reversal_of_reversal",
        TERMINAL,
        after_the_first(3, Reverse(entry=ENTRY, reason="duplicate")),
        sets(entry=nth(4)),
        touches="entry funds",
    ),
    FUTURE_DAY,
    LOCKED_DAY,
    fault("narrative_required", LEGS, sets(reason="other", narrative=" "), touches="text"),
]

REVERSE = Good(
    Reverse,
    ledger,
    CORRECTED,
    {"entry": ENTRY, "reason": "duplicate"},
    [],
    [
        *CORRECTION_FAULTS,
        fault("not_reversible", TERMINAL, sets(restore_hold=True), touches="entry"),
        fault(
            "insufficient_funds", FUNDS, after(transfer("to", "income", "5.00")), touches="funds"
        ),
    ],
)

ADJUST = Good(
    Adjust,
    ledger,
    CORRECTED,
    {"entry": ENTRY, "reason": "duplicate"},
    [debit("from", "5.00"), credit("to", "5.00")],
    [
        *CORRECTION_FAULTS,
        fault(
            "period_closed",
            PERIOD,
            after(LOCK),
            sets(replacement_effective_on=LOCKED_ON),
            touches="day",
        ),
        fault("effective_in_future", PERIOD, sets(replacement_effective_on=IN_FUTURE)),
        *LEG_FAULTS,
    ],
)

# Authorizations -------------------------------------------------------------------------------

AUTHORIZE = Good(
    Authorize,
    ledger,
    [
        account("payer", "liability", floor="0.00"),
        account("payee", "liability"),
        fund("payer", "10.00"),
    ],
    {"debit": "payer", "credit": "payee", "amount": "10.00", "asset": "USD"},
    [],
    [
        fault("account_not_found", NOT_FOUND, sets(credit="nowhere"), touches="credit"),
        fault("asset_not_found", NOT_FOUND, sets(asset="XAU"), touches="asset"),
        fault("already_exists", ID_TAKEN, sets(id="g1")),
        fault("account_frozen", FROZEN, after(FreezeAccount(account="payer"))),
        fault("account_frozen", FROZEN, after(FreezeAccount(account="payee")), touches="payee"),
        fault("account_closed", CLOSED, after(CloseAccount(account="payee")), touches="payee"),
        fault("account_not_postable", CLOSED, after(AmendAccount(account="payer", postable=False))),
        fault("same_account", LEGS, sets(credit="payer"), touches="credit payee"),
        fault("asset_not_allowed", LEGS, sets(asset="JPY"), touches="asset"),
        fault("amount_not_positive", AMOUNTS, sets(amount="0"), touches="amount"),
        fault("amount_too_fine", AMOUNTS, sets(amount="0.001"), touches="amount"),
        fault("amount_too_large", AMOUNTS, sets(amount=TOO_LARGE), touches="amount"),
        fault("expires_in_past", HOLD, sets(expires_at=NOW)),
        *(
            fault("limit_exceeded", LIMITS, after(SetLimit(account="payer", **bounds)))
            for bounds in TOO_TIGHT
        ),
        fault(
            "limit_exceeded",
            LIMITS,
            after(SetLimit(account="payer", per="authorization", amount="9.99")),
        ),
        fault("insufficient_funds", FUNDS, sets(amount="10.01"), touches="amount"),
    ],
)

HELD: list[Any] = [
    fund("wallet", "100.00"),
    Authorize(
        debit="wallet",
        credit="merchant",
        amount="100.00",
        asset="USD",
        over_settle_percent="50",
        expires_in_seconds=86_400,
    ),
]
HELD_ID = nth(2)
NO_HOLD = fault("authorization_not_found", NOT_FOUND, sets(authorization="nothing"), touches="hold")
ENDED = fault(
    "authorization_closed", TERMINAL, after(Release(authorization=HELD_ID)), touches="end"
)
EXPIRED = fault("authorization_expired", TERMINAL, after(timedelta(days=1)), touches="end")

BY_LAW = fault(
    "account_frozen",
    FROZEN,
    after(FreezeAccount(account="wallet", scope="debits", basis="legal")),
)

SETTLE = Good(
    Settle,
    ledger,
    HELD,
    {"authorization": HELD_ID, "amount": "10.00"},
    [],
    [
        NO_HOLD,
        BY_LAW,
        ENDED,
        EXPIRED,
        FUTURE_DAY,
        LOCKED_DAY,
        fault("amount_not_positive", AMOUNTS, sets(amount="0.00"), touches="amount"),
        fault("amount_too_fine", AMOUNTS, sets(amount="0.001"), touches="amount"),
        fault("amount_too_large", AMOUNTS, sets(amount=TOO_LARGE), touches="amount"),
        fault("over_settlement", HOLD, sets(amount="150.01"), touches="amount"),
        fault(
            "nothing_to_settle",
            HOLD,
            after_the_first(2, Settle(authorization=HELD_ID)),
            sets(amount=None),
            touches="amount",
        ),
        fault(
            "limit_exceeded",
            LIMITS,
            after(SetLimit(account="wallet", per="authorization", amount="100.00")),
            sets(amount="100.01"),
            touches="amount",
        ),
        fault("insufficient_funds", FUNDS, sets(amount="100.01"), touches="amount"),
        fault(
            "insufficient_funds",
            FUNDS,
            after(FreezeAccount(account="wallet", basis="legal", amount="90.01")),
        ),
    ],
)

VOID = Good(
    Void,
    ledger,
    HELD,
    {"authorization": HELD_ID},
    [],
    [
        NO_HOLD,
        ENDED,
        EXPIRED,
        fault(
            "settlement_exists",
            HOLD,
            after_the_first(2, Settle(authorization=HELD_ID, amount="1.00")),
        ),
    ],
)

RELEASE = Good(Release, ledger, HELD, {"authorization": HELD_ID}, [], [NO_HOLD, ENDED, EXPIRED])

ERASE_ENTRY = Good(
    EraseEntryTexts,
    ledger,
    CORRECTED,
    {"entry": ENTRY},
    [],
    [fault("entry_not_found", NOT_FOUND, sets(entry="nothing"))],
)

ERASE_AUTHORIZATION = Good(
    EraseAuthorizationTexts, ledger, HELD, {"authorization": HELD_ID}, [], [NO_HOLD]
)

POSTINGS = [
    POST,
    REVERSE,
    ADJUST,
    AUTHORIZE,
    SETTLE,
    VOID,
    RELEASE,
    ERASE_ENTRY,
    ERASE_AUTHORIZATION,
]
