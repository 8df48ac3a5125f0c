"""What the faults are done to: a ledger, its writer here, and writers in other processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from application import sessions
from application.ledgers import Ledgers
from application.migrate import SERVICE_ROLE
from application.writer import Writer
from tests.conftest import Database
from tests.faults.book import make_ledger, open_ledgers, other_process
from tests.faults.proxy import Proxy
from tests.faults.writer_process import WriterProcess

StartWriter = Callable[..., WriterProcess]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the writers of this process wait less for the lock; other processes wait as ever."""
    options = sessions.SESSION_OPTIONS.replace(
        f"lock_timeout={sessions.LOCK_TIMEOUT_SECONDS}s", "lock_timeout=1s"
    )
    monkeypatch.setattr(sessions, "SESSION_OPTIONS", options)
    monkeypatch.setattr(sessions, "LOCK_TIMEOUT_SECONDS", 1)


@pytest.fixture
def ledgers(database: Database) -> Iterator[Ledgers]:
    """The ledgers of the test's database, as this process has them."""
    opened = open_ledgers(database)
    yield opened
    opened.close()


@pytest.fixture
def writer(ledgers: Ledgers) -> Writer:
    """The writer of the ledger that book.py describes."""
    return make_ledger(ledgers)


@pytest.fixture
def start_writer(database: Database, writer: Writer) -> Iterator[StartWriter]:
    """Starts writers of the same ledger in other processes: `start_writer(service=...)`."""
    with ExitStack() as stack:

        def start(*, service: str | None = None) -> WriterProcess:
            made = other_process(database, service=service)
            stack.callback(made.kill)
            return made

        yield start


@pytest.fixture
def proxy(database: Database) -> Iterator[Proxy]:
    """A proxy before the test's database, for the service's role."""
    made = Proxy(database.service)
    yield made
    made.close()


@pytest.fixture
def login(database: Database) -> Iterator[str]:
    """A login that takes on the service's role: as where DATABASE_URL is all there is."""
    name, password = "firm", "secret"
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        connection.execute(f"GRANT CONNECT ON DATABASE {database.name} TO {name}")
        connection.execute(f"GRANT {SERVICE_ROLE} TO {name}")
    yield make_conninfo(database.service, user=name, password=password)
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")
