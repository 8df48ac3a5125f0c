"""Random lives of authorizations over HTTP, compared with a simple model after each command.

Every refusal, counter, status and hold is compared at once, every balance now and then and at the
end. Time is the tests': it moves in tens of seconds, and holds end at fives, so nothing is ever due
by a hair. SOAK_COMMANDS says how many commands the long run has (`make soak`).
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from application.ledgers import Ledgers
from interface.evidence.fold import Fold
from interface.evidence.rows import check_rows
from interface.evidence.shapes import decode_envelope
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.conftest import Database
from tests.interface.http.lives_model import Hold, Model, Movement
from tests.interface.http.world import World, body_of

STEPS = 50
COMMANDS = int(os.environ.get("SOAK_COMMANDS", "400"))
NOON = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
REASON = "counterparty"

amounts = st.one_of(st.integers(1, 300), st.integers(1, 12_000))
holds = st.integers(0, 9)
OFTEN = 7
"""Of ten."""


class Clock:
    """Stands until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def shown(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


class Lives(RuleBasedStateMachine):
    """One example: accounts of its own in the ledger that all examples share."""

    world: ClassVar[World]
    clock: ClassVar[Clock]
    numbers: ClassVar[Iterator[int]] = count()

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        self.cash = world.account()
        merchant = world.account("liability", floor="0.00")
        self.wallets = [world.account("liability", floor="0.00") for _ in range(2)]
        self.model = Model(self.clock.now, merchant)
        self.model.posted = dict.fromkeys([merchant, *self.wallets], 0)
        self.ids: list[str] = []
        for wallet in self.wallets:
            self.fund(self.wallets.index(wallet), 10_000)

    # -- rules

    @rule(wallet=st.integers(0, 1), amount=amounts)
    def fund(self, wallet: int, amount: int) -> None:
        account = self.wallets[wallet]
        self.world.post(self.cash, account, shown(amount))
        self.model.posted[account] += amount

    @rule(wallet=st.integers(0, 1), amount=amounts)
    def transfer(self, wallet: int, amount: int) -> None:
        account, merchant = self.wallets[wallet], self.model.merchant
        legs = [
            {"account": account, "side": "debit", "amount": shown(amount), "asset": "USD"},
            {"account": merchant, "side": "credit", "amount": shown(amount), "asset": "USD"},
        ]
        self.send("/entries", {"legs": legs}, self.model.transfer(account, amount))

    @rule(
        wallet=st.integers(0, 1),
        amount=amounts,
        percent=st.sampled_from([0, 15, 33]),
        seconds=st.sampled_from([None, 5, 15, 65]),
    )
    def authorize(self, wallet: int, amount: int, percent: int, seconds: int | None) -> None:
        account = self.wallets[wallet]
        body = {
            "debit": account,
            "credit": self.model.merchant,
            "amount": shown(amount),
            "asset": "USD",
            "over_settle_percent": str(percent),
            "expires_in_seconds": seconds,
        }
        answer = self.send("/authorizations", body, self.model.authorize(account, amount))
        if answer is None:
            return
        hold = Hold(account, percent, amount, amount)
        if seconds is not None:
            hold.expires_at = datetime.fromisoformat(answer["expires_at"])
            late = hold.expires_at - self.clock.now - timedelta(seconds=seconds)
            assert timedelta(0) <= late < timedelta(seconds=1)
        self.model.holds[answer["id"]] = hold
        self.ids.append(answer["id"])
        self.compare(answer)

    @precondition(lambda self: self.ids)
    @rule(hold=holds, amount=amounts, grows=st.booleans())
    def resize(self, hold: int, amount: int, grows: bool) -> None:
        id = self.hold(hold)
        if grows:
            self.act(id, "increment", {"amount": shown(amount)}, self.model.increment(id, amount))
        else:
            self.act(id, "reduce", {"amount": shown(amount)}, self.model.reduce(id, amount))

    @precondition(lambda self: self.ids)
    @rule(hold=holds)
    def reduce_to_zero(self, hold: int) -> None:
        id = self.hold(hold)
        left = max(1, self.model.holds[id].authorized - self.model.holds[id].settled)
        self.act(id, "reduce", {"amount": shown(left)}, self.model.reduce(id, left))

    @precondition(lambda self: self.ids)
    @rule(hold=holds, amount=st.none() | amounts, final=st.sampled_from([False, False, True]))
    def settle(self, hold: int, amount: int | None, final: bool) -> None:
        id = self.hold(hold)
        body = {"amount": None if amount is None else shown(amount), "final": final}
        taken = self.model.holds[id].held if amount is None else amount
        refusal = self.model.settle(id, amount, final=final)
        self.moved(self.act(id, "settle", body, refusal), id, "settlement", taken)

    @precondition(lambda self: self.ids)
    @rule(hold=holds, above=st.integers(0, 1))
    def settle_to_the_ceiling(self, hold: int, above: int) -> None:
        id = self.hold(hold)
        found = self.model.holds[id]
        amount = max(1, found.ceiling - found.settled + above)
        refusal = self.model.settle(id, amount, final=False)
        answer = self.act(id, "settle", {"amount": shown(amount)}, refusal)
        self.moved(answer, id, "settlement", amount)

    @precondition(lambda self: self.ids)
    @rule(hold=holds, verb=st.sampled_from(["void", "release"]))
    def end(self, hold: int, verb: str) -> None:
        id = self.hold(hold)
        self.act(id, verb, {}, self.model.end(id, verb))

    @precondition(lambda self: self.ids)
    @rule(
        hold=holds,
        verb=st.sampled_from(["refund", "chargeback", "representment"]),
        amount=amounts,
        all_of_it=st.booleans(),
    )
    def give_back(self, hold: int, verb: str, amount: int, all_of_it: bool) -> None:
        id = self.paid(hold)
        if all_of_it:
            found = self.model.holds[id]
            left = found.settled - found.returned
            if verb == "representment":
                left = found.charged_back - found.represented
            amount = max(1, left)
        refusal = self.model.give_back(id, verb, amount)
        body = {"amount": shown(amount), "reason": REASON}
        self.moved(self.act(id, verb, body, refusal), id, verb, amount)

    @precondition(lambda self: self.model.movements)
    @rule(entry=holds, restore=st.booleans())
    def take_back(self, entry: int, restore: bool) -> None:
        entries = list(self.model.movements)
        taken = entries[-1 - entry % len(entries)]
        refusal = self.model.take_back(taken, restore=restore)
        body = {"reason": "duplicate", "restore_hold": restore}
        answer = self.send(f"/entries/{taken}/reverse", body, refusal)
        if answer is not None:
            self.model.reversals.append(answer["id"])
        self.compare(self.read(self.model.movements[taken].hold))

    @precondition(lambda self: self.model.reversals)
    @rule()
    def take_a_reversal_back(self) -> None:
        path = f"/entries/{self.model.reversals[-1]}/reverse"
        id = self.model.movements[self.reversed_last()].hold
        self.model.expire(id)
        self.send(path, {"reason": "duplicate"}, "reversal_of_reversal")

    @precondition(lambda self: self.ids)
    @rule(hold=holds, amount=amounts)
    def force(self, hold: int, amount: int) -> None:
        id = self.hold(hold)
        body = {"authorization": id, "amount": shown(amount), "reason": "feed_down"}
        self.forced(body, id, amount, self.model.force(id, amount))

    @precondition(lambda self: len(self.ids) % 4 == 3)
    @rule(wallet=st.integers(0, 1), amount=st.integers(1, 300))
    def force_unmatched(self, wallet: int, amount: int) -> None:
        account = self.wallets[wallet]
        body = {
            "debit": account,
            "credit": self.model.merchant,
            "asset": "USD",
            "amount": shown(amount),
            "network": {"reference": f"ARN-{next(self.numbers)}"},
            "reason": "feed_down",
        }
        answer = self.send("/settlements", body, None)
        assert answer is not None
        passed = self.model.force_unmatched(answer["id"], account, amount)
        assert answer["history"][-1]["exceptions"] == passed
        self.ids.append(answer["id"])
        self.moved(answer, answer["id"], "settlement", amount)
        self.compare(answer)

    @rule(tens=st.sampled_from([1, 1, 2, 6]))
    def wait(self, tens: int) -> None:
        self.clock.now += timedelta(seconds=10 * tens)
        self.model.now = self.clock.now

    @rule()
    def look_at_everything(self) -> None:
        self.compare_all()

    def teardown(self) -> None:
        self.compare_all()

    # -- what they share

    def hold(self, number: int) -> str:
        """One of the last holds; mostly one that is open."""
        held = [id for id in self.ids if self.model.holds[id].closed_as is None]
        return self.last(held, number)

    def paid(self, number: int) -> str:
        """One of the last holds; mostly one of which something is settled."""
        paid = [id for id in self.ids if self.model.holds[id].settled]
        return self.last(paid, number)

    def last(self, preferred: list[str], number: int) -> str:
        some = preferred if preferred and number < OFTEN else self.ids
        return some[-1 - number % len(some)]

    def send(self, path: str, body: Any, refusal: str | None) -> dict[str, Any] | None:
        """Sends a command; returns the answer, or None where it was refused as it should be."""
        answer = self.world.controller.post(f"{self.world.path}{path}", body)
        found = body_of(answer)
        assert found.get("code") == refusal, (path, body, found)
        return None if refusal else found

    def act(
        self, id: str, verb: str, body: dict[str, Any], refusal: str | None
    ) -> dict[str, Any] | None:
        """Sends a verb, and compares what it leaves."""
        answer = self.send(f"/authorizations/{id}/{verb}", body, refusal)
        self.compare(answer or self.read(id))
        return answer

    def forced(self, body: dict[str, Any], id: str, amount: int, passed: list[str]) -> None:
        answer = self.send("/settlements", body, None)
        assert answer is not None
        assert answer["history"][-1]["exceptions"] == passed
        self.moved(answer, id, "settlement", amount)
        self.compare(answer)

    def moved(self, answer: dict[str, Any] | None, id: str, kind: str, amount: int) -> None:
        if answer is not None:
            self.model.movements[answer["entry"]] = Movement(id, kind, amount)

    def reversed_last(self) -> str:
        """Whatever was reversed: the reversal's authorization is what it shares with it."""
        answer = self.world.controller.get(f"{self.world.path}/entries/{self.model.reversals[-1]}")
        return str(body_of(answer)["corrects"])

    def read(self, id: str) -> dict[str, Any]:
        return body_of(self.world.controller.get(f"{self.world.path}/authorizations/{id}"))

    def compare(self, answer: dict[str, Any]) -> None:
        """Every counter and the status of a hold."""
        hold = self.model.holds[answer["id"]]
        lapsed = hold.expires_at is not None and hold.expires_at <= self.clock.now
        closed_as, status = hold.closed_as, hold.status
        if closed_as is None and lapsed:
            closed_as, status = "expired", status if hold.settled else "expired"
        expected = {
            "status": status,
            "closed": closed_as is not None,
            "closed_as": closed_as,
            "settlements": hold.settlements,
            **{
                name: shown(getattr(hold, name))
                for name in (
                    "authorized",
                    "settled",
                    "refunded",
                    "charged_back",
                    "represented",
                    "held",
                    "ceiling",
                )
            },
        }
        assert {name: answer[name] for name in expected} == expected

    def compare_all(self) -> None:
        """Every hold and every balance."""
        for id in self.ids:
            self.compare(self.read(id))
        for account, posted in self.model.posted.items():
            balance = self.world.balance(account)
            assert balance["posted"]["balance"] == shown(posted)
            assert balance["pending"]["debits"] == shown(self.model.pending(account))
            assert balance["available"] == shown(self.model.free(account))


@pytest.fixture(scope="module")
def living(module_database: Database) -> Iterator[type[Lives]]:
    """The machine, on a ledger whose clock stands until it is moved, and that nobody sweeps."""
    clock = Clock()
    ledgers = Ledgers(
        owner=module_database.owner,
        service=module_database.service,
        software_version="test",
        clock=clock,
    )
    ledgers.migrate()
    ledgers.open()
    Lives.world = World(ledgers, create_app(ledgers, HttpSettings()))
    Lives.clock = clock
    yield Lives
    check_second_fold(ledgers)
    ledgers.close()


def check_second_fold(ledgers: Ledgers) -> None:
    """Whatever the lives were, a verifier finds the records and the rows as it should."""
    fold = Fold("main")
    with ledgers.reader("main") as connection:
        rows = connection.execute("SELECT state FROM events ORDER BY notification_id")
        for row in rows:
            fold.apply(decode_envelope(row["state"]))
        fold.end()
        check_rows(connection, fold)


@pytest.mark.timeout(60 + COMMANDS)
def test_lives_are_as_the_model_has_them(living: type[Lives]) -> None:
    run_state_machine_as_test(
        living,
        settings=settings(
            max_examples=max(1, COMMANDS // STEPS),
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
