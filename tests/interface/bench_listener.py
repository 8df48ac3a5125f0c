"""A server for the tests of the load generator: it keeps what it is asked and answers as told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from interface.bench.generator import Run
from interface.bench.load import Connection, Outcome, Plan, Unit
from interface.bench.rig import HOST


class Asked(NamedTuple):
    path: str
    key: str
    body: bytes


class Reply(NamedTuple):
    """None as a body: the connection is closed instead."""

    status: int = 201
    body: bytes | None = b"{}"
    headers: tuple[tuple[str, str], ...] = ()


class Listener(ThreadingHTTPServer):
    """A server of the test's own: keeps what it is asked, and dribbles what it is told to reply."""

    request_queue_size = 64

    def __init__(self, reply: Callable[[Asked], Reply]) -> None:
        super().__init__((HOST, 0), Handler)
        self.reply = reply
        self.asked: list[Asked] = []

    def outcome(self, units: list[Unit], *, connections: int = 1, seconds: float = 0) -> Outcome:
        plan = Plan([units], [Connection(HOST, self.server_port, 0)] * connections, seconds)
        return Run(plan).outcome(lambda _: None)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked(self.path, self.headers["Idempotency-Key"], body)
        self.server.asked.append(asked)
        reply = self.server.reply(asked)
        if reply.body is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in (*reply.headers, ("Content-Length", str(len(reply.body)))):
            self.send_header(name, value)
        self.end_headers()
        half = len(reply.body) // 2
        for piece in (reply.body[:half], reply.body[half:]):
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def listening(reply: Callable[[Asked], Reply] = lambda _: Reply()) -> Iterator[Listener]:
    with Listener(reply) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=[0.01])
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()
