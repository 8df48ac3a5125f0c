"""`backoffice ledger`: ledgers made and listed without a key, by who runs the machine."""

from typing import Any
from uuid import uuid4

import click
import msgspec

from domain.ledgers import CreateLedger
from interface.bootstrap import opened
from interface.cli.access import operator
from interface.cli.failures import Failed
from interface.cli.invalid import sentences
from interface.cli.options import json_option, settings_option, write_json, write_table
from interface.http.books import read_ledger
from interface.http.loading import Loader
from interface.http.parsing import Invalid
from interface.http.schemas import CreateLedgerBody
from interface.settings import Settings


@click.group()
def ledger() -> None:
    """Make and list ledgers."""


@ledger.command()
@click.argument("id")
@click.option("--name", help="What people call it; its id without one.")
@click.option("--functional-asset", required=True, help="What its books are in, such as USD.")
@click.option("--timezone", required=True, help="Where its days begin, such as Europe/Berlin.")
@click.option("--fiscal-year-start", metavar="MM-DD", help="01-01 without it.")
@click.option("--legal-name", help="Of the legal entity whose book it is.")
@click.option("--country", help="Of the legal entity.")
@click.option("--registration-number", help="Of the legal entity.")
@click.option("--tax-id", help="Of the legal entity.")
@click.option("--address", help="Of the legal entity.")
@settings_option
@json_option
def create(*, settings: Settings, wants_json: bool, **options: str | None) -> None:
    """Make a ledger and print its id: small letters, digits and _, a letter first, up to 31."""
    given = {name: text for name, text in options.items() if text is not None}
    entity = {
        name: given.pop(name)
        for name in ("legal_name", "country", "registration_number", "tax_id", "address")
        if name in given
    }
    body: dict[str, Any] = {"name": given["id"], **given}
    if entity:
        body["entity"] = entity
    command = read_body(body)
    with opened(settings) as ledgers:
        outcome = ledgers.create(command, key=f"cli:{uuid4()}", by=operator())
    if outcome.code is not None:
        raise Failed(outcome.detail)
    if wants_json:
        write_json({"id": command.id, "position": outcome.position})
    else:
        click.echo(command.id)


@ledger.command("list")
@settings_option
@json_option
def list_all(*, settings: Settings, wants_json: bool) -> None:
    """List all ledgers."""
    with opened(settings) as ledgers:
        found = []
        for name in ledgers.names():
            with ledgers.reader(name) as connection:
                found.append(read_ledger(connection))
    if wants_json:
        write_json({"items": found})
        return
    members = ("id", "name", "functional_asset", "timezone", "fiscal_year_start", "position")
    headings = ("ledger", "name", "asset", "timezone", "year from", "events")
    write_table(headings, ([each[member] for member in members] for each in found))


def read_body(body: dict[str, Any]) -> CreateLedger:
    """Returns the command, judged as the service judges a request. Raises click.UsageError."""
    try:
        command = Loader(CreateLedgerBody).load(msgspec.json.encode(body))
    except Invalid as error:
        raise click.UsageError("\n".join(sentences(error.errors))) from error
    assert isinstance(command, CreateLedger)
    return command
