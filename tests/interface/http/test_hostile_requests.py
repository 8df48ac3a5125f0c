"""Requests that no honest client sends: types, sizes, paths, queries, ETags."""

import json
from urllib.parse import unquote
from uuid import uuid4

import pytest
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from tests.interface.http.world import World, assert_problem, body_of, entry, leg

ACCOUNT = "test:asset:1"
GOOD_LEGS = [leg(ACCOUNT, "debit", "1.00"), leg(ACCOUNT, "credit", "1.00")]


@pytest.fixture(scope="module", autouse=True)
def _accounts(world: World) -> None:
    assert world.account() == ACCOUNT


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        (None, {}),
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("application/json-patch+json", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
    ],
)
@pytest.mark.parametrize("path", ["entries", "batch"])
def test_media_types_that_are_not_taken(
    world: World, kind: str | None, headers: dict[str, str], path: str
) -> None:
    answer = world.clerk.post(f"{world.path}/{path}", b"{}", kind=kind, headers=headers)
    assert_problem(answer, 415, "unsupported_media_type")


def test_media_types_that_are(world: World) -> None:
    body = json.dumps({"legs": GOOD_LEGS}).encode()
    for kind in ("application/json", "Application/JSON; charset=utf-8", "application/json "):
        answer = world.clerk.post(f"{world.path}/entries", body, kind=kind)
        assert answer.status_code == 201, answer.text


def test_a_body_may_be_left_out_where_nothing_is_required(world: World) -> None:
    account = f"{world.path}/accounts/{world.account()}"
    for verb in ("freeze", "unfreeze", "close"):
        answer = world.controller.post(f"{account}/{verb}", b"")
        assert answer.status_code == 200, answer.text
    assert_problem(world.clerk.post(f"{world.path}/entries", b""), 400, "malformed")


def test_bodies_that_are_too_large(world: World) -> None:
    body = b'{"legs":[' + b" " * (16 << 20) + b"]}"
    for path in ("entries", "batch"):
        assert_problem(world.clerk.post(f"{world.path}/{path}", body), 413, "too_large")
    fits = b" " * ((16 << 20) - 2) + b"{}"
    assert_problem(world.clerk.post(f"{world.path}/entries", fits), 422, "invalid_request")


def test_a_record_that_is_too_large(world: World) -> None:
    head = world.head()
    dimensions = {f"{n}{'x' * 58}": "y" * 140 for n in range(8)}
    body = {"legs": [{**one, "dimensions": dimensions} for one in GOOD_LEGS] * 50}
    answer = world.clerk.post(f"{world.path}/entries", body, key="large")
    problem = assert_problem(answer, 413, "too_large")
    assert "position" not in problem
    element = {"do": "post", "key": "large", **body}
    batch = body_of(world.clerk.post(f"{world.path}/batch", {"commands": [element]}))
    assert batch["results"][0]["code"] == "too_large"
    assert world.head() == head
    kept = world.clerk.post(f"{world.path}/entries", {"legs": GOOD_LEGS}, key="large")
    assert kept.status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "accounts/a%00b",
        "accounts/%ED%A0%80",
        "accounts/%FF",
        "accounts/" + "x" * 500,
        "accounts/no:such",
        "accounts/no:such/balances",
        "accounts/%20",
    ],
)
def test_accounts_that_no_path_can_name(world: World, path: str) -> None:
    assert_problem(world.clerk.get(f"{world.path}/{path}"), 404, "account_not_found")


@pytest.mark.parametrize("path", ["//v1/ledgers", "/%2Fv1/ledgers/main", "///v1/openapi.json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_begins_with_two_slashes_is_none(world: World, path: str, method: str) -> None:
    """The router would take it for one with a single slash, at which a key is looked for."""
    builder = EnvironBuilder(path="/", method=method)
    environ = builder.get_environ()
    environ["PATH_INFO"] = unquote(path)
    data, status, headers = run_wsgi_app(world.app, environ)
    assert_problem(TestResponse(data, status, headers, builder.get_request()), 404, "not_found")


@pytest.mark.parametrize("id", ["nope", "1", "%00", "0" * 36, "..", "x" * 500])
def test_ids_that_no_path_can_name(world: World, id: str) -> None:
    path = world.path
    assert_problem(world.clerk.get(f"{path}/entries/{id}x"), 404, "entry_not_found")
    answer = world.clerk.post(f"{path}/entries/{id}x/reverse", {"reason": "duplicate"})
    assert_problem(answer, 404, "entry_not_found")
    answer = world.clerk.get(f"{path}/authorizations/{id}x")
    assert_problem(answer, 404, "authorization_not_found")
    answer = world.clerk.post(f"{path}/authorizations/{id}x/settle", {})
    assert_problem(answer, 404, "authorization_not_found")


@pytest.mark.parametrize(
    "query",
    [
        "foo=1",
        "limit=0",
        "limit=1001",
        "limit=ten",
        "limit=1&limit=2",
        "limit=",
        "limit=\u0661",
        "limit=1.0",
        "min_position=-1",
        "min_position=9223372036854775808",
        "cursor=%00",
        "cursor=***",
        "cursor=gA",
        "cursor=" + "x" * 2000,
        "type=%00",
        "status=shut",
        "prefix=%00",
        "prefix=" + "x" * 121,
    ],
)
def test_queries_that_are_not_understood(world: World, query: str) -> None:
    answer = world.auditor.get(f"{world.path}/accounts?{query}")
    assert_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize(
    "query",
    [
        "account=",
        "stream=x",
        "type=Entry%00",
        "actor=%00",
        "from_position=x",
        "to_position=99999999999999999999",
        "cursor=YWJj",
        "key=",
    ],
)
def test_questions_to_the_log_that_are_not_understood(world: World, query: str) -> None:
    answer = world.auditor.get(f"{world.path}/events?{query}")
    assert_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("etag", ["3", '"a', "*,", '"1", "2"', "", '"ä"'])
def test_etags_that_are_none(world: World, etag: str) -> None:
    answer = world.controller.patch(
        f"{world.path}/accounts/{ACCOUNT}", {"name": "x"}, headers={"If-Match": etag}
    )
    assert_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("etag", ['W/"1"', '"0"', '"x"', '"' + "9" * 30 + '"', '"999"'])
def test_etags_that_match_nothing(world: World, etag: str) -> None:
    answer = world.controller.patch(
        f"{world.path}/accounts/{ACCOUNT}", {"name": "x"}, headers={"If-Match": etag}
    )
    assert_problem(answer, 412, "stale")


def test_ids_in_upper_case_are_the_same(world: World) -> None:
    id = str(uuid4())
    body = {**entry(ACCOUNT, world.account(), "1.00"), "id": id.upper()}
    posted = world.clerk.post(f"{world.path}/entries", body)
    assert body_of(posted)["id"] == id
    assert body_of(world.clerk.get(f"{world.path}/entries/{id.upper()}"))["id"] == id
