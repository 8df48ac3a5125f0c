"""Archives to verify and to spoil."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from application.store import schema_of
from interface.bootstrap import install_views
from projections.lines import PLACES
from tests.application.transparency.archive import Archive
from tests.conftest import Database, Databases
from tests.interface.evidence.busy import fill
from tests.projections.conftest import Worker

STRETCH_POSITIONS = 100


@pytest.fixture(scope="module")
def busy(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A ledger in which about everything has happened, signed and viewed.

    Whoever spoils it mends it."""
    database: Database = databases.create()
    archive = Archive(database, Path(tmp_path_factory.mktemp("secret")) / "signing.secret")
    archive.found()
    fill(archive)
    archive.seal_all()
    archive.clock.move(days=1)
    archive.grow(300)
    archive.seal_all()
    with psycopg.connect(database.owner, autocommit=True) as connection:
        install_views(connection, schema_of(archive.ledger))
    with pytest.MonkeyPatch.context() as patch:
        # Stretches that end in so short a log, for the view and for who verifies it.
        patch.setattr("projections.chart_totals.STRETCH_PLACES", STRETCH_POSITIONS * PLACES)
        patch.setattr("interface.evidence.view_lines.STRETCH", STRETCH_POSITIONS)
        worker = Worker(archive)
        with closing(worker.connection):
            worker.catch_up()
        yield archive
    archive.close()
    databases.drop(database)
