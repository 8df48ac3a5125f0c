"""What the machine believes of a ledger; here of what goes back, and of corrections."""

from dataclasses import dataclass, field

from tests.lives.funds import Short
from tests.lives.holding import Holding
from tests.lives.holds import COUNTER, Code, Hold, Posted


@dataclass
class Model(Holding):
    """`entries` by their ids; `ids` are those of holds, in the order in which they were made."""

    entries: dict[str, Posted] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)

    def give_back(self, id: str, verb: str, amount: int) -> Code:
        self.expire(id)
        hold = self.holds[id]
        if self.stops.stopped(hold.debit, "debit" if verb == "representment" else "credit"):
            return "account_frozen"
        if verb == "representment" and not hold.charged_back and (code := hold.closed()):
            return code
        if not hold.settled:
            return "nothing_settled"
        left = hold.settled - hold.returned
        if verb == "representment":
            left = hold.charged_back - hold.represented
        if amount > left:
            return "refund_too_large"
        debit, credit = self.sides(hold, verb)
        if code := self.judge(lambda: self.short(debit, amount)):
            return code
        self.move(debit, credit, amount)
        self.touch(hold.debit, self.merchant)
        setattr(hold, COUNTER[verb], getattr(hold, COUNTER[verb]) + amount)
        return None

    def sides(self, hold: Hold, kind: str) -> tuple[str, str]:
        """Who is debited and who is credited."""
        if kind in ("refund", "chargeback"):
            return self.merchant, hold.debit
        return hold.debit, self.merchant

    def take_back(self, entry: str, *, restore: bool) -> Code:
        """Reverses it; `restore`: what was settled is held again."""
        old = self.entries[entry]
        self.expire(old.hold)
        if self.stopped((old.debit, "credit"), (old.credit, "debit")):
            return "account_frozen"
        if code := self.corrected_once(old):
            return code
        hold = self.holds[old.hold] if old.hold else None
        if restore:
            if hold is None or old.kind != "settlement":
                return "not_reversible"
            if code := hold.closed():
                return code
        if code := self.recounted(old, None):
            return code
        restored = 0
        if hold is not None and restore:
            restored = min(
                old.amount, max(0, hold.authorized - hold.settled + old.amount - hold.held)
            )
        # An entry that was put right may stand on another wallet than the hold does.
        held = {} if hold is None else {hold.debit: -restored}
        moved = [(old.credit, old.debit, old.amount)]
        if code := self.judge(lambda: self.net_short(moved, held)):
            return code
        self.move(old.credit, old.debit, old.amount)
        self.recount(old, 0, restored)
        return None

    def put_right(self, entry: str, debit: str, credit: str, amount: int) -> Code:
        """Adjusts it: this stands in its place."""
        old = self.entries[entry]
        self.expire(old.hold)
        taken = [(old.debit, "credit"), (old.credit, "debit")]
        if self.stopped(*taken, (debit, "debit"), (credit, "credit")):
            return "account_frozen"
        if code := self.corrected_once(old):
            return code
        if code := self.recounted(old, amount):
            return code
        moved = [(old.credit, old.debit, old.amount), (debit, credit, amount)]
        if code := self.judge(lambda: self.net_short(moved, self.freed(old, amount))):
            return code
        for one in moved:
            self.move(*one)
        self.recount(old, amount, 0)
        return None

    def corrected_once(self, old: Posted) -> Code:
        if old.taken_back:
            return "already_reversed"
        return "reversal_of_reversal" if old.correction == "reversal" else None

    def recounted(self, old: Posted, amount: int | None) -> Code:
        """What the hold says to an entry that counts no more, or by another amount."""
        if old.hold is None or old.kind is None:
            return None
        hold, change = self.holds[old.hold], (amount or 0) - old.amount
        after = {name: getattr(hold, name) for name in COUNTER.values()}
        after[COUNTER[old.kind]] += change
        if old.kind == "settlement" and change > 0 and after["settled"] > hold.ceiling:
            return "over_settlement"
        returned = after["refunded"] + after["charged_back"] - after["represented"]
        if returned > after["settled"] or after["represented"] > after["charged_back"]:
            return "refund_too_large" if change > 0 else "not_reversible"
        return None

    def freed(self, old: Posted, amount: int) -> dict[str, int]:
        """What a larger settlement takes out of its hold, by the account that is held."""
        if old.hold is None or old.kind != "settlement":
            return {}
        hold = self.holds[old.hold]
        room = max(0, hold.authorized - hold.settled + old.amount - amount)
        return {hold.debit: hold.held - min(hold.held, room)}

    def net_short(
        self, moved: list[tuple[str, str, int]], freed: dict[str, int] | None = None
    ) -> Short:
        """Judges what all of it together does to each account."""
        net: dict[str, int] = {}
        for debit, credit, amount in moved:
            # As the legs stand: a reversal's are those of what it reverses.
            sides = [(debit, -amount), (credit, amount)]
            for account, change in reversed(sides) if not net else sides:
                net[account] = net.get(account, 0) + change
        for account, change in (freed or {}).items():
            net[account] = net.get(account, 0) + change
        for account, change in net.items():
            if short := self.short(account, -change):
                return short
        return None

    def recount(self, old: Posted, amount: int, restored: int) -> None:
        """What becomes of the hold."""
        old.taken_back = True
        if old.hold is None or old.kind is None:
            return
        hold = self.holds[old.hold]
        name = COUNTER[old.kind]
        setattr(hold, name, getattr(hold, name) + amount - old.amount)
        if old.kind == "settlement":
            hold.held = min(hold.held + restored, max(0, hold.authorized - hold.settled))
        self.touch(hold.debit, self.merchant)
