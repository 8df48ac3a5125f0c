"""`backoffice log`: the keys that sign a ledger's log, its witnesses, and how it goes on."""

from pathlib import Path
from uuid import uuid4

import click

from application.ledgers import Ledgers
from application.outcomes import Asked, Outcome
from application.transparency.notes import COSIGNATURE, BadNote, parse_verifier_key
from application.transparency.push import PushFailed, push
from application.transparency.signed_log import NotSigned, SignedLog
from domain.signing_keys import AddWitness, RetireSigningKey
from interface.bootstrap import opened
from interface.cli.access import operator
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json
from interface.cli.verify import read_checkpoint
from interface.settings import Settings


@click.group()
def log() -> None:
    """Sign, publish and carry on a ledger's transparency log."""


@log.command()
@click.option("--ledger", required=True)
@settings_option
def checkpoint(*, ledger: str, settings: Settings) -> None:
    """Print the last checkpoint: a signed note."""
    with opened(settings) as ledgers:
        click.echo(_checkpoint(ledgers, ledger), nl=False)


@log.command("push")
@click.option("--ledger", required=True)
@click.argument("target")
@settings_option
def push_command(*, ledger: str, target: str, settings: Settings) -> None:
    """Bring the last checkpoint to a place outside, and print its size.

    TARGET is a directory (a file for each size), a file (appended to) or an http(s) address (POST).
    What already lies there is compared first: a checkpoint of the same size must be the same.
    """
    with opened(settings) as ledgers:
        note = _checkpoint(ledgers, ledger)
    try:
        push(note, target)
    except PushFailed as error:
        raise Failed(str(error)) from error
    click.echo(note.split("\n")[1])


@log.command()
@click.option("--ledger", required=True)
@settings_option
@json_option
def rotate(*, ledger: str, settings: Settings, wants_json: bool) -> None:
    """Make a further signing key and print it. The old one signs beside it until it is retired."""
    with opened(settings) as ledgers:
        ledgers.store(ledger)
        outcome = ledgers.signing_keys.add(ledger, key=f"cli:{uuid4()}", by=operator())
    _done(outcome)
    key = outcome.stored[0].record.payload.verifier_key
    if wants_json:
        write_json({"verifier_key": key, "position": outcome.position})
    else:
        click.echo(key)


@log.command()
@click.option("--ledger", required=True)
@click.argument("verifier_key")
@settings_option
def retire(*, ledger: str, verifier_key: str, settings: Settings) -> None:
    """Let a key sign no more. What it signed stays valid."""
    with opened(settings) as ledgers:
        command = RetireSigningKey(verifier_key=verifier_key)
        asked = Asked(command, f"cli:{uuid4()}", operator())
        _done(ledgers.writer(ledger).submit([(asked,)])[0])


@log.command()
@click.option("--ledger", required=True)
@click.argument("verifier_key")
@settings_option
def witness(*, ledger: str, verifier_key: str, settings: Settings) -> None:
    """Accept cosignatures of a witness from now on."""
    try:
        key = parse_verifier_key(verifier_key)
    except BadNote as error:
        raise click.UsageError(str(error)) from error
    if key.type != COSIGNATURE:
        raise click.UsageError("This key signs notes, not cosignatures (type 0x04).")
    with opened(settings) as ledgers:
        asked = Asked(AddWitness(verifier_key=str(key)), f"cli:{uuid4()}", operator())
        _done(ledgers.writer(ledger).submit([(asked,)])[0])


@log.command("continue")
@click.option("--ledger", required=True)
@click.option(
    "--checkpoint",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The old log's last checkpoint as others hold it; what is stored here without it.",
)
@click.option("--reason", required=True, help="A code such as restore or tampering.")
@click.option("--yes", is_flag=True, help="Do it: it can't be taken back.")
@settings_option
@json_option
def continue_ledger(
    *,
    ledger: str,
    file: Path | None,
    reason: str,
    yes: bool,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Close the log and go on under a new origin, the old end on record.

    After a restore that lost events, or where a ledger was stopped because it contradicts what was
    signed. The new log covers all records that there are.
    """
    if not yes:
        raise click.UsageError("This closes the log for ever. Say --yes to do it.")
    with opened(settings) as ledgers:
        ledgers.store(ledger)
        origin: str | None = None
        if file is not None:
            old = read_checkpoint(file)
            size, root, origin = old.size, old.root.hex(), old.origin
        else:
            with ledgers.reader(ledger) as connection:
                try:
                    last = SignedLog(connection).last
                except NotSigned as error:
                    raise Failed("Nothing was signed: there is no log to close.") from error
            size, root = last.size, last.root.hex()
        outcome = ledgers.signing_keys.continue_ledger(
            ledger,
            old_size=size,
            old_root=root,
            reason=reason,
            key=f"cli:{uuid4()}",
            by=operator(),
            last_origin=origin,
        )
    _done(outcome)
    payload = outcome.stored[0].record.payload
    if wants_json:
        write_json({"origin": payload.origin, "position": outcome.position})
    else:
        click.echo(payload.origin)


def _checkpoint(ledgers: Ledgers, ledger: str) -> str:
    with ledgers.reader(ledger) as connection:
        try:
            return SignedLog(connection).checkpoint()
        except NotSigned as error:
            raise Failed("Nothing of this log was signed yet; is a worker running?") from error


def _done(outcome: Outcome) -> None:
    if outcome.code is not None:
        raise Failed(outcome.detail)
