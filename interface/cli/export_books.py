"""The books of `backoffice export`: entries and accounts in a form that other software takes.

Views are brought to the head first; then all is read as known at one position.
"""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from psycopg import Connection

from application.ledgers import Ledgers
from application.sessions import acting_as_service
from interface.bootstrap import Database
from interface.cli.failures import Failed
from interface.cli.options import write_json
from interface.cli.progress import Advance, progress
from interface.cli.report import bring_views
from interface.evidence.live import session
from interface.exporting.extract import VIEWS, ExportIncomplete, Extract, take_extract
from interface.exporting.files import MissingLibrary, write_text
from interface.exporting.forms import DIRECTORIES, TEXTS, Text
from interface.http.door import snapshot
from interface.http.viewing import read_own
from projections.moments import position_at
from projections.report import Span
from projections.status import read_shown

FORMS = (*TEXTS, *DIRECTORIES)

MISSING_SHOWN_MAX = 20
"""So much of what a ledger lacks fits on a terminal."""


class Asked(NamedTuple):
    """What the command line asked for, but for the ledger."""

    form: str
    output: Path | None
    from_: date | None
    to: date | None
    known_at: date | datetime | None
    known_position: int | None
    with_texts: bool
    contact: str | None
    wants_json: bool


def export_books(database: Database, ledgers: Ledgers, ledger: str, asked: Asked) -> None:
    """Writes the books of a ledger and says where. Raises Failed, click.UsageError."""
    if asked.wants_json and asked.output is None and asked.form in TEXTS:
        raise click.UsageError("--json says what was written: give --output.")
    bring_views(database, ledgers, ledger, VIEWS)
    with session(acting_as_service(database.service), ledger) as connection:
        known = _known(connection, asked)
        with progress(asked.form, total=known) as advance:
            extract = _extract(connection, asked, known, advance)
            try:
                written = _write(extract, asked)
            except ExportIncomplete as error:
                raise _refused(error, wants_json=asked.wants_json) from error
            except MissingLibrary as error:
                raise Failed(str(error)) from error
    _say(extract, written, asked)


def _known(connection: Connection[Any], asked: Asked) -> int:
    known = read_shown(connection, *VIEWS)
    if asked.known_at is not None:
        known = position_at(connection, asked.known_at, read_own(connection).timezone)
    known = min(known, asked.known_position or known)
    if known < 1:
        raise Failed("Nothing was on record then.")
    return known


def _extract(connection: Connection[Any], asked: Asked, known: int, advance: Advance) -> Extract:
    with snapshot(connection, views=VIEWS):
        ledger = read_own(connection)
        extract = take_extract(
            connection,
            ledger=ledger,
            known=known,
            span=Span(date.min, date.max),
            with_texts=asked.with_texts,
            advance=advance,
        )
    span = Span(date.min, date.max)
    if asked.form in TEXTS:
        day = asked.to or asked.from_ or extract.source.known_on
        span = TEXTS[asked.form].span(day, ledger.fiscal_year_start)
    span = Span(asked.from_ or span.from_, asked.to or span.to)
    if span.from_ > span.to:
        raise click.UsageError(f"--from {span.from_} is later than --to {span.to}.")
    return extract._replace(span=span, contact=asked.contact)


def _write(extract: Extract, asked: Asked) -> list[Path]:
    """Returns the files that were written; none where it went to standard output."""
    if asked.form in TEXTS:
        return _write_text(TEXTS[asked.form], extract, asked.output)
    directory = asked.output or Path(f"{extract.ledger.id}.{asked.form}")
    if directory.is_file():
        raise click.UsageError(
            f"--output {directory}: {asked.form} is several files; name a directory."
        )
    return DIRECTORIES[asked.form](extract, directory)


def _write_text(form: Text, extract: Extract, output: Path | None) -> list[Path]:
    form.check(extract)
    if output is None:
        for piece in form.write(extract):
            sys.stdout.buffer.write(piece.encode())
        sys.stdout.buffer.flush()
        return []
    file = output / form.file_name(extract) if output.is_dir() else output
    write_text(form.write(extract), file)
    return [file]


def _refused(error: ExportIncomplete, *, wants_json: bool) -> Exception:
    if wants_json:
        write_json({"code": error.code, "detail": str(error), "missing": error.missing})
        return click.exceptions.Exit(1)
    listed = "".join(f"\n  - {one}" for one in error.missing[:MISSING_SHOWN_MAX])
    if (more := len(error.missing) - MISSING_SHOWN_MAX) > 0:
        listed += f"\nand {more} more; --json --output PATH lists all."
    return Failed(f"{error.code}: nothing was written. The ledger lacks:{listed}")


def _say(extract: Extract, written: list[Path], asked: Asked) -> None:
    if asked.wants_json:
        write_json(
            {
                "format": asked.form,
                "ledger": extract.ledger.id,
                "position": extract.source.known,
                "known_at": extract.known_at,
                "files": [str(file) for file in written],
            }
        )
    elif written:
        click.echo("\n".join(str(file) for file in written))
