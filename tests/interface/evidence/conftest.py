"""Archives to verify and to spoil."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.application.transparency.archive import Archive
from tests.conftest import Database, Databases
from tests.interface.evidence.busy import fill


@pytest.fixture(scope="module")
def busy(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A ledger in which about everything has happened, signed. Whoever spoils it mends it."""
    database: Database = databases.create()
    archive = Archive(database, Path(tmp_path_factory.mktemp("secret")) / "signing.secret")
    archive.found()
    fill(archive)
    archive.seal_all()
    archive.grow(300)
    archive.seal_all()
    yield archive
    archive.close()
    databases.drop(database)
