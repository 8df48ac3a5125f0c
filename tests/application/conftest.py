"""A ledger for each module of tests, and one of its own where a test needs it empty or alone."""

from collections.abc import Iterator

import pytest

from tests.application.checks import check_everything
from tests.application.office import CREATE, OPERATOR, Office
from tests.conftest import Database, Databases


@pytest.fixture(scope="session")
def template(databases: Databases) -> Database:
    """A database with a ledger in it, to be copied."""
    database = databases.create()
    office = Office(database)
    office.ledgers.migrate()
    assert office.ledgers.create(CREATE, key="create", by=OPERATOR).status == "done"
    office.close()
    return database


@pytest.fixture(scope="module")
def office(databases: Databases, template: Database) -> Iterator[Office]:
    """For all tests of a module, each with accounts of its own; checked whole at the end."""
    database = databases.create(template=template.name)
    office = Office(database)
    yield office
    check_everything(office)
    office.close()
    databases.drop(database)


@pytest.fixture(scope="module")
def partner(office: Office) -> Iterator[Office]:
    """Another process's view of the module's ledger."""
    partner = Office(office.database, clock=office.clock)
    yield partner
    partner.close()


@pytest.fixture
def unchecked_office(databases: Databases, template: Database) -> Iterator[Office]:
    """For one test that leaves what no ledger would."""
    database = databases.create(template=template.name)
    office = Office(database)
    yield office
    office.close()
    databases.drop(database)


@pytest.fixture
def own_office(unchecked_office: Office) -> Iterator[Office]:
    """For one test."""
    yield unchecked_office
    check_everything(unchecked_office)


@pytest.fixture
def other_office(own_office: Office) -> Iterator[Office]:
    """Another process's view of the same ledger."""
    office = Office(own_office.database, clock=own_office.clock)
    yield office
    office.close()
