"""The audit trail: everything about one thing, links followed, refusals and erasures included.

An entry's and an authorization's trail is the records of its stream and of those that it leads to:
what corrects it or was corrected by it, what settled it, what it names; and what was refused to
happen to them, and the erasure of their texts. An account's, an actor's
and a command's is what the log finds for them, page by page.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from domain.authorizations import AuthorizationNotFound
from domain.entries import EntryNotFound
from domain.refusals import Refusal
from interface.http.errors import Problem
from interface.http.events import Events, EventsPage
from interface.http.streams import Stored, read_stream
from interface.http.targets import named_account, named_authorization, named_entry

STREAMS_MAX = 200
SAID_MAX = 50_000
"""So many refusals and erasures after a thing's first record are looked at for its id."""

FOUND_BY_LOG = {"account": "account", "actor": "actor", "command": "key"}
"""Kinds of trails that are a question to the log, and its parameter."""

_LINKS = ("corrects", "reversal", "replacement", "authorization", "entry")


class Thing(NamedTuple):
    """A kind of thing with a stream of its own."""

    named: Callable[[str], str]
    first_event: str
    missing: Callable[[str], Refusal]


THINGS = {
    "entry": Thing(named_entry, "Entry", lambda name: EntryNotFound(entry=name)),
    "authorization": Thing(
        named_authorization, "Authorization", lambda name: AuthorizationNotFound(authorization=name)
    ),
}
KINDS = (*THINGS, *FOUND_BY_LOG)


def check_kind(kind: str) -> None:
    """Raises Problem (not_found) for what has no trail."""
    if kind not in KINDS:
        raise Problem("not_found", f"There are trails of: {', '.join(KINDS)}.")


def log_question(kind: str, id: str, query: dict[str, Any]) -> dict[str, Any]:
    """Returns the query to the log that finds the trail. Raises Problem (account_not_found)."""
    found = named_account(id) if kind == "account" else id
    return {**query, FOUND_BY_LOG[kind]: found}


def log_trail(connection: Connection[DictRow], events: Events) -> dict[str, Any]:
    """Returns a page of what the log finds."""
    page: EventsPage = events.first(connection)
    shown: dict[str, Any] = msgspec.json.decode(page.as_json())
    for item, state in zip(shown["items"], page.records, strict=True):
        item["record_sha256"] = sha256(state).hexdigest()
    return shown


def thing_trail(connection: Connection[DictRow], kind: str, id: str) -> dict[str, Any]:
    """Returns all records of a thing and of what it leads to. Raises Problem (not found)."""
    thing = THINGS[kind]
    name = thing.named(id)
    first = read_stream(connection, name)
    if not first or not first[0].record.type.startswith(thing.first_event):
        raise Problem.of(thing.missing(name))
    found = {name: first}
    waiting = list(first)
    while waiting and len(found) < STREAMS_MAX:
        for linked in _links_of(waiting.pop(0)):
            if linked not in found and len(found) < STREAMS_MAX:
                found[linked] = read_stream(connection, linked)
                waiting += found[linked]
    states = {one.record.position: one.state for stored in found.values() for one in stored}
    states |= _said_of(connection, found, min(states))
    row = connection.execute("SELECT position FROM head").fetchone()
    assert row is not None
    items = []
    for _, state in sorted(states.items()):
        items.append({**msgspec.json.decode(state), "record_sha256": sha256(state).hexdigest()})
    return {"items": items, "next": None, "position": row["position"]}


def _links_of(stored: Stored) -> list[str]:
    payload = stored.record.payload
    found = [getattr(payload, member, None) for member in _LINKS]
    found += [link.entry for link in getattr(payload, "links", None) or ()]
    return [link for link in found if isinstance(link, str)]


def _said_of(connection: Connection[DictRow], ids: Iterable[str], first: int) -> dict[int, bytes]:
    """Refusals and erasures that name any of the things, after their first record."""
    rows = connection.execute(
        "SELECT notification_id, state FROM (SELECT notification_id, state FROM events"
        " WHERE topic IN ('CommandRefused', 'PrivateTextErased') AND notification_id > %s"
        " ORDER BY notification_id LIMIT %s) AS said"
        " WHERE EXISTS (SELECT FROM unnest(%s::bytea[]) AS id WHERE position(id in state) > 0)",
        [first, SAID_MAX, [id.encode() for id in ids]],
    )
    return {row["notification_id"]: row["state"] for row in rows}
