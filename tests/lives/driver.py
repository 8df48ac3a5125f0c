"""Sends what the machine wishes through a door, and compares what became of it with the model."""

import copy
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, ClassVar, NamedTuple, Protocol

from tests.lives.all_deeds import Deeds
from tests.lives.deeds import Answer, Command, Deed, Wish, shown
from tests.lives.holds import COUNTERS, Code
from tests.lives.model import Model
from tests.lives.stops import Stops

FLOORED = {"type": "liability", "floor": "0.00"}


class Told(NamedTuple):
    """What a door says to a command; `code` of a refusal, `whole` all that the client reads."""

    code: Code
    answer: Answer
    whole: Any
    replayed: bool = False


class Door(Protocol):
    """A way into one ledger, whose clock stands until it is moved."""

    def move_clock(self, seconds: int) -> None: ...
    def now(self) -> Any: ...
    def account(self, **members: Any) -> str: ...
    def send(self, command: Command, key: str) -> Told: ...
    def send_together(
        self, units: Sequence[Sequence[Command]], keys: Sequence[str], *, atomic: bool
    ) -> list[Told]: ...
    def position(self) -> int: ...
    def authorization(self, id: str) -> Answer: ...
    def balance(self, account: str) -> Answer: ...
    def chain(self, entry: str) -> list[str]: ...


class Way(NamedTuple):
    """How a command is sent: asked first what would become of it; sent again, or another one under
    its key."""

    judged: bool = False
    again: bool = False
    other: bool = False


