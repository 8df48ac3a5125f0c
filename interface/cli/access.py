"""Actors and keys as an operator makes them: through the system ledger's Writer, like all else."""

import getpass
import re
import secrets
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

import msgspec
from psycopg.sql import SQL

from application.ledgers import Ledgers
from application.outcomes import Asked, Caller, Outcome
from domain.access import Actor, ApiKey, IssueKey, RecordActor, RevokeKey, Role
from domain.commands import Command
from domain.ledgers import SYSTEM
from interface.cli.failures import Failed

ACTOR = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
TOKEN_PREFIX = "bo_"  # noqa: S105 -- what every key begins with, so that it is known for one
TOKEN_BYTES = 32


class IssuedKey(NamedTuple):
    """A key as it is shown once."""

    token: str
    key_id: str


def operator() -> Caller:
    """Returns who uses the command line: the account of the system, where its name will do."""
    return Caller(actor=account_name(), key_id=None, roles=frozenset({"operator"}), channel="cli")


def send(ledgers: Ledgers, ledger: str, command: Command) -> Outcome:
    """Returns what became of a command of who uses the command line, with a controller's rights.

    Raises Failed where it was refused, LedgerNotFound, Unanswered.
    """
    actor = account_name()
    known = find_actor(ledgers, actor)
    owner = None if known is None else known.owner
    by = Caller(actor, None, frozenset({"controller"}), "cli", owner=owner)
    outcome = ledgers.writer(ledger).submit([(Asked(command, f"cli:{uuid4()}", by),)])[0]
    if outcome.code is not None:
        raise Failed(outcome.detail)
    return outcome


def account_name() -> str:
    """Returns the system's name for who runs this as an actor's id, or `operator`."""
    try:
        name = getpass.getuser().lower()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return "operator"
    return name if ACTOR.fullmatch(name) else "operator"


def record_actor(ledgers: Ledgers, *, actor: str, owner: str | None) -> None:
    """Records an actor that is not yet known: with an owner a service, otherwise a person.

    Raises Failed where it is known with another owner.
    """
    known = find_actor(ledgers, actor)
    if known is None:
        outcome = _submit(ledgers, RecordActor(actor=actor, owner=owner))
        if outcome.code is None:
            return
        known = find_actor(ledgers, actor)  # another process was quicker
        if known is None:
            raise Failed(outcome.detail)
    if owner is not None and owner != known.owner:
        is_what = f"a service of {known.owner}" if known.owner else "a person"
        raise Failed(f"{actor} is recorded as {is_what}; choose another name, or leave out --owner")


def find_actor(ledgers: Ledgers, actor: str) -> Actor | None:
    """Returns the actor as recorded."""
    with ledgers.reader(SYSTEM) as connection:
        row = connection.execute("SELECT document FROM actors WHERE actor = %s", [actor]).fetchone()
    return None if row is None else msgspec.json.decode(row["document"], type=Actor)


def issue_key(
    ledgers: Ledgers,
    *,
    actor: str,
    roles: list[Role],
    ledger: str | None = None,
    network_feed: bool = False,
) -> IssuedKey:
    """Makes a key of a recorded actor: for one ledger, or for all where `ledger` is None.

    Raises LedgerNotFound, Failed, Unanswered.
    """
    if ledger is not None:
        ledgers.store(ledger)
    issued = IssuedKey(
        TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES), f"k_{secrets.token_hex(6)}"
    )
    outcome = _submit(
        ledgers,
        IssueKey(
            key_id=issued.key_id,
            key_sha256=digest(issued.token),
            actor=actor,
            roles=roles,
            ledger=ledger,
            network_feed=network_feed or None,
        ),
    )
    if outcome.code is not None:
        raise Failed(outcome.detail)
    return issued


def revoke_key(ledgers: Ledgers, key: str) -> str:
    """Ends a key, named by its id or given itself, and returns its id. Raises Failed."""
    key_id = key
    if key.startswith(TOKEN_PREFIX):
        found = [known for known in list_keys(ledgers) if known.key_sha256 == digest(key)]
        if not found:
            raise Failed("There is no such key.")
        key_id = found[0].key_id
    outcome = _submit(ledgers, RevokeKey(key_id=key_id))
    if outcome.code is not None:
        raise Failed(f"{outcome.detail} `backoffice key list` shows which there are.")
    return key_id


def list_keys(ledgers: Ledgers) -> list[ApiKey]:
    """Returns all keys, revoked ones too, by actor."""
    with ledgers.reader(SYSTEM) as connection:
        rows = connection.execute(SQL("SELECT document FROM keys")).fetchall()
    keys = [msgspec.json.decode(row["document"], type=ApiKey) for row in rows]
    return sorted(keys, key=lambda key: (key.actor, key.key_id))


def digest(token: str) -> str:
    """Returns what the log holds of a key."""
    return sha256(token.encode()).hexdigest()


def _submit(ledgers: Ledgers, command: Command) -> Outcome:
    # Each is a command of its own: who calls twice wants two keys.
    asked = Asked(command, f"cli:{uuid4()}", operator())
    return ledgers.writer(SYSTEM).submit([(asked,)])[0]
