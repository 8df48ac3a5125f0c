"""A thin path in front of Flask for commands: the same functions without the framework's share.

Flask's routing, contexts and response cost several times what the service itself does for a
command. What is no POST of a command goes on to Flask. By test: both answer the same.
"""

from collections.abc import Iterable
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIApplication

from werkzeug.http import HTTP_STATUS_CODES

from interface.http.admission import LEDGERS
from interface.http.door import Door
from interface.http.exchanges import Exchange, Exchanges
from interface.http.failures import problem_of
from interface.http.messages import Answer, Environ, problem_answer
from interface.http.routes import Answering, answering_batch, answering_command
from interface.http.write_routes import BATCH, WRITE_ROUTES

_STATUS_LINES = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}

# Where the parts of a path stand: /v1/ledgers/{l}/entries/{id}/reverse
_LEDGER, _COLLECTION, _TARGET = 3, 4, 5


class _Route(NamedTuple):
    rule: str
    answer: Answering


class FastPath:
    """A WSGI application in front of another one, which takes what this one does not."""

    def __init__(self, behind: WSGIApplication, door: Door, exchanges: Exchanges) -> None:
        self.behind = behind
        self._door = door
        self._exchanges = exchanges
        self._routes = {_shape(BATCH.split("/")): _Route(BATCH, answering_batch(door))}
        for route in WRITE_ROUTES:
            parts = route.rule.split("/")
            if route.method == "POST" and _is_usual(parts):
                found = _Route(route.rule, answering_command(door, route))
                self._routes[_shape(parts)] = found

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "POST" and path.startswith(f"{LEDGERS}/"):
            parts = path.split("/")
            route = self._routes.get(_shape(parts))
            if route is not None and "" not in parts[_LEDGER:]:
                return self._answer(route, environ, parts, start_response)
        return self.behind(environ, start_response)

    def _answer(
        self, route: _Route, environ: Environ, parts: list[str], start_response: StartResponse
    ) -> Iterable[bytes]:
        exchange = Exchange(environ)
        exchange.route = route.rule
        target = parts[_TARGET] if len(parts) > _TARGET else ""
        try:
            guest = exchange.guest = self._door.admission.admit(environ)
            answer = route.answer(environ, guest, parts[_LEDGER], target)
        except Exception as error:  # noqa: BLE001 -- every exception has its problem
            answer = _problem(exchange, error)
        headers = [*answer.headers]
        if isinstance(answer.body, bytes):
            headers.append(("Content-Length", str(len(answer.body))))
        headers.append(("X-Request-Id", exchange.request_id))
        self._exchanges.ended(exchange, answer.status)
        start_response(_STATUS_LINES[answer.status], headers)
        return [answer.body] if isinstance(answer.body, bytes) else answer.body


def _problem(exchange: Exchange, error: Exception) -> Answer:
    problem = problem_of(error, request_id=exchange.request_id)
    exchange.code = problem.code
    return problem_answer(problem)


def _shape(parts: list[str]) -> tuple[object, ...]:
    """What a route is known by: how many parts, and those that are words of the contract."""
    return (len(parts), *parts[_COLLECTION::2])


def _is_usual(parts: list[str]) -> bool:
    """True where names and words of the contract take turns."""
    return all(part.startswith("<") == bool(at % 2) for at, part in enumerate(parts[_LEDGER:], 1))
