"""What holds do, as the model has it: two wallets, a merchant, and the holds between them.

It knows nothing of the service: amounts are whole cents. Each method does what a command should do,
or returns the code that should refuse it.
"""

from dataclasses import dataclass, field

from tests.lives.funds import Funds, Short
from tests.lives.holds import Code, Hold


@dataclass
class Holding(Funds):
    """`references` are those of a network that were settled, `passed` what the last mandatory
    settlement passed by."""

    references: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    # -- what moves without a hold

    def fund(self, cash: str, wallet: str, amount: int) -> Code:
        if self.stops.stopped(wallet, "credit"):
            return "account_frozen"
        if code := self.judge():
            return code
        self.move(cash, wallet, amount)
        return None

    def transfer(self, wallet: str, amount: int) -> Code:
        if self.stops.stopped(wallet, "debit"):
            return "account_frozen"
        if code := self.take(wallet, amount, None):
            return code
        self.stops.charge(wallet, amount, 1, {})
        self.move(wallet, self.merchant, amount)
        return None

    def pay_out(self, cash: str, amount: int) -> Code:
        if code := self.judge(lambda: self.short(self.merchant, amount)):
            return code
        self.move(self.merchant, cash, amount)
        return None

    # -- holds

    def authorize(self, id: str, hold: Hold) -> Code:
        if id in self.holds:
            return "already_exists"
        if self.stops.stopped(hold.debit, "debit"):
            return "account_frozen"
        if hold.expires_at is not None and hold.expires_at <= self.now:
            return "expires_in_past"
        if code := self.take(hold.debit, hold.held, hold.held):
            return code
        self.holds[id] = hold
        self.stops.charge(hold.debit, hold.held, 1, hold.taken)
        self.touch(hold.debit, self.merchant)
        return None

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
        self.touch(hold.debit, self.merchant)
        return None

    def reduce(self, id: str, amount: int) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if code := hold.closed():
            return code
        if amount > max(0, hold.authorized - hold.settled):
            return "reduction_too_large"
        if code := self.judge():
            return code
        hold.authorized -= amount
        self.free_hold(hold, min(hold.held, amount))
        if hold.authorized == 0:
            hold.closed_as = "released" if hold.settlements else "voided"
        self.touch(hold.debit, self.merchant)
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
        if code := self.judge(lambda: self.too_much(hold, asked, beyond, total)):
            return code
        self.settled(hold, amount)
        if final:
            self.free_hold(hold, hold.held)
            hold.closed_as = "final"
        return None

    def too_much(self, hold: Hold, amount: int, beyond: int, total: int) -> Short:
        """What goes beyond the hold asks limits and funds; all of it a legal lien."""
        wallet = hold.debit
        if beyond and self.stops.exceeds(wallet, beyond, 0, total):
            return wallet, "limit_exceeded"
        if self.short(wallet, beyond) or self.kept(wallet, amount):
            return wallet, "insufficient_funds"
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
        self.touch(hold.debit, self.merchant)

    def end(self, id: str, verb: str) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if code := hold.closed():
            return code
        if verb == "void" and hold.settlements:
            return "settlement_exists"
        if code := self.judge():
            return code
        self.free_hold(hold, hold.held)
        hold.closed_as = {"void": "voided", "release": "released"}[verb]
        self.touch(hold.debit, self.merchant)
        return None

    # -- what is hardly ever refused

    def force(self, id: str, amount: int) -> Code:
        """Settles; only a legal freeze can't be passed."""
        self.expire(id)
        hold = self.holds[id]
        passed = []
        if hold.closed_as is not None:
            passed.append("late")
        if hold.settled + amount > hold.ceiling:
            passed.append("over_ceiling")
        return self.forced(hold, amount, passed)

    def force_unmatched(self, reference: str, wallet: str, amount: int) -> Code:
        """Makes a hold of its own, closed from the start, known by the reference until its id is.
        What was settled under a reference is not settled again."""
        if reference in self.references:
            return "already_exists"
        hold = Hold(wallet, 0, 0, 0, closed_as="final")
        code = self.forced(hold, amount, ["unmatched"])
        if code is None:
            self.holds[reference] = hold
            self.references.append(reference)
        return code

    def forced(self, hold: Hold, amount: int, passed: list[str]) -> Code:
        wallet = hold.debit
        beyond = amount - min(amount, hold.held)
        if self.stops.stopped(wallet, "debit", legal=True):
            return "account_frozen"
        if code := self.judge():
            return code
        if self.short(wallet, beyond) or self.kept(wallet, amount):
            passed.append("below_floor")
        if beyond and self.stops.stopped(wallet, "debit"):
            passed.append("account_frozen")
        total = max(hold.settled + amount, hold.authorized)
        if beyond and self.stops.exceeds(wallet, beyond, 0, total):
            passed.append("limit_exceeded")
        self.passed = passed
        self.settled(hold, amount)
        return None
