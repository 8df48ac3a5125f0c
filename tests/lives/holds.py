"""What the model believes of a hold and of an entry: a handful of counters, in cents."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal

from tests.lives.stops import Taken

Code = str | None
"""Of a refusal; None where there is none."""


@dataclass
class Hold:
    """An authorization: counters in cents, and how it was closed."""

    debit: str
    percent: int
    authorized: int
    held: int
    settled: int = 0
    refunded: int = 0
    charged_back: int = 0
    represented: int = 0
    settlements: int = 0
    expires_at: datetime | None = None
    closed_as: str | None = None
    taken: Taken = field(default_factory=dict)

    @property
    def ceiling(self) -> int:
        return int(self.authorized * (1 + Fraction(self.percent, 100)))

    @property
    def returned(self) -> int:
        return self.refunded + self.charged_back - self.represented

    @property
    def status(self) -> str:
        if self.settled:
            return "settled" if self.settled >= self.authorized else "partially_settled"
        if self.closed_as is None:
            return "authorized"
        return "released" if self.closed_as == "final" else self.closed_as

    def closed(self) -> Code:
        if self.closed_as is None:
            return None
        expired = self.closed_as == "expired"
        return "authorization_expired" if expired else "authorization_closed"

    def is_due(self, now: datetime) -> bool:
        return self.closed_as is None and self.expires_at is not None and self.expires_at <= now


@dataclass
class Posted:
    """An entry of two legs; `kind` is what it counts as in its hold, where it counts there.

    `chain` are the entries that correct one another, in order, itself among them.
    """

    debit: str
    credit: str
    amount: int
    hold: str | None = None
    kind: str | None = None
    correction: Literal["reversal", "replacement"] | None = None
    taken_back: bool = False
    chain: list[str] = field(default_factory=list)


COUNTER = {
    "settlement": "settled",
    "refund": "refunded",
    "chargeback": "charged_back",
    "representment": "represented",
}
COUNTERS = ("authorized", *COUNTER.values(), "held", "ceiling")
"""What answers show of a hold in amounts."""
