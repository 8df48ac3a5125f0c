"""The straight line for plain commands comes to what the general way comes to: the same records."""

import secrets
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from application import cache
from application.decisions import prepare
from application.outcomes import Asked, Caller, Outcome, Prepared
from application.plain import PlainForms
from application.plain_commands import PlainCommands
from application.records import SHAPES
from domain.accounts import OpenAccount
from domain.authorizations import Authorize, Settle
from domain.books import Books
from domain.commands import At, Command, Condition
from domain.corrections import Reverse
from domain.entries import Document, Link, Post, Source
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Release, Void
from domain.holds import Network
from domain.increments import Increment, Reduce
from domain.ledgers import LockBooks
from domain.legs import LegAsked
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from tests.application.in_memory import IDS, decide
from tests.application.test_plain import AT, TODAY, chart, take, two

CONTROLLER = Caller("carla", "key-1", frozenset({"controller"}), "http")
AUDITOR = Caller("audrey", "key-2", frozenset({"auditor"}), "http")
SEEDS, COMMITS, UNITS = 14, 10, 40

USUAL = [(debit, credit) for debit in ("wallet", "credit") for credit in ("any", "till")]
ODD = (
    "till",
    "cash",
    "wallet",
    "credit",
    "any",
    "contra",
    "euro",
    "frozen",
    "debits",
    "limited",
    "missing",
)
UNUSUAL = [(debit, credit) for debit in (*ODD, "lien") for credit in (*ODD, "group")]
STOPPED = ("wallet", "credit", "any", "limited", "cash")


class General(PlainCommands):
    """Never leads anywhere."""

    def decide(self, one: Prepared) -> None:
        return None


def office() -> Books:
    books = chart()
    take(books, Post(legs=two("cash", "credit", "1.00")), "p")
    take(books, Post(legs=two("cash", "wallet", "200.00")), "q")
    take(books, OpenAccount(code="till", type="asset", name="x", asset="USD", floor="0.00"), "till")
    take(books, Post(legs=two("till", "any", "20.00")), "r")
    take(books, OpenAccount(code="limited", type="equity", name="x", asset="USD"), "limited")
    take(books, SetLimit(account="limited", per="day", amount="15.00"), "limit")
    books.confirm()
    return books


def parts(debit: str, credits: list[str], amount: str) -> list[LegAsked]:
    """An entry of which the first credit is one cent and the others share what is left."""
    shares = [Decimal("0.01"), Decimal(amount) - Decimal("0.01")]
    return [
        *two(debit, "any", amount)[:1],
        *[
            LegAsked(account=account, side="credit", amount=str(share), asset="USD")
            for account, share in zip(credits, shares, strict=True)
        ],
    ]


