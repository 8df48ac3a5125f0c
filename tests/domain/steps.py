"""Random commands of a back office, for properties: most of them sensible, some of them not.

A step names things by small numbers (an account, one of the last holds), so that a failing example
can be read and shrinks well. `Names` says what they are called in one run: entries and holds have
ids of the client's, so that whole batches can be made before any of it is decided.
"""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from hypothesis import Phase
from hypothesis import strategies as st

from domain.accounts import Basis, OpenAccount, Per, Scope, Side
from domain.amendments import AmendAccount
from domain.assets import RegisterAsset
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Release, Void
from domain.holds import Network
from domain.increments import Increment, Reduce
from domain.ledgers import LockBooks
from domain.legs import LegAsked
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Chargeback, Refund, Representment

ACCOUNTS: list[dict[str, Any]] = [
    {"type": "asset", "asset": "USD"},
    {"type": "liability", "asset": "USD", "floor": "0.00"},
    {"type": "liability", "asset": "USD", "floor": "-5.00"},
    {"type": "asset", "asset": "USD", "floor": "0.00"},
    {"type": "asset", "asset": "USD", "contra": True},
    {"type": "revenue"},
    {"type": "equity", "purpose": "conversion"},
]
ANY, CONVERSION = 5, 6
"""The two accounts that take any asset."""

ASSETS: list[Command] = [
    RegisterAsset(code="EUR"),
    RegisterAsset(code="UNIT", scale=0, kind="unit"),
    RegisterAsset(code="FINE", scale=12),
]


Change = Literal["freeze", "unfreeze", "floor", "group", "ungroup"]


class Names:
    """What things are called in one run, and which holds and entries it has asked for so far."""

    def __init__(self, run: int, today: date, made: Callable[[int], str] | None = None) -> None:
        self.run = run
        self.today = today
        self.made = made
        self.holds: list[str] = []
        self.entries: list[str] = []
        self.freezes: list[tuple[str, str | None]] = []

    def account(self, number: int) -> str:
        return f"r{self.run}:a{number}"

    def id(self, n: int) -> str:
        return str(UUID(int=(self.run << 64) + n, version=4))

    def new_hold(self, n: int) -> str:
        self.holds.append(self.id(n))
        return self.holds[-1]

    def new_entry(self, n: int) -> str:
        self.entries.append(self.id(n))
        return self.entries[-1]

    def new_movement(self, n: int) -> None:
        """Where a run knows the ids of entries that verbs post, they can be corrected too."""
        if self.made is not None:
            self.entries.append(self.made(n))

    def new_freeze(self, n: int, account: str) -> None:
        """Where a run knows the ids of freezes, each can be lifted among several."""
        self.freezes.append((account, None if self.made is None else self.made(n)))

    def last_freeze(self, back: int) -> tuple[str, str | None]:
        """The account and id of one of the last freezes."""
        if not self.freezes:
            return self.account(0), None
        return self.freezes[-1 - back % len(self.freezes)]

    def last_hold(self, back: int) -> str:
        """One of the last holds, or where there is none an id that nothing has."""
        return self.holds[-1 - back % len(self.holds)] if self.holds else self.id(0)

    def last_entry(self, back: int) -> str:
        """One of the last entries, or where there is none an id that nothing has."""
        return self.entries[-1 - back % len(self.entries)] if self.entries else self.id(0)

    def day(self, days_ago: int | None) -> date | None:
        return None if days_ago is None else self.today - timedelta(days=days_ago)

    def leg(
        self, account: int, side: Side, amount: str, asset: str = "USD", **more: Any
    ) -> LegAsked:
        return LegAsked(
            account=self.account(account), side=side, amount=amount, asset=asset, **more
        )

    def chart(self) -> list[Command]:
        """Opens the run's accounts."""
        return [
            OpenAccount(code=self.account(number), name=str(number), **more)
            for number, more in enumerate(ACCOUNTS)
        ]


class Step(Protocol):
    def command(self, names: Names, n: int) -> Command:
        """Makes the n-th command of a run."""


class PostLegs(NamedTuple):
    """Legs in pairs; `spoiled` adds one more, so that they do not balance."""

    pairs: list[tuple[int, int, str]]
    days_ago: int | None
    spoiled: bool

    def command(self, names: Names, n: int) -> Command:
        legs = [names.leg(debited, "debit", amount) for debited, _, amount in self.pairs]
        legs += [names.leg(credited, "credit", amount) for _, credited, amount in self.pairs]
        if self.spoiled:
            legs.append(names.leg(0, "debit", "0.01"))
        return Post(id=names.new_entry(n), legs=legs, effective_on=names.day(self.days_ago))


class PostPlain(NamedTuple):
    """Two legs and nothing optional: what nearly all entries are."""

    debited: int
    credited: int
    amount: str
    days_ago: int | None

    def command(self, names: Names, n: int) -> Command:
        legs = [
            names.leg(self.debited, "debit", self.amount),
            names.leg(self.credited, "credit", self.amount),
        ]
        return Post(legs=legs, effective_on=names.day(self.days_ago))


