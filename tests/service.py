"""A running service for the tests: `backoffice serve`, a process of its own, on a free port.

`service` is shared by all tests of a process, on a database of the tests' PostgreSQL: each test
makes a ledger of its own in it (`ledger`). What kills or stops one makes its own with
`make_service`.
"""

import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from interface.bootstrap import Database as Connections
from interface.bootstrap import migrated, opened
from interface.cli.demonstration import role_keys
from interface.settings import read_settings
from tests.commands import Ended, inherited, run_command
from tests.conftest import Database, Databases
from tests.patience import PATIENCE_SECONDS

HOST = "127.0.0.1"
LOG_LINES = 60
"""Of a service's log, as shown with a failure: the last ones."""
PROGRAM = (sys.executable, "-c", "from interface.cli.main import main; main()")

CHART = (
    {"code": "assets:cash", "type": "asset", "name": "Cash", "purpose": "bank"},
    {"code": "liabilities:wallets:ann", "type": "liability", "name": "Ann", "floor": "0.00"},
    {"code": "liabilities:wallets:ben", "type": "liability", "name": "Ben", "floor": "0.00"},
    {"code": "liabilities:merchant", "type": "liability", "name": "Merchant"},
    {"code": "revenue:fees", "type": "revenue", "name": "Fees"},
    {"code": "expenses:rent", "type": "expense", "name": "Rent"},
)
"""What `ledger` has, all in USD. Nothing is posted in it."""


class Service:
    """One service: its process may come and go, its database and its keys stay."""

    def __init__(
        self, *, environment: Mapping[str, str], directory: Path, arguments: tuple[str, ...] = ()
    ) -> None:
        self.environment = {**inherited(), **environment}
        self.directory = directory
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.keys: dict[str, str] = {}
        """By role. The actor is called as the role."""
        self.log = directory / "service.log"
        """What the process says on standard error."""
        self.greeting = ""
        """The line by which it said that it was ready."""
        self.farewell = ""
        """What it said on standard output after that, when it has stopped."""
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._client = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)
        _OPEN.append(self)

    @property
    def pid(self) -> int:
        """The supervisor's. Whoever answers and the worker are its children."""
        assert self._process is not None
        return self._process.pid

    @property
    def answering_pid(self) -> int:
        """The process that answers, which the supervisor's main thread has spawned."""
        (answering,) = self._spawned(of_main_thread=True)
        return answering

    @property
    def worker_pid(self) -> int | None:
        """The worker, which a thread of its own keeps; None while there is none."""
        found = self._spawned(of_main_thread=False)
        assert len(found) <= 1
        return found[0] if found else None

    def _spawned(self, *, of_main_thread: bool) -> list[int]:
        found = []
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            if (thread.name == str(self.pid)) == of_main_thread:
                for child in (thread / "children").read_text().split():
                    # One that has just ended is none of them.
                    with suppress(FileNotFoundError, ProcessLookupError):
                        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                            found.append(int(child))
        return found

    def start(self) -> None:
        """Starts it and waits until it says that it is ready."""
        assert self._process is None
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*PROGRAM, "serve", "--host", HOST, "--port", str(self.port), *self._arguments],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.greeting = self.read_line()
        if not self.greeting.startswith("Listening on "):
            self.kill()
            raise AssertionError(f"the service did not start: {self.log.read_text()[-4000:]}")

    def read_line(self) -> str:
        """Waits for the next line that it says on standard output; "" where it has ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def stop(self, *, by: signal.Signals = signal.SIGTERM) -> int:
        """Stops it in the orderly way and returns its exit status."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(by)
        status = process.wait(PATIENCE_SECONDS)
        assert process.stdout is not None
        with process.stdout:
            self.farewell = process.stdout.read()
        return status

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to all of its processes; an embedded PostgreSQL is none of them."""
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kills all of its processes at once."""
        process, self._process = self._process, None
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def restart(self) -> None:
        """Kills it and starts it again at once."""
        self.kill()
        self.start()

    def close(self) -> None:
        """Ends it, whatever state it is in."""
        _OPEN.remove(self)
        self._client.close()
        if self._process is not None:
            self.kill()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | str | None = None,
        role: str | None = "controller",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> httpx.Response:
        """Returns the answer. `role` None: without a key; `key`: the Idempotency-Key."""
        sent = dict(headers or {})
        if role is not None:
            sent["Authorization"] = f"Bearer {self.keys[role]}"
        if key is not None:
            sent["Idempotency-Key"] = key
        return self._client.request(
            method, path, json=json, content=content, headers=sent, params=params
        )

    def command(self, *arguments: str, status: int = 0) -> Ended:
        """Runs another of our commands on the same database; it must end with the status."""
        done = run_command(*arguments, environment=self.environment, directory=self.directory)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def create_ledger(self, *, functional_asset: str = "USD", timezone: str = "UTC") -> str:
        """Makes a ledger with nothing in it and returns its id."""
        ledger = f"t_{uuid.uuid4().hex[:12]}"
        body = {
            "id": ledger,
            "name": "Test",
            "functional_asset": functional_asset,
            "timezone": timezone,
        }
        answer = self.request("POST", "/v1/ledgers", json=body, role="operator")
        assert answer.status_code == 201, answer.text
        return ledger


