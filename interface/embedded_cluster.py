"""A cluster on disk: how it is made, configured, and given its roles and database.

A cluster is made under another name and renamed when it is complete: there is never half a one.
Its socket lies in the data directory itself, whatever that is called (PostgreSQL never leaves it);
only its own account and root can pass that directory, and everybody needs a password besides.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from interface.embedded_programs import MAJOR_VERSION, EmbeddedPostgresError, Programs

DATABASE = "backoffice"
OWNER_ROLE = "backoffice_owner"
SERVICE_ROLE = "backoffice_service"
SUPERUSER_ROLE = "postgres"
PORT = 5432  # a part of the socket's name; nothing listens on the network
SOCKET_NAME = f".s.PGSQL.{PORT}"
SETTINGS_FILE = "backoffice.conf"
STARTUP_LOG = "startup.log"
OWN_SCRAM_ITERATIONS = 1
"""Of our own passwords: repeating makes short ones dearer to guess, and nobody guesses 256 random
bits. At PostgreSQL's 4,096 it would be three quarters of what a connection costs."""
GIBIBYTE = 1 << 30
MEBIBYTE = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """Where to connect, as psycopg connection strings, each with its password."""

    owner: str = field(repr=False)
    service: str = field(repr=False)
    superuser: str = field(repr=False)
    data_directory: Path


def read_passwords(path: Path, *, cluster: Path) -> Mapping[str, str]:
    """Each role's password, made before the cluster and kept in a file for its owner's eyes only.

    Raises EmbeddedPostgresError where the cluster has lost its file.
    """
    if path.exists():
        passwords = json.loads(path.read_bytes())
        assert isinstance(passwords, dict)
        return passwords
    if cluster.exists():
        message = (
            f"{path} is missing: put it back, or give the role {SUPERUSER_ROLE} of {cluster} a new"
            " password and write such a file"
        )
        raise EmbeddedPostgresError(message)
    passwords = {
        role: secrets.token_urlsafe(32) for role in (SUPERUSER_ROLE, OWNER_ROLE, SERVICE_ROLE)
    }
    _replace(path, json.dumps(passwords, indent=2) + "\n")
    return passwords


def name_endpoints(*, cluster: Path, socket: Path, passwords: Mapping[str, str]) -> Endpoints:
    """The connection strings of a cluster whose socket's directory is reached as `socket`."""

    def conninfo(role: str, database: str) -> str:
        return make_conninfo(
            host=str(socket), port=PORT, dbname=database, user=role, password=passwords[role]
        )

    return Endpoints(
        owner=conninfo(OWNER_ROLE, DATABASE),
        service=conninfo(SERVICE_ROLE, DATABASE),
        superuser=conninfo(SUPERUSER_ROLE, "postgres"),
        data_directory=cluster,
    )


def create_cluster(
    *, cluster: Path, programs: Programs, superuser_password: str, server_lock: int
) -> None:
    """Makes an empty cluster; does nothing where there is one.

    `server_lock` is inherited by initdb, which may outlive this process. Raises
    EmbeddedPostgresError where the one there is was made by another major version.
    """
    if cluster.exists():
        version = (cluster / "PG_VERSION").read_text().strip()
        if version != str(MAJOR_VERSION):
            message = (
                f"{cluster} was made by PostgreSQL {version}, and this is {MAJOR_VERSION}: migrate"
                " it with pg_upgrade or pg_dump, or serve it yourself and set DATABASE_URL"
            )
            raise EmbeddedPostgresError(message)
        return
    staged = cluster.with_name(f"{cluster.name}.new")
    if staged.exists():
        # Left by a process that died half way; the server's lock says that its initdb is gone.
        shutil.rmtree(staged)
    staged.mkdir(mode=0o700)
    programs.give(staged)
    _initialise(
        staged, programs=programs, superuser_password=superuser_password, server_lock=server_lock
    )
    _append(
        staged / "postgresql.conf",
        f"\n# Written by backoffice at each start:\ninclude '{SETTINGS_FILE}'\n",
    )
    staged.rename(cluster)
    _sync_directory(cluster.parent)


