"""Who may come in, in which order that is judged, and what is open to everybody."""

import json
import logging
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from application.ledgers import Ledgers
from domain.access import RevokeKey
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.interface.http.batch_requests import post
from tests.interface.http.world import (
    Caller,
    World,
    assert_problem,
    body_of,
    entry,
    make_key,
)
from tests.patience import wait_until


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic YTpi",
        "bo_nonsense",
        "Bearer ä",
        "Bearer a b",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/ledgers"),
        ("GET", "/v1/ledgers/main"),
        ("GET", "/v1/ledgers/no_such"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("DELETE", "/v1/ledgers"),
        ("OPTIONS", "/v1/ledgers"),
        ("POST", "/v1/openapi.json/x"),
        ("POST", "/v1/ledgers/main/entries"),
        ("POST", "/v1/ledgers/main/batch"),
    ],
)
def test_without_a_valid_key_nothing_is_told(
    world: World, authorization: str | None, method: str, path: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = world.nobody.send(method, path, headers=headers)
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/health/live", "application/json"),
        ("/health/ready", "application/json"),
        ("/metrics", "text/plain"),
        ("/docs", "text/html"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/start.js", "text/javascript"),
        ("/docs/openapi.json", "application/json"),
        ("/v1/openapi.json", "application/json"),
    ],
)
def test_open_to_everybody(world: World, path: str, kind: str) -> None:
    answer = world.nobody.get(path)
    assert answer.status_code == 200
    assert answer.mimetype == kind
    assert answer.data


def test_the_scheme_is_taken_in_any_case(world: World) -> None:
    token = make_key(world.ledgers, "anybody", "auditor")
    answer = world.nobody.get("/v1/ledgers", headers={"Authorization": f"bEARER  {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/accounts"),
        ("GET", "/nothing"),
        ("DELETE", "/entries"),
        ("POST", "/entries"),
        ("POST", "/batch"),
    ],
)
def test_a_ledgers_key_is_forbidden_elsewhere_whatever_is_there(
    world: World, method: str, path: str
) -> None:
    body = {"id": "own", "name": "O", "functional_asset": "USD", "timezone": "UTC"}
    world.operator.post("/v1/ledgers", body, key="own")
    caller = world.caller("controller", "operator", ledger="own")
    for ledger in ("main", "no_such", "system", "OWN", "own%20"):
        answer = caller.send(method, f"/v1/ledgers/{ledger}{path}")
        assert_problem(answer, 403, "forbidden")
    assert caller.get("/v1/ledgers/own").status_code == 200


def test_a_ledgers_key_sees_and_makes_no_other_ledger(world: World) -> None:
    body = {"id": "own", "name": "O", "functional_asset": "USD", "timezone": "UTC"}
    world.operator.post("/v1/ledgers", body, key="own")
    caller = world.caller("operator", ledger="own")
    listed = body_of(caller.get("/v1/ledgers"))
    assert [ledger["id"] for ledger in listed["items"]] == ["own"]
    assert_problem(caller.post("/v1/ledgers", {**body, "id": "more"}), 403, "forbidden")


def test_a_revoked_key_is_refused(world: World) -> None:
    token = make_key(world.ledgers, "leaver", "auditor")
    caller = Caller(world.app.test_client, token)
    assert caller.get("/v1/ledgers").status_code == 200
    key = world.ledgers.authenticate(token)
    assert key is not None
    submit(world.ledgers, RevokeKey(key_id=key.key_id))
    # A key is believed for a second.
    wait_until(lambda: caller.get("/v1/ledgers").status_code == 401, "its refusal")


class KeptBack(BytesIO):
    """A body of three lines, a line a read; before the last is read its sender's key is revoked."""

    def __init__(self, lines: list[bytes], revoke: Callable[[], object]) -> None:
        super().__init__(b"".join(lines))
        self._reads = 0
        self._revoke = revoke

    def read(self, size: int | None = -1) -> bytes:
        self._reads += 1
        if self._reads == 3:
            self._revoke()
        return self.readline()