MakeService = Callable[..., Service]

_OPEN: list[Service] = []
"""Those that are not closed yet."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows with a failure what the services said that the test has had, or has shared."""
    report = yield
    if report.failed and {"service", "make_service"} & set(getattr(item, "fixturenames", ())):
        for service in _OPEN:
            if service.log.exists():
                said = "\n".join(service.log.read_text().splitlines()[-LOG_LINES:])
                report.sections.append((f"Captured log of the service at {service.url}", said))
    return report


@pytest.fixture(scope="session")
def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service with a key for each role. Do not stop it."""
    made = on_database(databases.create(), directory=tmp_path_factory.mktemp("service"))
    made.start()
    yield made
    made.close()


@pytest.fixture
def make_service(
    databases: Databases, made_before: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeService]:
    """Makes services that a test may kill: `make_service()`, not yet started.

    `database`: on which database of the tests' PostgreSQL, of a new one without it; `embedded`
    True: in a new data directory with a PostgreSQL of its own. `arguments`: more for `serve`.
    """
    with ExitStack() as stack:

        def make(
            *,
            database: Database | None = None,
            embedded: bool = False,
            arguments: tuple[str, ...] = (),
            environment: Mapping[str, str] | None = None,
        ) -> Service:
            directory = tmp_path_factory.mktemp("service")
            if embedded:
                made = in_data_directory(
                    made_before, directory, arguments=arguments, environment=environment
                )
            else:
                if database is None:
                    database = databases.create()
                    stack.callback(databases.drop, database)
                made = on_database(
                    database, directory=directory, arguments=arguments, environment=environment
                )
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def ledger(service: Service) -> str:
    """A new ledger in the shared service, with the accounts of CHART."""
    made = service.create_ledger()
    for account in CHART:
        answer = service.request(
            "POST", f"/v1/ledgers/{made}/accounts", json={"asset": "USD", **account}
        )
        assert answer.status_code == 201, answer.text
    return made


def on_database(
    database: Database,
    *,
    directory: Path,
    arguments: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Service:
    """Returns a service on a database of the tests' PostgreSQL, with keys, not yet started."""
    made = Service(
        environment={
            "DATABASE_URL": database.service,
            "BACKOFFICE_OWNER_DATABASE_URL": database.owner,
            "BACKOFFICE_DATA_DIR": str(directory / "var"),
            **(environment or {}),
        },
        directory=directory,
        arguments=arguments,
    )
    with migrated(Connections(owner=database.owner, service=database.service)) as ledgers:
        made.keys = role_keys(ledgers, kept={})
    return made


def in_data_directory(
    made_before: Path,
    directory: Path,
    *,
    arguments: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Service:
    """Returns a service with a PostgreSQL of its own, with keys, not yet started."""
    data_dir = directory / "var"
    # The owners too: as root, PostgreSQL runs under another account.
    subprocess.run(["cp", "-a", str(made_before), str(data_dir)], check=True)
    made = Service(
        environment={"BACKOFFICE_DATA_DIR": str(data_dir), **(environment or {})},
        directory=directory,
        arguments=arguments,
    )
    for name in ("DATABASE_URL", "BACKOFFICE_OWNER_DATABASE_URL"):
        made.environment.pop(name, None)
    with opened(read_settings({}, data_dir=data_dir)) as ledgers:
        made.keys = role_keys(ledgers, kept={})
    return made


def free_port() -> int:
    """Returns a port that nobody listened on a moment ago, and that nobody is given unasked.

    What a system gives away by itself, to clients too, lies above: it might give it to another
    before the service that is to have it has started.
    """
    for port in _PORTS:
        with suppress(OSError), socket.create_server((HOST, port)):
            return port
    raise AssertionError("no port is free")


def _ports() -> Iterator[int]:
    """Yields numbers of this process's own, among the test processes of one run, for ever."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 12_000 + worker % 8 * 2_500
    start = secrets.randbelow(2_500)
    return (first + (start + number) % 2_500 for number in itertools.count())


_PORTS = _ports()
