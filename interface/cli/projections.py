"""`backoffice projections`: how the views stand, and one made anew."""

from contextlib import closing, nullcontext
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from application.ledgers import Ledgers
from application.migrate import SERVICE_ROLE
from application.records import SHAPES
from application.store import schema_of
from interface.bootstrap import Database, migrated, running
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json, write_table
from interface.settings import Settings
from projections.following import Step
from projections.rebuilding import BeingRebuilt, CannotRebuild, rebuild
from projections.runner import connect
from projections.showing import VIEWS
from projections.status import WHAT_TO_DO, read_status
from projections.views import View


@click.group()
def projections() -> None:
    """Look at the views that follow the log, or make one anew."""


@projections.command()
@click.option("--ledger", metavar="L", help="Of one ledger; of all without it.")
@settings_option
@json_option
def status(*, ledger: str | None, settings: Settings, wants_json: bool) -> None:
    """Show up to where each view shows; ends with 1 where one has stopped."""
    found: list[dict[str, Any]] = []
    with running(settings) as database, migrated(database) as ledgers:
        for name in _named(ledgers, ledger):
            with ledgers.reader(name) as connection:
                found += [{"ledger": name, **one._asdict()} for one in read_status(connection)]
    stopped = [one for one in found if one["error"] is not None]
    if wants_json:
        write_json({"items": found})
    else:
        members = ("ledger", "view", "position", "lag_events", "lag_seconds")
        rows = ([*(one[m] for m in members), _standing(one)] for one in found)
        write_table(("ledger", "view", "shows", "behind", "seconds", "status"), rows)
        if stopped:
            click.echo(WHAT_TO_DO, err=True)
    if stopped:
        raise SystemExit(1)


@projections.command("rebuild")
@click.argument("name", type=click.Choice([view.name for view in VIEWS]))
@click.option("--ledger", metavar="L", help="Of one ledger; of all without it.")
@settings_option
def rebuild_view(*, name: str, ledger: str | None, settings: Settings) -> None:
    """Make the view NAME anew from the log, beside the live one, and put it in its place.

    Readers notice nothing, and the service may run meanwhile.
    """
    (view,) = (view for view in VIEWS if view.name == name)
    with running(settings) as database, migrated(database) as ledgers:
        for one in _named(ledgers, ledger):
            try:
                position = _rebuild(database, one, view)
            except (BeingRebuilt, CannotRebuild) as error:
                raise Failed(str(error)) from error
            click.echo(f"{one}: {name} shows position {position}")


def _rebuild(database: Database, ledger: str, view: View) -> int:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True)
    with (
        bar if console.is_terminal else nullcontext(),
        closing(connect(database.owner)) as connection,
    ):
        task = bar.add_task(f"{ledger}: {view.name}", total=None)

        def show(step: Step) -> None:
            bar.update(task, completed=step.position, total=step.head)

        return rebuild(
            connection,
            schema=schema_of(ledger),
            view=view,
            decode=SHAPES.decode,
            service_role=SERVICE_ROLE,
            on_step=show,
        )


def _named(ledgers: Ledgers, ledger: str | None) -> list[str]:
    if ledger is None:
        return ledgers.names()
    with ledgers.reader(ledger):  # which says so where there is none
        return [ledger]


def _standing(one: dict[str, Any]) -> str:
    if one["error"] is not None:
        return f"stopped at {one['stopped_at_position']}: {one['error']}"
    return "follows" if one["lag_events"] else "up to date"
