"""One small ledger for all tests of exports."""

from collections.abc import Iterator

import pytest

from tests.application.conftest import template  # noqa: F401 -- a fixture
from tests.application.office import Office
from tests.conftest import Database, Databases
from tests.interface.exporting.books import LEDGER, Books, keep


@pytest.fixture(scope="session")
def books(databases: Databases, template: Database) -> Iterator[Books]:  # noqa: F811
    """Not to be written to."""
    database = databases.create(template=template.name)
    office = Office(database, ledger=LEDGER)
    yield keep(office)
    office.close()
    databases.drop(database)
