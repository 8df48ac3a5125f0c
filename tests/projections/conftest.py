"""A ledger of a test's own, and a worker's share of it that does a step when it is told to."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from application.records import SHAPES
from application.store import schema_of
from projections.following import Follower
from projections.runner import connect, enter
from projections.showing import VIEWS
from projections.views import View
from tests.application.conftest import (  # noqa: F401 -- fixtures
    own_office,
    template,
    unchecked_office,
)
from tests.application.office import Office


def tables(office: Office, views: tuple[View, ...] = VIEWS) -> dict[str, list[str]]:
    """What the views hold, row by row."""
    found = {}
    for view in views:
        for table in view.tables:
            rows = office.query(f"SELECT t::text AS row FROM {{}}.{table} AS t")
            found[table] = sorted(row["row"] for row in rows)
    return found


class Worker:
    """Follows one ledger on a connection of its own."""

    def __init__(self, office: Office, views: tuple[View, ...] = VIEWS) -> None:
        schema = schema_of(office.ledger)
        self.connection = connect(office.database.service)
        enter(self.connection, schema)
        self.followers = {
            view.name: Follower(
                ledger=office.ledger, schema=schema, view=view, decode=SHAPES.decode
            )
            for view in views
        }

    def catch_up(self, *, batch: int = 10_000) -> None:
        """Takes every view to the end of the log."""
        for follower in self.followers.values():
            while (step := follower.step(self.connection, batch)) and step.is_behind:
                pass


@pytest.fixture
def worker(own_office: Office) -> Iterator[Worker]:  # noqa: F811
    made = Worker(own_office)
    with closing(made.connection):
        yield made
