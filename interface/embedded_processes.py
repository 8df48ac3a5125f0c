"""Which processes a cluster has: by the kernel's locks and by connections, not by a pid file."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from interface.embedded_cluster import SOCKET_NAME, Endpoints
from interface.embedded_programs import EmbeddedPostgresError

PROCESSES = Path("/proc")
SOCKET_LOCK_NAME = f"{SOCKET_NAME}.lock"
CONNECT_SECONDS = 10


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock exclusively, once all others have left it."""
    handle = open_lock(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def locked_if_free(path: Path) -> Iterator[int | None]:
    """Holds a lock exclusively and gives its open file, or None where another has it."""
    handle = open_lock(path)
    try:
        yield handle if lock_if_free(handle) else None
    finally:
        os.close(handle)


def lock_if_free(handle: int) -> bool:
    """Takes the exclusive lock of an open file, and says whether that went without waiting."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_lock(path: Path) -> int:
    """Opens a file to lock. The lock ends when all who inherited it have closed it or ended."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def is_running(endpoints: Endpoints) -> bool:
    """Whether a server of this very directory takes connections.

    Raises EmbeddedPostgresError where another server does at its socket.
    """
    if ping(endpoints) is not Ping.OK:
        return False
    try:
        with psycopg.connect(endpoints.superuser, connect_timeout=CONNECT_SECONDS) as connection:
            serves = _serves(connection, endpoints.data_directory)
    except psycopg.OperationalError as error:
        if ping(endpoints) is not Ping.OK:
            return False
        message = f"PostgreSQL in {endpoints.data_directory} turned its supervisor away: {error}"
        raise EmbeddedPostgresError(message) from error
    if not serves:
        message = f"the PostgreSQL of another directory answers in {endpoints.data_directory}"
        raise EmbeddedPostgresError(message)
    return True


def ping(endpoints: Endpoints) -> Ping:
    """What the server says to a connection: accepted, not now (it starts or stops), or nothing."""
    conninfo = make_conninfo(endpoints.superuser, connect_timeout=CONNECT_SECONDS)
    return Ping(PGconn.ping(conninfo.encode()))


def has_postmaster(cluster: Path) -> bool:
    """Whether the process that the pid file names lives and is a server of this directory."""
    process = _recorded_postmaster(cluster)
    return process is not None and _works_in(process, cluster)


def remove_stale_pid_files(cluster: Path) -> None:
    """Removes the pid files of no living server of this directory. Requires the server's lock.

    PostgreSQL would do so itself, but not where the number now belongs to another program, or to
    the dead server itself because nobody has collected its exit status yet.
    """
    if not has_postmaster(cluster):
        for name in ("postmaster.pid", SOCKET_LOCK_NAME):
            cluster.joinpath(name).unlink(missing_ok=True)


def kill_orphans(cluster: Path) -> None:
    """Kills what a killed server left: processes that would not end for long, or never.

    They can harm nothing (the server is gone, its shared memory with it), but keep a new one out.
    Does nothing while the server lives, and on systems without /proc.
    """
    if has_postmaster(cluster):
        return
    for path in PROCESSES.glob("[0-9]*"):
        if _works_in(int(path.name), cluster):
            with suppress(ProcessLookupError):
                os.kill(int(path.name), signal.SIGKILL)


def _serves(connection: psycopg.Connection[tuple[object, ...]], directory: Path) -> bool:
    row = connection.execute(
        "SELECT current_setting('data_directory'), pg_backend_pid()"
    ).fetchone()
    assert row is not None
    name, process = row
    # As root, PostgreSQL knows it by the working directory of its processes, as this one's.
    served = Path(str(name).replace("/proc/self/", f"/proc/{process}/"))
    return served.exists() and served.samefile(directory)


def _recorded_postmaster(cluster: Path) -> int | None:
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int(cluster.joinpath("postmaster.pid").read_text().splitlines()[0])
    return None


def _works_in(process: int, directory: Path) -> bool:
    # PostgreSQL's processes never leave their data directory. What we may not see is not ours.
    with suppress(OSError):
        if PROCESSES.joinpath("self").exists():
            return PROCESSES.joinpath(str(process), "cwd").samefile(directory)
        os.kill(process, 0)
        return True
    return False
