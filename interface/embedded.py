"""The supervisor of the embedded PostgreSQL: one cluster in a data directory, shared by processes.

Any number of our processes may use one data directory. The first starts the server, the last to
leave stops it; whatever dies in between leaves nothing that has to be cleaned by hand. Truth is in
the kernel and in real connections, never in a pid file. Three files in the data directory are
locked, and the kernel drops a lock with the last process that holds it, however that one ends:

- `postgres.starting.lock`, exclusively, while the server is started or stopped;
- `postgres.users.lock`, shared, by each process that uses the server;
- `postgres.server.lock`, exclusively, by the server: it is opened here and inherited by every
  process of PostgreSQL. Free, it proves that none of them is left, not even one that a killed
  server orphaned.
"""

import fcntl
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import structlog

from interface.embedded_cluster import (
    SOCKET_NAME,
    STARTUP_LOG,
    SUPERUSER_ROLE,
    Endpoints,
    create_cluster,
    ensure_roles,
    name_endpoints,
    read_passwords,
    write_settings,
)
from interface.embedded_processes import (
    CONNECT_SECONDS,
    has_postmaster,
    is_running,
    kill_orphans,
    lock_if_free,
    locked,
    locked_if_free,
    open_lock,
    remove_stale_pid_files,
)
from interface.embedded_programs import EmbeddedPostgresError, Programs, find_programs

ALLOW_UNSAFE_VARIABLE = "BACKOFFICE_ALLOW_UNSAFE_POSTGRES"
DURABILITY_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit")
# What PostgreSQL may need to recover from a crash, or for its last checkpoint.
TRANSITION_SECONDS = 600
# How long the processes of a killed server get to notice that it is gone.
ORPHANS_SECONDS = 5.0
POLL_SECONDS = 0.02
WATCH_SECONDS = 0.5
# The smaller bound of the systems that we run on (macOS's; Linux has 107).
SOCKET_PATH_BYTES = 103
LINKS = Path("/tmp")  # noqa: S108 -- the one short path that everybody has; ownership is checked
STOPPED = "PostgreSQL was stopped while it started"

log = structlog.get_logger(__name__)


class UnsafePostgresError(Exception):
    """The server may lose or tear what it confirmed; the message names the settings."""


