"""Fixtures of the contract tests."""

from collections.abc import Iterator

import pytest

from application.ledgers import Ledgers
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.conftest import Database
from tests.interface.http.world import World


@pytest.fixture(scope="module")
def ledgers(module_database: Database) -> Iterator[Ledgers]:
    """Open ledgers on a database of the module's own."""
    opened = Ledgers(
        owner=module_database.owner, service=module_database.service, software_version="test"
    )
    opened.migrate()
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def world(ledgers: Ledgers) -> World:
    """The service with its ledger `main`."""
    return World(ledgers, create_app(ledgers, HttpSettings()))


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    return world.account(), world.account()
