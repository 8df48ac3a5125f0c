"""What answers requests: single commands on the event loop, everything else by Flask in threads.

A thread for each request that waits for a commit costs more than the command does: dozens of them
wake at once and wait for the interpreter's lock one after the other. (Measured: half of the
processor time of a single post.) On the loop nothing may wait but for the commit; what might (a key
or a writer that is not at hand, a big body, an answer that reads) goes by a thread. By test: both
ways answer the same.
"""

from asyncio import AbstractEventLoop, Future, get_running_loop, timeout
from collections import deque
from contextlib import suppress
from functools import partial
from io import BytesIO
from time import perf_counter
from typing import NamedTuple
from wsgiref.types import WSGIApplication

from granian.rsgi import (  # type: ignore[attr-defined]  # in its own way
    HTTPProtocol,
    ProtocolClosed,
    Scope,
)

from application.outcomes import Unanswered
from application.writer import Writer
from domain.access import ApiKey
from interface.http.admission import LEDGERS
from interface.http.door import Door
from interface.http.exchanges import Exchange, Exchanges
from interface.http.failures import problem_of
from interface.http.messages import Answer, BodyCut, Environ, bearer_token, problem_answer
from interface.http.targets import NAMED
from interface.http.under_rsgi import SILENT_SECONDS, UnderRsgi, environ_of
from interface.http.verbs import VERBS, Verb
from interface.http.write_routes import WRITE_ROUTES
from interface.http.writes import answer, asked_by, not_answered

SMALL_BODY_BYTES = 8 << 10
"""A longer one takes long to read and to check: others wait meanwhile."""

AT_ONCE_SECONDS = 1.0
"""A body that took longer may have been kept back until its sender's key was revoked."""

# Where the parts of a path stand: /v1/ledgers/{l}/entries/{id}/reverse
_LEDGER, _COLLECTION, _TARGET = 3, 4, 5


class _Route(NamedTuple):
    rule: str
    verb: Verb
    kind: str | None


class _AtHand(NamedTuple):
    """A request for a command, and all that it takes but the commit."""

    route: _Route
    ledger: str
    target: str
    key: ApiKey
    writer: Writer


class Front:
    """An RSGI application in front of a WSGI application."""

    def __init__(
        self, behind: WSGIApplication, door: Door, exchanges: Exchanges, *, threads: int
    ) -> None:
        self._behind = UnderRsgi(behind, threads=threads)
        self._door = door
        self._exchanges = exchanges
        self._landings: Landings | None = None
        self._routes = {
            _shape(parts): _Route(route.rule, VERBS[route.command], route.target)
            for route in WRITE_ROUTES
            for parts in (route.rule.split("/"),)
            if route.method == "POST" and _is_usual(parts)
        }

    async def __call__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answers one request."""
        environ = environ_of(scope)
        at_hand = self._at_hand(environ)
        if at_hand is None:
            await self._behind.answer(environ, protocol)
            return
        exchange = Exchange(environ)
        exchange.route = at_hand.route.rule
        try:
            found = await self._answered(exchange, at_hand, protocol)
        except Exception as error:  # noqa: BLE001 -- every exception has its problem
            problem = problem_of(error, request_id=exchange.request_id)
            found = problem_answer(problem)
        assert isinstance(found.body, bytes)
        exchange.code = found.code
        self._exchanges.ended(exchange, found.status)
        headers = [*found.headers, ("X-Request-Id", exchange.request_id)]
        protocol.response_bytes(found.status, headers, found.body)

    def _at_hand(self, environ: Environ) -> _AtHand | None:
        path: str = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "POST" or not path.startswith(f"{LEDGERS}/"):
            return None
        parts = path.split("/")
        route = self._routes.get(_shape(parts))
        if route is None or "" in parts[_LEDGER:] or not _is_small(environ):
            return None
        token, ledgers = bearer_token(environ), self._door.ledgers
        key = None if token is None else ledgers.key_at_hand(token)
        writer = ledgers.writer_at_hand(parts[_LEDGER])
        if key is None or writer is None:
            return None
        return _AtHand(route, parts[_LEDGER], "".join(parts[_TARGET : _TARGET + 1]), key, writer)

    async def _answered(
        self, exchange: Exchange, at_hand: _AtHand, protocol: HTTPProtocol
    ) -> Answer:
        """Raises what `write` raises."""
        (_, verb, kind), ledger, target, key, writer = at_hand
        environ = exchange.environ
        try:
            # First: a connection whose request was not read to its end is closed.
            async with timeout(SILENT_SECONDS):
                environ["wsgi.input"] = BytesIO(await protocol())
        except (ProtocolClosed, TimeoutError):
            raise BodyCut from None
        loop = get_running_loop()
        if perf_counter() - exchange.started > AT_ONCE_SECONDS:
            check_key = partial(self._door.admission.check_key, environ)
            key = await loop.run_in_executor(self._behind.threads, check_key)
        guest = exchange.guest = self._door.admission.holder(key)
        self._door.admission.check_welcome(key, environ)
        named = None if kind is None else NAMED[kind](target)
        asked = asked_by(environ, guest, ledger, verb, named)
        ended: Future[None] = loop.create_future()
        try:
            ticket = writer.send([(asked,)], ended=partial(self._landed(loop).tell, ended))
            await ended
            (outcome,) = ticket.result()
        except Unanswered as unanswered:
            raise not_answered(unanswered, asked.key) from unanswered
        make = partial(answer, self._door, ledger, verb, outcome, asked.key)
        if not verb.reads(outcome):
            return make()
        return await loop.run_in_executor(self._behind.threads, make)

    def _landed(self, loop: AbstractEventLoop) -> "Landings":
        if self._landings is None:
            self._landings = Landings(loop)
        return self._landings


class Landings:
    """Tells the loop which tickets have ended: once for all of a commit, as to wake it up takes a
    call of the system."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._ended: deque[Future[None]] = deque()
        self._is_woken = False

    def tell(self, ended: Future[None]) -> None:
        """Has the future done soon. May be called from any thread."""
        self._ended.append(ended)
        if not self._is_woken:
            self._is_woken = True
            # A loop that was closed has nobody left to be told.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        # Before they are taken: for one that comes in between, this is called anew.
        self._is_woken = False
        while self._ended:
            ended = self._ended.popleft()
            if not ended.done():
                ended.set_result(None)


def _is_small(environ: Environ) -> bool:
    length = environ.get("CONTENT_LENGTH")
    if length is None:
        return "HTTP_TRANSFER_ENCODING" not in environ
    return length.isdecimal() and len(length) < 6 and int(length) <= SMALL_BODY_BYTES


def _shape(parts: list[str]) -> tuple[object, ...]:
    """What a route is known by: how many parts, and those that are words of the contract."""
    return (len(parts), *parts[_COLLECTION::2])


def _is_usual(parts: list[str]) -> bool:
    """True where names and words of the contract take turns."""
    return all(part.startswith("<") == bool(at % 2) for at, part in enumerate(parts[_LEDGER:], 1))
