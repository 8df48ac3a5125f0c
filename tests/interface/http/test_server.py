"""The contract over a real connection: what a WSGI client in the process would not show."""

import json
import resource
import socket
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from interface.server import MAX_CONNECTIONS, most_connections
from tests.interface.http.world import entry
from tests.patience import PATIENCE_SECONDS
from tests.service import CHART, Service

CASH, ANN = CHART[0]["code"], CHART[1]["code"]
LINES = 16_000
LINES_A_CHUNK = 100


def line(number: int) -> bytes:
    command = {"do": "post", "key": f"line-{number}", **entry(CASH, ANN, "0.01")}
    return json.dumps(command).encode() + b"\n"


def raw(service: Service, request: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Sends bytes as they are; returns the answer's status line, headers and body."""
    with socket.create_connection(
        ("127.0.0.1", service.port), timeout=PATIENCE_SECONDS
    ) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, dict(line.lower().split(b": ", 1) for line in lines), body


def test_a_long_batch_is_sent_whole_before_anything_is_read(service: Service, ledger: str) -> None:
    """Such is every simple client; the results must not stop it in the middle."""

    def lines() -> Iterator[bytes]:
        for number in range(0, LINES, LINES_A_CHUNK):
            yield b"".join(map(line, range(number, number + LINES_A_CHUNK)))

    answer = httpx.post(
        f"{service.url}/v1/ledgers/{ledger}/batch",
        content=lines(),
        headers={
            "Authorization": f"Bearer {service.keys['clerk']}",
            "Content-Type": "application/x-ndjson",
        },
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    results = [json.loads(result) for result in answer.text.splitlines()]
    assert len(results) == LINES
    assert {result["status"] for result in results} == {"done"}
    assert int(answer.headers["ledger-position"]) == results[-1]["position"]
    path = f"/v1/ledgers/{ledger}/accounts/{CASH}/balances"
    (balance,) = service.request("GET", path).json()["items"]
    assert (balance["lines"], balance["available"]) == (LINES, f"{LINES / 100:.2f}")

    headers = {"Accept": "application/x-ndjson"}
    with httpx.stream(
        "GET",
        f"{service.url}/v1/ledgers/{ledger}/events",
        headers={**headers, "Authorization": f"Bearer {service.keys['auditor']}"},
        timeout=PATIENCE_SECONDS,
    ) as events:
        positions = [json.loads(record)["position"] for record in events.iter_lines()]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) > LINES


@pytest.mark.parametrize(
    ("request_line", "headers", "status", "code"),
    [
        (b"GET /v1/ledgers HTTP/1.1", b"Host: x", b"401", "unauthenticated"),
        (b"GET /v1/ledgers HTTP/1.1", b"Host: x\r\nAuthorization: Bearer \xff", b"401", ""),
        (b"GET /nothing HTTP/1.1", b"Host: a b/..\\", b"4", ""),
        (b"GET /nothing HTTP/1.1", b"Host: [::", b"4", ""),
        (b"GET /nothing HTTP/1.0", b"X: y", b"404", "not_found"),
        (b"GET //v1/ledgers HTTP/1.1", b"Host: x", b"404", "not_found"),
        (b"GET //health/live HTTP/1.1", b"Host: x", b"404", "not_found"),
        (b"GET /nothing%zz%00 HTTP/1.1", b"Host: x", b"404", "not_found"),
        (b"TRACE /v1/ledgers HTTP/1.1", b"Host: x", b"401", "unauthenticated"),
        (b"BREW /health/live HTTP/1.1", b"Host: x", b"405", "method_not_allowed"),
    ],
)
def test_odd_requests(
    service: Service, request_line: bytes, headers: bytes, status: bytes, code: str
) -> None:
    found, sent, body = raw(
        service, request_line + b"\r\n" + headers + b"\r\nConnection: close\r\n\r\n"
    )
    assert found.split(b" ")[1].startswith(status), found
    if code:
        assert sent[b"content-type"] == b"application/problem+json"
        assert json.loads(body)["code"] == code


def post(service: Service, path: str, headers: bytes, body: bytes) -> tuple[int, dict[str, str]]:
    key = service.keys["clerk"].encode()
    request = (
        b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n"
        b"Content-Type: application/json\r\nConnection: close\r\n%b\r\n\r\n%b"
    )
    status, _, answer = raw(service, request % (path.encode(), key, headers, body))
    if b"\r\n" in answer and not answer.startswith(b"{"):
        answer = answer.partition(b"\r\n")[2].rpartition(b"}")[0] + b"}"  # one chunk
    return int(status.split(b" ")[1]), json.loads(answer)


def test_bodies_in_chunks_and_without_a_length(service: Service, ledger: str) -> None:
    path = f"/v1/ledgers/{ledger}/entries"
    body = json.dumps(entry(CASH, ANN, "1.00")).encode()
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in (body[:half], body[half:], b""))
    assert post(service, path, b"Transfer-Encoding: chunked", chunks)[0] == 201
    status, problem = post(service, path, b"X: y", b"")
    assert (status, problem["code"]) == (400, "malformed")
    status, problem = post(service, path, b"Content-Length: 0", b"")
    assert (status, problem["code"]) == (400, "malformed")
    large = b"%x\r\n" % (17 << 20) + b" " * (17 << 20) + b"\r\n0\r\n\r\n"
    status, problem = post(service, path, b"Transfer-Encoding: chunked", large)
    assert (status, problem["code"]) == (413, "too_large")


