"""Batches as tests send them, and what they read of the answers."""

import json
from typing import Any
from uuid import uuid4

from werkzeug.test import TestResponse

from tests.interface.http.world import World, body_of, entry

FORMS = ["json", "ndjson"]


def post(debit: str, credit: str, amount: str = "1.00", **more: Any) -> dict[str, Any]:
    return {"do": "post", "key": str(uuid4()), **entry(debit, credit, amount), **more}


def send(
    world: World, commands: list[Any], form: str = "json", *, atomic: bool = False
) -> TestResponse:
    if form == "json":
        body = {"commands": commands, **({"atomic": True} if atomic else {})}
        return world.clerk.post(f"{world.path}/batch", body)
    lines = b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in commands
    )
    return send_lines(world, lines, atomic=atomic)


def send_lines(world: World, lines: bytes, *, atomic: bool = False) -> TestResponse:
    path = f"{world.path}/batch{'?atomic=true' if atomic else ''}"
    return world.clerk.post(path, lines, kind="application/x-ndjson")


def results(answer: TestResponse) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    if answer.mimetype == "application/x-ndjson":
        return [json.loads(line) for line in answer.data.splitlines()]
    body = body_of(answer)
    assert answer.headers["Ledger-Position"] == str(body["position"])
    return list(body["results"])


def statuses(answer: TestResponse) -> list[str]:
    return [result.get("code", result["status"]) for result in results(answer)]
