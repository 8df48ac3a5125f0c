"""`backoffice replay`: the state as it was, at any position or moment, from the records alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from application.sessions import acting_as_service
from interface.bootstrap import migrated, running
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json, write_table
from interface.cli.progress import progress
from interface.evidence.comparison import Difference, differences, full_state_of
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
    help="Hold what a bundle states (`export --state`) against what this software makes of its"
    " records, or of the ledger's: at every position that it states, up to --to.",
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
    if compare and bundle is None:
        raise click.UsageError("--compare takes the bundle that states what it should be.")
    if not compare and (bundle is None) == (ledger is None):
        raise click.UsageError("Name a bundle, or a ledger with --ledger.")
    try:
        end = Until(until)
    except ValueError as error:
        raise click.UsageError(f"--to {until}: {error}") from error
    if compare:
        assert bundle is not None
        if watch or end.moment is not None:
            raise click.UsageError("--compare goes with --to POSITION and --ledger only.")
        _compare(settings, bundle, ledger, to=end.position, wants_json=wants_json)
        return
    try:
        with _records(settings, bundle, ledger) as (name, total, batches):
            fold = Fold(name)
            with progress("records", total=total) as advance:
                for record in replay(fold, batches, end):
                    advance(record.position)
                    if watch:
                        _show_event(fold, record, wants_json=wants_json)
    except Divergence as divergence:
        raise Failed(str(divergence)) from divergence
    if end.position is not None and end.position > fold.position:
        raise Failed(f"--to {until}: the log ends at {fold.position}.")
    if not watch:
        _show_state(fold, wants_json=wants_json)


def _compare(
    settings: Settings, directory: Path, ledger: str | None, *, to: int | None, wants_json: bool
) -> None:
    """Compares each state up to a position; ends with the first one that differs, and status 1.

    The records are the bundle's, or a ledger's of the database."""
    compared: list[int] = []
    found: list[Difference] = []
    try:
        bundle = Bundle(directory)
        stated = _stated(bundle, to)
        if ledger not in (None, bundle.manifest.ledger):
            raise Failed(f"The bundle is of the ledger {bundle.manifest.ledger}.")
        own = directory if ledger is None else None
        with _records(settings, own, ledger) as (name, total, batches):
            if total < max(stated):
                raise Failed(f"The ledger ends at {total}, the bundle states {max(stated)}.")
            fold = Fold(name)
            with progress("records", total=max(stated)) as advance:
                for record in replay(fold, batches, Until(str(max(stated)))):
                    advance(record.position)
                    if record.position not in stated:
                        continue
                    compared.append(record.position)
                    now = msgspec.json.decode(msgspec.json.encode(full_state_of(fold)))
                    found = list(differences(bundle.state(stated[record.position]), now))
                    if found:
                        break
    except Divergence as divergence:
        raise Failed(str(divergence)) from divergence
    _show_compared(compared, found, wants_json=wants_json)
    if found:
        raise click.exceptions.Exit(1)


def _stated(bundle: Bundle, to: int | None) -> dict[int, str]:
    """The states to compare, by position. Raises Failed where there are none."""
    stated = bundle.states()
    if not stated:
        raise Failed("The bundle states nothing to compare with: export it with --state.")
    if to is not None and to not in stated:
        known = ", ".join(map(str, stated))
        raise Failed(
            f"The bundle states nothing of position {to}, only of {known}: export it with"
            f" --state-at {to}."
        )
    return {position: name for position, name in stated.items() if to is None or position <= to}


def _show_compared(compared: list[int], found: list[Difference], *, wants_json: bool) -> None:
    if wants_json:
        listed = [difference._asdict() for difference in found]
        write_json({"position": compared[-1], "compared": compared, "differences": listed})
    elif found:
        before = f"; the one at {compared[-2]} does not" if len(compared) > 1 else ""
        click.echo(f"The state at position {compared[-1]} differs{before}.")
        rows = [[str(member) for member in difference] for difference in found]
        write_table(("section", "name", "stated", "now"), rows)
    else:
        where = ", ".join(map(str, compared))
        click.echo(f"The state is the one that was exported, at position {where}.")


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
