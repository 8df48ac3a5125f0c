"""A read-only database and a full disk: 503 and no lie, and the same process goes on later."""

import itertools
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from interface.embedded import EmbeddedPostgres
from interface.embedded_cluster import Endpoints
from tests.conftest import Database, Databases
from tests.faults.evidence import check_sound
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.service import CHART, MakeService, Service, in_data_directory

CASH, WALLET = "assets:cash", "liabilities:wallets:ann"
BATCH = 200
RETRY_SECONDS = 0.02
TABLES_MEBIBYTES = 48
CLUSTER_MEBIBYTES = 160
SEGMENT_BYTES = 16 << 20
MARGIN_BYTES = 20_000
"""Of the write-ahead log: what a background process may write between two looks at its end."""


class Client:
    """A client of one ledger of a service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.ledger = service.create_ledger()
        for account in CHART:
            answer = self.send("accounts", {"asset": "USD", **account}, key=account["code"])
            assert answer.status_code == 201

    def send(self, path: str, body: Any, *, key: str) -> httpx.Response:
        return self.service.request("POST", f"/v1/ledgers/{self.ledger}/{path}", json=body, key=key)

    def post(self, amount: str, *, key: str) -> httpx.Response:
        """Posts an entry that pays into the wallet."""
        legs = [
            {"account": CASH, "side": "debit", "amount": amount, "asset": "USD"},
            {"account": WALLET, "side": "credit", "amount": amount, "asset": "USD"},
        ]
        return self.send("entries", {"legs": legs}, key=key)

    def post_until(self, ends: threading.Event) -> int:
        """Posts one entry after another, each until it is answered; returns how many."""
        deadline = monotonic() + PATIENCE_SECONDS
        for number in itertools.count():
            while (answer := self.post("1.00", key=f"{number}")).status_code == 503:
                assert monotonic() < deadline, answer.text
                sleep(RETRY_SECONDS)
            assert answer.status_code == 201
            if ends.is_set():
                return number + 1
        raise AssertionError

    def batch(self, name: str) -> httpx.Response:
        """Posts many entries of 1.00 that stand or fall together."""
        legs = [
            {"account": CASH, "side": "debit", "amount": "1.00", "asset": "USD"},
            {"account": WALLET, "side": "credit", "amount": "1.00", "asset": "USD"},
        ]
        commands = [{"do": "post", "key": f"{name}-{n}", "legs": legs} for n in range(BATCH)]
        return self.send("batch", {"atomic": True, "commands": commands}, key=name)

    def balance(self) -> str:
        """The wallet's posted balance, as the service says."""
        answer = self.service.request(
            "GET", f"/v1/ledgers/{self.ledger}/accounts/{WALLET}/balances"
        )
        assert answer.status_code == 200
        return str(answer.json()["items"][0]["posted"]["balance"])


class Disk:
    """A small disk, in memory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._ballast = directory / "ballast"

    @contextmanager
    def full(self, *, but_for: int = 0) -> Iterator[None]:
        """Leaves so many bytes of room on it, until the block ends."""
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.directory).free - but_for)
        try:
            yield
        finally:
            self._ballast.unlink()


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Disk]:
    """A disk of so many mebibytes as the test says."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    directory = Path(tempfile.mkdtemp(prefix="backoffice-disk-"))
    options = f"size={request.param}m,mode=0755"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        directory.rmdir()
        pytest.skip(f"this machine mounts no small disk: {mounted.stderr.strip()}")
    yield Disk(directory)
    subprocess.run(["umount", str(directory)], check=True)
    directory.rmdir()


def test_a_read_only_database(database: Database, make_service: MakeService) -> None:
    client = started(make_service(database=database))
    assert client.post("1.00", key="before").status_code == 201
    with read_only(database):
        # What may be read is read, at once: the sessions that were ended are not in the way.
        assert client.balance() == "1.00"
        for _ in range(2):
            check_unavailable(client.post("2.00", key="meanwhile"))
        assert len(check_sound(database.superuser, client.ledger).of_type("EntryPosted")) == 1
    assert client.post("2.00", key="meanwhile").status_code == 201
    check_books(client, database.superuser, entries=2)


@pytest.mark.parametrize("disk", [TABLES_MEBIBYTES], indirect=True)
def test_a_disk_that_is_full_of_tables(
    postgres: Endpoints, databases: Databases, make_service: MakeService, disk: Disk
) -> None:
    """The server can't extend a table, and lives."""
    with small_database(postgres, databases, disk) as database:
        client = started(make_service(database=database))
        before = len(check_sound(database.superuser, client.ledger).records)
        with disk.full():
            # Some go into pages that are there: what is answered is on record, and nothing else.
            done = 0
            while (answer := client.batch(f"{done}")).status_code == 200:
                done += 1
            check_unavailable(answer)
            found = check_sound(database.superuser, client.ledger)
            assert len(found.records) == before + done * BATCH
            assert client.balance() == f"{done * BATCH}.00"
        assert client.batch(f"{done}").status_code == 200
        check_books(client, database.superuser, entries=(done + 1) * BATCH)
        client.service.stop()


