"""Fixtures of the contract tests."""

import threading
from collections.abc import Iterator

import pytest

from application.ledgers import Ledgers
from interface.bootstrap import Database as Connections
from interface.bootstrap import duties
from interface.duties import work
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.conftest import Database
from tests.interface.http.world import World


@pytest.fixture(scope="module")
def ledgers(module_database: Database) -> Iterator[Ledgers]:
    """Open ledgers on a database of the module's own."""
    opened = connections(module_database).ledgers()
    opened.migrate()
    opened.open()
    yield opened
    opened.close()


def connections(database: Database) -> Connections:
    return Connections(owner=database.owner, service=database.service)


@pytest.fixture(scope="module")
def worker(ledgers: Ledgers, module_database: Database) -> Iterator[None]:
    """Does a worker's duties while the module's tests run."""
    stop = threading.Event()
    todo = duties(connections(module_database), ledgers)
    working = threading.Thread(target=work, args=(todo, stop))
    working.start()
    yield
    stop.set()
    working.join()


@pytest.fixture(scope="module")
def world(ledgers: Ledgers) -> World:
    """The service with its ledger `main`."""
    return World(ledgers, create_app(ledgers, HttpSettings()))


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    return world.account(), world.account()