class Convert(NamedTuple):
    """Another asset, valued in both legs, now and then differently; `paid` in dollars."""

    asset: str
    amount: int
    value: str
    other_value: str | None
    paid: bool

    def command(self, names: Names, n: int) -> Command:
        amount, value = str(self.amount), self.value
        other = self.other_value or value
        legs = [
            names.leg(ANY, "debit", amount, self.asset, functional_amount=value),
            names.leg(CONVERSION, "credit", amount, self.asset, functional_amount=other),
        ]
        if self.paid:
            legs += [names.leg(CONVERSION, "debit", value), names.leg(0, "credit", value)]
        return Post(id=names.new_entry(n), legs=legs)


class Hold(NamedTuple):
    debited: int
    credited: int
    amount: str
    percent: str | None
    seconds: int | None

    def command(self, names: Names, n: int) -> Command:
        return Authorize(
            id=names.new_hold(n),
            debit=names.account(self.debited),
            credit=names.account(self.credited),
            amount=self.amount,
            asset="USD",
            over_settle_percent=self.percent,
            expires_in_seconds=self.seconds,
        )


class SettleHold(NamedTuple):
    back: int
    amount: str | None
    final: bool | None

    def command(self, names: Names, n: int) -> Command:
        names.new_movement(n)
        return Settle(
            authorization=names.last_hold(self.back), amount=self.amount, final=self.final
        )


class ResizeHold(NamedTuple):
    back: int
    amount: str
    grows: bool

    def command(self, names: Names, n: int) -> Command:
        hold = names.last_hold(self.back)
        if self.grows:
            return Increment(authorization=hold, amount=self.amount)
        return Reduce(authorization=hold, amount=self.amount)


class Force(NamedTuple):
    """A mandatory settlement, of a hold or of none."""

    back: int | None
    debited: int
    credited: int
    amount: str
    days_ago: int | None

    def command(self, names: Names, n: int) -> Command:
        names.new_movement(n)
        if self.back is not None:
            return SettleMandatory(
                authorization=names.last_hold(self.back),
                amount=self.amount,
                effective_on=names.day(self.days_ago),
                reason="feed_down",
            )
        return SettleMandatory(
            debit=names.account(self.debited),
            credit=names.account(self.credited),
            asset="USD",
            amount=self.amount,
            effective_on=names.day(self.days_ago),
            network=Network(reference=f"{names.run}-{n // 3}"),
            reason="feed_down",
        )


class GiveBack(NamedTuple):
    back: int
    verb: Literal["refund", "chargeback", "representment"]
    amount: str

    def command(self, names: Names, n: int) -> Command:
        names.new_movement(n)
        hold = names.last_hold(self.back)
        if self.verb == "refund":
            return Refund(authorization=hold, amount=self.amount, reason="counterparty")
        if self.verb == "chargeback":
            return Chargeback(authorization=hold, amount=self.amount, reason="counterparty")
        return Representment(authorization=hold, amount=self.amount, reason="counterparty")


class EndHold(NamedTuple):
    back: int
    verb: Literal["void", "release"]

    def command(self, names: Names, n: int) -> Command:
        hold = names.last_hold(self.back)
        return Void(authorization=hold) if self.verb == "void" else Release(authorization=hold)


class TakeBack(NamedTuple):
    back: int
    days_ago: int | None
    restores: bool | None

    def command(self, names: Names, n: int) -> Command:
        return Reverse(
            entry=names.last_entry(self.back),
            reason="duplicate",
            effective_on=names.day(self.days_ago),
            restore_hold=self.restores,
        )


class PutRight(NamedTuple):
    back: int
    debited: int
    credited: int
    amount: str

    def command(self, names: Names, n: int) -> Command:
        legs = [
            names.leg(self.debited, "debit", self.amount),
            names.leg(self.credited, "credit", self.amount),
        ]
        return Adjust(entry=names.last_entry(self.back), reason="wrong_amount", legs=legs)


class ChangeAccount(NamedTuple):
    account: int
    change: Change

    def command(self, names: Names, n: int) -> Command:
        account = names.account(self.account)
        if self.change == "freeze":
            return FreezeAccount(account=account)
        if self.change == "unfreeze":
            return UnfreezeAccount(account=account)
        if self.change == "floor":
            return AmendAccount(account=account, floor="-7.00")
        return AmendAccount(account=account, postable=self.change == "ungroup")


class Stop(NamedTuple):
    """A freeze of some kind; with an amount it is a lien."""

    account: int
    scope: Scope | None
    basis: Basis
    amount: str | None

    def command(self, names: Names, n: int) -> Command:
        account = names.account(self.account)
        names.new_freeze(n, account)
        return FreezeAccount(
            account=account, scope=self.scope, basis=self.basis, amount=self.amount
        )


class Lift(NamedTuple):
    back: int

    def command(self, names: Names, n: int) -> Command:
        account, freeze_id = names.last_freeze(self.back)
        return UnfreezeAccount(account=account, freeze_id=freeze_id)


