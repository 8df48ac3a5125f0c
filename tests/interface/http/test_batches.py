"""Batches, in JSON and in NDJSON: one result for each command, groups whole or not at all."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from application.ledgers import Ledgers
from application.writer import Writer
from interface.http.app import create_app
from interface.http.door import HttpSettings
from interface.http.lines import LINE_MAX_BYTES
from tests.conftest import Database
from tests.interface.http.world import (
    World,
    assert_problem,
    body_of,
    entry,
    make_key,
)

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


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    return world.account(), world.account()


@pytest.mark.parametrize("form", FORMS)
def test_each_command_has_its_result(world: World, pair: tuple[str, str], form: str) -> None:
    wallet = world.funded("10.00")
    held = world.hold(wallet, world.account(), "3.00")
    posted = world.post(*pair, "5.00")
    before = world.head()
    commands = [
        post(*pair),
        {"do": "settle", "key": "s", "authorization": held["id"], "amount": "1.00"},
        {"do": "release", "key": "r", "authorization": held["id"].upper()},
        {"do": "void", "key": "v", "authorization": held["id"]},
        {
            "do": "adjust",
            "key": "a",
            "entry": posted["id"],
            "reason": "wrong_amount",
            **entry(*pair, "4.00"),
        },
        {"do": "reverse", "key": "x", "entry": posted["id"], "reason": "duplicate"},
        {
            "do": "authorize",
            "key": "h",
            "debit": wallet,
            "credit": pair[0],
            "amount": "100.00",
            "asset": "USD",
        },
        post(pair[0], "no:such"),
        {**post(*pair), "narrative": "Grüße"},
    ]
    keys = {command["key"]: f"{form}-{command['key']}" for command in commands}
    commands = [{**command, "key": keys[command["key"]]} for command in commands]
    answer = send(world, commands, form)
    assert statuses(answer) == [
        "done",
        "done",
        "done",
        "authorization_closed",
        "done",
        "already_reversed",
        "insufficient_funds",
        "account_not_found",
        "done",
    ]
    first = results(answer)
    assert int(answer.headers["Ledger-Position"]) == world.head()
    positions = [result["position"] for result in first]
    assert positions == sorted(positions)
    assert positions[0] == before + 1
    assert first[1]["id"] == first[2]["id"] == held["id"]
    shown = body_of(world.clerk.get(f"{world.path}/authorizations/{held['id']}"))
    assert shown["entries"] == [first[1]["entry"]]
    corrected = body_of(world.clerk.get(f"{world.path}/entries/{posted['id']}"))
    assert corrected["adjusted_by"] == first[4]["id"]
    assert first[6]["available"] == "9.00"
    again = results(send(world, commands, form))
    assert [result["status"] for result in again] == [
        "replayed" if result["status"] == "done" else "refused" for result in first
    ]
    for one, two in zip(first, again, strict=True):
        assert {**one, "status": ""} == {**two, "status": ""}


@pytest.mark.parametrize("form", FORMS)
def test_a_command_alone_and_in_a_batch_is_the_same(
    world: World, pair: tuple[str, str], form: str
) -> None:
    key = str(uuid4())
    body = entry(*pair, "1.00", reference="r", narrative="n", metadata={"a": "b"})
    alone = world.clerk.post(f"{world.path}/entries", body, key=key)
    (result,) = results(send(world, [{"do": "post", "key": key, **body}], form))
    assert result == {
        "status": "replayed",
        "id": body_of(alone)["id"],
        "position": body_of(alone)["position"],
    }
    held = world.hold(world.funded("5.00"), pair[0], "2.00")
    path = f"{world.path}/authorizations/{held['id']}/settle"
    alone = world.clerk.post(path, {"amount": "1.00"}, key=f"{key}-2")
    element = {"do": "settle", "key": f"{key}-2", "authorization": held["id"], "amount": "1.00"}
    (result,) = results(send(world, [element], form))
    assert (result["status"], result["entry"]) == ("replayed", body_of(alone)["entry"])


@pytest.mark.parametrize("form", FORMS)
def test_the_same_key_twice_in_a_batch(world: World, pair: tuple[str, str], form: str) -> None:
    command = post(*pair)
    other = {**command, "reference": "another"}
    assert statuses(send(world, [command, command, other], form)) == [
        "done",
        "replayed",
        "idempotency_conflict",
    ]
    assert world.balance(pair[0])["lines"] == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_group_stands_or_falls_as_one(world: World, pair: tuple[str, str], form: str) -> None:
    wallet = world.funded("1.00")
    good = [post(*pair, group="good"), post(*pair, group="good")]
    bad = [
        post(*pair, group="bad"),
        post(wallet, pair[0], "1.01", group="bad"),
        post(*pair, group="bad"),
    ]
    mixed = [good[0], bad[0], post(*pair), bad[1], good[1], bad[2]]
    assert statuses(send(world, mixed, form)) == [
        "done",
        "group_refused",
        "done",
        "insufficient_funds",
        "done",
        "group_refused",
    ]
    assert world.balance(pair[0])["lines"] == 3
    # The others of the group kept their keys.
    kept = [{k: v for k, v in one.items() if k != "group"} for one in (bad[0], bad[2])]
    assert statuses(send(world, kept, form)) == ["done", "done"]


@pytest.mark.parametrize("form", FORMS)
def test_a_command_that_fails_its_schema_fails_its_group(
    world: World, pair: tuple[str, str], form: str
) -> None:
    commands = [
        post(*pair, group="g"),
        {**post(*pair, group="g"), "foo": 1},
        post(*pair),
        {"do": "nothing", "key": "k", "group": "h"},
        post(*pair, group="h"),
    ]
    answer = send(world, commands, form)
    assert statuses(answer) == [
        "group_refused",
        "invalid_request",
        "done",
        "invalid_request",
        "group_refused",
    ]
    assert results(answer)[1]["errors"] == {"foo": ["Unknown field."]}
    assert results(answer)[3]["errors"].keys() == {"do"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spoiler", [{"do": "post", "key": "k"}, None])
def test_an_atomic_batch_stands_or_falls_as_one(
    world: World, pair: tuple[str, str], form: str, spoiler: Any
) -> None:
    wallet = world.funded("1.00")
    head = world.head()
    commands = [post(*pair), spoiler or post(wallet, pair[0], "2.00"), post(*pair, group="x")]
    code = "invalid_request" if spoiler else "insufficient_funds"
    answer = send(world, commands, form, atomic=True)
    assert statuses(answer) == ["group_refused", code, "group_refused"]
    assert world.head() == head + (0 if spoiler else 1)
    assert statuses(send(world, [commands[0], commands[2]], form, atomic=True)) == ["done", "done"]


def test_a_role_is_judged_for_each_command(world: World, pair: tuple[str, str]) -> None:
    answer = world.auditor.post(f"{world.path}/batch", {"commands": [post(*pair)]})
    assert statuses(answer) == ["forbidden"]
    assert "position" not in results(answer)[0]
    assert int(answer.headers["Ledger-Position"]) == world.head()


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        (None, {"_schema"}),
        ([], {"_schema"}),
        ("post", {"_schema"}),
        ({}, {"do"}),
        ({"do": "open_account", "key": "k"}, {"do"}),
        ({"do": ["post"], "key": "k"}, {"do"}),
        ({"do": "void", "key": "k"}, {"authorization"}),
        ({"do": "void", "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "", "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "a b", "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "x" * 256, "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": 1, "authorization": str(uuid4())}, {"key"}),
        ({"do": "void", "key": "k", "authorization": "x"}, {"authorization"}),
        ({"do": "void", "key": "k", "authorization": str(uuid4()), "group": ""}, {"group"}),
        ({"do": "void", "key": "k", "authorization": str(uuid4()), "group": 1}, {"group"}),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_commands_that_break_their_schema(
    world: World, command: Any, fields: set[str], form: str
) -> None:
    (result,) = results(send(world, [command], form))
    assert (result["status"], result["code"]) == ("refused", "invalid_request")
    assert result["errors"].keys() == fields
    assert "position" not in result


@pytest.mark.parametrize(
    ("envelope", "field"),
    [
        ({}, "commands"),
        ({"commands": None}, "commands"),
        ({"commands": {}}, "commands"),
        ({"commands": []}, "commands"),
        ({"commands": [{}], "atomic": "true"}, "atomic"),
        ({"commands": [{}], "atomic": None}, "atomic"),
        ({"commands": [{}], "foo": 1}, "foo"),
        ({"commands": [{}], "key": "k"}, "key"),
    ],
)
def test_envelopes_that_are_broken(world: World, envelope: Any, field: str) -> None:
    head = world.head()
    answer = world.clerk.post(f"{world.path}/batch", envelope)
    assert assert_problem(answer, 422, "invalid_request")["errors"].keys() == {field}
    assert world.head() == head


def test_a_broken_command_makes_a_json_batch_malformed(world: World, pair: tuple[str, str]) -> None:
    head = world.head()
    good = json.dumps(post(*pair)).encode()
    for bad in (b'{"a":1,"a":2}', b'{"narrative":"\xff"}', b'{"a":NaN}', b'{"a":01}'):
        body = b'{"commands":[%b,%b]}' % (good, bad)
        assert_problem(world.clerk.post(f"{world.path}/batch", body), 400, "malformed")
    twice = b'{"commands":[%b],"commands":[]}' % good
    assert_problem(world.clerk.post(f"{world.path}/batch", twice), 400, "malformed")
    assert world.head() == head


def test_a_broken_line_is_refused_alone(world: World, pair: tuple[str, str]) -> None:
    commands = [post(*pair), b"{", b"\xff", b"", b"  ", b"x" * (LINE_MAX_BYTES + 1), post(*pair)]
    assert statuses(send(world, commands, "ndjson")) == [
        "done",
        "malformed",
        "malformed",
        "too_large",
        "done",
    ]
    atomic = send(world, [post(*pair), b"{"], "ndjson", atomic=True)
    assert statuses(atomic) == ["group_refused", "malformed"]


def test_lines_end_as_they_like(world: World, pair: tuple[str, str]) -> None:
    one, two, three = (json.dumps(post(*pair)).encode() for _ in range(3))
    answer = send_lines(world, one + b"\r\n\n" + two + b"\n" + three)
    assert statuses(answer) == ["done", "done", "done"]
    empty = send_lines(world, b"")
    assert (empty.status_code, empty.data) == (200, b"")


def test_too_many_commands(world: World, pair: tuple[str, str]) -> None:
    head = world.head()
    path = f"{world.path}/batch"
    many = [{"do": "x"}] * 10_001
    assert_problem(world.clerk.post(path, {"commands": many}), 413, "too_large")
    atomic = {"commands": many[:2001], "atomic": True}
    assert_problem(world.clerk.post(path, atomic), 413, "too_large")
    assert_problem(send(world, many[:2001], "ndjson", atomic=True), 413, "too_large")
    group = [post(*pair, group="large") for _ in range(2001)]
    answer = send(world, [*group, {"do": "x"}])
    assert set(statuses(answer)[:2001]) == {"too_large"}
    assert world.head() == head


def test_ndjson_that_announces_too_much(world: World) -> None:
    answer = streamed(world, BytesIO(b"{}"), length=(256 << 20) + 1)
    assert_problem(answer, 413, "too_large")


def test_ten_thousand_commands(world: World, pair: tuple[str, str]) -> None:
    commands = [post(*pair, "0.01") for _ in range(10_000)]
    answer = send(world, commands)
    assert set(statuses(answer)) == {"done"}
    assert world.balance(pair[0])["lines"] == 10_000
    assert set(statuses(send(world, commands, "ndjson"))) == {"replayed"}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a hundred lines instead of ten thousand."""
    monkeypatch.setattr("interface.http.line_batches.BATCH_MAX_COMMANDS", 100)


