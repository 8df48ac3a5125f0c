"""What the machine of test_lives.py believes: two wallets, a merchant, and the holds between them.

It knows nothing of the service: amounts are whole cents. Each method does what a command should do,
or returns the code that should refuse it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tests.interface.http.lives_holds import COUNTER, Code, Hold, Movement
from tests.interface.http.lives_stops import Stops


@dataclass
class Model:
    """`posted` in cents by account; every account has a floor of zero but `cash`."""

    merchant: str
    stops: Stops
    posted: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    movements: dict[str, Movement] = field(default_factory=dict)
    reversals: list[str] = field(default_factory=list)

    def pending(self, account: str) -> int:
        return sum(hold.held for hold in self.holds.values() if hold.debit == account)

    def free(self, account: str) -> int:
        return self.posted[account] - self.pending(account) - self.stops.liens(account)

    @property
    def now(self) -> datetime:
        return self.stops.now

    # -- time

    def expire(self, id: str) -> None:
        """Whoever acts on a hold has its expiry recorded first."""
        hold = self.holds[id]
        due = hold.expires_at is not None and hold.expires_at <= self.now
        if hold.closed_as is None and due:
            self.free_hold(hold, hold.held)
            hold.closed_as = "expired"

    def free_hold(self, hold: Hold, amount: int) -> None:
        """Gives a part of a hold back, to the limits too."""
        hold.held -= amount
        self.stops.give_back(amount, hold.taken)

    def judge(self, account: str, judged: Callable[[], Code]) -> Code:
        """Holds on the account that are due give way, one by one, until nothing is short."""
        while code := judged():
            due = [
                (hold.expires_at, id)
                for id, hold in self.holds.items()
                if account in (hold.debit, self.merchant)
                and hold.closed_as is None
                and hold.expires_at is not None
                and hold.expires_at <= self.now
            ]
            if not due:
                return code
            self.expire(min(due)[1])
        return None

    def find(self, account: str, amount: int) -> Code:
        """Looks for funds."""
        return self.judge(account, lambda: self.short(account, amount))

    def short(self, account: str, amount: int) -> Code:
        return "insufficient_funds" if amount > 0 and self.free(account) < amount else None

    def take(self, wallet: str, amount: int, total: int | None) -> Code:
        """Looks for limits and funds of what was not held before."""
        return self.judge(
            wallet,
            lambda: (
                "limit_exceeded"
                if self.stops.exceeds(wallet, amount, 1, total)
                else self.short(wallet, amount)
            ),
        )

    # -- what moves without a hold

    def fund(self, wallet: str, amount: int) -> Code:
        if self.stops.stopped(wallet, "credit"):
            return "account_frozen"
        self.posted[wallet] += amount
        return None

    def transfer(self, wallet: str, amount: int) -> Code:
        if self.stops.stopped(wallet, "debit"):
            return "account_frozen"
        if code := self.take(wallet, amount, None):
            return code
        self.stops.charge(wallet, amount, 1, {})
        self.move(wallet, self.merchant, amount)
        return None

    def move(self, debit: str, credit: str, amount: int) -> None:
        self.posted[debit] -= amount
        self.posted[credit] += amount

    # -- holds

    def authorize(self, wallet: str, amount: int) -> Code:
        if self.stops.stopped(wallet, "debit"):
            return "account_frozen"
        return self.take(wallet, amount, amount)

    def authorized(self, id: str, hold: Hold) -> None:
        self.holds[id] = hold
        self.stops.charge(hold.debit, hold.held, 1, hold.taken)

    def increment(self, id: str, amount: int) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if self.stops.stopped(hold.debit, "debit"):
            return "account_frozen"
        if code := hold.closed():
            return code
        room = max(hold.held, hold.authorized + amount - hold.settled)
        grown = min(hold.held + amount, room)
        total = max(hold.authorized + amount, hold.settled + grown)
        if code := self.take(hold.debit, grown - hold.held, total):
            return code
        self.stops.charge(hold.debit, grown - hold.held, 1, hold.taken)
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
        self.free_hold(hold, min(hold.held, amount))
        if hold.authorized == 0:
            hold.closed_as = "released" if hold.settlements else "voided"
        return None

    def settle(self, id: str, amount: int | None, *, final: bool) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if self.stops.stopped(hold.debit, "debit", legal=True):
            return "account_frozen"
        if code := hold.closed():
            return code
        if amount is None:
            amount = hold.held
            if amount == 0:
                return "nothing_to_settle"
        if amount > hold.ceiling - hold.settled:
            return "over_settlement"
        beyond = amount - min(amount, hold.held)
        if beyond and self.stops.stopped(hold.debit, "debit"):
            return "account_frozen"
        total = max(hold.settled + amount, hold.authorized)
        asked = amount
        if code := self.judge(hold.debit, lambda: self.too_much(hold, asked, beyond, total)):
            return code
        self.settled(hold, amount)
        if final:
            self.free_hold(hold, hold.held)
            hold.closed_as = "final"
        return None

    def too_much(self, hold: Hold, amount: int, beyond: int, total: int) -> Code:
        """What goes beyond the hold asks limits and funds; all of it a legal lien."""
        wallet = hold.debit
        if beyond and self.stops.exceeds(wallet, beyond, 0, total):
            return "limit_exceeded"
        if self.short(wallet, beyond) or self.kept(wallet, amount):
            return "insufficient_funds"
        return None

    def kept(self, wallet: str, amount: int) -> bool:
        """True where a legal lien keeps some of it."""
        liens = self.stops.liens(wallet, legal=True)
        return liens > 0 and self.posted[wallet] - liens < amount

    def settled(self, hold: Hold, amount: int) -> None:
        beyond = amount - min(amount, hold.held)
        if beyond:
            self.stops.charge(hold.debit, beyond, 0, hold.taken)
        hold.held -= amount - beyond
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
        self.free_hold(hold, hold.held)
        hold.closed_as = {"void": "voided", "release": "released"}[verb]
        return None

    # -- what goes back

    def give_back(self, id: str, verb: str, amount: int) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if self.stops.stopped(hold.debit, "debit" if verb == "representment" else "credit"):
            return "account_frozen"
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
        back = movement.kind in ("settlement", "representment")
        if self.stops.stopped(hold.debit, "credit" if back else "debit"):
            return "account_frozen"
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

    def take_a_reversal_back(self, reversed: str) -> Code:
        """Nothing takes it back; but a freeze is told first."""
        movement = self.movements[reversed]
        self.expire(movement.hold)
        out = movement.kind in ("settlement", "representment")
        stopped = self.stops.stopped(self.holds[movement.hold].debit, "debit" if out else "credit")
        return "account_frozen" if stopped else "reversal_of_reversal"

    # -- what is hardly ever refused

    def force(self, id: str, amount: int) -> tuple[Code, list[str]]:
        """Settles, and returns what stood in the way; only a legal freeze can't be passed."""
        self.expire(id)
        hold = self.holds[id]
        passed = []
        if hold.closed_as is not None:
            passed.append("late")
        if hold.settled + amount > hold.ceiling:
            passed.append("over_ceiling")
        return self.forced(hold, amount, passed)

    def force_unmatched(self, id: str, wallet: str, amount: int) -> tuple[Code, list[str]]:
        """Makes a hold of its own, closed from the start."""
        hold = Hold(wallet, 0, 0, 0, closed_as="final")
        code, passed = self.forced(hold, amount, ["unmatched"])
        if code is None:
            self.holds[id] = hold
        return code, passed

    def forced(self, hold: Hold, amount: int, passed: list[str]) -> tuple[Code, list[str]]:
        wallet = hold.debit
        beyond = amount - min(amount, hold.held)
        if self.stops.stopped(wallet, "debit", legal=True):
            return "account_frozen", []
        if self.short(wallet, beyond) or self.kept(wallet, amount):
            passed.append("below_floor")
        if beyond and self.stops.stopped(wallet, "debit"):
            passed.append("account_frozen")
        total = max(hold.settled + amount, hold.authorized)
        if beyond and self.stops.exceeds(wallet, beyond, 0, total):
            passed.append("limit_exceeded")
        self.settled(hold, amount)
        return None, passed
