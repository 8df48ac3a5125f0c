"""Reading views: what they show at one position, in one snapshot, however many questions it takes.

An answer shows what was known at a position: the one that was asked for, or the last that all views
it is made from show. A view that has not come so far is waited for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from application.ledgers import read_position
from application.permissions import READ_LEDGER
from application.private import PrivateText
from application.records import SHAPES
from domain.assets import Asset
from domain.ledgers import Ledger
from interface.http.admission import Guest, check_may_read
from interface.http.door import Door, snapshot
from interface.http.entries import entry_shown
from interface.http.errors import invalid
from interface.http.streams import NO_TEXT, Stored, is_erased, read_texts, receipt
from interface.http.targets import named_ledger
from projections.moments import position_at
from projections.status import read_shown

_decode_ledger = msgspec.json.Decoder(Ledger).decode
_decode_asset = msgspec.json.Decoder(Asset).decode


class Seen(NamedTuple):
    """One snapshot of a ledger's views. `known`: the position that the answer is as of."""

    connection: Connection[DictRow]
    ledger: Ledger
    known: int


@contextmanager
def viewing(
    door: Door,
    guest: Guest,
    ledger: str,
    query: dict[str, Any],
    *views: str,
    roles: frozenset[str] = READ_LEDGER,
    what: str = "a ledger",
    seconds: int | None = None,
) -> Iterator[Seen]:
    """Gives a snapshot in which the views show what the query asks for; `seconds`: how long a
    statement may take, where the usual is not enough.

    Raises Problem (forbidden, behind, invalid_request), LedgerNotFound.
    """
    check_may_read(guest, roles, what)
    named_ledger(ledger)
    with door.ledgers.reader(ledger) as connection:
        asked = _asked(connection, query)
    needed = max(query.get("min_position") or 0, asked or 0)
    if needed:
        door.wait(
            lambda timeout: door.ledgers.wait_until(
                ledger, lambda connection: read_shown(connection, *views) >= needed, timeout
            )
        )
    with (
        door.ledgers.reader(ledger) as connection,
        snapshot(connection, views=views, seconds=seconds),
    ):
        shown = read_shown(connection, *views)
        known = shown if asked is None else min(asked, shown)
        yield Seen(connection, read_own(connection), known)


def read_own(connection: Connection[DictRow]) -> Ledger:
    """Returns the ledger itself."""
    row = connection.execute("SELECT document FROM ledger").fetchone()
    assert row is not None, "a listed ledger was created"
    return _decode_ledger(row["document"])


def _asked(connection: Connection[DictRow], query: dict[str, Any]) -> int | None:
    """The position that the query names, by itself or by a moment; None where it names none."""
    known_at: date | datetime | None = query.get("known_at")
    known_position: int | None = query.get("known_position")
    if known_at is None:
        if known_position is None:
            return None
        return min(known_position, read_position(connection))
    if known_position is not None:
        raise invalid({"known_at": ["Give either a moment or a position."]})
    return position_at(connection, known_at, read_own(connection).timezone)


# -- what stands beside the views


class EntryRecord(NamedTuple):
    """The record of a posted entry, and its texts."""

    stored: Stored
    texts: PrivateText

    def shown(self) -> dict[str, Any]:
        """Returns the entry as a list shows it."""
        legs: list[dict[str, Any]] = msgspec.to_builtins(self.stored.record.payload.legs)
        for leg, narrative in zip(legs, self.texts.legs or (), strict=False):
            if narrative is not None:
                leg["narrative"] = narrative
        return {
            **entry_shown(self.stored),
            "legs": legs,
            "narrative": self.texts.narrative,
            "metadata": self.texts.metadata,
            "texts_erased": is_erased(self.stored.record, self.texts),
            "actor": self.stored.record.actor,
            "reason": self.stored.record.reason,
            **receipt(self.stored),
        }


def read_records(
    connection: Connection[DictRow], positions: Sequence[int]
) -> dict[int, EntryRecord]:
    """Returns the records of entries and their texts, by position."""
    rows = connection.execute(
        "SELECT state FROM events WHERE notification_id = ANY(%s)", [list(set(positions))]
    ).fetchall()
    stored = [Stored(SHAPES.decode(row["state"]), row["state"]) for row in rows]
    texts = read_texts(connection, stored)
    return {
        one.record.position: EntryRecord(one, texts.get(one.record.position, NO_TEXT))
        for one in stored
    }


def read_asset_states(connection: Connection[DictRow]) -> dict[str, Asset]:
    """Returns all assets by code."""
    rows = connection.execute("SELECT code, document FROM assets").fetchall()
    return {row["code"]: _decode_asset(row["document"]) for row in rows}
