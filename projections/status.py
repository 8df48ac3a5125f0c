"""How the views stand: up to where each shows, how far that is behind, and which stopped, why."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, tuple_row

WHAT_TO_DO = (
    "Nothing is lost: the log has all events, and the other views go on. Upgrade where a later"
    " version says that it can process this event, and restart the worker: it tries again. If the"
    " view itself is damaged, `backoffice projections rebuild NAME` makes it anew."
)


class ViewStatus(NamedTuple):
    """`lag_seconds`: the age of the oldest event that the view does not show; 0 for none.
    `stopped_at_position`: the event that it can't process."""

    view: str
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    stopped_at: datetime | None
    stopped_at_position: int | None
    error: str | None


_STATUS = """
SELECT t.application_name AS view, t.notification_id AS position, h.position AS head,
    h.position - t.notification_id AS lag_events,
    greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (
        SELECT (convert_from(e.state, 'UTF8')::json ->> 'recorded_at')::timestamptz
        FROM events AS e WHERE e.notification_id = t.notification_id + 1
    )), 0))::float8 AS lag_seconds,
    t.stopped_at,
    CASE WHEN t.error IS NOT NULL THEN t.notification_id + 1 END AS stopped_at_position, t.error
FROM tracking AS t CROSS JOIN head AS h
WHERE t.shape > 0 ORDER BY 1
"""


def read_status(connection: Connection[Any]) -> list[ViewStatus]:
    """Returns the status of each view of the ledger that the search path names, by name."""
    with connection.cursor(row_factory=class_row(ViewStatus)) as cursor:
        return cursor.execute(_STATUS).fetchall()


def read_shown(connection: Connection[Any], *views: str) -> int:
    """Returns up to which position all of these views show."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        "SELECT min(notification_id) FROM tracking WHERE application_name = ANY(%s)", [list(views)]
    ).fetchone()
    assert row is not None
    position: int = row[0]
    return position
