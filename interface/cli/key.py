"""`backoffice key`: who may use the service, and as what."""

from typing import cast

import click
import structlog

from application.permissions import ROLES
from domain.access import Role
from interface.bootstrap import opened
from interface.cli.access import ACTOR, issue_key, list_keys, record_actor, revoke_key
from interface.cli.options import json_option, settings_option, write_json, write_table
from interface.settings import Settings

log = structlog.get_logger(__name__)


def actor_id(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    """Takes an actor's id."""
    if name is not None and not ACTOR.fullmatch(name):
        raise click.BadParameter(
            f"{name!r} is no actor: small letters, digits, dots, - and _, up to 64, for example"
            " maria.lopez"
        )
    return name


@click.group()
def key() -> None:
    """Make, list and revoke keys."""


@key.command()
@click.option("--actor", required=True, callback=actor_id, help="Whose key it is.")
@click.option(
    "--role",
    "roles",
    required=True,
    multiple=True,
    type=click.Choice(ROLES),
    help="What it may do; can be given several times.",
)
@click.option("--ledger", help="The only ledger that it opens; without it, all.")
@click.option(
    "--owner", callback=actor_id, help="The actor is a service; this person answers for it."
)
@click.option("--network-feed", is_flag=True, help="It sends what a card network has settled.")
@settings_option
@json_option
def create(
    *,
    actor: str,
    roles: tuple[str, ...],
    ledger: str | None,
    owner: str | None,
    network_feed: bool,
    settings: Settings,
    wants_json: bool,
) -> None:
    """Make a key and print it, once and alone. It works at once, in a running service too."""
    chosen = cast(list[Role], list(dict.fromkeys(roles)))
    with opened(settings) as ledgers:
        if ledger is not None:
            ledgers.store(ledger)  # before anything is recorded: there must be such a ledger
        record_actor(ledgers, actor=actor, owner=owner)
        issued = issue_key(
            ledgers, actor=actor, roles=chosen, ledger=ledger, network_feed=network_feed
        )
    log.info("key_issued", key_id=issued.key_id, actor=actor, roles=chosen, ledger=ledger)
    if wants_json:
        write_json(
            {"key": issued.token, "key_id": issued.key_id, "actor": actor, "roles": chosen}
            | {"ledger": ledger, "network_feed": network_feed}
        )
    else:
        click.echo(issued.token)


@key.command()
@click.argument("key", metavar="KEY")
@settings_option
@json_option
def revoke(*, key: str, settings: Settings, wants_json: bool) -> None:
    """End a key, named by its id (k_...) or given itself. A running service heeds it soon."""
    with opened(settings) as ledgers:
        key_id = revoke_key(ledgers, key)
    if wants_json:
        write_json({"key_id": key_id, "revoked": True})
    else:
        click.echo(key_id)


@key.command("list")
@settings_option
@json_option
def list_all(*, settings: Settings, wants_json: bool) -> None:
    """List all keys, revoked ones too; none of them is shown."""
    with opened(settings) as ledgers:
        keys = list_keys(ledgers)
    if wants_json:
        items = [
            {
                "key_id": each.key_id,
                "actor": each.actor,
                "roles": each.roles,
                "ledger": each.ledger,
                "network_feed": each.network_feed,
                "revoked": each.revoked,
            }
            for each in keys
        ]
        write_json({"items": items})
        return
    write_table(
        ("key", "actor", "roles", "ledger", ""),
        (
            (
                each.key_id,
                each.actor,
                ", ".join(each.roles),
                each.ledger or "all",
                "revoked" if each.revoked else None,
            )
            for each in keys
        ),
    )
