"""`backoffice export`: a ledger's evidence as files that need nothing of this service."""

from pathlib import Path

import click

from application.ledgers import acting_as_service
from interface.bootstrap import SOFTWARE_VERSION, migrated, running
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json
from interface.cli.progress import progress
from interface.evidence.bundle import Export, Unexportable
from interface.evidence.divergence import Divergence
from interface.evidence.live import session
from interface.settings import Settings


@click.command()
@click.option("--ledger", required=True, help="Which ledger.")
@click.option("--format", type=click.Choice(["bundle"]), default="bundle", show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory to write; LEDGER.bundle without it. What is there already is gone on with.",
)
@click.option("--from", "first", type=click.IntRange(1), default=1, show_default=True)
@click.option("--to", "last", type=click.IntRange(1), help="The last position; what is signed.")
@click.option(
    "--texts/--no-texts",
    "with_texts",
    default=False,
    help="With the private texts, which may hold personal data.",
)
@settings_option
@json_option
def export(
    *,
    ledger: str,
    format: str,
    output: Path | None,
    first: int,
    last: int | None,
    with_texts: bool,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Write a bundle: records, tiles, checkpoint, keys, schemas. `backoffice-verify` checks it."""
    assert format == "bundle"
    directory = output or Path(f"{ledger}.bundle")
    with running(settings) as database, migrated(database) as ledgers:
        ledgers.store(ledger)
        with session(acting_as_service(database.service), ledger) as connection:
            try:
                made = Export(
                    connection,
                    directory,
                    ledger=ledger,
                    software_version=SOFTWARE_VERSION,
                    with_texts=with_texts,
                    first=first,
                    last=last,
                )
                with progress("records", total=made.last) as advance:
                    manifest = made.write(advance)
            except (Unexportable, Divergence) as error:
                raise Failed(str(error)) from error
    if wants_json:
        write_json({"bundle": str(directory), **manifest})
    else:
        click.echo(directory)
