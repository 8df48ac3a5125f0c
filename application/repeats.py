"""What was done already: the commands of a commit that are on record under the same ids.

The first event of a command is version 1 of the stream with the command's id, or has the id in its
column. The look-up runs behind the lock, so what it does not find no other writer can be adding.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import Connection

from application.outcomes import Outcome
from application.recorder import Row
from application.records import EventShapes
from application.rows import Rows, array, numbers
from application.sessions import WriterConnection
from domain.catalogue import CommandRefused

MAX_EVENTS_PER_COMMAND = 8
"""Bounds the look-up of a repeated command's records, which follow one another."""


class Done(Struct, frozen=True):
    """A command that is on record, or that this commit has decided."""

    digest: str | None
    outcome: Outcome


_FIND: LiteralString = (
    "SELECT notification_id, originator_id::text FROM {}.events"
    " WHERE originator_id = ANY(%s::uuid[]) AND originator_version = 1"
    " UNION ALL"
    " SELECT notification_id, originator_id::text FROM {}.events"
    " WHERE command_id = ANY(%s::uuid[])"
)

_FIND_WITH_HEAD: LiteralString = (
    "WITH found AS (" + _FIND + ")"  # noqa: S608 -- nothing from outside
    " SELECT h.position, h.commit_id, h.recorded_at, h.incarnation, h.format, h.halted, f.*"
    " FROM {}.head AS h LEFT JOIN found AS f ON true"
)


class Head(NamedTuple):
    """The last commit, as the row says whose lock a writer holds."""

    position: int
    commit_id: UUID
    recorded_at: datetime
    incarnation: int
    format: int
    halted: str | None


def find_done(
    connection: WriterConnection, *, rows: Rows, command_ids: Sequence[str], new_ids: Iterable[str]
) -> list[tuple[int, str]]:
    """Returns position and stream of what stands under these ids."""
    return connection.ask(rows.sql(_FIND), _ids(command_ids, new_ids))


def begin(
    connection: WriterConnection,
    *,
    lock: bytes,
    rows: Rows,
    command_ids: Sequence[str],
    new_ids: Iterable[str],
) -> tuple[Head, list[tuple[int, str]]]:
    """Begins a transaction, takes the head lock, for which it waits up to the connection's
    lock_timeout, and returns the head and what `find_done` does. Raises psycopg.Error.

    The look-up is a statement of its own: it sees what was committed while the lock was waited
    for.
    """
    together = connection.begin(
        lock=lock,
        query=rows.sql(_FIND_WITH_HEAD),
        params=_ids(command_ids, new_ids),
    )
    head = Head(*together[0][:6])
    return head, [(row[6], row[7]) for row in together if row[6] is not None]


def _ids(command_ids: Sequence[str], new_ids: Iterable[str]) -> list[str]:
    return [array([*command_ids, *new_ids]), array(command_ids)]


def read_done(
    connection: Connection[Any],
    found: Sequence[tuple[int, str]],
    *,
    rows: Rows,
    shapes: EventShapes,
    command_ids: Sequence[str],
) -> tuple[set[str], dict[str, Done]]:
    """Returns the streams that the look-up found, and the commands that were done."""
    if not found:
        return set(), {}
    taken = {stream for _, stream in found}
    positions = {position for position, _ in found}
    return taken, _read_done(connection, rows, shapes, positions, set(command_ids))


def _read_done(
    connection: Connection[Any],
    rows: Rows,
    shapes: EventShapes,
    positions: set[int],
    command_ids: set[str],
) -> dict[str, Done]:
    """Reads the records of commands that were done before.

    A stream with a command's id may be another's, made with an id of the client's: what counts is
    the command that the record names.
    """
    # One by one, not as ranges: the planner takes a range for a good part of the log.
    near = {first + n for first in positions for n in range(MAX_EVENTS_PER_COMMAND)}
    records = rows.fetch(
        connection,
        "SELECT notification_id, originator_id::text, originator_version, topic, state,"
        " command_id::text FROM {}.events WHERE notification_id = ANY(%s::bigint[])"
        " ORDER BY notification_id",
        numbers(near),
    )
    done: dict[str, list[Row]] = {}
    digests: dict[str, str | None] = {}
    refused: dict[str, CommandRefused] = {}
    for columns in records:
        row = Row(*columns)
        record = shapes.decode(row.state)
        id = record.command_id
        if id in command_ids:
            done.setdefault(id, []).append(row)
            digests[id] = record.command_digest
            if isinstance(record.payload, CommandRefused):
                refused[id] = record.payload
    return {
        id: Done(digests[id], _repeated(stored, refused.get(id))) for id, stored in done.items()
    }


def _repeated(stored: list[Row], refused: CommandRefused | None) -> Outcome:
    if refused is None:
        return Outcome(stored, replayed=True)
    return Outcome(
        stored,
        replayed=True,
        code=refused.code,
        detail=refused.detail,
        facts=dict(refused.facts),
    )
