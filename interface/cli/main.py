"""`backoffice`: the command line. Each command is loaded when it is called, so that it starts soon.

Standard output carries only the result; logs, progress and errors go to standard error. Exit
status: 0, 1 (it failed, or something was refused), 2 (used wrongly).
"""

from importlib import import_module
from typing import Any

import click

from interface.cli.examples import with_examples
from interface.cli.failures import FAILURES, said_of
from interface.settings import BadSetting

COMMANDS = {
    "serve": "interface.cli.serve:serve",
    "worker": "interface.cli.worker:worker",
    "migrate": "interface.cli.migrate:migrate",
    "key": "interface.cli.key:key",
    "ledger": "interface.cli.ledger:ledger",
    "import": "interface.cli.import_file:import_file",
    "report": "interface.cli.report:report",
    "baseline": "interface.cli.baseline:baseline",
    "projections": "interface.cli.projections:projections",
    "log": "interface.cli.log:log",
    "export": "interface.cli.export:export",
    "audit": "interface.cli.audit:audit",
    "erase": "interface.cli.erase:erase",
    "replay": "interface.cli.replay:replay_command",
    "verify": "interface.cli.verify:verify",
    "bench": "interface.cli.bench:bench",
}


class Commands(click.Group):
    """Loads commands by name, and says in a sentence what is expected to go wrong at times."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Returns the commands in the order in which an operator meets them."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Returns the command, if there is one of that name."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return with_examples(command, name)

    def invoke(self, context: click.Context) -> Any:
        """Runs the command. What is expected to fail at times ends in a message, no traceback."""
        try:
            return super().invoke(context)
        except BadSetting as error:
            raise click.UsageError(str(error)) from error
        except FAILURES as error:
            raise click.ClickException(said_of(error)) from error


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="backoffice-ledger", prog_name="backoffice")
def main() -> None:
    """A double-entry ledger service for a back office, on PostgreSQL.

    `backoffice serve --demo` runs it with a ledger to look at.
    """
