"""The read models held against a fold of their own, written apart from the projections.

A view may be behind the head: it is held to what it showed when the verification began. What it
shows since is verified the next time.
"""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.shapes import Envelope
from interface.evidence.view_entries import EntryRows, ItemRows, RefusalRows
from interface.evidence.view_holds import HoldRows
from interface.evidence.view_lines import LineRows
from interface.evidence.view_tables import Appended


class Shown(NamedTuple):
    """Up to which position a view shows; `build` counts how often it was made anew."""

    position: int
    build: int


NOWHERE = Shown(-1, 0)
"""Of a view that is not installed."""


class Views:
    """What follows for the views of one ledger, compared while records pass.

    Requires that the ledger's schema is first in search_path, now and later.
    """

    def __init__(self, connection: Connection[DictRow]) -> None:
        # As `moment_text` has moments.
        connection.execute("SET timezone TO 'UTC'")
        connection.execute("SET datestyle TO 'ISO'")
        # The rows of some pages are put in order in memory.
        connection.execute("SET work_mem TO '16MB'")
        self.shown = _read_shown(connection)
        """How each view stood when it began."""
        self._to = {name: shown.position for name, shown in self.shown.items()}
        self._lines = LineRows(shown=self._to["lines"])
        self._entries = EntryRows(shown=self._to["entries"])
        self._items = ItemRows(shown=self._to["items"])
        self._holds = HoldRows(shown=self._to["holds"])
        self._refusals = RefusalRows(shown=self._to["refusals"])
        self._tables = {
            "lines": self._lines.tables,
            "entries": self._entries.tables,
            "items": self._items.tables,
            "holds": self._holds.tables,
            "refusals": self._refusals.tables,
        }
        for name, tables in self._tables.items():
            _check_tracked(connection, name, [table.name for table in tables], self.shown[name])
        for table in self._standing():
            table.begin(connection)

    @property
    def positions(self) -> dict[str, int]:
        """Up to where each view is verified."""
        return {name: shown.position for name, shown in self.shown.items() if shown != NOWHERE}

    def close(self) -> None:
        """Gives its files back."""
        self._holds.close()
        for tables in self._tables.values():
            for table in tables:
                table.close()

    def take(self, record: Envelope, fold: Fold) -> None:
        """Works out the rows of a record. Requires that the fold took it in. Raises Divergence."""
        position, shown = record.position, self._to
        if record.type == "EntryPosted":
            entry = fold.entry
            assert entry is not None
            if position <= shown["lines"]:
                self._lines.post(position, entry, fold)
            if position <= shown["entries"]:
                self._entries.post(record, entry, fold)
            if position <= shown["items"]:
                self._items.post(record, entry)
        elif record.type == "CommandRefused":
            if position <= shown["refusals"]:
                self._refusals.refuse(record)
        elif record.type in fold.holds.kinds and shown["holds"] >= 0:
            self._holds.hold(record, fold)

    def compare(self, connection: Connection[DictRow], position: int) -> None:
        """Compares what has passed with the tables, to a position. Raises Divergence."""
        self._holds.spill()
        for table in self._standing():
            table.compare(connection, position)

    def end(self, connection: Connection[DictRow], head: int) -> None:
        """Compares the rest. Requires the snapshot in which the last records were read. Raises
        Divergence."""
        now = _read_shown(connection)
        for name, shown in now.items():
            if shown.position > head:
                raise Divergence(f"the view {name} shows {shown.position}; the log ends at {head}")
            if shown.build != self.shown[name].build:
                raise Divergence(f"the view {name} was made anew meanwhile: verify again")
        for name, tables in self._tables.items():
            if now[name] is not NOWHERE:
                for table in tables:
                    table.end(connection, now[name].position)
        if now["lines"] is not NOWHERE:
            self._lines.end(connection, has_moved=now["lines"] != self.shown["lines"])
        if now["holds"] is not NOWHERE:
            self._holds.end(connection, now["holds"].position)

    def _standing(self) -> list[Appended]:
        """The tables of the views that are installed."""
        return [
            table
            for name, tables in self._tables.items()
            if self.shown[name] is not NOWHERE
            for table in tables
        ]


def _check_tracked(
    connection: Connection[DictRow], view: str, tables: Sequence[str], shown: Shown
) -> None:
    """Requires that a view has its tables, or that there is none. Raises Divergence."""
    for table in tables:
        there = connection.execute("SELECT to_regclass(%s) AS it", [table]).fetchone()
        assert there is not None
        if there["it"] is None and shown is not NOWHERE:
            raise Divergence(f"the view {view} has no table {table}")
        # It may have been made since `shown` was read, and its tracking row with it.
        is_tracked = shown is not NOWHERE or _read_shown(connection)[view] is not NOWHERE
        if there["it"] is not None and not is_tracked:
            raise Divergence(f"the table {table} stands; nothing says up to where {view} shows")


def _read_shown(connection: Connection[DictRow]) -> dict[str, Shown]:
    shown = dict.fromkeys(("lines", "entries", "items", "holds", "refusals"), NOWHERE)
    there = connection.execute("SELECT to_regclass('tracking') IS NOT NULL AS yes").fetchone()
    if there is not None and there["yes"]:
        rows = connection.execute("SELECT application_name, notification_id, build FROM tracking")
        for row in rows:
            if row["application_name"] in shown:
                if shown[row["application_name"]] is not NOWHERE:
                    raise Divergence(f"the view {row['application_name']} has two positions")
                shown[row["application_name"]] = Shown(row["notification_id"], row["build"])
    return shown
