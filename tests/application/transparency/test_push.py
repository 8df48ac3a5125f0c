"""Checkpoints that were left outside, and what is left there already."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.transparency.notes import Checkpoint, sign
from application.transparency.push import PushFailed, push

KEY = Ed25519PrivateKey.generate()


def note(size: int, root: int = 1) -> str:
    head = Checkpoint("example.com/log", size, bytes([root]) * 32)
    return str(sign(str(head), [("example.com/log", KEY)]))


def test_a_directory_has_a_file_for_each_size(tmp_path: Path) -> None:
    for size in (5, 7, 5):
        push(note(size), str(tmp_path))
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == [note(5), note(7)]
    with pytest.raises(PushFailed, match="Another checkpoint"):
        push(note(7, root=2), str(tmp_path))
    assert (tmp_path / "000000000007.checkpoint").read_text() == note(7)


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    for size in (5, 7, 5):
        push(note(size), str(file))
    assert file.read_text() == f"{note(5)}\n{note(7)}\n"
    with pytest.raises(PushFailed, match="Another checkpoint"):
        push(note(5, root=2), str(file))
    with pytest.raises(PushFailed):
        push(note(5), str(tmp_path / "nowhere" / "file"))


@pytest.fixture
def received() -> Iterator[tuple[str, list[bytes]]]:
    """An address, and what is posted to it."""
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(409 if self.path == "/no" else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_gets_a_post(received: tuple[str, list[bytes]]) -> None:
    address, bodies = received
    push(note(5), f"{address}/yes")
    assert bodies == [note(5).encode()]
    with pytest.raises(PushFailed):
        push(note(5), f"{address}/no")
