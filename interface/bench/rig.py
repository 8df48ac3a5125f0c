"""What is measured: a PostgreSQL server, the service's processes on it, and keys to them.

The server is embedded, in a new data directory, or the one given, in a new database: a bench leaves
nothing behind, and finds nothing.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from application.store import schema_of
from interface.bench.machine import Processes
from interface.embedded import EmbeddedPostgres
from interface.embedded_programs import find_programs

HOST = "127.0.0.1"
START_SECONDS = 120.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.05
TAIL = 2_000
"""How many characters of a log are shown."""
NOT_INHERITED = {
    "DATABASE_URL",
    "BACKOFFICE_OWNER_DATABASE_URL",
    "BACKOFFICE_RATE_LIMIT_PER_SECOND",
}
"""Another database would be measured; a limited rate would be."""
SETTINGS = (
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "commit_delay",
    "commit_siblings",
)


class RigFailed(Exception):
    """What is to be measured does not start; the argument says what and why."""


class Service(NamedTuple):
    """A running service process."""

    port: int
    processes: Processes


class Rig:
    """The server and how to use it.

    `owner` is a connection string for making schemas in the measured database, `service_login`
    one for reading its ledgers. `directory` is for the files of the bench: the data directory, if
    the server is embedded.
    """

    def __init__(
        self, *, owner: str, service: str, superuser: str, directory: Path, given: str | None
    ) -> None:
        self.owner = owner
        self.service_login = service
        self.directory = directory
        self._superuser = superuser
        self._given = given

    @property
    def pgbench(self) -> Path:
        """PostgreSQL's own load generator."""
        return find_programs(cluster=self.directory / "postgres").folder / "pgbench"

    @property
    def postgres(self) -> Processes | None:
        """The server's processes, where they are on this machine."""
        if self._given:
            return None
        pid_file = self.directory / "postgres" / "postmaster.pid"
        return Processes(int(pid_file.read_text().split()[0]))

    @contextmanager
    def service(self) -> Iterator[Service]:
        """Runs a service process on this server until the end of the block. Raises RigFailed.

        Without a worker, which would take a share of the machine that is not told apart: what is
        measured here is the write path.
        """
        port = free_port()
        listening = ("--host", HOST, "--port", str(port))
        with self._running("serve", "--no-worker", *listening) as (process, log):
            wait_until_ready(port, process, log)
            yield Service(port, Processes(process.pid, without="postgres"))

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Runs a worker on this server until the end of the block."""
        with self._running("worker"):
            yield

    @contextmanager
    def _running(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Runs one of our own commands, which says what it says in a file, until the block ends."""
        log = self.directory / f"{arguments[0]}-{secrets.token_hex(4)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.command_line(*arguments),
                env=self.environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def create_key(self, actor: str, *roles: str) -> str:
        """Returns a new key with the roles. Raises RigFailed."""
        arguments = [argument for role in roles for argument in ("--role", role)]
        return self.command("key", "create", "--actor", actor, *arguments).strip()

    def command(self, *arguments: str) -> str:
        """Runs one of our own commands to its end and returns its output. Raises RigFailed."""
        done = subprocess.run(
            self.command_line(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RigFailed(f"backoffice {' '.join(arguments[:2])}: {done.stderr[-TAIL:]}")
        return done.stdout

    def command_line(self, *arguments: str) -> list[str]:
        """Returns the arguments that start one of our own commands on this server."""
        program = [sys.executable, "-c", "from interface.cli.main import main; main()"]
        return [*program, *arguments, "--data-dir", str(self.directory)]

    def environment(self) -> dict[str, str]:
        """Returns the environment for our own commands on this server."""
        inherited = {name: text for name, text in os.environ.items() if name not in NOT_INHERITED}
        return inherited | ({"DATABASE_URL": self.owner} if self._given else {})

    def wal_bytes(self) -> int:
        """Returns how many bytes of WAL the server has ever written."""
        return int(self._value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def position(self, ledger: str) -> int:
        """Returns the position of a ledger's head."""
        head = sql.Identifier(schema_of(ledger), "head")
        return int(self._value(sql.SQL("SELECT position FROM {}").format(head)))

    def version(self) -> str:
        """Returns the server's version."""
        return self._value("SELECT current_setting('server_version')")

    def settings(self) -> dict[str, str]:
        """Returns the server's settings that matter here."""
        with psycopg.connect(self.owner) as connection:
            query = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name"
            rows = connection.execute(query, [list(SETTINGS)]).fetchall()
        return {str(name): str(value) for name, value in rows}

    @contextmanager
    def commit_delay(self, microseconds: int) -> Iterator[None]:
        """Lets the bench's commits wait, as on a disk whose fsync takes so long; 0: as it is.

        For new sessions of the measured database; nothing else on the server notices. Raises
        RigFailed if the role may not say so.
        """
        if not microseconds:
            yield
            return
        try:
            self._alter_database("SET commit_delay = {}", sql.Literal(microseconds))
        except psycopg.errors.InsufficientPrivilege as error:
            raise RigFailed(f"--commit-delay takes a superuser: {error}") from error
        self._alter_database("SET commit_siblings = 0")
        try:
            yield
        finally:
            self._alter_database("RESET commit_delay")
            self._alter_database("RESET commit_siblings")

    def _alter_database(self, change: LiteralString, *values: sql.Literal) -> None:
        database = sql.Identifier(self._value("SELECT current_database()"))
        with psycopg.connect(self._superuser, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} ").format(database) + sql.SQL(change).format(*values)
            )

    def _value(self, query: LiteralString | sql.Composed) -> str:
        with psycopg.connect(self.owner) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return str(row[0])


@contextmanager
def embedded_rig(parent: Path) -> Iterator[Rig]:
    """Runs a new server in a new directory below the parent; both are gone afterwards."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=parent, ignore_cleanup_errors=True) as name:
        directory = Path(name)
        with EmbeddedPostgres(data_dir=directory) as postgres:
            endpoints = postgres.start()
            yield Rig(
                owner=endpoints.owner,
                service=endpoints.service,
                superuser=endpoints.superuser,
                directory=directory,
                given=None,
            )


@contextmanager
def given_rig(database_url: str) -> Iterator[Rig]:
    """Makes a new database on the server given; it is gone afterwards. Raises RigFailed."""
    name = f"backoffice_bench_{secrets.token_hex(4)}"
    database = sql.Identifier(name)
    try:
        connecting = psycopg.connect(database_url, autocommit=True)
    except psycopg.OperationalError as error:
        raise RigFailed(f"DATABASE_URL: {error}") from error
    with connecting as connection:
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        except psycopg.errors.InsufficientPrivilege as error:
            raise RigFailed(f"the bench makes a database of its own: {error}") from error
        try:
            with TemporaryDirectory(prefix="bench-") as directory:
                yield Rig(
                    owner=make_conninfo(database_url, dbname=name),
                    service=make_conninfo(database_url, dbname=name),
                    superuser=database_url,
                    directory=Path(directory),
                    given=database_url,
                )
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def free_port() -> int:
    """Returns a port of the loopback that nobody listened on a moment ago."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the service says that it is ready. Raises RigFailed with the end of its log."""
    url = f"http://{HOST}:{port}/health/ready"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        # (An answer other than 200 is an OSError too.)
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(POLL_SECONDS)
    raise RigFailed(f"the service did not start: {log.read_text()[-TAIL:]}")
