"""`backoffice baseline`: baselines seen and approved by who runs the machine."""

from typing import Any

import click
import msgspec

from application.ledgers import Ledgers
from domain.commands import Command
from interface.bootstrap import opened
from interface.cli.access import send
from interface.cli.failures import Failed
from interface.cli.invalid import sentences
from interface.cli.options import json_option, settings_option, write_json, write_table
from interface.http.baselines import read_baseline, read_baselines
from interface.http.door import snapshot
from interface.http.errors import Problem
from interface.http.loading import Loader
from interface.http.parsing import Invalid
from interface.http.schemas_baselines import STATUSES, ApproveBaselineBody
from interface.http.targets import named_baseline
from interface.settings import Settings

PAGE = 1000
LISTED = ("id", "account", "dimension", "version", "from", "to", "author", "status", "approved_by")
HAPPENED = ("position", "recorded_at", "type", "actor", "person", "on_behalf_of", "narrative")

ledger_option = click.option("--ledger", required=True, help="Which ledger.")


@click.group()
def baseline() -> None:
    """List, show and approve baselines: what is held against what was posted."""


@baseline.command("list")
@ledger_option
@click.option("--account", help="Only those of this account.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those.")
@settings_option
@json_option
def list_all(
    *,
    ledger: str,
    account: str | None,
    status: str | None,
    settings: Settings,
    wants_json: bool,
) -> None:
    """List all versions of baselines, in the order in which they were proposed."""
    query: dict[str, Any] = {"account": account, "status": status, "limit": PAGE}
    items: list[dict[str, Any]] = []
    with opened(settings) as ledgers:
        ledgers.store(ledger)
        while True:
            with ledgers.reader(ledger) as connection:
                page = read_baselines(connection, query)
            items += page["items"]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
    if wants_json:
        write_json({"items": items})
    else:
        write_table(LISTED, ([_cell(item[name]) for name in LISTED] for item in items))


@baseline.command()
@ledger_option
@click.argument("id")
@settings_option
@json_option
def show(*, ledger: str, id: str, settings: Settings, wants_json: bool) -> None:
    """Show a baseline: what each month comes to, who proposed it, and who approved it."""
    with opened(settings) as ledgers:
        ledgers.store(ledger)
        found = _read(ledgers, ledger, id)
    if wants_json:
        write_json(found)
        return
    for name in (*LISTED, "source", "asset", "unit_amount", "approver", "reference"):
        if found[name] is not None:
            click.echo(f"{name:12} {_cell(found[name])}")
    months = [[month["month"], month["units"], month["amount"]] for month in found["months"]]
    write_table(("month", "units", "amount"), [*months, ["total", "", found["total"]]])
    write_table(HAPPENED, ([line[name] for name in HAPPENED] for line in found["history"]))


@baseline.command()
@ledger_option
@click.option("--on-behalf-of", metavar="ACTOR", help="For whom it is done.")
@click.option("--reason", help="A code, on record.")
@click.option("--reference", help="Of the decision, on record.")
@click.option("--narrative", help="Why; it can be erased.")
@click.argument("id")
@settings_option
@json_option
def approve(
    *, ledger: str, id: str, settings: Settings, wants_json: bool, **said: str | None
) -> None:
    """Approve a baseline that another person proposed: from now on it counts.

    The approver is the account of the system that runs this.
    """
    command = _command({name: text for name, text in said.items() if text is not None}, id)
    with opened(settings) as ledgers:
        send(ledgers, ledger, command)
        found = _read(ledgers, ledger, id)
    if wants_json:
        write_json(found)
    else:
        about = f"Version {found['version']} of the baseline of {found['account']}"
        click.echo(f"{about} is approved by {found['approved_by']}.")


def _command(body: dict[str, str], id: str) -> Command:
    try:
        return Loader(ApproveBaselineBody).load(msgspec.json.encode(body), named_baseline(id))
    except Invalid as error:
        raise click.UsageError("; ".join(sentences(error.errors))) from error
    except Problem as problem:
        raise Failed(problem.detail) from problem


def _read(ledgers: Ledgers, ledger: str, id: str) -> dict[str, Any]:
    with ledgers.reader(ledger) as connection, snapshot(connection):
        try:
            return read_baseline(connection, named_baseline(id))
        except Problem as problem:
            raise Failed(problem.detail) from problem


def _cell(value: Any) -> Any:
    """Dimensions as `cost_centre=101`."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    return value
