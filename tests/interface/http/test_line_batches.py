"""NDJSON: lines of every kind, bodies of any length, and batches that end in the middle."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from application.ledgers import Ledgers
from application.writer import Writer
from interface.http.app import create_app
from interface.http.door import HttpSettings
from interface.http.lines import LINE_MAX_BYTES
from tests.conftest import Database
from tests.interface.http.batch_requests import FORMS, post, send, send_lines, statuses
from tests.interface.http.world import World, assert_problem, entry, make_key
from tests.patience import PATIENCE_SECONDS


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


def test_ndjson_that_announces_too_much(world: World) -> None:
    answer = streamed(world, BytesIO(b"{}"), length=(256 << 20) + 1)
    assert_problem(answer, 413, "too_large")


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


def streamed(
    world: World,
    body: Any,
    *,
    length: int | None = None,
    query: dict[str, str] | None = None,
) -> TestResponse:
    """Sends lines from a file; without a length as `Transfer-Encoding: chunked` arrives."""
    builder = EnvironBuilder(
        path=f"{world.path}/batch",
        method="POST",
        content_type="application/x-ndjson",
        query_string=query,
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


@pytest.mark.parametrize("atomic", ["true", "false"])
def test_a_body_that_was_cut_is_not_the_first_half_of_a_group(
    world: World, pair: tuple[str, str], atomic: str
) -> None:
    """Its sender was lost between two lines."""
    group = b"".join(json.dumps(post(*pair, group="swap")).encode() + b"\n" for _ in range(2))
    answer = streamed(world, BytesIO(group), length=len(group) + 200, query={"atomic": atomic})
    assert_problem(answer, 400, "malformed")
    assert world.balance(pair[0])["lines"] == 0


def test_what_was_sent_before_a_body_was_cut_stays(
    world: World, pair: tuple[str, str], small_chunks: None
) -> None:
    lines = b"".join(json.dumps(post(*pair)).encode() + b"\n" for _ in range(150))
    found = statuses(streamed(world, BytesIO(lines), length=len(lines) + 1))
    assert found == ["done"] * 100 + ["malformed"] * 50
    assert world.balance(pair[0])["lines"] == 100


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
    ledgers.open(within_seconds=PATIENCE_SECONDS)
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
