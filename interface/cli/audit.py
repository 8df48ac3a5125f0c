"""`backoffice audit`: everything about one thing, for a person or a program."""

import click

from interface.bootstrap import opened
from interface.cli.failures import Failed
from interface.cli.options import json_option, settings_option, write_json, write_table
from interface.http.audit import KINDS, THINGS, log_question, log_trail, thing_trail
from interface.http.errors import Problem
from interface.http.events import Events
from interface.settings import Settings

SHOWN = (
    *("position", "recorded_at", "actor", "on_behalf_of", "key_id", "channel"),
    *("software_version", "reason", "type", "stream"),
)
PAGE = 1000


@click.command()
@click.option("--ledger", required=True, help="Which ledger.")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("id")
@settings_option
@json_option
def audit(*, ledger: str, kind: str, id: str, settings: Settings, wants_json: bool) -> None:
    """Show every record about an entry, an authorization, an account, an actor or a command.

    Links are followed, refusals included. ID: a UUID, an account's code, an actor, an
    Idempotency-Key. An account's trail is what its views have come to.
    """
    items = []
    with opened(settings) as ledgers:
        ledgers.store(ledger)
        cursor: str | None = ""
        while cursor is not None:
            with ledgers.reader(ledger) as connection:
                try:
                    if kind in THINGS:
                        page = thing_trail(connection, kind, id)
                    else:
                        query = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}
                        events = Events(ledgers, ledger, log_question(kind, id, query))
                        page = log_trail(connection, events)
                except Problem as problem:
                    raise Failed(problem.detail) from problem
            items += page["items"]
            cursor = page["next"]
    if wants_json:
        write_json({"items": items})
    else:
        write_table(SHOWN, ([item[member] for member in SHOWN] for item in items))
