"""Fixtures of the contract tests."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from application.ledgers import Ledgers
from application.sessions import acting_as_service
from application.transparency.sealer import Sealer, connect
from application.transparency.vault import Signing
from interface.bootstrap import Database as Connections
from interface.bootstrap import duties
from interface.duties import work
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.conftest import Database, Databases
from tests.interface.http.world import World
from tests.patience import PATIENCE_SECONDS


@pytest.fixture(scope="module", autouse=True)
def _patient_readers() -> Iterator[None]:
    """Who asks for a position waits for it: on a machine with much else to do views take longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interface.http.door.BEHIND_AFTER_SECONDS", PATIENCE_SECONDS)
        yield


@pytest.fixture(scope="session")
def founded(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Database, Path]:
    """A database with a world in it, to be copied, and the secret of its keys."""
    database = databases.create()
    secret_file = tmp_path_factory.mktemp("secret") / "signing.secret"
    with open_ledgers(on_database(database, secret_file)) as ledgers:
        World(ledgers, create_app(ledgers, HttpSettings()))
    return database, secret_file


@pytest.fixture(scope="module")
def module_database(databases: Databases, founded: tuple[Database, Path]) -> Iterator[Database]:
    """A database of the module's own: migrated, with the ledger `main`."""
    made = databases.create(template=founded[0].name)
    yield made
    databases.drop(made)


@pytest.fixture(scope="module")
def connections(
    module_database: Database,
    founded: tuple[Database, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Connections:
    """To the module's database, whose logs are signed."""
    secret_file = tmp_path_factory.mktemp("secret") / "signing.secret"
    shutil.copy(founded[1], secret_file)
    return on_database(module_database, secret_file)


@pytest.fixture(scope="module")
def ledgers(connections: Connections) -> Iterator[Ledgers]:
    """Open ledgers on a database of the module's own."""
    with open_ledgers(connections) as opened:
        yield opened


def on_database(database: Database, secret_file: Path) -> Connections:
    return Connections(
        owner=database.owner, service=database.service, signing=Signing(secret_file=secret_file)
    )


@contextmanager
def open_ledgers(connections: Connections) -> Iterator[Ledgers]:
    opened = connections.ledgers()
    opened.migrate()
    opened.open(within_seconds=PATIENCE_SECONDS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def worker(ledgers: Ledgers, connections: Connections) -> Iterator[None]:
    """Does a worker's duties while the module's tests run."""
    stop = threading.Event()
    todo = duties(connections, ledgers)
    working = threading.Thread(target=work, args=(todo, stop))
    working.start()
    yield
    stop.set()
    working.join()


@pytest.fixture(scope="module")
def seal(ledgers: Ledgers, connections: Connections) -> Callable[[], None]:
    """Signs all that was committed, as the worker does."""
    service = acting_as_service(connections.service)
    sealer = Sealer(conninfo=service, names=lambda: ["main"], vault=ledgers.signing_keys.vault)

    def seal_all() -> None:
        with connect(service) as connection:
            while sealer.seal(connection, "main"):
                pass

    return seal_all


@pytest.fixture(scope="module")
def world(ledgers: Ledgers) -> World:
    """The service with its ledger `main`."""
    return World(ledgers, create_app(ledgers, HttpSettings()))


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    return world.account(), world.account()
