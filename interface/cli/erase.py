"""`backoffice erase`: personal texts taken away from beside the log, on record."""

import click
import msgspec

from interface.bootstrap import opened
from interface.cli.access import send
from interface.cli.failures import Failed
from interface.cli.invalid import sentences
from interface.cli.options import json_option, settings_option, write_json
from interface.http.errors import Problem
from interface.http.loading import Loader
from interface.http.parsing import Invalid
from interface.http.schemas_erasures import (
    EraseAccountBody,
    EraseAuthorizationBody,
    EraseEntryBody,
    EraseEventBody,
)
from interface.http.targets import NAMED
from interface.settings import Settings

LOADERS = {
    "entry": Loader(EraseEntryBody),
    "authorization": Loader(EraseAuthorizationBody),
    "account": Loader(EraseAccountBody),
    "event": Loader(EraseEventBody),
}


@click.command()
@click.option("--ledger", required=True, help="Which ledger.")
@click.option("--reason", required=True, help="A code such as privacy_request, on record.")
@click.option("--reference", help="Whose request it is, by its number: it is on record for ever.")
@click.option("--on-behalf-of", metavar="ACTOR", help="For whom it is done.")
@click.option("--yes", is_flag=True, help="Do it: it can't be taken back.")
@click.argument("kind", type=click.Choice(list(LOADERS)))
@click.argument("id")
@settings_option
@json_option
def erase(
    *,
    ledger: str,
    reason: str,
    reference: str | None,
    on_behalf_of: str | None,
    yes: bool,
    kind: str,
    id: str,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Erase narratives and metadata of an entry, an authorization, an account or any other thing,
    on record.

    ID: a UUID, an account's code, or the position of an event. Of an account: of how it was opened
    and amended, its freezes and its limits, so far. Of an event: of all that has happened so far to
    what it is about. The records stay, and so do all proofs.
    """
    if not yes:
        raise click.UsageError("What is erased is gone for ever. Say --yes to do it.")
    said = {"reason": reason, "reference": reference, "on_behalf_of": on_behalf_of}
    body = {name: value for name, value in said.items() if value is not None}
    try:
        command = LOADERS[kind].load(msgspec.json.encode(body), NAMED[kind](id))
    except Invalid as error:
        raise click.UsageError("; ".join(sentences(error.errors))) from error
    except Problem as problem:
        raise Failed(problem.detail) from problem
    with opened(settings) as ledgers:
        outcome = send(ledgers, ledger, command)
    erased = outcome.stored[0].record.payload.erased
    if wants_json:
        write_json({"erased": erased, "position": outcome.position})
    else:
        click.echo(f"The texts of {kind} {id} are gone, on record at position {outcome.position}.")
