"""Archives: ledgers whose logs are signed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.application.transparency.archive import Archive
from tests.conftest import Database, Databases


@pytest.fixture(scope="session")
def founded(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Database, Path]:
    """A database with a ledger in it, to be copied, and the secret of its keys."""
    database = databases.create()
    secret_file = tmp_path_factory.mktemp("secret") / "signing.secret"
    archive = Archive(database, secret_file)
    archive.found()
    archive.close()
    return database, secret_file


@pytest.fixture
def archive(
    databases: Databases, founded: tuple[Database, Path], tmp_path: Path
) -> Iterator[Archive]:
    """For one test."""
    template, secret_file = founded
    database = databases.create(template=template.name)
    own_secret = tmp_path / "signing.secret"
    shutil.copy(secret_file, own_secret)
    made = Archive(database, own_secret)
    yield made
    made.close()
    databases.drop(database)
