"""Commands on the event loop are answered exactly as Flask answers them, request for request."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from psycopg import OperationalError
from werkzeug.test import EnvironBuilder, run_wsgi_app

from application.ledgers import THE_SERVICE
from application.outcomes import Asked
from domain.access import RevokeKey
from interface.http.app import create_app
from interface.http.door import Door, HttpSettings
from interface.http.exchanges import Exchanges
from interface.http.front import Front
from interface.http.messages import Environ
from interface.http.request_log import Line
from tests.interface.http.world import (
    World,
    authorization,
    body_of,
    entry,
    make_key,
)
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.service import free_port

Ask = Callable[..., None]
UUID = "0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e"
PIECES = 400
A_PIECE = b"x" * 65_536


class Behind:
    """The WSGI application behind the front, and how often it was asked.

    At `/pieces` it has a stream longer than all buffers between it and a client, at `/broken` one
    that fails on the way.
    """

    def __init__(self, world: World) -> None:
        self.flask = create_app(world.ledgers, HttpSettings())
        self.asked = 0
        self.sent = 0
        self.closed = threading.Event()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.asked += 1
        if environ["PATH_INFO"] == "/broken":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self._broken()
        if environ["PATH_INFO"] != "/pieces":
            return self.flask(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        self.sent = 0
        self.closed.clear()
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        try:
            for _ in range(PIECES):
                yield A_PIECE
                self.sent += 1
        finally:
            self.closed.set()

    def _broken(self) -> Iterator[bytes]:
        yield A_PIECE
        raise OperationalError("the connection is lost")


class Served:
    """The front over real connections, its ledgers in this process."""

    def __init__(self, world: World) -> None:
        self.ledgers = world.ledgers
        self.behind = Behind(world)
        door = Door(world.ledgers, HttpSettings())
        self.exchanges = Exchanges()
        self._front = Front(self.behind, door, self.exchanges, threads=8)
        self.port = free_port()

    def run(self, stopping: threading.Event) -> None:
        """Serves until it is told to stop."""

        async def serve() -> None:
            server = Server(
                self._front,
                port=self.port,
                interface=Interfaces.RSGI,
                http=HTTPModes.http1,
                websockets=False,
                log_enabled=False,
            )
            serving = asyncio.create_task(server.serve())
            await asyncio.to_thread(stopping.wait)
            server.stop()  # type: ignore[no-untyped-call]
            await serving

        asyncio.run(serve())

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def is_up(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes, *, terminated: bool
    ) -> tuple[int, dict[str, str], bytes]:
        """Sends one request; `terminated`: in chunks, without a length."""
        connection = self.connect()
        connection.request(
            method, path, iter([body]) if terminated else body, headers, encode_chunked=terminated
        )
        answer = connection.getresponse()
        found = {name.title(): value for name, value in answer.getheaders()}
        # The server's own. It closes a connection whose request was not read to its end.
        for name in ("Server", "Date", "Connection"):
            found.pop(name, None)
        data = answer.read()
        connection.close()
        return answer.status, found, data


@pytest.fixture(scope="module", autouse=True)
def _keys_stay_at_hand() -> Iterator[None]:
    """However long a test takes: what it asks for is answered on the loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("application.known_keys.KEY_TRUSTED_SECONDS", 86_400.0)
        yield


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Served]:
    found = Served(world)
    stopping = threading.Event()
    serving = threading.Thread(target=found.run, args=(stopping,))
    serving.start()
    wait_until(found.is_up, "the front listens")
    yield found
    stopping.set()
    serving.join(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return make_key(world.ledgers, "twice", "controller")


@pytest.fixture
def ask(served: Served, token: str) -> Ask:
    """Sends a request to the front, then to Flask alone, and asserts that both answer the same.

    Where it was done the first time it is replayed the second time; nothing else may differ.
    `on_loop`: whether the front answers it without Flask.
    """
    flask = served.behind.flask

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
        on_loop: bool = True,
    ) -> None:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Idempotency-Key": key or str(uuid4()), "X-Request-Id": "same", **(headers or {})}
        if by is not None:
            given["Authorization"] = f"Bearer {by}"
            served.ledgers.authenticate(by)
        asked = served.behind.asked
        typed = given if kind is None else {**given, "Content-Type": kind}
        code, found, data = served.ask(method, path, typed, raw or b"", terminated=terminated)
        assert (served.behind.asked == asked) is on_loop

        builder = EnvironBuilder(
            path=path, method=method, headers=list(given.items()), content_type=kind
        )
        environ = builder.get_environ()
        environ["wsgi.input"] = BytesIO(raw or b"")
        environ["CONTENT_LENGTH"] = "" if terminated else str(len(raw or b""))
        environ["wsgi.input_terminated"] = terminated
        pieces, line, sent = run_wsgi_app(flask, environ)
        data_2 = b"".join(pieces)
        found_2 = {name.title(): value for name, value in sent.items()}
        assert (code, line[:3]) == (status, str(status)), (data, data_2)
        found.pop("Idempotency-Replayed", None)
        found_2.pop("Idempotency-Replayed", None)
        if "Transfer-Encoding" not in found:
            assert found == found_2
        assert data == data_2

    return both


