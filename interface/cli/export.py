"""`backoffice export`: a ledger as files that need nothing of this service."""

from datetime import date
from pathlib import Path

import click

from application.ledgers import Ledgers
from application.sessions import acting_as_service
from interface.bootstrap import SOFTWARE_VERSION, Database, migrated, running
from interface.cli.digest_secret import write_digest_secret
from interface.cli.export_books import FORMS, Asked, export_books
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json
from interface.cli.progress import progress
from interface.cli.report import parse_known_at
from interface.evidence.bundle import Export, Unexportable
from interface.evidence.divergence import Divergence
from interface.evidence.live import session
from interface.settings import Settings


@click.command()
@click.option("--ledger", required=True, help="Which ledger.")
@click.option(
    "--format", type=click.Choice(["bundle", *FORMS]), default="bundle", show_default=True
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The file or directory to write. Without it a text goes to standard output, and what is"
    " several files to a directory called by ledger and format. A bundle that is there already is"
    " gone on with.",
)
@click.option(
    "--from", "first", metavar="DAY", help="The first effective day; of a bundle a position."
)
@click.option("--to", "last", metavar="DAY", help="Last effective day; a bundle's position.")
@click.option("--known-at", metavar="DAY|MOMENT", help="What was on record then.")
@click.option("--known-position", type=click.IntRange(1), help="What was on record there.")
@click.option(
    "--texts/--no-texts",
    "with_texts",
    default=False,
    help="With the private texts (narratives, metadata), which may hold personal data.",
)
@click.option(
    "--state",
    "with_state",
    is_flag=True,
    help="With what the records of a bundle come to, at the last position and each 65,536 before,"
    " for `backoffice replay --compare`.",
)
@click.option(
    "--state-at",
    metavar="POSITION",
    type=click.IntRange(1),
    multiple=True,
    help="At this position too; can be given several times.",
)
@click.option(
    "--digest-secret",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the secret of command digests to a file of its own, for `import` elsewhere. Keep it"
    " as safe as the texts: with it, erased ones could be guessed.",
)
@click.option("--contact", metavar="NAME", help="Who answers questions about the file (saft).")
@settings_option
@json_option
def export(
    *,
    ledger: str,
    format: str,
    output: Path | None,
    first: str | None,
    last: str | None,
    known_at: str | None,
    known_position: int | None,
    with_texts: bool,
    with_state: bool,
    state_at: tuple[int, ...],
    digest_secret: Path | None,
    contact: str | None,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Write a ledger's evidence as a bundle, or its books in a form that others read.

    A bundle (records, tiles, checkpoint, keys, schemas) is what `backoffice-verify` checks. The
    other forms are described in docs/exports.md.
    """
    if format != "bundle":
        if with_state or state_at or digest_secret is not None:
            raise click.UsageError("--state, --state-at and --digest-secret go with a bundle.")
        asked = Asked(
            format,
            output,
            _day("--from", first),
            _day("--to", last),
            None if known_at is None else parse_known_at(known_at),
            known_position,
            with_texts,
            contact,
            wants_json,
        )
        if asked.from_ and asked.to and asked.from_ > asked.to:
            raise click.UsageError(f"--from {asked.from_} is later than --to {asked.to}.")
        with running(settings) as database, migrated(database) as ledgers:
            export_books(database, ledgers, ledger, asked)
        return
    if known_at is not None or known_position is not None:
        raise click.UsageError("A bundle takes positions: --from, --to.")
    directory = output or Path(f"{ledger}.bundle")
    positions = (_position("--from", first) or 1, _position("--to", last))
    with running(settings) as database, migrated(database) as ledgers:
        manifest = _write_bundle(
            database,
            ledgers,
            ledger,
            directory,
            positions=positions,
            with_texts=with_texts,
            with_state=with_state,
            state_at=state_at,
        )
        if digest_secret is not None:
            with session(acting_as_service(database.service), ledger) as connection:
                write_digest_secret(connection, digest_secret)
    if wants_json:
        write_json({"bundle": str(directory), **manifest})
    else:
        click.echo(directory)


def _write_bundle(
    database: Database,
    ledgers: Ledgers,
    ledger: str,
    directory: Path,
    *,
    positions: tuple[int, int | None],
    with_texts: bool,
    with_state: bool,
    state_at: tuple[int, ...],
) -> dict[str, object]:
    if directory.is_file():
        raise click.UsageError(f"--output {directory}: a bundle is a directory.")
    ledgers.store(ledger)
    with session(acting_as_service(database.service), ledger) as connection:
        try:
            made = Export(
                connection,
                directory,
                ledger=ledger,
                software_version=SOFTWARE_VERSION,
                with_texts=with_texts,
                with_state=with_state,
                state_at=state_at,
                first=positions[0],
                last=positions[1],
            )
            with progress("records", total=made.last) as advance:
                return made.write(advance)
        except (Unexportable, Divergence) as error:
            raise Failed(str(error)) from error


def _day(option: str, value: str | None) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError as error:
        raise click.UsageError(f"{option} {value}: not a day such as 2026-03-31.") from error


def _position(option: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()) or int(value) < 1:
        raise click.UsageError(f"{option} {value}: a bundle takes positions, from 1 on.")
    return int(value)
