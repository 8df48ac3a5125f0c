"""Commands on periods, and all that can be wrong with each. Today is 31 March; nothing is shut."""

from datetime import date
from typing import Any

from domain.closes import (
    AbandonClose,
    ClosePeriod,
    ConcludeClose,
    FilePeriod,
    ReopenPeriod,
    SoftClosePeriod,
)
from domain.ledgers import LockBooks
from tests.domain.faults import PERIOD, TEXTS, Good, after, fault, sets
from tests.domain.harness import Hand, ledger

ANN = Hand("ann", "controller")
BOB = Hand("bob", "controller")
CONCLUDE: dict[str, Any] = {"period": "2026-01", "position": 9, "digest": "ab" * 32, "entries": []}
CLOSED: list[Any] = [ANN, ClosePeriod(period="2026-01"), ConcludeClose(**CONCLUDE)]
LOCKED = LockBooks(through=date(2026, 2, 10))

PERIODS = [
    Good(
        SoftClosePeriod,
        ledger,
        [ANN],
        {"period": "2026-01"},
        [],
        [
            fault("period_closed", PERIOD, after(SoftClosePeriod(period="2026-01"))),
            fault("period_closed", PERIOD, after(ClosePeriod(period="2026-01"))),
            fault("period_closed", PERIOD, after(LOCKED)),
            fault("close_out_of_order", PERIOD, sets(period="2026-02")),
            fault("effective_in_future", PERIOD, sets(period="2026-04")),
        ],
    ),
    Good(
        ClosePeriod,
        ledger,
        [ANN],
        {"period": "2026-01"},
        [],
        [
            fault("period_closed", PERIOD, after(ClosePeriod(period="2026-01"))),
            fault("period_closed", PERIOD, after(*CLOSED)),
            fault("period_closed", PERIOD, after(LOCKED)),
            fault("close_out_of_order", PERIOD, sets(period="2026-02")),
            fault(
                "close_out_of_order",
                PERIOD,
                after(ClosePeriod(period="2026-01")),
                sets(period="2026-02"),
            ),
            fault("effective_in_future", PERIOD, sets(period="2026-04")),
        ],
    ),
    Good(
        ConcludeClose,
        ledger,
        [ANN, ClosePeriod(period="2026-01")],
        CONCLUDE,
        [],
        [
            fault("close_out_of_order", PERIOD, sets(period="2026-02")),
            fault("close_out_of_order", PERIOD, after(ConcludeClose(**CONCLUDE))),
        ],
    ),
    Good(
        AbandonClose,
        ledger,
        [ANN, ClosePeriod(period="2026-01")],
        {"period": "2026-01", "why": "account_closed", "detail": "It is closed."},
        [],
        [
            fault("close_out_of_order", PERIOD, sets(period="2026-02")),
            fault("close_out_of_order", PERIOD, after(ConcludeClose(**CONCLUDE))),
        ],
    ),
    Good(
        ReopenPeriod,
        ledger,
        CLOSED,
        {"period": "2026-01", "reason": "regulatory"},
        [],
        [
            fault("period_closed", PERIOD, after(LOCKED)),
            fault("close_out_of_order", PERIOD, sets(period="2026-02")),
            fault("close_out_of_order", PERIOD, sets(period="2025-12")),
            fault("close_out_of_order", PERIOD, after(ClosePeriod(period="2026-02"))),
            fault("narrative_required", TEXTS, sets(reason=None)),
            fault("narrative_required", TEXTS, sets(reason="other"), touches="text"),
        ],
    ),
    Good(
        FilePeriod,
        ledger,
        CLOSED,
        {"period": "2026-01"},
        [],
        [
            fault("period_closed", PERIOD, after(LOCKED)),
            fault("close_out_of_order", PERIOD, sets(period="2026-02")),
            fault("close_out_of_order", PERIOD, sets(period="2026-04")),
        ],
    ),
]
