"""What the commands share: the settings option, and how results are written."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from interface.logs import configure_logs
from interface.settings import Settings, read_settings

Command = TypeVar("Command", bound=Callable[..., Any])

FILE_WIDTH = 200
"""Of tables that do not go to a terminal: no line of them should break."""

_encode = msgspec.json.Encoder(enc_hook=str).encode


def settings_option(command: Command) -> Command:
    """Adds --data-dir; the command gets `settings`, read from the environment too."""
    return click.option(
        "--data-dir",
        "settings",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="BACKOFFICE_DATA_DIR",
        show_envvar=True,
        default=Path("var"),
        show_default=True,
        callback=_settings,
        help="Where the embedded PostgreSQL is, unless DATABASE_URL names another.",
    )(command)


def json_option(command: Command) -> Command:
    """Adds --json; the command gets `wants_json`."""
    return click.option(
        "--json", "wants_json", is_flag=True, help="The result as one JSON object."
    )(command)


def _settings(_context: click.Context, _parameter: click.Parameter, data_dir: Path) -> Settings:
    settings = read_settings(os.environ, data_dir=data_dir)
    configure_logs(settings.log_level)
    return settings


def write_json(result: Any) -> None:
    """Writes the result to standard output, on a line of its own."""
    click.echo(_encode(result))


def plain_console(*, file: IO[str] | None = None, width: int | None = None) -> Console:
    """Returns a console that shows texts as they are: to rich, `:bank:` in an account's code is an
    emoji, and brackets are markup."""
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)


def write_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows to standard output; null is left blank."""
    table = Table(*headings, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console = plain_console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    console.print(table)