@pytest.mark.parametrize("key", [b"", b" ", b"\xc3\xa4", b"a b", b"\xff", b"x" * 300])
def test_keys_in_odd_bytes(service: Service, ledger: str, key: bytes) -> None:
    body = json.dumps(entry(CASH, ANN, "1.00")).encode()
    headers = b"Idempotency-Key: %b\r\nContent-Length: %d" % (key, len(body))
    status, problem = post(service, f"/v1/ledgers/{ledger}/entries", headers, body)
    assert (status, problem["code"]) == (422, "invalid_request")


def test_two_keys_are_none(service: Service, ledger: str) -> None:
    body = json.dumps(entry(CASH, ANN, "1.00")).encode()
    headers = b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: %d" % len(body)
    status, problem = post(service, f"/v1/ledgers/{ledger}/entries", headers, body)
    assert (status, problem["code"]) == (422, "invalid_request")


def test_a_head_request_has_no_body(service: Service, ledger: str) -> None:
    answer = httpx.head(
        f"{service.url}/v1/ledgers/{ledger}/accounts/{CASH}",
        headers={"Authorization": f"Bearer {service.keys['clerk']}"},
        timeout=PATIENCE_SECONDS,
    )
    assert (answer.status_code, answer.headers["etag"], answer.content) == (200, '"1"', b"")


def test_one_connection_for_many_requests(service: Service, ledger: str) -> None:
    headers = {"Authorization": f"Bearer {service.keys['clerk']}"}
    with httpx.Client(headers=headers, timeout=PATIENCE_SECONDS) as client:
        url = f"{service.url}/v1/ledgers/{ledger}/entries"
        for body in (entry(CASH, ANN, "1.00"), {}, b"{", entry(CASH, ANN, "1.00")):
            sent = {"content": body} if isinstance(body, bytes) else {"json": body}
            kind = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
            answer = client.post(url, headers=kind, **sent)
            assert answer.status_code in (201, 400, 422)


@pytest.mark.parametrize(
    ("descriptors", "clients"),
    [
        (resource.RLIM_INFINITY, MAX_CONNECTIONS),
        (1 << 20, MAX_CONNECTIONS),
        (4_096, 3_584),
        (1_024, 512),
        (256, 128),
    ],
)
def test_clients_leave_the_service_descriptors_of_its_own(descriptors: int, clients: int) -> None:
    assert most_connections(descriptors) == clients
