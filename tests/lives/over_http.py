"""A door to the service: requests, answers, PostgreSQL behind them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.interface.http.world import World, body_of
from tests.lives.deeds import Answer, Command
from tests.lives.driver import Told

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BAD_REQUEST = 400
PROBLEM = "urn:backoffice:error:"
PATHS = {
    "post": "/entries",
    "reverse": "/entries/{entry}/reverse",
    "adjust": "/entries/{entry}/adjust",
    "authorize": "/authorizations",
    "settle_mandatory": "/settlements",
    "freeze_account": "/accounts/{account}/freeze",
    "unfreeze_account": "/accounts/{account}/unfreeze",
    "set_limit": "/limits",
}
VERB = "/authorizations/{authorization}/{do}"


class Clock:
    """Stands until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class OverHttp:
    """The ledger of a world, which several lives share: each has accounts of its own."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._head = 0

    def now(self) -> datetime:
        return self._clock.now

    def move_clock(self, seconds: int) -> None:
        self._clock.now += timedelta(seconds=seconds)

    def account(self, **members: Any) -> str:
        return self._world.account(**members)

    def send(self, command: Command, key: str) -> Told:
        path = PATHS.get(command["do"], VERB)
        named = [name for name in command if f"{{{name}}}" in path]
        body = {name: value for name, value in command.items() if name not in ("do", *named)}
        sent = self._world.controller.post(
            f"{self._world.path}{path.format(**command)}", body, key=key
        )
        answer = body_of(sent)
        code = answer["code"] if answer.get("type", "").startswith(PROBLEM) else None
        assert (code is not None and not command.get("validate_only")) == (
            sent.status_code >= BAD_REQUEST
        )
        replayed = sent.headers.get("Idempotency-Replayed") == "true"
        return Told(code, answer, (sent.status_code, answer), replayed)

    def send_together(
        self, units: Sequence[Sequence[Command]], keys: Sequence[str], *, atomic: bool
    ) -> list[Told]:
        given = iter(keys)
        commands = [
            {**command, "key": next(given)}
            if atomic or len(unit) == 1
            else {**command, "key": next(given), "group": f"group-{number}"}
            for number, unit in enumerate(units)
            for command in unit
        ]
        sent = self._world.controller.post(
            f"{self._world.path}/batch", {"atomic": atomic, "commands": commands}
        )
        assert sent.status_code == 200, sent.text
        told = []
        for command, result in zip(commands, body_of(sent)["results"], strict=True):
            answer = dict(result)
            if command["do"] == "adjust" and answer["status"] == "done":
                answer["replacement"] = answer["id"]
                answer["reversal"] = self._entry(command["entry"])["reversed_by"]
            told.append(Told(answer.get("code"), answer, result, answer["status"] == "replayed"))
        return told

    def position(self) -> int:
        return self._world.head()

    def authorization(self, id: str) -> Answer:
        return body_of(self._world.controller.get(f"{self._world.path}/authorizations/{id}"))

    def balance(self, account: str) -> Answer:
        path = f"{self._world.path}/accounts/{account}/balances"
        shown = body_of(self._world.controller.get(path))
        (balance,) = shown["items"]
        return {
            "posted": balance["posted"]["balance"],
            "pending": balance["pending"]["debits"],
            "available": balance["available"],
            "version": shown["version"],
        }

    def chain(self, entry: str) -> list[str]:
        return [link["id"] for link in self._entry(entry)["chain"]]

    def _entry(self, id: str) -> Answer:
        return body_of(self._world.controller.get(f"{self._world.path}/entries/{id}"))
