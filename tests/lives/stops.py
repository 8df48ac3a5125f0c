"""What the model believes of freezes, liens and limits."""

from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

THERE = ZoneInfo("America/New_York")


@dataclass
class Freeze:
    """With an amount it is a lien: it keeps so much, and stops nothing."""

    account: str
    scope: str
    basis: str
    amount: int | None


@dataclass
class Use:
    """What was taken in the period that begins on a day."""

    starts_on: date
    amount: int = 0
    count: int = 0


@dataclass
class Limit:
    account: str
    per: str
    amount: int | None
    count: int | None
    used: dict[date, Use] = field(default_factory=dict)


Taken = dict[str, Use]
"""What one hold took of each limit in the period that it was charged to last."""


@dataclass
class Stops:
    """Freezes and limits by their ids."""

    now: datetime
    freezes: dict[str, Freeze] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)

    # -- freezes

    def stopped(self, account: str, side: str, *, legal: bool = False) -> bool:
        """True where a freeze stops the side; `legal`: one of that basis."""
        return any(
            one.account == account
            and one.amount is None
            and one.scope in ("all", f"{side}s")
            and (one.basis == "legal" or not legal)
            for one in self.freezes.values()
        )

    def liens(self, account: str, *, legal: bool = False) -> int:
        return sum(
            one.amount or 0
            for one in self.freezes.values()
            if one.account == account and (one.basis == "legal" or not legal)
        )

    # -- limits

    def exceeds(self, account: str, amount: int, count: int, total: int | None) -> bool:
        """`total`: what the hold comes to with it, None where there is no hold."""
        for limit in self._of(account):
            used: int | None = None if total is None else total - amount
            if limit.per != "authorization":
                use = self._use(limit)
                used = use.amount
                if limit.count is not None and count and use.count + count > limit.count:
                    return True
            bound = limit.amount
            if bound is not None and used is not None and amount and used + amount > bound:
                return True
        return False

    def charge(self, account: str, amount: int, count: int, taken: Taken) -> None:
        for id, limit in self.limits.items():
            if limit.account != account or limit.per == "authorization":
                continue
            use = self._use(limit)
            use.amount, use.count = use.amount + amount, use.count + count
            mine = taken.get(id)
            if mine is None or mine.starts_on != use.starts_on:
                mine = taken[id] = Use(use.starts_on)
            mine.amount, mine.count = mine.amount + amount, mine.count + count

    def give_back(self, amount: int, taken: Taken) -> None:
        if not amount:
            return
        for id, mine in taken.items():
            left = max(0, mine.amount - amount)
            count = mine.count if left else 0
            if id in self.limits:
                use = self.limits[id].used[mine.starts_on]
                use.amount -= mine.amount - left
                use.count -= mine.count - count
            mine.amount, mine.count = left, count

    def took_before(self, taken: Taken) -> bool:
        """True where something of it was taken in a period that is over."""
        return any(
            mine.amount and mine.starts_on != self._use(self.limits[id]).starts_on
            for id, mine in taken.items()
            if id in self.limits
        )

    def used(self, id: str) -> int:
        """What is taken of a limit in its period of now."""
        return self._use(self.limits[id]).amount

    def rooms(self, account: str) -> list[int]:
        """What the account's limits still let pass."""
        return [
            limit.amount - self._use(limit).amount
            for limit in self._of(account)
            if limit.amount is not None
        ]

    def _of(self, account: str) -> list[Limit]:
        return [limit for limit in self.limits.values() if limit.account == account]

    def _use(self, limit: Limit) -> Use:
        today = self.now.astimezone(THERE).date()
        starts_on = today.replace(day=1) if limit.per == "month" else today
        return limit.used.setdefault(starts_on, Use(starts_on))
