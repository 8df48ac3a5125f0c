"""A proxy on loopback between a writer and PostgreSQL, which understands where a commit stands.

It passes on what it hears, message by message (PostgreSQL's documentation, chapter `Frontend/
Backend Protocol`), until a test has it cut the connection at a point of the protocol, refuse new
ones, or tell the test that a point was reached.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto
from math import inf
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK_BYTES = 65_536
RECORD_BYTES = 400
"""No other row that a writer asks for is so long."""


class Point(Enum):
    """A moment in the life of a commit, as the wire shows it."""

    COMMIT_ASKED = auto()
    """The client has sent COMMIT, the server has not seen it."""

    COMMIT_DONE = auto()
    """The server has committed and says so, the client has not heard it."""

    ROWS = auto()
    """The client sends rows; the server has half of the message."""

    ROWS_SENT = auto()
    """The server has all rows, and waits to be told to store them."""

    RECORDS = auto()
    """The server sends rows as long as records of the log are."""


class Proxy:
    """Listens on a free port of loopback and passes on to the server of a connection string."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        target = conninfo_to_dict(conninfo)
        self._target = str(Path(str(target["host"])) / f".s.PGSQL.{target.get('port', 5432)}")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sessions: list[_Session] = []
        self._reactions: dict[Point, Callable[[_Session], bool]] = {}
        self._refusals_left = 0.0
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    @property
    def conninfo(self) -> str:
        """The connection string that leads through the proxy."""
        port = self._listener.getsockname()[1]
        return make_conninfo(
            self._conninfo, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
        )

    def cut_at(self, point: Point, *, then_refuse: bool = False) -> threading.Event:
        """Drops, once, the connection that comes to this point; the event says that it was.

        The message that makes the point is not passed on. `then_refuse`: new ones are not taken
        until `accept_again`.
        """
        was_cut = threading.Event()

        def cut(session: "_Session") -> bool:
            if then_refuse:
                self.refuse()
            session.cut()
            was_cut.set()
            return False

        self._react(point, cut)
        return was_cut

    def fall_silent_at(self, point: Point) -> threading.Event:
        """Drops the client there, once, but not the server, which hears nothing any more."""
        was_cut = threading.Event()

        def fall_silent(session: "_Session") -> bool:
            session.fall_silent()
            was_cut.set()
            return False

        self._react(point, fall_silent)
        return was_cut

    def call_at(self, point: Point, action: Callable[[], None]) -> threading.Event:
        """Calls `action` there, once, before the message is passed on; the event says so."""
        was_called = threading.Event()

        def call(_session: "_Session") -> bool:
            action()
            was_called.set()
            return True

        self._react(point, call)
        return was_called

    def shut_down_at(self, point: Point) -> threading.Event:
        """Tells the client there, once, that the server is shut down, and drops both."""
        was_told = threading.Event()

        def shut_down(session: "_Session") -> bool:
            session.shut_down()
            was_told.set()
            return False

        self._react(point, shut_down)
        return was_told

    def refuse(self, times: float = inf) -> None:
        """Takes no new connections, so many times or until `accept_again`."""
        self._refusals_left = times

    def accept_again(self) -> None:
        """Takes new connections again."""
        self._refusals_left = 0

    def close(self) -> None:
        """Ends everything."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    def _react(self, point: Point, reaction: Callable[["_Session"], bool]) -> None:
        with self._lock:
            self._reactions[point] = reaction

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            if self._refusals_left > 0:
                self._refusals_left -= 1
                client.close()
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # What a client does not read must not pile up here.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK_BYTES)
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                client.close()
                continue
            session = _Session(client, server, self._reach)
            with self._lock:
                self._sessions.append(session)
            session.begin()

    def _reach(self, point: Point, session: "_Session") -> bool:
        """Reacts once; True where the message is to be passed on."""
        with self._lock:
            reaction = self._reactions.pop(point, None)
        return reaction is None or reaction(session)


class _Session:
    """One connection: a thread for each direction."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        reach: Callable[[Point, "_Session"], bool],
    ) -> None:
        self._client, self._server, self._reach = client, server, reach
        self._statements: dict[bytes, bytes] = {}
        self._is_writing = False
        self._is_silent = False
        self._pumps = [
            threading.Thread(target=pump, name="proxy-session", daemon=True)
            for pump in (self._to_server, self._to_client)
        ]

    def begin(self) -> None:
        for pump in self._pumps:
            pump.start()

    def cut(self) -> None:
        """Drops both ends."""
        for end in (self._client, self._server):
            _drop(end)

    def shut_down(self) -> None:
        """Says what the server says when it is, and drops both ends."""
        fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
        self._client.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        self.cut()

    def fall_silent(self) -> None:
        """Drops the client; the server hears nothing any more, not even that."""
        self._is_silent = True
        _drop(self._client)

    def close(self) -> None:
        self.cut()
        for pump in self._pumps:
            pump.join()
        self._client.close()
        self._server.close()

    def _to_server(self) -> None:
        with suppress(OSError):
            for kind, body, message in _messages(self._client, startup=True):
                point = self._asked_for(kind, body)
                begun = len(message) // 2 if point is Point.ROWS else 0
                self._server.sendall(message[:begun])
                if point is not None and not self._reach(point, self):
                    break
                self._server.sendall(message[begun:])
        if not self._is_silent:
            _drop(self._server)

    def _to_client(self) -> None:
        with suppress(OSError):
            for kind, body, message in _messages(self._server, startup=False):
                point = _answered(kind, body)
                if point is not None and not self._reach(point, self):
                    break
                self._client.sendall(message)
        _drop(self._client)

    def _asked_for(self, kind: bytes, body: bytes) -> Point | None:
        """The point that a message of the client makes, prepared statements included."""
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._statements[name] = text
        if kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self._is_writing = b".events (notification_id" in self._statements[name]
            return Point.ROWS if self._is_writing else None
        if kind == b"E" and self._is_writing:
            self._is_writing = False
            return Point.ROWS_SENT
        return Point.COMMIT_ASKED if (kind, body) == (b"Q", b"COMMIT\0") else None


def _answered(kind: bytes, body: bytes) -> Point | None:
    """The point that a message of the server makes."""
    if kind == b"D" and len(body) > RECORD_BYTES:
        return Point.RECORDS
    return Point.COMMIT_DONE if (kind, body) == (b"C", b"COMMIT\0") else None


def _drop(end: socket.socket) -> None:
    # Both directions, and whoever waits in it wakes up; closed when its threads have ended.
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def _messages(source: socket.socket, *, startup: bool) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yields (type, body, all of its bytes); the client's first message has no type."""
    buffer = bytearray()
    head = 0 if startup else 1
    while chunk := source.recv(CHUNK_BYTES):
        buffer += chunk
        while len(buffer) >= head + 4:
            size = head + int.from_bytes(buffer[head : head + 4], "big")
            if len(buffer) < size:
                break
            message = bytes(buffer[:size])
            del buffer[:size]
            yield message[:head], message[head + 4 :], message
            head = 1
