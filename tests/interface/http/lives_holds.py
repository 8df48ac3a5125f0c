"""What the machine of test_lives.py believes of a hold: a handful of counters, in cents."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from tests.interface.http.lives_stops import Taken

Code = str | None


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


@dataclass
class Movement:
    """An entry of a hold, and whether it was taken back."""

    hold: str
    kind: str
    amount: int
    reversed: bool = False


COUNTER = {
    "settlement": "settled",
    "refund": "refunded",
    "chargeback": "charged_back",
    "representment": "represented",
}
