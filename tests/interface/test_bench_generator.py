"""The bench's load generator sends what it is given, once, and counts what is right."""

import socket
from collections import Counter

import msgspec
import pytest

from interface.bench.canned import canned_server
from interface.bench.generator import Run, at_share, generate
from interface.bench.load import MARK, Connection, Plan, Progress, Request, Unit, encoded
from interface.bench.rig import HOST
from tests.interface.bench_listener import Reply, listening


def request(path: str = "/", *, status: int = 201, results: int = 0, padding: int = 0) -> Request:
    body = b'{"mark":"%b","padding":"%b"}' % (MARK, b" " * padding)
    message = encoded("POST", path, key="secret", body=body, idempotency=b"key-" + MARK)
    return Request(message, status=status, results=results)


def batch_answer(*statuses: str) -> bytes:
    return msgspec.json.encode({"results": [{"status": status} for status in statuses]})


def test_every_unit_is_sent_once_and_numbered_anew() -> None:
    with listening() as listener:
        outcome = listener.outcome([Unit([request("/a")], 1)] * 40, connections=8)
        keys = {asked.key for asked in listener.asked}
    assert (outcome.units, outcome.transfers, outcome.failures) == (40, 40, 0)
    assert len(listener.asked) == len(keys) == 40
    assert all(asked.key.removeprefix("key-").encode() in asked.body for asked in listener.asked)


def test_the_requests_of_a_unit_follow_each_other_under_one_number() -> None:
    pair = Unit([request("/authorize"), request("/settle")], 1)
    with listening() as listener:
        outcome = listener.outcome([pair] * 20, connections=4)
    paths = Counter((asked.path, asked.key) for asked in listener.asked)
    assert outcome.transfers == 20
    assert len(paths) == 40
    for path, key in paths:
        assert paths["/authorize", key] == paths["/settle", key] == 1, path


@pytest.mark.parametrize(
    ("reply", "unit"),
    [
        pytest.param(Reply(422), Unit([request()], 1), id="status"),
        pytest.param(
            Reply(headers=(("Idempotency-Replayed", "true"),)), Unit([request()], 1), id="replayed"
        ),
        pytest.param(
            Reply(200, batch_answer("done", "refused")),
            Unit([request(status=200, results=2)], 2),
            id="refused_in_batch",
        ),
        pytest.param(
            Reply(200, batch_answer("done", "replayed")),
            Unit([request(status=200, results=2)], 2),
            id="replayed_in_batch",
        ),
        pytest.param(
            Reply(200, batch_answer("done")),
            Unit([request(status=200, results=2)], 2),
            id="missing_in_batch",
        ),
        pytest.param(Reply(503), Unit([request(), request()], 1), id="first_of_a_pair"),
    ],
)
def test_a_wrong_answer_is_a_failure_and_no_transfer(reply: Reply, unit: Unit) -> None:
    with listening(lambda _: reply) as listener:
        outcome = listener.outcome([unit] * 3)
    assert (outcome.failures, outcome.units, outcome.transfers) == (3, 0, 0)
    assert outcome.transfers_in_all == 0
    assert len(outcome.examples) == 3
    assert len(listener.asked) == 3


def test_right_batches_count_all_their_commands() -> None:
    reply = Reply(200, batch_answer("done", "done"))
    with listening(lambda _: reply) as listener:
        outcome = listener.outcome([Unit([request(status=200, results=2)], 2)] * 5)
    assert (outcome.units, outcome.transfers, outcome.failures) == (5, 10, 0)


def test_a_request_larger_than_the_socket_takes_arrives_whole() -> None:
    with listening() as listener:
        outcome = listener.outcome([Unit([request(padding=8_000_000)], 1)] * 2)
    assert outcome.transfers == 2
    assert all(len(asked.body) > 8_000_000 for asked in listener.asked)


def test_a_lost_connection_ends_the_run_and_is_said() -> None:
    with listening(lambda _: Reply(body=None)) as listener:
        outcome = listener.outcome([Unit([request()], 1)])
    assert outcome.stopped
    assert outcome.transfers == 0


def test_nobody_listening_is_said() -> None:
    with socket.create_server((HOST, 0)) as closed:
        port = closed.getsockname()[1]
    plan = Plan([[Unit([request()], 1)]], [Connection(HOST, port, 0)])
    assert Run(plan).outcome(lambda _: None).stopped


def test_warming_up_does_not_count() -> None:
    with listening() as listener:
        plan = Plan([[Unit([request()], 1)]], [Connection(HOST, listener.server_port, 0)], 0.2, 0.2)
        outcome = Run(plan).outcome(lambda _: None)
    assert outcome.seconds == pytest.approx(0.2)
    assert 0 < outcome.transfers < outcome.transfers_in_all
    assert outcome.latencies_ms["p50"] <= outcome.latencies_ms["p99"] <= outcome.latencies_ms["max"]
    assert outcome.rate == outcome.transfers / outcome.seconds


def test_the_generator_in_its_own_process_against_a_server_that_does_nothing() -> None:
    progress: list[Progress] = []
    answers = [
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[{}]",
    ]
    pair = Unit([request(), request(status=200, padding=500_000)], 1)
    with canned_server(answers) as port:
        plan = Plan([[pair]], [Connection(HOST, port, 0)] * 3, 0.6)
        outcome = generate(plan, told=progress.append)
    assert outcome.failures == 0
    assert not outcome.stopped
    assert outcome.transfers > 10
    assert outcome.samples == answers
    assert 0 < outcome.cpu_share <= 1.1
    assert progress
    assert all(0 <= message.share <= 1 for message in progress)


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_percentiles_are_of_the_nearest_rank(share: float, value: float) -> None:
    assert at_share([float(number) for number in range(1, 101)], share) == value


def test_percentiles_of_nothing() -> None:
    assert at_share([], 0.5) == 0