def test_groups_across_chunks_of_lines(
    world: World, pair: tuple[str, str], small_chunks: None
) -> None:
    """A group at the edge of a chunk goes with it; one that comes again later is refused."""
    filler = [post(*pair, "0.01") for _ in range(98)]
    edge = [post(*pair, group="edge") for _ in range(3)]
    late = [post(*pair, group="early"), *filler, *edge, post(*pair, group="early")]
    found = statuses(send(world, late, "ndjson"))
    assert found[:-1] == ["done"] * 102
    assert found[-1] == "invalid_request"


def streamed(world: World, body: Any, *, length: int | None = None) -> TestResponse:
    """Sends lines from a file; without a length as `Transfer-Encoding: chunked` arrives."""
    builder = EnvironBuilder(
        path=f"{world.path}/batch",
        method="POST",
        content_type="application/x-ndjson",
        headers=[("Authorization", f"Bearer {make_key(world.ledgers, 'streamer', 'clerk')}")],
    )
    environ = builder.get_environ()
    environ["wsgi.input"] = body
    environ["wsgi.input_terminated"] = True
    environ["CONTENT_LENGTH"] = "" if length is None else str(length)
    data, status, headers = run_wsgi_app(world.app, environ)
    return TestResponse(data, status, headers, builder.get_request())


