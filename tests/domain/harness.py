"""given(...).when(command).then(events | refusal): decisions without a database or a clock.

`given` takes commands (which must succeed) or (stream, event) pairs; `when` decides one command;
`then` compares all of its events, or the refusal with the facts that it names. Ids of new streams
are "new", "new.1", ... for the command of `when`, "g1", "g1.1", "g2", ... for those of `given`.
"""

import json
from dataclasses import dataclass, field
from dataclasses import replace as replace_field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from domain.accounts import (
    OpenAccount,
    Side,
)
from domain.assets import RegisterAsset
from domain.authorizations import Settle
from domain.books import Books
from domain.card_numbers import card_number_in
from domain.catalogue import EVOLVE
from domain.commands import At, Command, Event, Standing
from domain.decisions import decide
from domain.entries import Post
from domain.hold_ends import Release, Void, expire
from domain.increments import Increment, Reduce
from domain.ledgers import CreateLedger
from domain.legs import LegAsked
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Chargeback, Refund, Representment
from domain.refusals import Refusal

TODAY = date(2026, 3, 31)
NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
ACTS_ON_HOLD = (
    Increment,
    Reduce,
    Settle,
    Void,
    Release,
    Refund,
    Chargeback,
    Representment,
    SettleMandatory,
)

Expected = tuple[str, Event] | Refusal | type[Refusal]


class Hand(NamedTuple):
    """Whose the commands are that follow; without one, a clerk's."""

    actor: str
    standing: Standing
    person: str | None = None


class World:
    """Books, and the log that they were folded from."""

    def __init__(self) -> None:
        self.books = Books()
        self.log: list[tuple[str, Event]] = []
        self.now = NOW
        self.today = TODAY
        self.hand = Hand("claus", "clerk")

    @property
    def at(self) -> At:
        return At(self.now, self.today, *self.hand)

    def pass_time(self, time: timedelta) -> None:
        """Moves the clock; the day follows, in UTC."""
        self.now += time
        self.today = self.now.date()

    def fold(self, stream: str, event: Event) -> None:
        """What a commit does with an event once it is decided."""
        EVOLVE[type(event)](self.books, stream, event)
        self.books.opened.put(stream, True)
        self.log.append((stream, event))
        self.books.recorded.put(str(len(self.log)), stream)

    def decide(self, command: Command, name: str) -> list[tuple[str, Event]]:
        """Returns the events, not folded. Raises Refusal."""

        def new(number: int) -> str:
            return name if number == 0 else f"{name}.{number}"

        found = card_number_in(command)
        return decide(self.books, command, self.at, new, card_number_in=found)

    def do(self, command: Command, name: str) -> list[tuple[str, Event]]:
        """Decides and folds; a hold whose time has come expires first. Raises Refusal."""
        if isinstance(command, ACTS_ON_HOLD):
            authorization = command.authorization or ""
            expired = expire(self.books, authorization, self.at)
            if expired is not None:
                self.fold(authorization, expired)
        decided = self.decide(command, name)
        for stream, event in decided:
            self.fold(stream, event)
        return decided


@dataclass(frozen=True, kw_only=True)
class When:
    """What the command came to, to be compared."""

    world: World
    events: list[tuple[str, Event]] = field(default_factory=list)
    refusal: Refusal | None = None

    def then(self, *expected: Expected) -> None:
        """Compares with events, or with a refusal: its class, or one with the facts to have."""
        if len(expected) == 1 and not isinstance(expected[0], tuple):
            self._refused(expected[0])
            return
        assert self.refusal is None, f"refused: {self.refusal!r} {self.refusal.facts}"
        assert self.events == list(expected)

    def _refused(self, wanted: Refusal | type[Refusal]) -> None:
        assert self.refusal is not None, f"not refused: {self.events}"
        kind = wanted if isinstance(wanted, type) else type(wanted)
        assert type(self.refusal) is kind, f"{self.refusal!r} {self.refusal.facts}"
        if isinstance(wanted, Refusal):
            facts = {name: self.refusal.facts.get(name) for name in wanted.facts}
            assert facts == wanted.facts

    @property
    def code(self) -> str | None:
        """The refusal's code, None where the command succeeded."""
        return None if self.refusal is None else self.refusal.code

    def only(self) -> Any:
        """The one event that it came to."""
        assert self.refusal is None, f"refused: {self.refusal!r} {self.refusal.facts}"
        assert len(self.events) == 1
        return self.events[0][1]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What happened before. Each method returns another one, so a common past can be shared."""

    what: tuple[Any, ...] = ()

    def given(self, *what: Any) -> "Given":
        return replace_field(self, what=(*self.what, *what))

    def after(self, **time: float) -> "Given":
        """Lets time pass: `after(days=1)`."""
        return self.given(timedelta(**time))

    def world(self) -> World:
        world = World()
        for number, one in enumerate(self.what, start=1):
            if isinstance(one, timedelta):
                world.pass_time(one)
            elif isinstance(one, Hand):
                world.hand = one
            elif isinstance(one, tuple):
                world.fold(*one)
            else:
                world.do(one, f"g{number}")
        return world

    def when(self, command: Command) -> When:
        world = self.world()
        try:
            events = world.do(command, "new")
        except Refusal as refusal:
            check_refusal(refusal)
            return When(world=world, refusal=refusal)
        return When(world=world, events=events)


def check_refusal(refusal: Refusal) -> None:
    """A refusal must explain itself: a sentence from its facts, which are JSON as they are."""
    assert refusal.detail
    assert "{" not in refusal.detail
    assert json.loads(msgspec.json.encode(refusal.facts)) == refusal.facts
    assert all(
        value is None or isinstance(value, str | int | bool) for value in refusal.facts.values()
    )


def given(*what: Any) -> Given:
    return Given().given(*what)


# A ledger with a chart, as most tests want it ------------------------------------------------

LEDGER = CreateLedger(id="acme", name="Acme", functional_asset="USD", timezone="America/New_York")


def account(code: str, type: str = "asset", asset: str | None = "USD", **more: Any) -> OpenAccount:
    return OpenAccount(code=code, type=type, name=code, asset=asset, **more)  # type: ignore[arg-type]


CHART = (
    LEDGER,
    RegisterAsset(code="EUR"),
    RegisterAsset(code="JPY"),
    account("cash"),
    account("bank", floor="0.00"),
    account("wallet", "liability", floor="0.00"),
    account("credit_line", "liability", floor="-50.00"),
    account("merchant", "liability"),
    account("income", "revenue"),
    account("yen", asset="JPY"),
    account("any", asset=None),
    account("conversion", "equity", asset=None, purpose="conversion"),
)

ledger = given(*CHART)


def debit(account: str, amount: str, asset: str = "USD", **more: Any) -> LegAsked:
    return leg(account, "debit", amount, asset, **more)


def credit(account: str, amount: str, asset: str = "USD", **more: Any) -> LegAsked:
    return leg(account, "credit", amount, asset, **more)


def leg(account: str, side: Side, amount: str, asset: str = "USD", **more: Any) -> LegAsked:
    return LegAsked(account=account, side=side, amount=amount, asset=asset, **more)


def transfer(debited: str, credited: str, amount: str, **more: Any) -> Post:
    """A post of two legs in USD."""
    return Post(legs=[debit(debited, amount), credit(credited, amount)], **more)


def fund(wallet: str, amount: str) -> Post:
    """Money comes in on a credit-normal account."""
    return transfer("cash", wallet, amount)
