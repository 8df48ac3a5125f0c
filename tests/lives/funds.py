"""What the model believes of money, time and conditions, whatever the command."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tests.lives.holds import Code, Hold
from tests.lives.stops import Stops

Short = tuple[str, str] | None
"""The account that a refusal is about, and its code."""

COMPARED: dict[str, Callable[[int, int], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "lte": operator.le,
    "lt": operator.lt,
}


class Want(NamedTuple):
    """A condition: `what` of an account is `available`, `posted` or `version`."""

    account: str
    what: str
    comparison: str
    asked: int


@dataclass
class Funds:
    """`posted` in cents by account; every account has a floor of zero but `cash`.

    `versions` counts the events that touched an account, `wants` are the conditions of the command
    that is judged.
    """

    merchant: str
    stops: Stops
    posted: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    wants: Sequence[Want] = ()

    def pending(self, account: str) -> int:
        return sum(hold.held for hold in self.holds.values() if hold.debit == account)

    def free(self, account: str) -> int:
        return self.posted[account] - self.pending(account) - self.stops.liens(account)

    @property
    def now(self) -> datetime:
        return self.stops.now

    def touch(self, *accounts: str) -> None:
        """An event touches each of them."""
        for account in accounts:
            self.versions[account] += 1

    def move(self, debit: str, credit: str, amount: int) -> None:
        """An entry; `cash` is looked at by nobody."""
        self.touch(debit, credit)
        if debit in self.posted:
            self.posted[debit] -= amount
        if credit in self.posted:
            self.posted[credit] += amount

    # -- time

    def expire(self, id: str | None) -> bool:
        """Whoever acts on a hold has its expiry recorded first."""
        hold = None if id is None else self.holds.get(id)
        if hold is None or not hold.is_due(self.now):
            return False
        self.free_hold(hold, hold.held)
        hold.closed_as = "expired"
        self.touch(hold.debit, self.merchant)
        return True

    def free_hold(self, hold: Hold, amount: int) -> None:
        """Gives a part of a hold back, to the limits too."""
        hold.held -= amount
        self.stops.give_back(amount, hold.taken)

    # -- what is told last: conditions, then limits and funds

    def judge(self, judged: Callable[[], Short] = lambda: None) -> Code:
        """Holds on the account that is short are expired, one by one, until nothing is."""
        while short := self.unmet() or judged():
            account, code = short
            due = [
                (hold.expires_at, id)
                for id, hold in self.holds.items()
                if account in (hold.debit, self.merchant) and hold.is_due(self.now)
            ]
            if not due:
                return code
            self.expire(min(due)[1])
        return None

    def unmet(self) -> Short:
        for want in self.wants:
            if not COMPARED[want.comparison](self.found(want.account, want.what), want.asked):
                return want.account, "condition_failed"
        return None

    def found(self, account: str, what: str) -> int:
        """What a condition is compared with."""
        if what == "version":
            return self.versions[account]
        return self.posted[account] if what == "posted" else self.free(account)

    def short(self, account: str, amount: int) -> Short:
        """True where so much is not there to be given."""
        if amount > 0 and account in self.posted and self.free(account) < amount:
            return account, "insufficient_funds"
        return None

    def exceeds(self, account: str, amount: int, count: int, total: int | None) -> Short:
        if self.stops.exceeds(account, amount, count, total):
            return account, "limit_exceeded"
        return None

    def take(self, wallet: str, amount: int, total: int | None) -> Code:
        """Looks for limits and funds of what was not held before."""
        return self.judge(
            lambda: self.exceeds(wallet, amount, 1, total) or self.short(wallet, amount)
        )

    def stopped(self, *sides: tuple[str, str]) -> bool:
        """True where a freeze stops one of these (account, side)."""
        return any(self.stops.stopped(account, side) for account, side in sides)