def test_a_body_of_unknown_length(
    world: World, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b"".join(json.dumps(post(*pair)).encode() + b"\n" for _ in range(50))
    assert statuses(streamed(world, BytesIO(lines))) == ["done"] * 50
    monkeypatch.setattr("interface.http.line_batches.NDJSON_MAX_BYTES", 100_000)
    found = statuses(streamed(world, BytesIO(lines + b"\n" * 200_000)))
    assert found == [*["replayed"] * 50, "too_large"]


class StopsTheWriter(BytesIO):
    """A body during which the service is told to stop, once so many bytes were read."""

    def __init__(self, body: bytes, writer: Writer, after: int) -> None:
        super().__init__(body)
        self._writer = writer
        self._after = after

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._after:
            self._writer.close()
        return super().read(size)


@pytest.fixture
def leaving(world: World, module_database: Database) -> Iterator[World]:
    """The service once more, before the same ledger, with a writer that a test may stop."""
    ledgers = Ledgers(
        owner=module_database.owner, service=module_database.service, software_version="test"
    )
    ledgers.open()
    yield World(ledgers, create_app(ledgers, HttpSettings()), ledger=None)
    ledgers.close()


def test_what_was_written_before_the_service_stopped_is_told(
    world: World, leaving: World, pair: tuple[str, str], small_chunks: None
) -> None:
    """Every later command is refused with why, once each, and can be sent again."""
    commands = [post(*pair, "0.01") for _ in range(2_050)]
    lines = [json.dumps(command).encode() + b"\n" for command in commands]
    after = sum(map(len, lines[:1_500]))
    body = StopsTheWriter(b"".join(lines), leaving.ledgers.writer("main"), after)
    found = statuses(streamed(leaving, body))
    done = found.count("done")
    assert 1_000 < done < len(commands)
    assert found == ["done"] * done + ["unavailable"] * (len(commands) - done)
    assert set(statuses(send(world, commands[done:], "ndjson"))) == {"done"}
    assert world.balance(pair[0])["lines"] == len(commands)


@pytest.mark.parametrize("form", FORMS)
def test_a_service_that_stops(leaving: World, pair: tuple[str, str], form: str) -> None:
    leaving.ledgers.writer("main").close()
    answer = send(leaving, [post(*pair)], form)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    alone = leaving.clerk.post(f"{leaving.path}/entries", entry(*pair, "1.00"))
    assert_problem(alone, 503, "unavailable")
    assert alone.headers["Idempotency-Key"]


@pytest.mark.parametrize("form", FORMS)
def test_a_queue_that_is_full(
    world: World, pair: tuple[str, str], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.queue.MAX_QUEUE_COMMANDS", 0)
    answer = send(world, [post(*pair)], form)
    assert_problem(answer, 503, "busy")
    assert answer.headers["Retry-After"] == "1"
