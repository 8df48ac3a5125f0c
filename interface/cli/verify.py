"""`backoffice verify`: a ledger's evidence checked, from its first record to its last row."""

from pathlib import Path
from typing import NamedTuple

import click

from application.ledgers import acting_as_service
from application.transparency.notes import BadNote, Checkpoint, parse_checkpoint, parse_note
from interface.bootstrap import migrated, running
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json
from interface.cli.progress import progress
from interface.collector import calm_collector
from interface.evidence.divergence import Divergence
from interface.evidence.live import shown_record, verify_live
from interface.evidence.read_bundle import Bundle, verify_bundle
from interface.evidence.verification import Verification
from interface.settings import Settings

FOUND_WRONG = 1


@click.command()
@click.argument(
    "bundle", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option("--ledger", help="Which ledger of the database; or name a bundle.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint that was kept elsewhere: the log must still be the one it was signed for.",
)
@settings_option
@json_option
@click.pass_context
def verify(
    context: click.Context,
    *,
    bundle: Path | None,
    ledger: str | None,
    against: Path | None,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Work out again all that a ledger's records, tiles, checkpoints and rows say.

    Of a ledger in its database, or of a bundle that `backoffice export` wrote. Names the first
    position that diverges and shows its record; exit status 1.
    """
    if (bundle is None) == (ledger is None):
        raise click.UsageError("Name a bundle, or a ledger with --ledger.")
    checkpoint = None if against is None else read_checkpoint(against)
    calm_collector()
    if bundle is not None:
        done = _of_bundle(bundle, checkpoint)
    else:
        assert ledger is not None
        done = _of_ledger(settings, ledger, checkpoint)
    if isinstance(done, Wrong):
        _say_wrong(done, wants_json=wants_json)
        context.exit(FOUND_WRONG)
    _say_right(done, checkpoint, wants_json=wants_json)


class Wrong(NamedTuple):
    """What was found, and the record where it shows."""

    divergence: Divergence
    record: str | None


def _of_bundle(directory: Path, checkpoint: Checkpoint | None) -> Verification | Wrong:
    try:
        total = Bundle(directory).manifest.size
        with progress("records", total=total) as advance:
            return verify_bundle(directory, against=checkpoint, advance=advance)
    except Divergence as divergence:
        return Wrong(divergence, None)


def _of_ledger(
    settings: Settings, ledger: str, checkpoint: Checkpoint | None
) -> Verification | Wrong:
    with running(settings) as database, migrated(database) as ledgers:
        ledgers.store(ledger)
        with ledgers.reader(ledger) as connection:
            row = connection.execute("SELECT position FROM head").fetchone()
        total = 0 if row is None else row["position"]
        service = acting_as_service(database.service)
        try:
            with progress("records", total=total) as advance:
                return verify_live(service, ledger, against=checkpoint, advance=advance)
        except Divergence as divergence:
            return Wrong(divergence, shown_record(service, ledger, divergence.position))


def read_checkpoint(file: Path) -> Checkpoint:
    """Returns the head that a checkpoint file states. Raises Failed."""
    try:
        return parse_checkpoint(parse_note(file.read_bytes()).text)
    except BadNote as error:
        raise Failed(f"{file} is no checkpoint: {error}") from error


def _say_wrong(wrong: Wrong, *, wants_json: bool) -> None:
    divergence, record = wrong
    if wants_json:
        found = {"position": divergence.position, "found": divergence.message, "record": record}
        write_json({"verified": False, **found})
        return
    where = "" if divergence.position is None else f"Position {divergence.position}: "
    click.echo(f"{where}{divergence.message}")
    if record is not None:
        click.echo(record)


def _say_right(done: Verification, against: Checkpoint | None, *, wants_json: bool) -> None:
    head = done.head()
    if wants_json:
        write_json({"verified": True, "against": None if against is None else against.size, **head})
        return
    said = f"All {done.size} records of {done.fold.ledger} hold; root {head['root']}."
    if against is not None:
        said += f" They begin with the {against.size} of the checkpoint given."
    if done.views:
        shown = ", ".join(f"{name} {position}" for name, position in done.views.items())
        said += f" The views hold, as of the positions that they show: {shown}."
    click.echo(said)
