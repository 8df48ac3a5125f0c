"""What the machine of test_lives.py believes: two wallets, a merchant, and the holds between them.

A few dozen lines that know nothing of the service: amounts are whole cents, a hold is a handful of
counters. Each method does what a command should do, or returns the code that should refuse it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

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


@dataclass
class Model:
    """`posted` in cents by account; every account has a floor of zero but `cash`."""

    now: datetime
    merchant: str
    posted: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    movements: dict[str, Movement] = field(default_factory=dict)
    reversals: list[str] = field(default_factory=list)

    def pending(self, account: str) -> int:
        return sum(hold.held for hold in self.holds.values() if hold.debit == account)

    def free(self, account: str) -> int:
        return self.posted[account] - self.pending(account)

    # -- time

    def expire(self, id: str) -> None:
        """Whoever acts on a hold has its expiry recorded first."""
        hold = self.holds[id]
        due = hold.expires_at is not None and hold.expires_at <= self.now
        if hold.closed_as is None and due:
            hold.closed_as, hold.held = "expired", 0

    def find(self, account: str, amount: int) -> Code:
        """Looks for funds; holds on the account that are due give way until there are enough."""
        while amount > 0 and self.free(account) < amount:
            due = [
                (hold.expires_at, id)
                for id, hold in self.holds.items()
                if account in (hold.debit, self.merchant)
                and hold.closed_as is None
                and hold.expires_at is not None
                and hold.expires_at <= self.now
            ]
            if not due:
                return "insufficient_funds"
            self.expire(min(due)[1])
        return None

    # -- what moves without a hold

    def transfer(self, wallet: str, amount: int) -> Code:
        if code := self.find(wallet, amount):
            return code
        self.move(wallet, self.merchant, amount)
        return None

    def move(self, debit: str, credit: str, amount: int) -> None:
        self.posted[debit] -= amount
        self.posted[credit] += amount

    # -- holds

    def authorize(self, wallet: str, amount: int) -> Code:
        return self.find(wallet, amount)

    def increment(self, id: str, amount: int) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if code := hold.closed():
            return code
        room = max(hold.held, hold.authorized + amount - hold.settled)
        grown = min(hold.held + amount, room)
        if code := self.find(hold.debit, grown - hold.held):
            return code
        hold.authorized += amount
        hold.held = grown
        return None

    def reduce(self, id: str, amount: int) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if code := hold.closed():
            return code
        if amount > max(0, hold.authorized - hold.settled):
            return "reduction_too_large"
        hold.authorized -= amount
        hold.held = max(0, hold.held - amount)
        if hold.authorized == 0:
            hold.closed_as = "released" if hold.settlements else "voided"
        return None

    def settle(self, id: str, amount: int | None, *, final: bool) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if code := hold.closed():
            return code
        if amount is None:
            amount = hold.held
            if amount == 0:
                return "nothing_to_settle"
        if amount > hold.ceiling - hold.settled:
            return "over_settlement"
        if code := self.find(hold.debit, amount - hold.held):
            return code
        self.settled(hold, amount)
        if final:
            hold.closed_as, hold.held = "final", 0
        return None

    def settled(self, hold: Hold, amount: int) -> None:
        hold.held -= min(amount, hold.held)
        hold.settled += amount
        hold.settlements += 1
        self.move(hold.debit, self.merchant, amount)

    def end(self, id: str, verb: str) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if code := hold.closed():
            return code
        if verb == "void" and hold.settlements:
            return "settlement_exists"
        hold.closed_as, hold.held = {"void": "voided", "release": "released"}[verb], 0
        return None

    # -- what goes back

    def give_back(self, id: str, verb: str, amount: int) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if not hold.settled:
            return "nothing_settled"
        left = hold.settled - hold.returned
        if verb == "representment":
            left = hold.charged_back - hold.represented
        if amount > left:
            return "refund_too_large"
        debit, credit = self.merchant, hold.debit
        if verb == "representment":
            debit, credit = credit, debit
        if code := self.find(debit, amount):
            return code
        self.move(debit, credit, amount)
        setattr(hold, COUNTER[verb], getattr(hold, COUNTER[verb]) + amount)
        return None

    def take_back(self, entry: str, *, restore: bool) -> Code:
        movement = self.movements[entry]
        hold = self.holds[movement.hold]
        self.expire(movement.hold)
        if movement.reversed:
            return "already_reversed"
        if restore:
            if movement.kind != "settlement":
                return "not_reversible"
            if code := hold.closed():
                return code
        counter = COUNTER[movement.kind]
        after = {
            name: getattr(hold, name) - (movement.amount if name == counter else 0)
            for name in COUNTER.values()
        }
        returned = after["refunded"] + after["charged_back"] - after["represented"]
        if returned > after["settled"] or after["represented"] > after["charged_back"]:
            return "not_reversible"
        debit, credit = self.merchant, hold.debit
        if movement.kind in ("refund", "chargeback"):
            debit, credit = credit, debit
        if code := self.find(debit, movement.amount):
            return code
        self.move(debit, credit, movement.amount)
        setattr(hold, counter, after[counter])
        if restore:
            room = max(0, hold.authorized - hold.settled - hold.held)
            hold.held += min(movement.amount, room)
        movement.reversed = True
        return None

    # -- what is never refused

    def force(self, id: str, amount: int) -> list[str]:
        """Settles, and returns what stood in the way."""
        self.expire(id)
        hold = self.holds[id]
        passed = []
        if hold.closed_as is not None:
            passed.append("late")
        if hold.settled + amount > hold.ceiling:
            passed.append("over_ceiling")
        beyond = amount - min(amount, hold.held)
        if beyond and self.free(hold.debit) < beyond:
            passed.append("below_floor")
        self.settled(hold, amount)
        return passed

    def force_unmatched(self, id: str, wallet: str, amount: int) -> list[str]:
        """Makes a hold of its own, closed from the start."""
        hold = self.holds[id] = Hold(wallet, 0, 0, 0, closed_as="final")
        passed = ["unmatched"]
        if self.free(wallet) < amount:
            passed.append("below_floor")
        self.settled(hold, amount)
        return passed