def write_settings(*, cluster: Path, programs: Programs) -> None:
    """Writes the settings that the next start of the cluster reads.

    An operator's own go behind the include in postgresql.conf, or into ALTER SYSTEM: both win.
    """
    memory = _memory_bytes()
    # A quarter is the usual advice; past 1 GiB a ledger's working set gains little from it.
    shared_buffers = max(128 * MEBIBYTE, min(memory // 4, GIBIBYTE))
    settings: dict[str, str | int] = {
        # Relative to the data directory: no path to be too long for a socket (107 bytes).
        "unix_socket_directories": ".",
        "unix_socket_permissions": "0700",
        "listen_addresses": "",
        "port": PORT,
        "cluster_name": "backoffice",
        "max_connections": 200,
        "password_encryption": "scram-sha-256",
        # For passwords that an operator gives; ours are made with OWN_SCRAM_ITERATIONS.
        "scram_iterations": 4096,
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "shared_buffers": f"{shared_buffers // MEBIBYTE}MB",
        "effective_cache_size": f"{max(memory // 2, shared_buffers) // MEBIBYTE}MB",
        "maintenance_work_mem": "128MB",
        # wal_compression stays off: the wheel is built without lz4, and pglz costs more
        # processor time than the bytes are worth on two cores.
        "max_wal_size": "4GB",
        "min_wal_size": "512MB",
        "checkpoint_timeout": "15min",
        "autovacuum": "on",
        "jit": "off",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": "on",
        "log_line_prefix": "%m [%p] %u@%d ",
    }
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    _replace(cluster / SETTINGS_FILE, "".join(lines), programs=programs)


def ensure_roles(*, endpoints: Endpoints, passwords: Mapping[str, str]) -> None:
    """Makes what is missing of the two login roles and the database. Requires a running cluster."""
    with psycopg.connect(endpoints.superuser, autocommit=True) as connection:
        for role in (OWNER_ROLE, SERVICE_ROLE):
            found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role])
            if found.fetchone() is None:
                _create_role(connection, role=role, password=passwords[role])
        database = connection.execute(
            "SELECT datacl IS NOT NULL FROM pg_database WHERE datname = %s", [DATABASE]
        ).fetchone()
        if database is None:
            create_database(connection, name=DATABASE, template="template0")
        # Not with the line above: a process may have died between the two.
        if database != (True,):
            grant_access(connection, name=DATABASE)


def create_database(
    connection: psycopg.Connection[tuple[object, ...]], *, name: str, template: str
) -> None:
    """Makes a database that the owner role owns. Requires a superuser, in autocommit mode."""
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)
        )
    )


def grant_access(connection: psycopg.Connection[tuple[object, ...]], *, name: str) -> None:
    """Lets the service role into a database of the owner role, and nobody else."""
    database, service = sql.Identifier(name), sql.Identifier(SERVICE_ROLE)
    with connection.transaction():
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, service))


def _create_role(
    connection: psycopg.Connection[tuple[object, ...]], *, role: str, password: str
) -> None:
    # Both may read everybody's statistics: the age of the oldest snapshot is a metric.
    with connection.transaction():
        iterations = sql.Literal(OWN_SCRAM_ITERATIONS)
        connection.execute(sql.SQL("SET LOCAL scram_iterations = {}").format(iterations))
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(password)
            )
        )
        connection.execute(sql.SQL("GRANT pg_read_all_stats TO {}").format(sql.Identifier(role)))


def _initialise(
    directory: Path, *, programs: Programs, superuser_password: str, server_lock: int
) -> None:
    # The password goes through a pipe, whose reading end the programs' account may open.
    reading, writing = os.pipe()
    with os.fdopen(reading) as password:
        with os.fdopen(writing, "w") as pipe:
            pipe.write(f"{superuser_password}\n")
        programs.give(password.fileno())
        programs.run(
            "initdb",
            f"--pgdata={programs.directory_name(directory)}",
            f"--username={SUPERUSER_ROLE}",
            "--pwfile=/dev/stdin",
            "--auth=scram-sha-256",
            f"--set=scram_iterations={OWN_SCRAM_ITERATIONS}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            directory=directory,
            pass_fds=(server_lock,),
            stdin=password.fileno(),
        )


def _memory_bytes() -> int:
    """The machine's memory, or the smaller limit that a container sets."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no such limit, or the word `max`
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory


def _replace(path: Path, text: str, *, programs: Programs | None = None) -> None:
    """Writes a file of mode 0600 whole or not at all, for `programs` where they are given."""
    handle, staged = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        if programs is not None:
            programs.give(file.fileno())
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(staged).replace(path)
    _sync_directory(path.parent)


def _append(path: Path, text: str) -> None:
    # As root, in a directory of another account: never through a link laid in the file's place.
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