class Dice:
    """Draws commands, most of them usual, all of them on a few things."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.choice, self.chance = random.choice, random.random
        self._number = 0
        self.made: list[tuple[Asked, ...]] = []
        self.ids = [str(UUID(int=n, version=4)) for n in range(2)]
        self.entries = self.ids[:1]

    def unit(self) -> tuple[Asked, ...]:
        """Mostly one command, with a key of its own; now and then one that was sent before."""
        if self.made and self.chance() < 0.05:
            return self.choice(self.made[-20:])
        asked = [self.asked() for _ in range(self.choice([1] * 18 + [2, 3]))]
        judged = asked[0].command.validate_only
        unit = tuple(one for one in asked if one.command.validate_only == judged)
        self.made.append(unit)
        return unit

    def asked(self) -> Asked:
        command, key = self.command(), f"k{self._number}"
        self._number += 1
        by = AUDITOR if self.chance() < 0.03 else CONTROLLER
        # Known by its hold or entry, whatever becomes of it.
        if isinstance(command, Authorize):
            self.ids.append(command.id or IDS.command_id(actor=by.actor, key=key))
        elif isinstance(command, Settle):
            self.entries.append(IDS.command_id(actor=by.actor, key=key))
        elif isinstance(command, Post) and command.id is not None:
            self.entries.append(command.id)
        return Asked(command, key, by)

    def command(self) -> Command:
        kinds = [self.authorize] * 5 + [self.settle] * 6 + [self.end] * 2 + [self.other] * 3
        kinds += [self.post] * 3
        return self.choice(kinds)()

    def authorize(self) -> Command:
        usual = self.chance() < 0.8
        debit, credit = self.choice(USUAL if usual else UNUSUAL)
        moment = AT.recorded_at + timedelta(seconds=self.choice(range(99)))
        return Authorize(
            debit=debit,
            credit=credit,
            amount=self.amount(),
            asset="USD" if usual else self.choice(["USD", "USD", "EUR", "XXX"]),
            id=self.choice([None] * 3 + [self.new_id()] * 6 + [self.id()]),
            expires_in_seconds=self.choice([None] * 7 + [5, 5, 15, 0]),
            expires_at=self.choice([None] * 9 + [moment]),
            over_settle_percent=self.choice([None, None, "0", "15", "33.3"]),
            network=self.choice([None, None, Network(scheme="visa", mcc="5411")]),
            **self.common(),
        )

    def settle(self) -> Command:
        return Settle(
            authorization=self.id(),
            amount=self.choice([None, None, self.amount()]),
            final=self.choice([None, None, False, True]),
            effective_on=self.choice([None] * 4 + [TODAY, TODAY - timedelta(days=40)]),
            **self.common(),
        )

    def end(self) -> Command:
        id, more = self.id(), self.common()
        return self.choice([Void(authorization=id, **more), Release(authorization=id, **more)])

    def other(self) -> Command:
        account, id, entry = self.choice(STOPPED), self.id(), self.choice(self.entries[-5:])
        return self.choice(
            [
                Post(legs=two("cash", "wallet", "30.00")),
                Post(legs=two("cash", account, self.amount())),
                Increment(authorization=id, amount=self.amount()),
                Reduce(authorization=id, amount=self.amount()),
                Reverse(entry=entry, reason="duplicate", restore_hold=self.choice([None, True])),
                Reverse(entry=entry, reason="duplicate", restore_hold=self.choice([None, True])),
                SettleMandatory(authorization=id, amount=self.amount(), reason="feed_down"),
                FreezeAccount(account=account, basis=self.choice([None, "legal"])),
                FreezeAccount(account=account, scope="credits"),
                *[UnfreezeAccount(account=account)] * 6,
                SetLimit(account=account, per="day", amount="40.00", asset="USD"),
                *[SetLimit(account=account, per="day", asset="USD")] * 2,
                LockBooks(through=TODAY - timedelta(days=self.choice(range(30, 60)))),
            ]
        )

    def post(self) -> Command:
        """An entry that is described, now and then one that does not balance."""
        accounts = ["cash", "wallet", "wallet", "credit", "any", self.choice(ODD)]
        debit, one, other = (self.choice(accounts) for _ in range(3))
        amount = self.choice(["0.50", "5.00", "5.00", "12.34", "30.00", "90.00"])
        legs = self.choice([two(debit, one, amount), parts(debit, [one, other], amount)])
        if self.chance() < 0.1:
            legs[0] = replace(legs[0], amount=self.amount())
        return Post(
            legs=legs,
            id=self.choice([None, None, self.new_id(), self.choice(self.entries[-5:])]),
            document=self.choice([None, None, Document(number="1")]),
            journal=self.choice([None, None, "AUTH"]),
            class_=self.choice([None] * 9 + ["adjusting"]),
            links=self.choice([None] * 9 + [[Link(kind="see", entry=self.id())]]),
            **self.common(),
        )

    def common(self) -> dict[str, Any]:
        condition = Condition(account="wallet", version=self.choice(range(99)))
        return {
            "reference": self.choice([None] * 9 + ["r", "4111111111111111"]),
            "reason": self.choice([None, None, None, "shop"]),
            "correlation_id": self.choice([None, None, None, "c"]),
            "on_behalf_of": self.choice([None, None, None, "b"]),
            "if_": self.choice([None] * 30 + [[condition]]),
            "validate_only": self.choice([None] * 15 + [True, False]),
            "narrative": self.choice([None] * 5 + ["", "Lunch", "4111111111111111"]),
            "metadata": self.choice([None] * 5 + [{}, {"a": "b"}]),
        }

    def amount(self) -> str:
        odd = self.choice(["5", "05.00", "1.234", "0.00", "500000.00"])
        return self.choice(["0.01", "5.00", "5.00", "5.00", "12.34", "12.34", "30.00", odd])

    def id(self) -> str:
        return self.choice(self.ids[-self.choice([1, 3, 8, 100]) :])

    def new_id(self) -> str:
        return str(UUID(int=1000 + self._number, version=4))


class Pair:
    """Two ledgers that are told the same; one of them knows no straight line."""

    def __init__(self) -> None:
        self.one, self.other = office(), office()
        self._forms = PlainForms(ledger="l", software_version="1")
        self._position = 0

    def commit(self, asked: list[tuple[Asked, ...]], *, seconds: int = 0) -> list[Outcome]:
        at = At(AT.recorded_at + timedelta(seconds=seconds), TODAY)
        units = [[prepare(one, IDS) for one in unit] for unit in asked]
        with pytest.MonkeyPatch.context() as patched:
            # Else no two records of the same text are alike.
            patched.setattr(secrets, "token_bytes", bytes)
            decided, told = decide(self.one, units, at, self._position, self._forms)
            patched.setattr(PlainCommands, "decide", General.decide)
            general, expected = decide(self.other, units, at, self._position, self._forms)
        assert [shown(outcome) for outcome in told] == [shown(outcome) for outcome in expected]
        assert decided.stored == general.stored
        assert decided.private == general.private
        check_same(self.one, self.other)
        self._position = decided.position
        for books in (self.one, self.other):
            thaw(books)
            books.confirm()
        return told


@pytest.mark.parametrize("seed", range(SEEDS))
def test_plain_is_general(seed: int) -> None:
    pair, dice = Pair(), Dice(seed)
    for number in range(COMMITS):
        pair.commit([dice.unit() for _ in range(UNITS)], seconds=4 * number)
        # What was sent in an earlier commit would be found in the log.
        dice.made.clear()
        dice.ids[2:] = list(pair.one.authorizations.now)[-20:]


@pytest.mark.parametrize(
    "settle",
    [
        {"amount": "5.00"},
        {"amount": "5.00", "final": True},
        {"final": True},
        {"amount": "12.33"},
        {"amount": "12.34"},
        {"amount": "12.35"},
        {"amount": "14.19"},
        {"amount": "14.20"},
    ],
)
@pytest.mark.parametrize("again", [None, False, True])
def test_plain_is_general_at_the_bounds(settle: dict[str, Any], again: bool | None) -> None:
    """Of a hold, of its ceiling, and where a settlement was taken back and perhaps held again."""
    pair, id = Pair(), Dice(0).ids[0]
    hold: dict[str, Any] = {"debit": "wallet", "credit": "any", "amount": "12.34", "asset": "USD"}
    first: list[Command] = [Authorize(id=id, over_settle_percent="15", **hold)]
    then: list[Command] = [Settle(authorization=id, **settle)]
    if again is not None:
        first.append(Settle(authorization=id, amount="5.00"))
        entry = IDS.command_id(actor=CONTROLLER.actor, key="1")
        then.insert(0, Reverse(entry=entry, reason="duplicate", restore_hold=again))
    asked: list[tuple[Asked, ...]] = [
        (Asked(one, str(n), CONTROLLER),) for n, one in enumerate([*first, *then])
    ]
    outcomes = pair.commit(asked)
    assert {outcome.status for outcome in outcomes[:-1]} == {"done"}


@pytest.mark.parametrize("amount", ["240.00", "240.01", "250.00"])
@pytest.mark.parametrize("described", [{}, {"reference": "r"}])
def test_what_is_held_is_not_there_to_be_posted(amount: str, described: dict[str, Any]) -> None:
    hold = Authorize(debit="wallet", credit="any", amount="10.00", asset="USD")
    post = Post(legs=two("wallet", "any", amount), **described)
    told = Pair().commit([(Asked(one, str(n), CONTROLLER),) for n, one in enumerate([hold, post])])
    assert [one.code for one in told] == [
        None,
        None if amount == "240.00" else "insufficient_funds",
    ]


def thaw(books: Books) -> None:
    """Freezes pile up else, and nothing is usual any more."""
    for account in STOPPED:
        for freeze in books.accounts.now[account].freezes:
            command = UnfreezeAccount(account=account, freeze_id=freeze.freeze_id)
            take(books, command, freeze.freeze_id)


def shown(outcome: Outcome) -> tuple[Any, ...]:
    return outcome.stored, outcome.status, outcome.code, outcome.facts, outcome.judged_at


def check_same(one: Books, other: Books) -> None:
    assert one.balances.changed == other.balances.changed
    for shelf in ("authorizations", "versions", "vouchers", "accounts", "streams", "usages"):
        assert getattr(one, shelf).now == getattr(other, shelf).now
        assert getattr(one, shelf).changed == getattr(other, shelf).changed


def test_the_usual_hold_takes_the_straight_line() -> None:
    books = office()
    a, b, c = (str(UUID(int=n, version=4)) for n in range(3))
    usual: dict[str, Any] = {"debit": "wallet", "credit": "any", "amount": "5.00", "asset": "USD"}
    asked: list[Command] = [
        Authorize(**usual),
        Release(authorization=IDS.command_id(actor="carla", key="0")),
        Authorize(id=a, expires_in_seconds=60, over_settle_percent="15", **usual),
        Settle(authorization=a),
        Authorize(id=b, network=Network(scheme="visa"), reference="r", **usual),
        Settle(authorization=b, amount="1.00"),
        Settle(authorization=b, amount="1.00", final=True),
        Authorize(id=c, **usual),
        Void(authorization=c),
    ]
    decisions, _ = decide(books, [], AT, 0, PlainForms(ledger="l", software_version="1"))
    for key, command in enumerate(asked):
        decided = decisions.decide_plain(prepare(Asked(command, str(key), CONTROLLER), IDS))
        assert decided is not None
        assert decided.status == "done"
    judged = Authorize(validate_only=True, **usual)
    assert decisions.decide_plain(prepare(Asked(judged, "judged", CONTROLLER), IDS)) is None
    assert books.authorizations.get(b) != books.authorizations.get(c)


@pytest.mark.parametrize(
    "described",
    [
        {"reference": "r"},
        {"narrative": "Lunch"},
        {"narrative": ""},
        {"metadata": {"a": "b"}},
        {"correlation_id": "c"},
        {"id": str(UUID(int=1, version=4))},
        {"reason": "data_entry", "on_behalf_of": "b"},
        {"document": Document(number="1"), "source": Source(line=1)},
        {"legs": parts("cash", ["wallet", "credit"], "5.00")},
        {
            "legs": [
                replace(leg, party="p", dimensions={"a": "b"}) for leg in two("cash", "any", "1.00")
            ]
        },
    ],
)
def test_what_only_describes_an_entry_leads_nowhere_else(described: dict[str, Any]) -> None:
    decisions, _ = decide(office(), [], AT, 0, PlainForms(ledger="l", software_version="1"))
    post = Post(**{"legs": two("cash", "wallet", "5.00"), **described})
    decided = decisions.decide_plain(prepare(Asked(post, "0", CONTROLLER), IDS))
    assert decided is not None
    assert decided.status == "done"
    sealed = "narrative" in described or "metadata" in described
    assert [row.position for row in decisions.private] == [1] * sealed
    long = Post(legs=two("cash", "wallet", "5.00"), reference="r" * 32_768)
    assert decisions.decide_plain(prepare(Asked(long, "1", CONTROLLER), IDS)) is None


def test_authorizations_are_forgotten_when_no_commit_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is decided ahead makes the cache fuller while the commit before is being confirmed."""
    pair, kept = Pair(), cache.Cache(ledger="l", schema="l", shapes=SHAPES)
    kept.books, mark = pair.one, (1, UUID(int=1))
    monkeypatch.setattr(cache, "MAX_CACHED_AUTHORIZATIONS", 1)
    usual: dict[str, Any] = {"debit": "wallet", "credit": "any", "amount": "5.00", "asset": "USD"}
    pair.commit([(Asked(Authorize(**usual), str(n), CONTROLLER),) for n in range(2)])
    kept.confirm(mark)
    assert kept.is_full
    assert len(kept.books.authorizations.now) == 2
    kept.make_room()
    assert (kept.mark, len(kept.books.authorizations.now)) == (mark, 0)
    assert kept.books.accounts.now
    monkeypatch.setattr(cache, "MAX_CACHED_ACCOUNTS", 1)
    kept.make_room()
    assert (kept.mark, len(kept.books.accounts.now)) == (None, 0)
