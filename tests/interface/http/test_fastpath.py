"""The thin path answers exactly as Flask does, request for request."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from interface.http.app import create_app
from interface.http.door import HttpSettings
from interface.http.fastpath import FastPath
from tests.interface.http.world import (
    World,
    authorization,
    body_of,
    entry,
    make_key,
)

Ask = Callable[..., None]
UUID = "0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e"


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return make_key(world.ledgers, "twice", "controller")


@pytest.fixture
def ask(world: World, token: str) -> Ask:
    """Sends a request by the thin path, then by Flask alone, and asserts that both answer the same.

    Where it was done the first time it is replayed the second time; nothing else may differ.
    """
    fast = world.app.wsgi_app
    assert isinstance(fast, FastPath)

    def both(
        path: str,
        body: Any = None,
        *,
        status: int,
        method: str = "POST",
        kind: str | None = "application/json",
        headers: dict[str, str] | None = None,
        key: str | None = None,
        by: str | None = token,
        terminated: bool = False,
    ) -> None:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Idempotency-Key": key or str(uuid4()), "X-Request-Id": "same", **(headers or {})}
        if by is not None:
            given["Authorization"] = f"Bearer {by}"
        answers = []
        for app in (fast, fast.behind):
            builder = EnvironBuilder(
                path=path, method=method, headers=list(given.items()), content_type=kind
            )
            environ = builder.get_environ()
            environ["wsgi.input"] = BytesIO(raw or b"")
            environ["CONTENT_LENGTH"] = "" if terminated else str(len(raw or b""))
            environ["wsgi.input_terminated"] = terminated
            pieces, status_line, sent = run_wsgi_app(app, environ)
            answers.append((status_line, sorted(sent.items()), b"".join(pieces)))
        (line, found, data), (line_2, found_2, data_2) = answers
        assert line.startswith(str(status)), (line, data)
        replayed = ("Idempotency-Replayed", "true")
        assert line == line_2
        assert [header for header in found if header != replayed] == [
            header for header in found_2 if header != replayed
        ]
        assert data == data_2

    return both


def test_commands(world: World, ask: Ask) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    entries = f"{world.path}/entries"
    ask(entries, entry(wallet, shop, "1.00"), status=201)
    ask(entries, entry(wallet, shop, "1000.00"), status=422)
    ask(entries, entry(wallet, "no:such", "1.00"), status=404)
    ask(entries, entry(wallet, shop, "1.00"), status=201, terminated=True)
    ask(f"{world.path}/authorizations", authorization(wallet, shop, "1.00"), status=201)
    held = [world.hold(wallet, shop, "2.00")["id"] for _ in range(3)]
    path = f"{world.path}/authorizations"
    ask(f"{path}/{held[0]}/settle", {"amount": "0.50", "narrative": "part"}, status=201)
    ask(f"{path}/{held[0].upper()}/settle", status=201, kind=None)
    ask(f"{path}/{held[1]}/void", status=200, kind=None)
    ask(f"{path}/{held[2]}/release", {}, status=200)
    ask(f"{path}/{held[1]}/settle", {}, status=409)
    ask(f"{path}/{UUID}/settle", {}, status=404)
    ask(f"{path}/nonsense/settle", {}, status=404)
    posted = [world.post(shop, world.account(), "1.00")["id"] for _ in range(2)]
    ask(f"{entries}/{posted[0]}/reverse", {"reason": "duplicate"}, status=201)
    adjusted = {"reason": "wrong_amount", **entry(shop, world.account(), "2.00")}
    ask(f"{entries}/{posted[1]}/adjust", adjusted, status=201)
    ask(
        f"{world.path}/accounts", {"code": f"x:{uuid4()}", "type": "asset", "name": "X"}, status=201
    )
    ask(f"{world.path}/assets", {"code": "FAST"}, status=201)
    ask(f"{world.path}/journals", {"code": "FAST", "name": "F"}, status=201)
    account = world.account()
    ask(f"{world.path}/accounts/{account}/freeze", {}, status=200)
    ask(f"{world.path}/accounts/{account}/unfreeze", None, kind=None, status=200)
    ask(f"{world.path}/accounts/{account}/close", {}, headers={"If-Match": '"9"'}, status=412)
    ask(f"{world.path}/accounts/{account}/close", {}, headers={"If-Match": '"3"'}, status=200)


def test_batches(world: World, ask: Ask) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    batch = f"{world.path}/batch"
    commands = [{"do": "post", "key": str(uuid4()), **entry(wallet, shop, "1.00")}, {"do": "x"}]
    lines = b"".join(json.dumps(command).encode() + b"\n" for command in commands)
    world.caller("controller", actor="twice").post(batch, {"commands": commands[:1]})
    ask(batch, {"commands": commands}, status=200)
    ask(batch, {"commands": commands, "atomic": True}, status=200)
    ask(f"{batch}?atomic=true", {"commands": commands}, status=200)
    ask(f"{batch}?atomic=1", {"commands": commands}, status=422)
    ask(f"{batch}?atomic=true&atomic=true", {"commands": commands}, status=422)
    ask(f"{batch}?%FF=%FF", {"commands": commands}, status=422)
    ask(batch, lines, kind="application/x-ndjson", status=200)
    ask(batch, lines, kind="application/x-ndjson", status=200, terminated=True)
    ask(batch, {"commands": commands * 6000}, status=413)
    ask(batch, {"commands": []}, status=422)


def test_problems(world: World, ask: Ask) -> None:
    body = entry(world.account(), world.account(), "1.00")
    entries = f"{world.path}/entries"
    ask(entries, body, by=None, status=401)
    ask(entries, body, by="nonsense", status=401)
    ask(entries, body, headers={"Authorization": "Basic x"}, by=None, status=401)
    own = make_key(world.ledgers, "elsewhere", "clerk", ledger="elsewhere")
    ask(entries, body, by=own, status=403)
    reader = make_key(world.ledgers, "reader", "auditor")
    ask(entries, body, by=reader, status=403)
    ask("/v1/ledgers/system/entries", body, status=403)
    ask("/v1/ledgers/no_such/entries", body, status=404)
    ask("/v1/ledgers/a%00b/entries", body, status=404)
    ask(entries, b"{", status=400)
    ask(entries, b"", status=400)
    ask(entries, None, kind=None, status=422)
    ask(entries, b"{}", status=422)
    ask(entries, body, key="a b", status=422)
    ask(entries, body, kind="text/plain", status=415)
    ask(entries, body, headers={"Content-Encoding": "gzip"}, status=415)
    ask(entries, b" " * ((16 << 20) + 1), status=413)
    ask(entries, b" " * ((16 << 20) + 1), status=413, terminated=True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/v1/ledgers/main/entries", 405),
        ("GET", "/v1/ledgers/main/accounts", 200),
        ("PUT", "/v1/ledgers/main/batch", 405),
        ("POST", "/v1/ledgers/main", 405),
        ("POST", "/v1/ledgers/main/nothing", 404),
        ("POST", "/v1/ledgers//entries", 404),
        ("POST", "/v1/ledgers/main/entries/", 404),
        ("POST", f"/v1/ledgers/main/entries/{UUID}/nothing", 404),
        ("POST", f"/v1/ledgers/main/entries/{UUID}", 405),
        ("POST", f"/v1/ledgers/main//{UUID}/settle", 404),
        ("POST", "/v1/ledgers/main/authorizations//settle", 404),
        ("POST", "/v1/ledgers/main/periods/lock", 422),
        ("POST", "/v2/ledgers/main/entries", 404),
        ("POST", "/health/live", 405),
    ],
)
def test_what_is_no_command_goes_on_to_flask(ask: Ask, method: str, path: str, status: int) -> None:
    ask(path, {}, method=method, status=status)


def test_a_rate_is_counted_on_both_paths(world: World) -> None:
    app = create_app(world.ledgers, HttpSettings(rate_limit_per_second=1))
    client = app.test_client()
    key = {"Authorization": f"Bearer {make_key(world.ledgers, 'hasty', 'clerk')}"}
    statuses = {
        client.open(path, method=method, headers=key).status_code
        for _ in range(20)
        for method, path in (("GET", world.path), ("POST", f"{world.path}/entries"))
    }
    assert statuses == {200, 429} or statuses == {422, 429} or statuses == {200, 422, 429}


def test_both_paths_are_counted_by_route(world: World) -> None:
    def counted() -> dict[str, float]:
        lines = world.nobody.get("/metrics").text.splitlines()
        return {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith("backoffice_http_requests_total")
        }

    before = counted()
    posted = world.post(world.account(), world.account(), "1.00")
    body_of(world.clerk.get(f"{world.path}/entries/{posted['id']}"))
    world.clerk.get("/v1/nothing/" + "x" * 50)
    after = counted()
    grown = {line for line in after if after[line] > before.get(line, 0)}
    name = "backoffice_http_requests_total"
    prefix = "/v1/ledgers/<ledger>"
    assert {
        f'{name}{{method="POST",route="{prefix}/entries",status="201"}}',
        f'{name}{{method="GET",route="{prefix}/entries/<entry>",status="200"}}',
        f'{name}{{method="GET",route="none",status="404"}}',
    } <= grown
    assert not any("xxx" in line for line in after)
