"""A WSGI application under RSGI, granian's own interface: in threads, bodies read as they come.

No library does this: a2wsgi adapts WSGI to ASGI, which takes granian twice the processor time of
RSGI a request, and holds an answer's stream in memory as RSGI's own does.
Source: PEP 3333; https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
"""

import errno
import os
import select
import sys
import tempfile
from asyncio import AbstractEventLoop, get_running_loop, run_coroutine_threadsafe
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from io import BufferedReader, RawIOBase
from pathlib import Path
from string import punctuation
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote
from wsgiref.types import WSGIApplication

import structlog
from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # in its own way

from interface.http.connections import cut, is_connected
from interface.http.messages import READ_BYTES, BodyCut, Environ, Headers
from interface.logs import masked

WHOLE_MAX_BYTES = 1 << 20
"""An answer up to this size is handed over in one piece."""

TAKEN_SECONDS = 60.0
"""How long granian may take to begin with an answer; it does so at once unless the client left."""

LEFT_AFTER_SECONDS = 1.0
"""When it is asked whether the client has left: seldom is it needed, and it takes a look at every
connection."""

SILENT_SECONDS = 30.0
"""How long nothing may come of a body: a client that is gone without a word keeps no thread."""

_POLL_SECONDS = 0.001
_LONGEST_POLL_SECONDS = 0.5
_NO_KEY = "no key"

log = structlog.get_logger("interface.http")


def environ_of(scope: Scope) -> Environ:
    """Returns the WSGI environ of a request, but for its body."""
    host, _, port = scope.server.rpartition(":")
    client, _, client_port = scope.client.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # WSGI has bytes as Latin-1.
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": _in_ascii(scope.query_string),
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        # Not of PEP 3333: werkzeug asks whether the body has an end without Content-Length.
        "wsgi.input_terminated": True,
    }
    headers = scope.headers
    for name, value in headers.items():
        key = _key(name)
        if key.startswith("HTTP_") and key in environ:
            environ[key] += f", {value}"
        else:
            environ.setdefault(key, value)
    for name in headers.keys():  # noqa: SIM118 -- not a mapping
        # One whose value is not ASCII is not among the items, but it was sent.
        environ.setdefault(_key(name), "")
    # A name with an underscore would be taken for the one with a hyphen.
    environ.pop(_NO_KEY, None)
    return environ


def _in_ascii(query: str) -> str:
    """Returns a query string with what is UTF-8 as it is percent-encoded: Flask takes no other."""
    return query if query.isascii() else quote(query, safe=punctuation)


@lru_cache(maxsize=1_000)
def _key(name: str) -> str:
    if "_" in name:
        return _NO_KEY
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


class UnderRsgi:
    """Answers requests by a WSGI application, each in a thread of `threads`."""

    def __init__(self, application: WSGIApplication, *, threads: int) -> None:
        self._application = application
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="http")

    async def answer(self, environ: Environ, protocol: HTTPProtocol) -> None:
        """Answers the request whose body has not been read yet."""
        loop = get_running_loop()
        environ["wsgi.input"] = BufferedReader(
            _Input(protocol, loop, environ.get("CONTENT_LENGTH")), READ_BYTES
        )
        await loop.run_in_executor(self.threads, self._answer, environ, protocol)

    def _answer(self, environ: Environ, protocol: HTTPProtocol) -> None:
        status, headers = 0, []

        def start_response(line: str, given: Headers, *_: Any) -> Any:
            nonlocal status, headers
            status, headers = int(line[:3]), given

        pieces = self._application(environ, start_response)
        try:
            if _size(headers) <= WHOLE_MAX_BYTES:
                protocol.response_bytes(status, headers, b"".join(pieces))
            else:
                _send(environ, protocol, status, headers, pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()


def _size(headers: Headers) -> float:
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    return int(lengths[0]) if lengths else float("inf")


def _send(
    environ: Environ, protocol: HTTPProtocol, status: int, headers: Headers, pieces: Iterable[bytes]
) -> None:
    """Sends an answer as its client takes it.

    granian keeps all that its `response_stream` is given until the client has taken it; a file it
    reads as the client takes it. Hence a named pipe: a file that ends when we say so and holds
    64 KiB at most.
    """
    with tempfile.TemporaryDirectory(prefix="backoffice-") as directory:
        path = Path(directory) / "answer"
        os.mkfifo(path, 0o600)
        protocol.response_file(status, headers, str(path))
        descriptor = _opened(path, environ)
        if descriptor is None:
            cut(environ)
            _close_unopened(path)
            return
    with os.fdopen(descriptor, "wb", 0):
        try:
            is_over = _write(descriptor, pieces)
        except Exception:
            # Nobody can be told any more: the answer has begun.
            log.exception("answer_cut", path=masked(environ["PATH_INFO"]))
            is_over = False
        if not is_over:
            # Before the pipe ends, which says that the answer does.
            cut(environ)


def _write(descriptor: int, pieces: Iterable[bytes]) -> bool:
    """Writes the pieces as they are taken, all of them unless the client has left. False where it
    takes no more."""
    room = select.poll()
    room.register(descriptor, select.POLLOUT)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                if not room.poll(SILENT_SECONDS * 1000):
                    return False
                rest = rest[os.write(descriptor, rest) :]
    except BrokenPipeError:
        pass  # it has left meanwhile
    return True


def _opened(path: Path, environ: Environ) -> int | None:
    """Returns the pipe's end to write to, None where nobody begins to read from it."""
    begun = monotonic()
    while (waited := monotonic() - begun) < TAKEN_SECONDS:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        else:
            return descriptor
        if waited > LEFT_AFTER_SECONDS and not is_connected(environ):
            return None
        sleep(min(_POLL_SECONDS + waited / 4, _LONGEST_POLL_SECONDS))
    return None


def _close_unopened(path: Path) -> None:
    """Takes the pipe away; who began to open it just now finds it ended, and does not wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    path.unlink()
    os.close(descriptor)


class _Input(RawIOBase):
    """A request's body for a thread that reads it, piece by piece as it comes."""

    def __init__(self, protocol: HTTPProtocol, loop: AbstractEventLoop, length: str | None) -> None:
        self._pieces: AsyncIterator[bytes] | None = None
        self._protocol = protocol
        self._loop = loop
        self._missing = int(length) if length and length.isdecimal() else None
        self._held = bytearray()
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer but for the body's end. Raises BodyCut, also where nothing comes."""
        if not self._ended and len(self._held) < len(buffer):
            # The thread waits once for all of it, not for every piece.
            self._wait(run_coroutine_threadsafe(self._gather(len(buffer)), self._loop))
        size = min(len(buffer), len(self._held))
        buffer[:size] = self._held[:size]
        del self._held[:size]
        return size

    def _wait(self, gathering: Future[None]) -> None:
        held = len(self._held)
        while True:
            try:
                return gathering.result(SILENT_SECONDS)
            except TimeoutError:
                if held == len(self._held):
                    gathering.cancel()
                    raise BodyCut from None
                held = len(self._held)

    async def _gather(self, most: int) -> None:
        if self._pieces is None:
            self._pieces = aiter(self._protocol)
        while not self._ended and len(self._held) < most:
            piece = await anext(self._pieces)
            if piece:
                self._held += piece
                if self._missing is not None:
                    self._missing -= len(piece)
            else:
                self._ended = True
                await self._check_end()

    async def _check_end(self) -> None:
        # granian gives an empty piece at the end, and one before it where the body was cut.
        assert self._pieces is not None
        try:
            await anext(self._pieces)
        except StopAsyncIteration:
            if not self._missing:
                return
        raise BodyCut
