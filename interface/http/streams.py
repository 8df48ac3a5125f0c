"""Streams read for an answer: one thing's records, and what they say to everybody."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

from application.outcomes import Outcome
from application.private import PrivateText, decode_body
from application.records import SHAPES, Record

NO_TEXT = PrivateText()
LAST_VERSION = 2**63 - 1

TEXTS = b'"private":"'
"""Stands in every record that came with texts. (A client's own text can't have it: its quotes are
escaped.)"""


class Stored(NamedTuple):
    """A record and its bytes."""

    record: Record
    state: bytes


def stored_of(outcome: Outcome) -> list[Stored]:
    """Returns the records of a command."""
    return [Stored(row.record, row.state) for row in outcome.stored]


def before_of(outcome: Outcome) -> list[Stored] | None:
    """Returns what came before on the hold of a command, None where that is not at hand."""
    if outcome.before is None:
        return None
    return [Stored(SHAPES.decode(state), state) for state in outcome.before]


def receipt(first: Stored) -> dict[str, Any]:
    """Returns what every answer to a write says of its command's first record."""
    record, state = first
    return {
        "position": record.position,
        "recorded_at": record.recorded_at,
        "record_sha256": sha256(state).hexdigest(),
    }


def read_stream(
    connection: Connection[DictRow], stream: str, *, before_version: int = LAST_VERSION
) -> list[Stored]:
    """Returns a stream's records, oldest first. Requires a UUID in its canonical form."""
    rows = connection.execute(
        "SELECT state FROM events WHERE originator_id = %s::uuid"
        " AND originator_version < %s ORDER BY originator_version",
        [stream, before_version],
    )
    return [Stored(SHAPES.decode(row["state"]), row["state"]) for row in rows]


def read_ends(
    connection: Connection[DictRow], stream: str, *, last: int, before_version: int = LAST_VERSION
) -> list[Stored]:
    """Returns a stream's first record and up to `last` of those before a version, oldest first."""
    rows = connection.execute(
        "SELECT state FROM ("
        "(SELECT originator_version, state FROM events"
        " WHERE originator_id = %(stream)s::uuid AND originator_version = 1)"
        " UNION ALL"
        " (SELECT originator_version, state FROM events WHERE originator_id = %(stream)s::uuid"
        " AND originator_version > 1 AND originator_version < %(before)s"
        " ORDER BY originator_version DESC LIMIT %(last)s)"
        ") AS ends ORDER BY originator_version",
        {"stream": stream, "before": before_version, "last": last},
    )
    return [Stored(SHAPES.decode(row["state"]), row["state"]) for row in rows]


def has_texts(stored: Sequence[Stored]) -> bool:
    """True where any of the records came with texts, erased or not."""
    return any(getattr(record.payload, "private", None) is not None for record, _ in stored)


def read_texts(connection: Connection[DictRow], stored: Sequence[Stored]) -> dict[int, PrivateText]:
    """Returns the texts of records that have some which were not erased, by position."""
    positions = [one.record.position for one in stored if has_texts([one])]
    if not positions:
        return {}
    rows = connection.execute(
        "SELECT position, body FROM private WHERE position = ANY(%s)", [positions]
    )
    return {row["position"]: decode_body(row["body"]) for row in rows}


def is_erased(record: Record, said: PrivateText) -> bool:
    """True where a record came with texts and none are left. `said`: NO_TEXT where none are."""
    return said is NO_TEXT and getattr(record.payload, "private", None) is not None


def happened(stored: Stored) -> dict[str, Any]:
    """Returns what a record's envelope says, as a line of a thing's history."""
    record, state = stored
    return {
        "position": record.position,
        "version": record.version,
        "type": record.type,
        "recorded_at": record.recorded_at,
        "actor": record.actor,
        "on_behalf_of": record.on_behalf_of,
        "reason": record.reason,
        "correlation_id": record.correlation_id,
        "record_sha256": sha256(state).hexdigest(),
    }