class Lives(Deeds):
    """Accounts of its own in the door's ledger, and what is believed of them."""

    keys: Iterator[int] = count(1)
    commands: ClassVar[int] = 0
    """How many were sent in all lives: neither retries nor what was only judged."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.cash = door.account(type="asset")
        merchant, *self.wallets = (door.account(**FLOORED) for _ in range(3))
        self.model = Model(merchant, Stops(door.now()))
        accounts = [merchant, *self.wallets]
        self.model.posted = dict.fromkeys(accounts, 0)
        self.model.versions = dict.fromkeys([self.cash, *accounts], 1)
        self.sent: list[tuple[Command, str, Told]] = []
        self.seen: dict[str, dict[str, Any]] = {}
        self.looked: Any = None
        for wallet in range(2):
            self.do(Wish("fund", {"wallet": wallet, "amount": 10_000}), Way())

    # -- one command

    def do(self, wish: Wish, way: Way) -> None:
        """Does it and compares the answer with what it should be."""
        deed = self.deed(wish)
        if deed is None:
            return
        key = f"life-{next(self.keys)}"
        judged = self.judged(deed.command, key) if way.judged else None
        expected = deed.judge(self.model)
        told = self.door.send(deed.command, key)
        Lives.commands += 1
        assert (told.code, told.replayed) == (expected, False), (deed.command, told.whole)
        if judged is not None:
            check_alike(judged, told)
        self.take(deed, told)
        self.sent.append((deed.command, key, told))
        if way.again:
            self.again(-1)
        if way.other:
            self.sent_otherwise(-1)

    def take(self, deed: Deed, told: Told) -> None:
        """Takes from an answer what only the service knows, and compares the hold."""
        if told.code is None:
            deed.told(self.model, told.answer)
        id = told.answer["id"] if deed.forces and told.code is None else deed.hold
        if id is not None and id in self.model.holds:
            self.compare(self.door.authorization(id))
        self.compare_passed(deed, told)

    def compare_passed(self, deed: Deed, told: Told) -> None:
        """What a mandatory settlement says that it passed by."""
        if deed.forces and told.code is None:
            history = self.door.authorization(told.answer["id"])["history"]
            line = next(one for one in history if one["entry"] == told.answer["entry"])
            assert line["exceptions"] == deed.passed

    def judged(self, command: Command, key: str) -> Told:
        """Asks what would become of it. Nothing is written."""
        before = self.door.position()
        told = self.door.send({**command, "validate_only": True}, key)
        assert self.door.position() == before
        assert told.answer.get("position", before) == before
        return told

    def again(self, number: int) -> None:
        """A retry has the answer of the first time, whatever has happened since."""
        if not self.sent:
            return
        command, key, first = self.sent[number % len(self.sent)]
        before = self.door.position()
        told = self.door.send(command, key)
        assert told.replayed, (command, told.whole)
        assert told.whole == first.whole
        assert self.door.position() == before

    def sent_otherwise(self, number: int) -> None:
        """Another command under a key that was used."""
        command, key, _ = self.sent[number % len(self.sent)]
        told = self.door.send({**command, "reference": "another"}, key)
        assert told.code == "idempotency_conflict"

    # -- several at once

    def do_together(
        self, wishes: Sequence[Sequence[Wish]], *, atomic: bool, judged: bool, again: bool
    ) -> None:
        """Sends units that stand or fall, each for itself, or all as one where atomic."""
        if atomic:
            wishes = [[wish for unit in wishes for wish in unit]]
        first, units, expected = copy.deepcopy(self.model), [], []
        for unit in wishes:
            deeds, codes = self.foresee(unit)
            if deeds:
                units.append(deeds)
                expected.append(codes)
        commands = [[deed.command for deed in unit] for unit in units]
        keys = [f"life-{next(self.keys)}" for unit in units for _ in unit]
        if not keys:
            return
        if judged and len(units) == 1:
            self.judge_together(commands, keys, expected[0], atomic=atomic)
        told = self.door.send_together(commands, keys, atomic=atomic)
        Lives.commands += len(keys)
        codes = [code for unit in expected for code in unit]
        assert [one.code for one in told] == codes, (commands, told, first)
        for deed, one in zip([deed for unit in units for deed in unit], told, strict=True):
            assert not one.replayed
            self.take_later(deed, one)
        if again and not any(codes):
            repeated = self.door.send_together(commands, keys, atomic=atomic)
            assert all(one.replayed and one.code is None for one in repeated)
        self.compare_changed()

    def foresee(self, unit: Sequence[Wish]) -> tuple[list[Deed], list[Code]]:
        """What a unit comes to; one that falls leaves nothing but what has expired."""
        before = copy.deepcopy(self.model)
        deeds: list[Deed] = []
        culprit: Code = None
        place = 0
        for wish in unit:
            deed = self.deed(wish)
            if deed is None:
                continue
            deeds.append(deed)
            if culprit is None:
                culprit = deed.judge(self.model)
                place = len(deeds) - 1
        if culprit is None:
            return deeds, [None] * len(deeds)
        expired = [id for id, hold in self.model.holds.items() if hold.closed_as == "expired"]
        self.model = before
        for id in expired:
            self.model.expire(id)
        codes: list[Code] = ["group_refused"] * len(deeds)
        codes[place] = culprit
        return deeds, codes

    def judge_together(
        self,
        commands: Sequence[Sequence[Command]],
        keys: Sequence[str],
        expected: Sequence[Code],
        *,
        atomic: bool,
    ) -> None:
        before = self.door.position()
        asked = [[{**one, "validate_only": True} for one in unit] for unit in commands]
        told = self.door.send_together(asked, keys, atomic=atomic)
        assert [one.code for one in told] == list(expected)
        assert self.door.position() == before

    def take_later(self, deed: Deed, told: Told) -> None:
        """Others may have changed the hold since: what changed is compared at the end."""
        if told.code is None:
            deed.told(self.model, told.answer)
        self.compare_passed(deed, told)

    # -- time

    def wait(self, tens: int, *, then: Sequence[Wish]) -> None:
        """Lets time pass, with 0 until a hold is due; `then` is done at that moment."""
        now = self.model.now
        exactly = [
            (hold.expires_at - now).total_seconds()
            for hold in self.model.holds.values()
            if hold.closed_as is None and hold.expires_at is not None and hold.expires_at > now
        ]
        until = [seconds for seconds in exactly if seconds % 10 == 0]
        self.door.move_clock(10 * tens or round(min(until, default=10)))
        self.model.stops.now = self.door.now()
        for wish in then:
            self.do(wish, Way())

    # -- comparing

    def compare(self, answer: Answer) -> None:
        """Every counter and the status of a hold."""
        id = answer["id"]
        expected = self.seen[id] = self.expected(id)
        assert {name: answer[name] for name in expected} == expected

    def expected(self, id: str) -> dict[str, Any]:
        """What an answer should show of a hold."""
        hold = self.model.holds[id]
        closed_as, status = hold.closed_as, hold.status
        if hold.is_due(self.model.now):
            closed_as, status = "expired", status if hold.settled else "expired"
        return {
            "status": status,
            "closed": closed_as is not None,
            "closed_as": closed_as,
            "settlements": hold.settlements,
            **{name: shown(getattr(hold, name)) for name in COUNTERS},
        }

    def compare_changed(self) -> None:
        """The holds that should have changed, and every balance: its version counts whatever else
        may have happened to a hold on the account."""
        for id in self.model.ids:
            if self.seen.get(id) != self.expected(id):
                self.compare(self.door.authorization(id))
        self.compare_balances()

    def compare_all(self) -> None:
        """Every hold that may still change, every balance, and a chain of corrections; nothing
        where nothing has happened since the last look."""
        now = (self.model.now, Lives.commands)
        if now == self.looked:
            return
        self.looked = now
        for id in self.model.ids[-10:]:
            self.compare(self.door.authorization(id))
        self.compare_balances()
        corrected = [id for id, one in self.model.entries.items() if one.correction]
        for id in corrected[-1:]:
            assert self.door.chain(id) == self.model.entries[id].chain

    def compare_balances(self) -> None:
        for account, posted in self.model.posted.items():
            balance = self.door.balance(account)
            assert {name: balance[name] for name in ("posted", "pending", "available")} == {
                "posted": shown(posted),
                "pending": shown(self.model.pending(account)),
                "available": shown(self.model.free(account)),
            }
            assert balance["version"] == self.model.versions[account]


def check_alike(judged: Told, told: Told) -> None:
    """What it was judged to come to is what it came to."""
    assert judged.code == told.code
    names = ("id", "status", "entry", "closed_as", *COUNTERS)
    if told.code is not None:
        names = ("detail", "available", "asked", "found", "used", "limit")
    assert {n: judged.answer.get(n) for n in names} == {n: told.answer.get(n) for n in names}
