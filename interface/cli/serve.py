"""`backoffice serve`: the service in the foreground, with its database where that is embedded."""

import signal
from types import FrameType

import click

from interface.bootstrap import migrated, running
from interface.cli.access import list_keys
from interface.cli.failures import Failed
from interface.cli.options import settings_option
from interface.server import THREADS, PortTaken, find_address, url_of
from interface.server import serve as serve_http
from interface.settings import VARIABLES, Settings

MAX_THREADS = 1024
FIRST_KEY = (
    "There is no key yet. `backoffice key create --actor YOU --role operator --role controller`"
    " makes one while this runs."
)


class ServeCommand(click.Command):
    """Its help lists the environment of all commands."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the variables and what they mean."""
        super().format_epilog(context, formatter)
        with formatter.section("Environment"):
            formatter.write_dl(list(VARIABLES.items()))


@click.command(cls=ServeCommand)
@click.option("--demo", is_flag=True, help="With the demonstration ledger and a key for each role.")
@click.option("--host", default="127.0.0.1", show_default=True, envvar="BACKOFFICE_HOST")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    envvar="BACKOFFICE_PORT",
)
@click.option(
    "--threads",
    type=click.IntRange(4, MAX_THREADS),
    default=THREADS,
    show_default=True,
    envvar="BACKOFFICE_THREADS",
    help="How many reads and batches are worked on at once.",
)
@click.option(
    "--worker/--no-worker",
    "has_worker",
    default=True,
    help="With a worker beside it. Without one, run `backoffice worker` somewhere.",
)
@settings_option
def serve(
    *, demo: bool, host: str, port: int, threads: int, has_worker: bool, settings: Settings
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C.

    Standard output says where it listens as soon as it is ready; logs go to standard error, as
    JSON lines unless that is a terminal.
    """
    signal.signal(signal.SIGTERM, _end)
    try:
        address = find_address(host, port)
    except PortTaken as error:
        raise Failed(str(error)) from error
    url = url_of(host, port)
    shown = ""
    with running(settings) as database:
        if database.postgres is not None:
            database.postgres.watch()
        with migrated(database) as ledgers:
            if demo:
                from interface.cli.demonstration import demonstrate

                shown = demonstrate(ledgers, url=url, data_dir=settings.data_dir).text
            elif not list_keys(ledgers):
                click.echo(FIRST_KEY, err=True)

        def say_ready() -> None:
            click.echo(f"Listening on {url}")
            if shown:
                click.echo(shown)

        serve_http(
            database=database,
            settings=settings,
            address=address,
            port=port,
            threads=threads,
            has_worker=has_worker,
            on_ready=say_ready,
        )


def _end(number: int, _frame: FrameType | None) -> None:
    # While it starts: what was opened is closed on the way out. granian takes over later.
    raise SystemExit(128 + number)