@pytest.mark.parametrize(
    ("path", "kind", "statuses"),
    [
        ("entries", "application/json", None),
        ("batch", "application/json", None),
        ("batch", "application/x-ndjson", ["done", "refused", "refused"]),
    ],
)
def test_what_comes_when_the_key_was_revoked_is_not_done(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    kind: str,
    statuses: list[str] | None,
) -> None:
    """A body may be kept back as long as its sender likes."""
    monkeypatch.setattr("application.known_keys.KEY_TRUSTED_SECONDS", 0.0)
    monkeypatch.setattr("interface.http.line_batches.BATCH_MAX_COMMANDS", 1)
    monkeypatch.setattr("interface.http.lines.BLOCK_LINES", 1)
    token = make_key(world.ledgers, "leaver", "clerk")
    key = world.ledgers.authenticate(token)
    assert key is not None
    shop = world.account()
    posted = [post(world.account(), shop) for _ in range(3)]
    if kind == "application/x-ndjson":
        lines = [json.dumps(one).encode() + b"\n" for one in posted]
    else:
        body = entry(world.account(), shop, "1.00") if path == "entries" else {"commands": posted}
        lines = [b"\n", b"\n", json.dumps(body).encode()]
    environ = EnvironBuilder(
        path=f"{world.path}/{path}",
        method="POST",
        headers=[("Authorization", f"Bearer {token}")],
        content_type=kind,
    ).get_environ()
    environ["wsgi.input"] = KeptBack(
        lines, lambda: submit(world.ledgers, RevokeKey(key_id=key.key_id))
    )
    environ["wsgi.input_terminated"] = True
    pieces, status, _ = run_wsgi_app(world.app, environ)
    answer = b"".join(pieces)
    (balance,) = body_of(world.clerk.get(f"{world.path}/accounts/{shop}/balances"))["items"]
    if statuses is None:
        assert status[:3] == "401"
        assert balance["lines"] == 0
        return
    results = [json.loads(line) for line in answer.splitlines()]
    assert [result["status"] for result in results] == statuses
    assert {result.get("code") for result in results[1:]} == {"unauthenticated"}
    assert balance["lines"] == statuses.count("done")


def submit(ledgers: Ledgers, command: Any) -> None:
    from application.ledgers import THE_SERVICE
    from application.outcomes import Asked

    outcome = ledgers.writer("system").submit([(Asked(command, str(uuid4()), THE_SERVICE),)])[0]
    assert outcome.code is None


READS = [
    ("", {"all"}),
    ("/assets", {"all"}),
    ("/journals", {"all"}),
    ("/accounts", {"all"}),
    ("/events", {"auditor", "compliance", "controller"}),
]


@pytest.mark.parametrize(("path", "roles"), READS)
@pytest.mark.parametrize(
    "role", ["operator", "controller", "clerk", "approver", "compliance", "auditor"]
)
def test_roles_that_read(world: World, path: str, roles: set[str], role: str) -> None:
    caller: Caller = getattr(world, role)
    answer = caller.get(f"{world.path}{path}")
    if roles & {"all", role}:
        assert answer.status_code == 200
    else:
        assert_problem(answer, 403, "forbidden")


WRITES = [
    ("/v1/ledgers", {"operator"}),
    ("/v1/ledgers/main/assets", {"controller"}),
    ("/v1/ledgers/main/journals", {"controller"}),
    ("/v1/ledgers/main/accounts", {"controller"}),
    ("/v1/ledgers/main/periods/lock", {"controller"}),
    ("/v1/ledgers/main/entries", {"clerk", "controller"}),
    ("/v1/ledgers/main/authorizations", {"clerk", "controller"}),
]
BODIES: dict[str, Any] = {
    "/v1/ledgers": {"id": "r", "name": "R", "functional_asset": "USD", "timezone": "UTC"},
    "/v1/ledgers/main/assets": {"code": "ROLES"},
    "/v1/ledgers/main/journals": {"code": "ROLES", "name": "R"},
    "/v1/ledgers/main/accounts": {"code": "roles", "name": "R", "type": "asset"},
    "/v1/ledgers/main/periods/lock": {"through": "2018-01-01"},
    "/v1/ledgers/main/entries": entry("no:such", "no:such", "1.00"),
    "/v1/ledgers/main/authorizations": {
        "debit": "no:such",
        "credit": "no:such",
        "amount": "1",
        "asset": "USD",
    },
}


@pytest.mark.parametrize(("path", "roles"), WRITES)
@pytest.mark.parametrize(
    "role", ["operator", "controller", "clerk", "approver", "compliance", "auditor"]
)
def test_roles_that_write(world: World, path: str, roles: set[str], role: str) -> None:
    caller: Caller = getattr(world, role)
    answer = caller.post(path, BODIES[path])
    if role not in roles:
        problem = assert_problem(answer, 403, "forbidden")
        assert "position" not in problem
    else:
        assert answer.status_code in (201, 200, 404)


def test_invalid_requests_come_before_permission_and_what_is_not_found(world: World) -> None:
    for path in (world.path, "/v1/ledgers/no_such"):
        answer = world.auditor.post(f"{path}/entries", {"legs": []})
        assert_problem(answer, 422, "invalid_request")
    answer = world.auditor.post("/v1/ledgers/no_such/entries", entry("a", "b", "1"))
    assert_problem(answer, 404, "ledger_not_found")
    answer = world.auditor.post(f"{world.path}/entries", entry("no:such", "b", "1"))
    assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("ledger", ["no_such", "NO", "a%00b", "a%20b", "%F0%9F%92%A9", "x" * 300])
