"""`backoffice worker`: the duties without the HTTP API, in the foreground."""

import click

from interface.bootstrap import migrated, running
from interface.cli.options import settings_option
from interface.settings import Settings
from interface.worker import run_worker


@click.command()
@settings_option
def worker(*, settings: Settings) -> None:
    """Follow the ledgers' logs and do what falls due, until SIGTERM or Ctrl-C.

    `serve` has a worker beside it; this is for more of them, on other machines perhaps. They share
    the work, and take over from one that dies.
    """
    with running(settings) as database:
        if database.postgres is not None:
            database.postgres.watch()
        with migrated(database):
            pass
        run_worker(database, settings)