class EmbeddedPostgres:
    """The PostgreSQL server of one data directory, as one process uses it.

    A context manager: `start` and `stop`. Its methods may be called from any thread, and `stop`
    from a signal handler too.
    """

    def __init__(self, *, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._cluster = self._data_dir / "postgres"
        self._server_lock = self._data_dir / "postgres.server.lock"
        self._lock = threading.RLock()
        self._in_transition = False
        self._closing = threading.Event()
        self._users_lock: int | None = None
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Endpoints:
        """Returns where the server listens, after starting or adopting it. Idempotent.

        Makes the data directory and the cluster where they are missing. Raises
        EmbeddedPostgresError where the server cannot be had, or `stop` was called meanwhile.
        """
        self._closing.clear()
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._ensure_running()
        except OSError as error:
            message = f"PostgreSQL cannot run in {self._data_dir}: {error}"
            raise EmbeddedPostgresError(message) from error

    def stop(self) -> None:
        """Stops the server, in PostgreSQL's fast way, unless another process uses it. Idempotent.

        Called by a signal handler that interrupts this process's own `start`, it makes that fail.
        """
        self._closing.set()
        with self._lock:
            if self._in_transition:
                return  # of this very thread: it will see what it was interrupted with
            if self._users_lock is not None:
                with self._transition():
                    self._leave()
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher is not threading.current_thread():
            watcher.join()

    def watch(self) -> None:
        """Restarts the server whenever it dies, in a thread that ends with `stop`.

        Requires `start`. Connections are lost with a server, but the connection strings hold.
        """
        with self._lock:
            if self._watcher is None:
                self._watcher = threading.Thread(
                    target=self._keep_running, name="postgres-watcher", daemon=True
                )
                self._watcher.start()

    def _keep_running(self) -> None:
        while not self._closing.wait(WATCH_SECONDS):
            if has_postmaster(self._cluster):
                continue
            log.warning("postgres_died", data_directory=str(self._cluster))
            try:
                self._ensure_running()
            except (EmbeddedPostgresError, psycopg.Error, OSError):
                # A full disk, say: it may pass, and the next round tries again.
                if not self._closing.is_set():
                    log.exception("postgres_not_restarted", data_directory=str(self._cluster))
            else:
                log.warning("postgres_restarted", data_directory=str(self._cluster))

    def _ensure_running(self) -> Endpoints:
        with self._lock, self._transition():
            joined_here = self._join()
            try:
                self._bring_up()
            except BaseException:
                if joined_here or self._closing.is_set():
                    self._leave()
                raise
            return self._endpoints()

    @contextmanager
    def _transition(self) -> Iterator[None]:
        """Holds the lock on starting and stopping, among the processes of the data directory."""
        self._in_transition = True
        try:
            with locked(self._data_dir / "postgres.starting.lock"):
                yield
        finally:
            self._in_transition = False

    def _join(self) -> bool:
        if self._users_lock is not None:
            return False
        self._users_lock = open_lock(self._data_dir / "postgres.users.lock")
        fcntl.flock(self._users_lock, fcntl.LOCK_SH)
        return True

    def _leave(self) -> None:
        assert self._users_lock is not None
        try:
            # Free but for us: the last one out stops the server.
            if lock_if_free(self._users_lock):
                self._shut_down()
        finally:
            os.close(self._users_lock)
            self._users_lock = None

    def _passwords(self) -> Mapping[str, str]:
        return read_passwords(self._data_dir / "postgres.passwords.json", cluster=self._cluster)

    def _endpoints(self) -> Endpoints:
        return name_endpoints(
            cluster=self._cluster,
            socket=_short_name(self._cluster),
            passwords=self._passwords(),
        )

    def _bring_up(self) -> None:
        endpoints = self._endpoints()
        for _ in self._rounds("takes no connections"):
            if self._closing.is_set():
                raise EmbeddedPostgresError(STOPPED)
            if is_running(endpoints):
                ensure_roles(endpoints=endpoints, passwords=self._passwords())
                return
            # Where it is not free, an earlier server starts, recovers or ends, or left orphans.
            with locked_if_free(self._server_lock) as server_lock:
                if server_lock is not None:
                    self._launch(server_lock)

    def _launch(self, server_lock: int) -> None:
        programs = find_programs(cluster=self._cluster)
        create_cluster(
            cluster=self._cluster,
            programs=programs,
            superuser_password=self._passwords()[SUPERUSER_ROLE],
            server_lock=server_lock,
        )
        remove_stale_pid_files(self._cluster)
        write_settings(cluster=self._cluster, programs=programs)
        startup_log = self._cluster / STARTUP_LOG
        startup_log.unlink(missing_ok=True)
        try:
            self._control(programs, "start", f"--log={STARTUP_LOG}", pass_fds=(server_lock,))
        except EmbeddedPostgresError as error:
            said = startup_log.read_text(errors="replace") if startup_log.exists() else ""
            message = f"{error}\n{said.strip()}\nMore in {self._cluster / 'log'}"
            raise EmbeddedPostgresError(message) from error

    def _shut_down(self) -> None:
        programs = find_programs(cluster=self._cluster)
        for _ in self._rounds("does not stop"):
            if self._is_gone():
                return
            # Without one it was just begun, or killed: soon it is there, or all of it is gone.
            if has_postmaster(self._cluster):
                try:
                    self._control(programs, "stop", "--mode=fast")
                except EmbeddedPostgresError:
                    if not self._is_gone():
                        raise

    def _is_gone(self) -> bool:
        with locked_if_free(self._server_lock) as server_lock:
            return server_lock is not None

    def _rounds(self, complaint: str) -> Iterator[None]:
        """Yields at intervals, kills orphans when it takes long, and gives up at last."""
        begun = time.monotonic()
        while (elapsed := time.monotonic() - begun) < TRANSITION_SECONDS:
            yield
            if elapsed > ORPHANS_SECONDS:
                kill_orphans(self._cluster)
            time.sleep(POLL_SECONDS)
        message = f"PostgreSQL in {self._cluster} lives, but {complaint}"
        raise EmbeddedPostgresError(message)

    def _control(
        self, programs: Programs, verb: str, *options: str, pass_fds: tuple[int, ...] = ()
    ) -> None:
        directory_name = programs.directory_name(self._cluster)
        programs.run(
            "pg_ctl",
            verb,
            f"--pgdata={directory_name}",
            "--wait",
            f"--timeout={TRANSITION_SECONDS}",
            "--silent",
            *options,
            directory=self._cluster,
            pass_fds=pass_fds,
        )


def check_durability(conninfo: str) -> None:
    """Refuses a server that may lose what it confirmed.

    Raises UnsafePostgresError where fsync, full_page_writes or synchronous_commit is off, unless
    the environment allows it by BACKOFFICE_ALLOW_UNSAFE_POSTGRES=1.
    """
    with psycopg.connect(conninfo, connect_timeout=CONNECT_SECONDS) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s) ORDER BY name",
            [list(DURABILITY_SETTINGS)],
        ).fetchall()
    assert len(rows) == len(DURABILITY_SETTINGS)
    off = [name for name, setting in rows if setting == "off"]
    if not off:
        return
    if os.environ.get(ALLOW_UNSAFE_VARIABLE) == "1":
        log.warning("postgres_is_unsafe", off=off)
        return
    message = (
        f"PostgreSQL may lose confirmed entries: {', '.join(off)} is off. Set it to on (ALTER"
        f" SYSTEM, ALTER DATABASE or ALTER ROLE), or set {ALLOW_UNSAFE_VARIABLE}=1 where no entry"
        " matters"
    )
    raise UnsafePostgresError(message)


def _short_name(directory: Path) -> Path:
    """The directory, or a link to it where its socket's path is longer than the system allows.

    Raises EmbeddedPostgresError where somebody else has taken the link's place.
    """
    if len(os.fsencode(directory / SOCKET_NAME)) <= SOCKET_PATH_BYTES:
        return directory
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    folder = LINKS / f"backoffice-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder_stat = folder.lstat()
    if folder_stat.st_uid != os.geteuid() or stat.S_IMODE(folder_stat.st_mode) != 0o700:
        message = f"{folder} is not ours: remove it, or choose a shorter data directory"
        raise EmbeddedPostgresError(message)
    link = folder / "postgres"
    with suppress(FileExistsError):
        link.symlink_to(directory)
    return link