def test_ledgers_that_are_not_there(world: World, ledger: str) -> None:
    path = f"/v1/ledgers/{ledger}"
    assert_problem(world.controller.get(path), 404, "ledger_not_found")
    assert_problem(world.auditor.get(f"{path}/events"), 404, "ledger_not_found")
    answer = world.controller.post(f"{path}/journals", {"code": "J", "name": "J"})
    assert_problem(answer, 404, "ledger_not_found")
    answer = world.clerk.post(f"{path}/batch", {"commands": [{}]})
    assert_problem(answer, 404, "ledger_not_found")


def test_the_system_ledger_is_read_by_auditors_and_written_by_nobody(world: World) -> None:
    events = body_of(world.auditor.get("/v1/ledgers/system/events?type=KeyIssued"))
    assert events["items"]
    body = {"code": "X", "name": "X"}
    for path in ("journals", "batch", "accounts"):
        answer = world.controller.post(f"/v1/ledgers/system/{path}", body)
        assert_problem(answer, 403, "forbidden")
    body = {"id": "system", "name": "S", "functional_asset": "USD", "timezone": "UTC"}
    assert_problem(world.operator.post("/v1/ledgers", body), 422, "invalid_request")


def test_routes_that_are_not_there(world: World) -> None:
    for path in ("/v1/nothing", "/nothing", "/v1/ledgers/", f"{world.path}/", "/docs/x.js"):
        assert_problem(world.clerk.get(path), 404, "not_found")
    assert_problem(world.clerk.get(f"{world.path}//accounts"), 404, "not_found")


def test_methods_that_a_route_does_not_take(world: World) -> None:
    answer = world.clerk.send("DELETE", f"{world.path}/entries")
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    answer = world.clerk.send("PUT", f"{world.path}/accounts/a:b")
    assert answer.headers["Allow"] == "GET, HEAD, PATCH"
    assert_problem(world.nobody.post("/health/live"), 405, "method_not_allowed")


def test_a_key_that_calls_too_often_is_told_to_wait(world: World) -> None:
    app = create_app(world.ledgers, HttpSettings(rate_limit_per_second=2))
    caller = Caller(app.test_client, make_key(world.ledgers, "eager", "auditor"))
    statuses = [caller.get("/v1/ledgers").status_code for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    answer = caller.get("/v1/ledgers")
    while answer.status_code == 200:
        answer = caller.get("/v1/ledgers")
    assert_problem(answer, 429, "too_many_requests")
    assert answer.headers["Retry-After"] == "1"
    other = Caller(app.test_client, make_key(world.ledgers, "calm", "auditor"))
    assert other.get("/v1/ledgers").status_code == 200
    assert other.get("/health/live").status_code == 200


def test_request_ids_are_kept_where_they_are_sane(world: World) -> None:
    sane = world.clerk.get(world.path, headers={"X-Request-Id": "abc-1"})
    assert sane.headers["X-Request-Id"] == "abc-1"
    other = world.clerk.get(world.path, headers={"X-Request-Id": 'x"y' + "z" * 500})
    again = world.clerk.get(world.path)
    assert other.headers["X-Request-Id"] != again.headers["X-Request-Id"]
    assert len(other.headers["X-Request-Id"]) < 40


@pytest.fixture
def requests_are_logged() -> Iterator[None]:
    """As by a service; those of the tests that follow are not, or they would stand among dots."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    yield
    root.setLevel(level)


@pytest.mark.usefixtures("requests_are_logged")
def test_logs_hold_no_secrets_and_no_texts(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(world.ledgers, HttpSettings())
    token = make_key(world.ledgers, "quiet", "clerk")
    caller = Caller(app.test_client, token)
    body = entry(world.account(), world.account(), "1.00", narrative="for Mrs Jones only")
    assert caller.post(f"{world.path}/entries", body).status_code == 201
    nobody = entry(world.account(), "no:body", "1.00")
    assert caller.post(f"{world.path}/entries", nobody).status_code == 404
    caller.get(f"/v1/ledgers/{token}")
    # Who is turned away by name is noted by name.
    stranger = make_key(world.ledgers, "quiet", "clerk", ledger="elsewhere")
    assert Caller(app.test_client, stranger).get(world.path).status_code == 403
    said, requests = "", []

    def have_come() -> bool:
        nonlocal said, requests
        said += capsys.readouterr().err
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        requests = [one for one in lines if one["event"] == "request" and one["actor"] == "quiet"]
        return len(requests) == 4

    wait_until(have_come, "the lines of all requests")
    assert [(line["status"], line["code"]) for line in requests] == [
        (201, None),
        (404, "account_not_found"),
        (404, "ledger_not_found"),
        (403, "forbidden"),
    ]
    assert "***" in requests[2]["path"]
    assert token not in said
    assert "Jones" not in said
