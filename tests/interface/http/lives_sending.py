"""How the machine of test_lives.py sends commands, and compares what became of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine

from tests.interface.http.lives_holds import Movement
from tests.interface.http.lives_model import Model
from tests.interface.http.world import World, body_of

NOON = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
BAD_REQUEST = 400
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


class Sending(RuleBasedStateMachine):
    """One example: accounts of its own in the ledger that all examples share."""

    world: ClassVar[World]
    clock: ClassVar[Clock]
    numbers: ClassVar[Iterator[int]] = count()
    model: Model
    ids: list[str]

    def hold(self, number: int) -> str:
        """One of the last holds; mostly one that is open."""
        held = [id for id in self.ids if self.model.holds[id].closed_as is None]
        return self.last(held, number)

    def late(self) -> list[str]:
        """Holds that are due, and that nobody has seen to be."""
        return [
            id
            for id, hold in self.model.holds.items()
            if hold.closed_as is None
            and hold.expires_at is not None
            and hold.expires_at <= self.clock.now
        ]

    def stopped(self) -> list[str]:
        """Holds on accounts that a freeze stops."""
        stops = self.model.stops
        return [
            id
            for id, hold in self.model.holds.items()
            if hold.closed_as is None and hold.held and stops.stopped(hold.debit, "debit")
        ]

    def edge(self, account: str, amount: int) -> int:
        """Often what is just free there, or a limit just lets pass, or a cent more."""
        model, above = self.model, amount // 5 % 2
        rooms = [model.free(account), *model.stops.rooms(account)]
        return max(1, rooms[amount % 5 % len(rooms)] + above) if amount % 5 < 3 else amount

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
        code = found["code"] if answer.status_code >= BAD_REQUEST else None
        assert code == refusal, (path, body, found)
        return None if refusal else found

    def act(
        self, id: str, verb: str, body: dict[str, Any], refusal: str | None
    ) -> dict[str, Any] | None:
        """Sends a verb, and compares what it leaves."""
        answer = self.send(f"/authorizations/{id}/{verb}", body, refusal)
        self.compare(answer or self.read(id))
        return answer

    def forced(
        self, body: dict[str, Any], id: str, amount: int, refusal: str | None, passed: list[str]
    ) -> dict[str, Any] | None:
        answer = self.send("/settlements", body, refusal)
        if answer is None:
            return None
        assert answer["history"][-1]["exceptions"] == passed
        if id != answer["id"]:
            self.model.holds[answer["id"]] = self.model.holds.pop(id)
        self.moved(answer, answer["id"], "settlement", amount)
        self.compare(answer)
        return answer

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
