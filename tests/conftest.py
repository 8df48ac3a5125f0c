"""A real PostgreSQL for the tests: one server a test process, a database of its own for each test.

With pytest-xdist each worker has its own server: no worker can disturb another.
"""

import gc
import itertools
import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from interface.embedded import EmbeddedPostgres
from interface.embedded_cluster import Endpoints, create_database, grant_access

pytest_plugins = ["tests.service"]

# That a machine is slow is no finding. (In CI hypothesis has a profile of its own, which is as
# patient, and draws the same examples each time.)
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if settings.get_current_profile_name() == "default":
    settings.load_profile("patient")


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """Connection strings of one database: for its owner, the service, and a superuser."""

    name: str
    owner: str
    service: str
    superuser: str


class Databases:
    """Makes databases on the tests' server, each in some 50 ms."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._numbers = itertools.count(1)

    def create(self, *, template: str = "template0") -> Database:
        """A new database: empty, or a copy of `template`, to which nobody may be connected."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self._endpoints.superuser, autocommit=True) as connection:
            create_database(connection, name=name, template=template)
            grant_access(connection, name=name)
        return Database(
            name=name,
            owner=make_conninfo(self._endpoints.owner, dbname=name),
            service=make_conninfo(self._endpoints.service, dbname=name),
            superuser=make_conninfo(self._endpoints.superuser, dbname=name),
        )

    def drop(self, database: Database) -> None:
        """Drops a database, whoever is still connected."""
        with psycopg.connect(self._endpoints.superuser, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name))
            )


def pytest_collection() -> None:
    """Nothing of what is collected is ever garbage: who looks for some takes seconds."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on the collector passes by what was there before the tests."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that take long begin first: nobody waits for a long one at the end."""
    rooms = ("faults", "interface", "projections", "application", "domain")

    def turn(item: pytest.Item) -> tuple[bool, int]:
        room = item.path.relative_to(Path(__file__).parent).parts[0]
        return item.path not in long, rooms.index(room) if room in rooms else len(rooms)

    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=turn)


@pytest.fixture(scope="session", autouse=True)
def _logs() -> Iterator[None]:
    """What our modules log in this process is shown with the test that fails, and nowhere else.

    Threads go on between the tests, where pytest listens to nobody: what they say would stand
    among its dots. So it all goes by the standard library, which drops what nobody handles; a
    command that a test runs in this process (others configure their own) leaves that as it is.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            # structlog's own default draws each frame with its locals: a second for a traceback.
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interface.cli.options.configure_logs", lambda _level: None)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Endpoints]:
    """The tests' server: connection strings of its owner, service and superuser roles."""
    data_dir = Path(tempfile.mkdtemp(prefix="backoffice-tests-"))
    try:
        server = EmbeddedPostgres(data_dir=data_dir)
        yield server.start()
        server.stop()
    finally:
        shutil.rmtree(data_dir)


@pytest.fixture(scope="session")
def databases(postgres: Endpoints) -> Databases:
    """For what a whole module shares, or copies: `databases.create(template=database.name)`."""
    return Databases(postgres)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """An empty database for one test."""
    made = databases.create()
    yield made
    databases.drop(made)


@pytest.fixture(scope="module")
def module_database(databases: Databases) -> Iterator[Database]:
    """An empty database for all tests of a module."""
    made = databases.create()
    yield made
    databases.drop(made)


@pytest.fixture(scope="session")
def made_before() -> Iterator[Path]:
    """A data directory whose server was started and stopped, to be copied.

    Making one takes a second, copying it (with `cp -a`: the owners too) a tenth.
    """
    data_dir = Path(tempfile.mkdtemp(prefix="backoffice-tests-"))
    try:
        with EmbeddedPostgres(data_dir=data_dir):
            pass
        yield data_dir
    finally:
        shutil.rmtree(data_dir)
