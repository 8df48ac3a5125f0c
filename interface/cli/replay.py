"""`backoffice replay`: the state as it was, at any position or moment, from the records alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from application.ledgers import acting_as_service
from interface.bootstrap import migrated, running
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json, write_table
from interface.cli.progress import progress
from interface.evidence.comparison import differences, full_state_of
from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.live import LiveSource, session
from interface.evidence.read_bundle import Bundle
from interface.evidence.replay import Until, changes_of, replay, state_of
from interface.evidence.shapes import Envelope
from interface.evidence.verification import Stored
from interface.settings import Settings


@click.command("replay")
@click.argument(
    "bundle", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option("--ledger", help="Which ledger of the database; or name a bundle.")
@click.option("--to", "until", metavar="POSITION|TIME", help="Where to stop; the end without it.")
@click.option("--watch", is_flag=True, help="Show each event, and the balances that it left.")
@click.option(
    "--compare",
    is_flag=True,
    help="Hold what a bundle states (`export --state`) against what this software makes of it.",
)
@settings_option
@json_option
def replay_command(
    *,
    bundle: Path | None,
    ledger: str | None,
    until: str | None,
    watch: bool,
    compare: bool,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Work out chart, balances and open holds as they were, and show them.

    Every record on the way is checked against those before it.
    """
    if (bundle is None) == (ledger is None):
        raise click.UsageError("Name a bundle, or a ledger with --ledger.")
    if compare:
        if bundle is None or until is not None or watch:
            raise click.UsageError("--compare takes a bundle, and nothing else.")
        _compare(bundle, wants_json=wants_json)
        return
    try:
        end = Until(until)
    except ValueError as error:
        raise click.UsageError(f"--to {until}: {error}") from error
    try:
        with _records(settings, bundle, ledger) as (name, total, batches):
            fold = Fold(name)
            with progress("records", total=total) as advance:
                for record in replay(fold, batches, end):
                    advance(record.position)
                    if watch:
                        _show_event(fold, record, wants_json=wants_json)
    except Divergence as divergence:
        raise Failed(f"Position {divergence.position}: {divergence.message}") from divergence
    if not watch:
        _show_state(fold, wants_json=wants_json)


def _compare(directory: Path, *, wants_json: bool) -> None:
    """Exits with 1 where something differs."""
    try:
        found = Bundle(directory)
        stated = found.state()
        if stated is None:
            raise Failed("The bundle states nothing to compare with: export it with --state.")
        fold = Fold(found.manifest.ledger)
        with progress("records", total=found.manifest.last) as advance:
            for record in replay(fold, found.records(), Until(None)):
                advance(record.position)
    except Divergence as divergence:
        raise Failed(f"Position {divergence.position}: {divergence.message}") from divergence
    now = msgspec.json.decode(msgspec.json.encode(full_state_of(fold)))
    differing = list(differences(stated, now))
    if wants_json:
        write_json({"position": fold.position, "differences": [d._asdict() for d in differing]})
    elif differing:
        rows = [[str(member) for member in difference] for difference in differing]
        write_table(("section", "name", "stated", "now"), rows)
    else:
        click.echo(f"The state at position {fold.position} is the one that was exported.")
    if differing:
        raise click.exceptions.Exit(1)


Source = tuple[str, int, Iterator[list[Stored]]]


@contextmanager
def _records(settings: Settings, bundle: Path | None, ledger: str | None) -> Iterator[Source]:
    """Gives the ledger's name, how many records there are, and the records."""
    if bundle is not None:
        found = Bundle(bundle)
        yield found.manifest.ledger, found.manifest.last, found.records()
        return
    assert ledger is not None
    with running(settings) as database, migrated(database) as ledgers:
        ledgers.store(ledger)
        with session(acting_as_service(database.service), ledger) as connection:
            source = LiveSource(connection)
            yield ledger, source.position, source.records(0, source.position)


def _show_event(fold: Fold, record: Envelope, *, wants_json: bool) -> None:
    changes = changes_of(fold, record)
    if wants_json:
        write_json(
            {
                "position": record.position,
                "recorded_at": record.recorded_at,
                "type": record.type,
                "stream": record.stream,
                "changed": changes,
            }
        )
        return
    click.echo(f"{record.position:>9} {record.recorded_at} {record.type} {record.stream}")
    for change in changes:
        pending = "".join(
            f", {side} {change[side]} pending"
            for side in ("pending_debits", "pending_credits")
            if change[side].strip("0.")
        )
        balance = f"{change['balance']} {change['asset']}"
        click.echo(f"{'':>10}{change['account']}: {balance}{pending}")


def _show_state(fold: Fold, *, wants_json: bool) -> None:
    state = state_of(fold)
    if wants_json:
        write_json(state)
        return
    click.echo(f"{state['ledger']} at position {state['position']}, {state['recorded_at']}")
    for name, members in (
        ("accounts", ("code", "type", "name", "status")),
        ("balances", ("account", "asset", "balance", "pending_debits", "pending_credits", "lines")),
        ("holds", ("id", "debit", "credit", "asset", "held", "expires_at")),
    ):
        if state[name]:
            write_table(members, ([row[member] for member in members] for row in state[name]))