def test_commands(world: World, ask: Ask) -> None:
    wallet, shop = world.funded("100.00"), world.account()
    entries = f"{world.path}/entries"
    ask(entries, entry(wallet, shop, "1.00"), status=201)
    ask(entries, entry(wallet, shop, "1000.00"), status=422)
    ask(entries, entry(wallet, "no:such", "1.00"), status=404)
    ask(entries, entry(wallet, shop, "1.00"), status=201, terminated=True, on_loop=False)
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


def test_the_log_says_why_a_command_was_turned_down(
    world: World, served: Served, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Line] = []
    monkeypatch.setattr(served.exchanges, "_say", lines.append)
    served.ledgers.authenticate(token)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    good = json.dumps(entry(world.account(), world.account(), "1.00")).encode()
    refused = json.dumps(entry(world.account(), "no:body", "1.00")).encode()
    for body in (good, refused, b"{"):
        served.ask("POST", f"{world.path}/entries", headers, body, terminated=False)
    assert [line.code for line in lines] == [None, "account_not_found", "malformed"]


def test_batches_go_on_to_flask(world: World, ask: Ask) -> None:
    ask = partial(ask, on_loop=False)
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
    ask(entries, body, by=None, status=401, on_loop=False)
    ask(entries, body, by="nonsense", status=401, on_loop=False)
    ask(entries, body, headers={"Authorization": "Basic x"}, by=None, status=401, on_loop=False)
    own = make_key(world.ledgers, "elsewhere", "clerk", ledger="elsewhere")
    ask(entries, body, by=own, status=403)
    reader = make_key(world.ledgers, "reader", "auditor")
    ask(entries, body, by=reader, status=403)
    ask("/v1/ledgers/system/entries", body, status=403)
    ask("/v1/ledgers/no_such/entries", body, status=404, on_loop=False)
    ask("/v1/ledgers/a%00b/entries", body, status=404, on_loop=False)
    ask(entries, b"{", status=400)
    ask(entries, b"", status=400)
    ask(entries, None, kind=None, status=422)
    ask(entries, b"{}", status=422)
    ask(entries, body, key="a b", status=422)
    ask(entries, body, kind="text/plain", status=415)
    ask(entries, body, headers={"Content-Encoding": "gzip"}, status=415)
    ask(entries, b" " * (9 << 10), status=400, on_loop=False)


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
        ("POST", "/v2/ledgers/main/entries", 404),
        ("POST", "/health/live", 405),
    ],
)
def test_what_is_no_command_goes_on_to_flask(ask: Ask, method: str, path: str, status: int) -> None:
    ask(path, {}, method=method, status=status, on_loop=False)


def test_a_full_queue(world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    body = entry(world.account(), world.account(), "1.00")
    monkeypatch.setattr("application.queue.MAX_QUEUE_COMMANDS", 0)
    ask(f"{world.path}/entries", body, status=503)


def test_many_at_once_are_done_once_each(world: World, served: Served, token: str) -> None:
    wallet, shop = world.account(), world.account()
    body = json.dumps(entry(wallet, shop, "1.00")).encode()
    served.ledgers.authenticate(token)

    def post(number: int) -> tuple[int, bytes]:
        given = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"{wallet}-{number // 2}",
        }
        code, _, data = served.ask("POST", f"{world.path}/entries", given, body, terminated=False)
        return code, data

    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(post, range(128)))
    assert {code for code, _ in answers} == {201}
    assert len({data for _, data in answers}) == 64
    (balance,) = body_of(world.clerk.get(f"{world.path}/accounts/{shop}/balances"))["items"]
    assert balance["lines"] == 64


def test_a_header_with_an_underscore_is_not_the_one_with_a_hyphen(
    world: World, served: Served, token: str
) -> None:
    served.ledgers.authenticate(token)
    given = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency_Key": "mine",
        "Idempotency-Key": "yours",
    }
    body = json.dumps(entry(world.account(), world.account(), "1.00")).encode()
    path = f"{world.path}/entries"
    assert served.ask("POST", path, given, body, terminated=False)[1]["Idempotency-Key"] == "yours"
    del given["Idempotency-Key"]
    _, found, _ = served.ask("POST", path, given, body, terminated=False)
    assert found["Idempotency-Key"] not in ("mine", "yours")


@pytest.mark.parametrize(
    ("query", "status"),
    [("prefix=Z\N{LATIN SMALL LETTER U WITH DIAERESIS}", 200), ("limit=\u0663", 422)],
)
def test_a_query_may_be_plain_utf_8(
    world: World, served: Served, token: str, query: str, status: int
) -> None:
    head = f"GET {world.path}/accounts?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}"
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as connection:
        connection.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert f" {status} ".encode() in answer.splitlines()[0]


# -- bodies and answers as they come