class Bound(NamedTuple):
    """A limit; neither amount nor count lifts it."""

    account: int
    per: Per
    amount: str | None
    times: int | None

    def command(self, names: Names, n: int) -> Command:
        return SetLimit(
            account=names.account(self.account),
            per=self.per,
            asset="USD",
            amount=self.amount,
            count=self.times,
        )


class Lock(NamedTuple):
    days_ago: int

    def command(self, names: Names, n: int) -> Command:
        return LockBooks(through=names.today - timedelta(days=self.days_ago))


CHANGES: list[Change] = [
    "freeze",
    "unfreeze",
    "unfreeze",
    "unfreeze",
    "floor",
    "group",
    "ungroup",
    "ungroup",
]
ODD_AMOUNTS = ("0.00", "0.001", "9999999999999999.99", "10000000000000000")
KINDS = {
    "post_plain": 20,
    "post_legs": 10,
    "convert": 10,
    "hold": 20,
    "settle": 20,
    "resize": 8,
    "force": 6,
    "give_back": 12,
    "end": 8,
    "take_back": 8,
    "put_right": 8,
    "change": 6,
    "stop": 3,
    "lift": 6,
    "bound": 5,
    "lock": 1,
}


def step_of(seed: int) -> Step:
    """The step that this number stands for."""
    return _Dice(seed).step()


class _Dice:
    """One draw of the property library makes a whole step: hundreds of them stay cheap."""

    def __init__(self, seed: int) -> None:
        random = self._random = Random(seed)
        self.choice = random.choice

    def step(self) -> Step:
        kind = self._random.choices(list(KINDS), list(KINDS.values()))[0]
        made: Step = getattr(self, kind)()
        return made

    def post_plain(self) -> Step:
        return PostPlain(self.account(), self.account(), self.amount(), self.day())

    def post_legs(self) -> Step:
        count = self.choice([1, 1, 2, 3])
        pairs = [(self.account(), self.account(), self.amount()) for _ in range(count)]
        return PostLegs(pairs, self.day(), self.choice([False] * 9 + [True]))

    def convert(self) -> Step:
        asset, other = self.choice(["EUR", "UNIT", "FINE"]), self.choice([None] * 6 + ["0.01"])
        paid = self.choice([True, False])
        return Convert(asset, self.choice(range(1, 50)), self.amount(), other, paid)

    def hold(self) -> Step:
        percent = self.choice([None, "0", "15", "33.3333"])
        seconds = self.choice([None, None, 1, 60, 3600])
        return Hold(self.account(), self.account(), self.amount(), percent, seconds)

    def settle(self) -> Step:
        amount = self.choice([None, self.amount(), self.amount()])
        return SettleHold(self.back(), amount, self.choice([None, None, True]))

    def resize(self) -> Step:
        return ResizeHold(self.back(), self.amount(), self.choice([True, False]))

    def force(self) -> Step:
        back = self.choice([self.back(), None])
        return Force(back, self.account(), self.account(), self.amount(), self.day())

    def give_back(self) -> Step:
        verb: Any = self.choice(["refund", "chargeback", "representment"])
        return GiveBack(self.back(), verb, self.amount())

    def end(self) -> Step:
        return EndHold(self.back(), self.choice(["void", "release"]))

    def take_back(self) -> Step:
        return TakeBack(self.back(), self.day(), self.choice([None, None, True]))

    def put_right(self) -> Step:
        return PutRight(self.back(), self.account(), self.account(), self.amount())

    def change(self) -> Step:
        return ChangeAccount(self.account(), self.choice(CHANGES))

    def stop(self) -> Step:
        amount = self.choice([None, self.amount(), self.amount()])
        scope: Scope | None = self.choice([None, "all", "debits", "credits"])
        basis: Basis = self.choice(["administrative", "legal"])
        return Stop(self.account(), scope, basis, amount)

    def lift(self) -> Step:
        return Lift(self.back())

    def bound(self) -> Step:
        per: Per = self.choice(["authorization", "day", "month"])
        amount = self.choice([None, self.amount(), "30.00"])
        count = None if per == "authorization" else self.choice([None, None, 3])
        return Bound(self.account(), per, amount, count)

    def lock(self) -> Step:
        return Lock(self.choice(range(61)))

    def account(self) -> int:
        return self.choice(range(len(ACCOUNTS)))

    def back(self) -> int:
        return self.choice([0, 0, 0, 1, 1, 2, 3, 7])

    def day(self) -> int | None:
        return self.choice([None, None, self.choice(range(60))])

    def amount(self) -> str:
        cents = self.choice(range(1, 1000))
        return self.choice([f"{cents // 100}.{cents % 100:02}"] * 20 + [self.choice(ODD_AMOUNTS)])


# Few enough numbers that a failing example is made small in seconds.
steps: st.SearchStrategy[Step] = st.integers(0, 2**16 - 1).map(step_of)

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
"""Without `explain`, which traces every line of the code under test."""
