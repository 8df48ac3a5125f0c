"""A door to the service: requests, answers, PostgreSQL behind them."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, NamedTuple

from werkzeug.test import run_wsgi_app

from tests.interface.http.world import World, make_key
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


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class OverHttp:
    """The ledger of a world, which several lives share: each has accounts of its own."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._token = make_key(world.ledgers, "lives", "controller")

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
        sent = self._ask("POST", path.format(**command), body, key=key)
        answer = sent.body
        code = answer["code"] if answer.get("type", "").startswith(PROBLEM) else None
        assert (code is not None and not command.get("validate_only")) == (
            sent.status >= BAD_REQUEST
        )
        replayed = sent.headers.get("Idempotency-Replayed") == "true"
        return Told(code, answer, (sent.status, answer), replayed)

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
        sent = self._ask("POST", "/batch", {"atomic": atomic, "commands": commands})
        assert sent.status == 200, sent.body
        told = []
        for command, result in zip(commands, sent.body["results"], strict=True):
            answer = dict(result)
            if command["do"] == "adjust" and answer["status"] == "done":
                answer["replacement"] = answer["id"]
                answer["reversal"] = self._entry(command["entry"])["reversed_by"]
            told.append(Told(answer.get("code"), answer, result, answer["status"] == "replayed"))
        return told

    def position(self) -> int:
        return int(self._get("")["position"])

    def authorization(self, id: str) -> Answer:
        return self._get(f"/authorizations/{id}")

    def balance(self, account: str) -> Answer:
        shown = self._get(f"/accounts/{account}/balances")
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
        return self._get(f"/entries/{id}")

    def _get(self, path: str) -> Answer:
        answered = self._ask("GET", path)
        assert answered.status == 200, answered.body
        body: Answer = answered.body
        return body

    def _ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Answered:
        """As a server hands a request to the application: werkzeug's client takes as long for it
        as the application for the answer."""
        data = b"" if body is None else json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self._world.path + path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Bearer {self._token}",
            "CONTENT_LENGTH": str(len(data)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(data),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if body is not None:
            environ["CONTENT_TYPE"] = "application/json"
        if key is not None:
            environ["HTTP_IDEMPOTENCY_KEY"] = key
        chunks, status, headers = run_wsgi_app(self._world.app, environ, buffered=True)
        return Answered(int(status[:3]), dict(headers), json.loads(b"".join(chunks)))
