"""One request and its answer, as logs and metrics tell of it."""

import itertools
import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

from prometheus_client import Counter, Histogram

from interface.http.admission import Guest
from interface.http.messages import Environ
from interface.http.request_log import Line, request_log
from interface.logs import masked

UNROUTED = "none"
"""The route of a request that has none: labels made of clients' paths would have no bound."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

REQUESTS = Counter(
    "backoffice_http_requests_total", "Requests by route and status.", ["method", "route", "status"]
)
REQUEST_SECONDS = Histogram(
    "backoffice_http_request_seconds",
    "Seconds until the answer began, by route.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

_is_request_id = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch


_PROCESS = uuid4().hex[:12]
_numbers = itertools.count(1)


def _new_request_id() -> str:
    # A random number for the process and a count: a tenth of what a UUID costs.
    return f"{_PROCESS}-{next(_numbers):x}"


class Exchange:
    """A request that is being answered. `route` is the rule that matched, `code` a problem's."""

    __slots__ = ("code", "environ", "guest", "request_id", "route", "started")

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.started = perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID")
        self.request_id = given if given and _is_request_id(given) else _new_request_id()
        self.guest: Guest | None = None
        self.route = UNROUTED
        self.code: str | None = None


class Exchanges:
    """Counts and logs every exchange."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._seconds: dict[tuple[str, str], Any] = {}
        self._say = request_log()

    def ended(self, exchange: Exchange, status: int) -> None:
        """Notes the answer's status, when it begins to be sent."""
        environ = exchange.environ
        seconds = perf_counter() - exchange.started
        method = environ["REQUEST_METHOD"]
        if method not in METHODS:
            method = "other"
        self._count(method, exchange.route, status, seconds)
        if self._say is None:
            return
        guest = exchange.guest
        path = environ["PATH_INFO"]
        self._say(
            Line(
                exchange.request_id,
                method,
                masked(path) if "bo_" in path else path,
                status,
                exchange.code,
                round(seconds * 1000, 3),
                None if guest is None else guest.caller.actor,
                None if guest is None else guest.caller.key_id,
                datetime.now(UTC),
            )
        )

    def _count(self, method: str, route: str, status: int, seconds: float) -> None:
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = REQUESTS.labels(method, route, str(status))
            self._counters[method, route, status] = counter
        counter.inc()
        histogram = self._seconds.get((method, route))
        if histogram is None:
            histogram = self._seconds[method, route] = REQUEST_SECONDS.labels(method, route)
        histogram.observe(seconds)