@pytest.mark.parametrize("disk", [CLUSTER_MEBIBYTES], indirect=True)
def test_a_disk_that_is_full_of_wal(made_before: Path, disk: Disk) -> None:
    """The server can't write what it would commit, and ends; it returns when there is room."""
    client = started(in_data_directory(made_before, disk.directory))
    server = EmbeddedPostgres(data_dir=disk.directory / "var")
    superuser = make_conninfo(server.start().superuser, dbname="backoffice")
    ends = threading.Event()
    with ThreadPoolExecutor() as threads:
        # Tables have room, but the next file of the log has not.
        with disk.full(but_for=SEGMENT_BYTES // 2):
            leave_little_wal(superuser)
            posting = threads.submit(client.post_until, ends)
            wait_until_down(superuser)
            assert not posting.done()
        ends.set()
        check_books(client, superuser, entries=posting.result())
    client.service.stop()
    server.stop()


def started(service: Service) -> Client:
    """Starts a service and returns a client of it."""
    service.start()
    return Client(service)


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    """Has all sessions of the database read-only until the block ends, new ones and old ones."""
    statement = f"ALTER DATABASE {database.name} SET default_transaction_read_only"
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(f"{statement} = on")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        yield
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"{statement} = off")


@contextmanager
def small_database(postgres: Endpoints, databases: Databases, disk: Disk) -> Iterator[Database]:
    """A database whose tables are on that disk."""
    database = databases.create()
    directory = disk.directory / "tables"
    directory.mkdir()
    with psycopg.connect(database.superuser, dbname="postgres", autocommit=True) as connection:
        owner = postgres.data_directory.stat()
        os.chown(directory, owner.st_uid, owner.st_gid)
        connection.execute(f"CREATE TABLESPACE small LOCATION '{directory}'")
        connection.execute(f"ALTER DATABASE {database.name} SET TABLESPACE small")
        with no_autovacuum(connection):
            yield database
        databases.drop(database)
        connection.execute("DROP TABLESPACE small")


@contextmanager
def no_autovacuum(connection: Connection[Any]) -> Iterator[None]:
    """Has nothing tidied up on the server: it would change catalogs, after which whoever connects
    writes a file of what they say, or is turned away where there is no room for it."""
    connection.execute("ALTER SYSTEM SET autovacuum = off")
    connection.execute("SELECT pg_reload_conf()")
    working = "SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
    wait_until(lambda: connection.execute("SHOW autovacuum").fetchone() == ("off",), "its end")
    wait_until(lambda: connection.execute(working).fetchone() is None, "its end")
    yield
    connection.execute("ALTER SYSTEM RESET autovacuum")
    connection.execute("SELECT pg_reload_conf()")


def leave_little_wal(superuser: str) -> None:
    """Fills the write-ahead log almost to the end of the last file that is there for it."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        while (left := wal_left(connection)) > MARGIN_BYTES:
            size = min(left - MARGIN_BYTES // 2, 1_000_000)
            connection.execute(
                "SELECT pg_logical_emit_message(false, 'fill', repeat('x', %s))", [size]
            )


def wait_until_down(superuser: str) -> None:
    """Returns when the server takes no connections any more."""

    def is_down() -> bool:
        try:
            psycopg.connect(superuser).close()
        except psycopg.OperationalError:
            return True
        return False

    wait_until(is_down, "the server's end")


def wal_left(connection: Connection[Any]) -> int:
    """The bytes between the end of the write-ahead log and that of its last file."""
    row = connection.execute(
        "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, max(name) FROM pg_ls_waldir()"
        " WHERE name ~ '^[0-9A-F]{24}$'"
    ).fetchone()
    assert row is not None
    end, last = int(row[0]), row[1]
    files_each = (1 << 32) // SEGMENT_BYTES
    number = int(last[8:16], 16) * files_each + int(last[16:24], 16)
    return (number + 1) * SEGMENT_BYTES - end


def check_unavailable(answer: httpx.Response) -> None:
    """Fails unless the answer says that nothing was done, and that it may be tried again."""
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def check_books(client: Client, superuser: str, *, entries: int) -> None:
    """Fails unless the log is sound and has so many entries, and the service says so."""
    found = check_sound(superuser, client.ledger)
    assert len(found.of_type("EntryPosted")) == entries
    assert client.balance() == f"{found.posted(WALLET)}.00"
