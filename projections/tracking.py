"""Tracking: up to which position of its ledger's log each view shows, and whether it stands still.

The row of a view is moved in the transaction that changes the view, so each event counts once,
whatever crashes. It is locked meanwhile: several workers share the views, one that dies is taken
over, and one that lost its connection lost its lock with it and can't write. The table and its
statements are those of the eventsourcing library's tracking recorder, with columns of our own.
"""

from typing import Any, NamedTuple

from eventsourcing.persistence import Tracking as Tracked
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row

TABLE = """
CREATE TABLE IF NOT EXISTS tracking (
    application_name text COLLATE "C" PRIMARY KEY,
    notification_id bigint NOT NULL,
    -- Of the view's tables; another one is made anew.
    shape integer NOT NULL DEFAULT 0,
    -- Counts how often its tables were put in the place of others: what a worker remembers of
    -- them holds for one build.
    build bigint NOT NULL DEFAULT 0,
    stopped_at timestamptz,
    error text
) WITH (fillfactor = 50)
"""


class State(NamedTuple):
    """Of one view. `error`: why it can't process the event after `position`; None: it can."""

    position: int
    build: int
    error: str | None


class Tracking(PostgresTrackingRecorder):
    """The tracking rows of one ledger's views."""

    def __init__(self, schema: str) -> None:
        # Of the datastore only the schema's name is used: sessions are the callers'.
        datastore = PostgresDatastore("", "", "", "", "", schema=schema)
        super().__init__(datastore, tracking_table_name="tracking")

    def take(self, connection: Connection[Any], view: str) -> State | None:
        """Locks a view's row until the transaction ends; None where another worker has it."""
        row = connection.execute(
            "SELECT notification_id, build, error FROM tracking WHERE application_name = %s"
            " FOR UPDATE SKIP LOCKED",
            [view],
        ).fetchone()
        return None if row is None else State(*row)

    def move(self, connection: Connection[Any], view: str, position: int) -> None:
        """Says up to where the view shows now. Requires that the row was taken, and a position
        above the one that it had: the library's statement refuses any other."""
        cursor: Cursor[DictRow] = connection.cursor(row_factory=dict_row)
        self._insert_tracking(cursor, Tracked(view, position))


def read_state(connection: Connection[Any], view: str) -> State:
    """Returns how a view stands. Requires that it is installed."""
    row = connection.execute(
        "SELECT notification_id, build, error FROM tracking WHERE application_name = %s", [view]
    ).fetchone()
    assert row is not None, "a view that is installed is tracked"
    return State(*row)


def stop_view(connection: Connection[Any], view: str, error: str) -> None:
    """Notes that the view can't process its next event. Requires that its row was taken."""
    connection.execute(
        "UPDATE tracking SET error = %s, stopped_at = clock_timestamp()"
        " WHERE application_name = %s",
        [error, view],
    )


def resume_view(connection: Connection[Any], view: str) -> None:
    """Lets a view that stopped try again."""
    connection.execute(
        "UPDATE tracking SET error = NULL, stopped_at = NULL WHERE application_name = %s"
        " AND error IS NOT NULL",
        [view],
    )