@pytest.mark.parametrize("in_chunks", [True, False])
@pytest.mark.parametrize("path", ["batch?atomic=true", "entries"])
def test_nothing_of_a_body_that_is_cut_is_done(
    world: World, served: Served, token: str, path: str, *, in_chunks: bool
) -> None:
    """A whole line has come, and what follows would be refused: done alone it would be wrong."""
    shop = world.account()
    body = json.dumps({"do": "post", "key": str(uuid4()), **entry(world.account(), shop, "1.00")})
    sent = f"{body}\n".encode()
    length = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(sent) + 9}"
    kind = "application/x-ndjson" if path.startswith("batch") else "application/json"
    head = (
        f"POST {world.path}/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {kind}\r\n{length}\r\n\r\n"
    )
    served.ledgers.authenticate(token)
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as connection:
        come = b"%x\r\n%b\r\n" % (len(sent), sent) if in_chunks else sent
        connection.sendall(head.encode() + come)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert b" 400 " in answer.splitlines()[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "malformed"
    (balance,) = body_of(world.clerk.get(f"{world.path}/accounts/{shop}/balances"))["items"]
    assert balance["lines"] == 0


def test_a_client_that_falls_silent_keeps_no_thread(
    world: World, served: Served, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are eight; without an end to their waiting nobody else would be answered."""
    monkeypatch.setattr("interface.http.under_rsgi.SILENT_SECONDS", 0.05)
    head = (
        f"POST {world.path}/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 20000\r\n\r\n{"
    )
    silent = []
    for _ in range(9):
        connection = socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS)
        connection.sendall(head.encode())
        silent.append(connection)
    for connection in silent:
        with connection, connection.makefile("rb") as answer:
            assert b" 400 " in answer.readline()


def test_what_comes_when_the_key_was_revoked_is_not_done(
    world: World, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.known_keys.KEY_TRUSTED_SECONDS", 0.5)
    monkeypatch.setattr("interface.http.front.AT_ONCE_SECONDS", 0.0)
    token = make_key(world.ledgers, "leaver", "clerk")
    key = served.ledgers.authenticate(token)
    assert key is not None
    body = json.dumps(entry(world.account(), world.account(), "1.00")).encode()
    head = (
        f"POST {world.path}/entries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as connection:
        connection.sendall(head.encode())
        revoke = Asked(RevokeKey(key_id=key.key_id), str(uuid4()), THE_SERVICE)
        assert served.ledgers.writer("system").submit([(revoke,)])[0].code is None
        wait_until(lambda: served.ledgers.authenticate(token) is None, "its refusal")
        connection.sendall(body)
        with connection.makefile("rb") as answer:
            assert b" 401 " in answer.readline()


def test_a_long_answer_waits_for_its_client(served: Served) -> None:
    connection = served.connect()
    connection.request("GET", "/pieces")
    answer = connection.getresponse()
    assert answer.read(len(A_PIECE)) == A_PIECE
    while True:
        sent = served.behind.sent
        time.sleep(0.2)
        if sent == served.behind.sent:
            break
    assert sent < PIECES
    assert answer.read() == A_PIECE * (PIECES - 1)
    assert served.behind.closed.wait(PATIENCE_SECONDS)
    assert served.behind.sent == PIECES


def test_a_long_answer_ends_where_its_client_leaves(served: Served) -> None:
    connection = served.connect()
    connection.request("GET", "/pieces")
    connection.getresponse().read(1)
    connection.close()
    assert served.behind.closed.wait(PATIENCE_SECONDS)
    assert served.behind.sent < PIECES


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


def test_a_client_that_takes_nothing_more_keeps_no_thread(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not take what it has got for the whole."""
    monkeypatch.setattr("interface.http.under_rsgi.SILENT_SECONDS", 0.05)
    connection = served.connect()
    connection.request("GET", "/pieces")
    answer = connection.getresponse()
    assert served.behind.closed.wait(PATIENCE_SECONDS)
    assert served.behind.sent < PIECES
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        answer.read()
    connection.close()


def test_an_answer_that_fails_on_the_way_does_not_look_whole(served: Served) -> None:
    connection, other = served.connect(), served.connect()
    other.connect()
    connection.request("GET", "/broken")
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        connection.getresponse().read()
    connection.close()
    # Nobody else's connection is.
    other.request("GET", "/health/live")
    assert other.getresponse().status == 200
    other.close()


def test_nor_to_a_client_for_whom_the_connections_end_is_the_answers(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /broken HTTP/1.0\r\n\r\n")
        with connection.makefile("rb") as answer, pytest.raises(ConnectionResetError):
            answer.read()


def test_an_answer_that_the_server_never_begins_with_is_none(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipe goes: what the server says of a file that is not there would not be true."""
    monkeypatch.setattr("interface.http.under_rsgi.TAKEN_SECONDS", 0.0)
    connection = served.connect()
    connection.request("GET", "/pieces")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse().read()
    connection.close()


def test_a_small_body_that_never_comes_is_given_up(
    world: World, served: Served, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interface.http.front.SILENT_SECONDS", 0.05)
    served.ledgers.authenticate(token)
    head = (
        f"POST {world.path}/entries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_SECONDS) as connection:
        connection.sendall(head.encode())
        with connection.makefile("rb") as answer:
            assert b" 400 " in answer.readline()
