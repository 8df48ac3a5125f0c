"""Our commands, run as a user runs them: each in a process of its own, to its end.

Loading what a command needs takes a second of a processor, so each is forked from a process that
has loaded it and done nothing else.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from interface.cli.main import COMMANDS, main

_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload([named.split(":")[0] for named in COMMANDS.values()])


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What is left of a command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def inherited() -> dict[str, str]:
    """Returns the environment for our processes: dozens start, and none should compile anew what
    another has compiled."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def run_command(*arguments: str, environment: Mapping[str, str], directory: Path) -> Ended:
    """Runs one of our own commands to its end."""
    with TemporaryDirectory(prefix="backoffice-command-") as kept:
        said, logged = Path(kept, "stdout"), Path(kept, "stderr")
        process = _FORKED.Process(
            target=_become, args=(arguments, dict(environment), directory, said, logged)
        )
        process.start()
        process.join()
        assert process.exitcode is not None
        return Ended(
            returncode=process.exitcode, stdout=said.read_text(), stderr=logged.read_text()
        )


def _become(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    directory: Path,
    said: Path,
    logged: Path,
) -> None:
    for stream, path in ((sys.stdout, said), (sys.stderr, logged)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = ["backoffice", *arguments]
    main()
