"""`backoffice migrate`: the database brought up to date, before a new version serves it."""

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from interface.bootstrap import migrated, running
from interface.cli.options import json_option, settings_option, write_json
from interface.settings import Settings


@click.command()
@settings_option
@json_option
def migrate(*, settings: Settings, wants_json: bool) -> None:
    """Bring every ledger's schema up to date, and print their names.

    `serve` does the same when it starts. Several processes may do it at once; what was interrupted
    is taken up again.
    """
    schemas: list[str] = []
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("the database", total=None)

        def show(schema: str) -> None:
            schemas.append(schema)
            bar.update(task, description=schema, completed=len(schemas))

        with running(settings) as database, migrated(database, show):
            pass
    if wants_json:
        write_json({"schemas": schemas})
    else:
        click.echo("\n".join(schemas))
