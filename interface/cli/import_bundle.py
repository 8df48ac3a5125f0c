"""`backoffice import BUNDLE`: a ledger restored from what was exported of it."""

from pathlib import Path
from uuid import uuid4

import click

from application.ledgers import Ledgers
from application.outcomes import Unanswered
from application.restoring import LedgerExists
from interface.bootstrap import opened
from interface.cli.access import operator
from interface.cli.failures import Failed
from interface.cli.options import write_json
from interface.cli.progress import progress
from interface.collector import calm_collector
from interface.evidence.divergence import Divergence
from interface.evidence.read_bundle import Bundle
from interface.evidence.restore import Terms, Unimportable, restore_bundle
from interface.evidence.verification import Verification
from interface.settings import Settings


def import_bundle(
    settings: Settings, directory: Path, reason: str | None, terms: Terms
) -> dict[str, object]:
    """Restores the bundle's ledger, and lets it go on where a reason is given; returns what it
    came to. Raises Failed."""
    calm_collector()
    try:
        total = Bundle(directory).manifest.size
        with opened(settings) as ledgers:
            with progress("records", total=total) as advance:
                done = restore_bundle(ledgers, directory, advance=advance, terms=terms)
            origin = None if reason is None else _go_on(ledgers, done, reason)
    except Divergence as divergence:
        raise Failed(f"Nothing was imported. {divergence}") from divergence
    except (Unimportable, LedgerExists) as error:
        raise Failed(f"Nothing was imported. {error}") from error
    head = done.head()
    return {
        "ledger": head["ledger"],
        "size": head["size"],
        "root": head["root"],
        "origin": origin,
        "read_only": origin is None,
    }


def say_restored(found: dict[str, object], *, wants_json: bool) -> None:
    """Writes what was restored."""
    if wants_json:
        write_json(found)
        return
    said = f"All {found['size']} records of {found['ledger']} stand; root {found['root']}."
    if found["read_only"]:
        said += f" Read-only until `backoffice log continue --ledger {found['ledger']}`."
    else:
        said += f" It goes on as {found['origin']}."
    click.echo(said)


def _go_on(ledgers: Ledgers, done: Verification, reason: str) -> str:
    head = done.head()
    try:
        outcome = ledgers.signing_keys.continue_ledger(
            str(head["ledger"]),
            old_size=done.size,
            old_root=str(head["root"]),
            reason=reason,
            key=f"cli:{uuid4()}",
            by=operator(),
        )
    except Unanswered as unanswered:
        raise Failed(f"It was imported, and is read-only: {unanswered}") from unanswered
    if outcome.code is not None:
        raise Failed(f"It was imported, and is read-only: {outcome.detail}")
    return str(outcome.stored[0].record.payload.origin)
