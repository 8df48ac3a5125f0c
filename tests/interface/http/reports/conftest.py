"""A ledger with a random history: one for all who only read it, and one of a test's own."""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

import pytest

from application.outcomes import Caller
from domain.closes import ClosePeriod, ReopenPeriod
from domain.ledgers import LockBooks
from interface.closer import Closer, NotShown
from tests.application.checks import check_everything
from tests.application.conftest import own_office, template, unchecked_office  # noqa: F401 -- fixtures
from tests.application.office import Office
from tests.conftest import Database, Databases
from tests.interface.http.reports.past import CLOSED, Past, catch_up, lived
from tests.projections.history import (
    legs_of,
    live,
    live_in,
)

ROUNDS = 3
CARL = Caller("carl", "key-7", frozenset({"controller"}), "http")


@pytest.fixture(scope="session")
def past(databases: Databases, template: Database) -> Iterator[Past]:  # noqa: F811
    """A ledger with a random history, in which a year was closed, reopened and closed anew, and
    its legs; to be read only."""
    database = databases.create(template=template.name)
    world, _, office = lived(Office(database))
    chance = random.Random(7)
    office.done(LockBooks(through=date(2025, 11, 30)))
    for _ in range(2):
        close(office)
        live(office, chance, 6)
        office.done(ReopenPeriod(period=CLOSED, reason="regulatory"))
        office.done(ReopenPeriod(period=CLOSED), by=CARL)
        live_in(office, chance, CLOSED, 8)
    close(office)
    live(office, chance, 20)
    catch_up(office)
    yield world, legs_of(office.records()), office
    check_everything(office)
    office.close()
    databases.drop(database)


def close(office: Office) -> None:
    """Has the closer close the year, as often as it has to wait for the views."""
    office.done(ClosePeriod(period=CLOSED))
    for _ in range(ROUNDS):
        catch_up(office)
        with suppress(NotShown):
            Closer(office.ledgers, views_seconds=0).look_after("acme")
            return
    raise AssertionError("the closer does not come to an end")


@pytest.fixture
def own_past(own_office: Office) -> Past:  # noqa: F811
    """For a test that goes on with it."""
    return lived(own_office)
