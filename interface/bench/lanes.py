"""One connection of the load generator, and the little of HTTP/1.1 that it needs.

Kept to what each request costs at least: one send, one receive, a search for the end of the head.
Answers must have a Content-Length.
"""

import selectors
import socket
import time
from collections.abc import Iterator

import msgspec

from interface.bench.load import MARK, Connection, Request, Unit

READ_BYTES = 1 << 18
EXAMPLE_BYTES = 600
CONNECT_SECONDS = 10.0


class Stopped(Exception):
    """The run can't go on: a connection was lost, or what comes is no answer."""


class Result(msgspec.Struct):
    status: str


class Results(msgspec.Struct):
    results: list[Result]


results_decoder = msgspec.json.Decoder(Results)


class Lane:
    """A connection with one unit at a time on it.

    `begin` starts a unit, `push` and `pull` carry it on when the socket is ready. When `pull` says
    that the unit is over, `wrong` tells what was wrong with it, if anything.
    """

    def __init__(
        self, connection: Connection, *, units: Iterator[Unit], selector: selectors.BaseSelector
    ) -> None:
        address = connection.host, connection.port
        self._socket = socket.create_connection(address, timeout=CONNECT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._selector = selector
        self._units = units
        self._number = b""
        self._unsent = memoryview(b"")
        self._requests: Iterator[Request] = iter(())
        self._request: Request | None = None
        self._answer = b""
        self._length = 0
        self.unit = Unit(requests=[], transfers=0)
        self.began_at = 0.0
        self.wrong = ""
        self.answers: list[bytes] = []
        self.sent_bytes = self.received_bytes = 0
        selector.register(self._socket, selectors.EVENT_READ, self)

    def close(self) -> None:
        """Gives the connection up."""
        self._socket.close()

    def begin(self, number: bytes, *, due_at: float = 0.0) -> bool:
        """Sends the first request of the next unit, numbered; False when there is no unit left.

        `due_at`: when it should have been sent, and its time begins; 0: now.
        """
        unit = next(self._units, None)
        if unit is None:
            return False
        self.unit = unit
        self.wrong = ""
        self.answers = []
        self.sent_bytes = self.received_bytes = 0
        self.began_at = due_at
        self._number = number
        self._requests = iter(unit.requests)
        self._send(next(self._requests))
        return True

    def push(self) -> None:
        """Sends what the socket would not take before."""
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._selector.modify(self._socket, selectors.EVENT_READ, self)

    def pull(self) -> bool:
        """Reads what has come, sends the unit's next request if it may; True: the unit is over.

        Raises Stopped.
        """
        try:
            piece = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            raise Stopped("the service closed a connection")
        self._answer = self._answer + piece if self._answer else piece
        if not self._length:
            self._length = answer_bytes(self._answer)
        if not self._length or len(self._answer) < self._length:
            return False
        answer, self._answer, self._length = self._answer, b"", 0
        self.received_bytes += len(answer)
        assert self._request is not None
        self.wrong = fault(answer, self._request)
        if self.wrong:
            return True
        self.answers.append(answer)
        request = next(self._requests, None)
        if request is None:
            return True
        self._send(request)
        return False

    def _send(self, request: Request) -> None:
        self._request = request
        message = request.message.replace(MARK, self._number)
        self.sent_bytes += len(message)
        if not self.began_at:
            self.began_at = time.perf_counter()
        try:
            sent = self._socket.send(message)
        except BlockingIOError:
            sent = 0
        if sent < len(message):
            self._unsent = memoryview(message)[sent:]
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.modify(self._socket, both, self)


def answer_bytes(received: bytes) -> int:
    """Returns the whole length of the answer that begins so; 0 while its head is incomplete.

    Raises Stopped if the head says no length.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = received[: end + 2].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        raise Stopped(f"an answer without a length: {head[:200]!r}")
    return end + 4 + int(head[at + 17 : head.index(b"\r", at + 2)])


def fault(answer: bytes, request: Request) -> str:
    """Returns what is wrong with a whole answer, or nothing.

    Right is: the status expected; new, not replayed; each command of a batch done.
    """
    if int(answer[9:12]) != request.status:
        return answer[:EXAMPLE_BYTES].decode(errors="replace")
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"idempotency-replayed" in head.lower():
        return "replayed: " + head.decode(errors="replace")
    if not request.results:
        return ""
    results = results_decoder.decode(body).results
    done = sum(result.status == "done" for result in results)
    if done != request.results or len(results) != request.results:
        return f"{done} of {request.results} done: " + body[:EXAMPLE_BYTES].decode(errors="replace")
    return ""
