"""The HTTP server: granian with one process, an event loop and many threads, and its supervisor.

This process supervises: it holds the embedded PostgreSQL, and starts the one that answers and the
worker, again when they die. Each of them opens the ledgers itself: their threads and connections
must never cross a fork, so both are spawned. They end with their supervisor, however that ends.
"""

import atexit
import errno
import http.client
import multiprocessing
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.common import AbstractServer

from interface.bootstrap import Database
from interface.collector import calm_collector
from interface.logs import configure_logs
from interface.settings import Settings
from interface.supervision import KeptProcess, end_at_once, end_with_supervisor
from interface.worker import run_worker

if TYPE_CHECKING:
    from interface.http.front import Front

THREADS = 128
"""How many requests are worked on in threads at once: reads, batches, what the event loop leaves to
them (interface/http/front.py). Most of them wait for the database."""

MAX_CONNECTIONS = 8_192
"""How many clients are let in at once; most of them are silent, some 30 s until they are shown out.
granian's own bound is 1,024: so many silent ones would keep everybody else waiting as long."""

OWN_DESCRIPTORS = 512
"""What the process needs beside its clients: sessions, named pipes, files."""

STOP_SECONDS = 45
"""How long requests may take to end after a stop; then the worker is killed."""

PORT_SECONDS = 5.0
POLL_SECONDS = 0.02
READY_PATH = "/health/ready"
READY_TIMEOUT_SECONDS = 5.0

log = structlog.get_logger(__name__)


class PortTaken(Exception):
    """The address can't be listened on; the message says why and what to do."""


def serve(
    *,
    database: Database,
    settings: Settings,
    address: str,
    port: int,
    threads: int,
    has_worker: bool,
    on_ready: Callable[[], None],
) -> None:
    """Serves until SIGTERM or SIGINT, then answers what was begun. Must run in the main thread.

    `on_ready` is called once, from another thread, when the service answers that it is ready.
    Raises SystemExit (1) where the process that answers dies again and again.
    """
    stopping = threading.Event()
    watcher = threading.Thread(
        target=_watch_readiness,
        args=(address, port, stopping, on_ready),
        name="ready",
        daemon=True,
    )
    server = _server(address, port)
    server.on_startup(watcher.start)
    connections = replace(database, postgres=None)
    worker = KeptProcess(name="worker", target=run_worker, arguments=(connections, settings))
    with worker if has_worker else nullcontext():
        try:
            server.serve(
                target_loader=partial(make_application, connections, settings, threads),
                wrap_loader=False,
            )
        finally:
            stopping.set()


def make_application(database: Database, settings: Settings, threads: int) -> "Front":
    """Returns the application. Runs in a process that is this application's alone."""
    configure_logs(settings.log_level)
    end_with_supervisor()
    from interface.http.app import create_front
    from interface.http.door import HttpSettings

    ledgers = database.ledgers(on_writer_failure=end_at_once)
    ledgers.open()
    # Runs when granian has answered what was begun: whoever was told `done` has it on disk.
    atexit.register(ledgers.close)
    limits = HttpSettings(threads=threads, rate_limit_per_second=settings.rate_limit_per_second)
    front = create_front(ledgers, limits)
    calm_collector()
    return front


def find_address(host: str, port: int) -> str:
    """Returns the numeric address of a host to listen on. Raises PortTaken where that can't be.

    granian itself shares a port silently with whoever has it. A worker that was just killed may
    have it for a moment longer, so a taken port is tried for PORT_SECONDS.
    """
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            return _bindable(host, port)
        except OSError as error:
            # Nothing else passes: a name that nobody knows, a port for root alone.
            if error.errno != errno.EADDRINUSE:
                raise PortTaken(f"Can't listen on {host}:{port}: {error.strerror}") from error
            if time.monotonic() > deadline:
                raise PortTaken(
                    f"Port {port} of {host} is in use, by another `backoffice serve` perhaps. Stop"
                    " that, or choose another port with --port."
                ) from error
        time.sleep(POLL_SECONDS)


def url_of(host: str, port: int) -> str:
    """Returns the address as clients write it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def most_connections(descriptors: int) -> int:
    """Returns how many clients to let in where a process may have so many descriptors."""
    if descriptors == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(descriptors - OWN_DESCRIPTORS, descriptors // 2))


def _server(address: str, port: int) -> AbstractServer[Any]:
    # granian takes the method from here. A forked worker would inherit the supervisor's locks.
    multiprocessing.set_start_method("spawn", force=True)
    return Granian(
        "backoffice",
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=most_connections(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        log_level=LogLevels.error,
        log_dictconfig={"handlers": {}, "loggers": {"_granian": {"propagate": True}}},
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )


def _bindable(host: str, port: int) -> str:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
    return str(address[0])


def _watch_readiness(
    address: str, port: int, stopping: threading.Event, on_ready: Callable[[], None]
) -> None:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 -- not bound to here
    while not stopping.wait(POLL_SECONDS):
        connection = http.client.HTTPConnection(reachable, port, timeout=READY_TIMEOUT_SECONDS)
        try:
            connection.request("GET", READY_PATH)
            if connection.getresponse().status == http.client.OK:
                on_ready()
                return
        except (OSError, http.client.HTTPException):
            continue  # not yet: it starts
        finally:
            connection.close()
