"""Moments: which position was the last one that was recorded at or before a moment.

No table: recorded times rise with positions, and positions have no gap, so it takes some twenty
look-ups in the log itself to halve it down to the one.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import tuple_row

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Nothing is recorded outside of these; beyond, calendars have no next day."""

_SEARCH = """
WITH RECURSIVE search (low, high) AS (
    -- low was recorded before the moment, or is 0; high was not, or is not there.
    SELECT 0::bigint, position + 1 FROM head
    UNION ALL
    SELECT CASE WHEN is_before THEN middle ELSE low END,
        CASE WHEN is_before THEN high ELSE middle END
    FROM search CROSS JOIN LATERAL (
        SELECT notification_id AS middle,
            (convert_from(state, 'UTF8')::json ->> 'recorded_at')::timestamptz < %s AS is_before
        FROM events WHERE notification_id = (low + high) / 2
    ) AS event
    WHERE high - low > 1
)
SELECT low FROM search WHERE high - low = 1
"""


def position_before(connection: Connection[Any], moment: datetime) -> int:
    """Returns the last position that was recorded before the moment; 0 where none was."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(_SEARCH, [moment]).fetchone()
    assert row is not None, "the search ends"
    return int(row[0])


def position_at(connection: Connection[Any], known_at: date | datetime, timezone: str) -> int:
    """Returns the last position that was recorded at or before a moment; a day includes all of
    it in the ledger's time zone."""
    return position_before(connection, end_of(known_at, timezone))


def recorded_at(connection: Connection[Any], position: int) -> datetime:
    """Returns when the event at a position was recorded; FIRST for 0."""
    row = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT (convert_from(state, 'UTF8')::json ->> 'recorded_at')::timestamptz"
            " FROM events WHERE notification_id = %s",
            [position],
        )
        .fetchone()
    )
    moment: datetime = FIRST if row is None else row[0]
    return moment


def end_of(known_at: date | datetime, timezone: str) -> datetime:
    """Returns the first moment after a moment (moments have microseconds) or after a day."""
    if isinstance(known_at, datetime):
        return min(known_at, LAST) + timedelta(microseconds=1)
    return start_of(min(known_at, LAST.date()) + timedelta(days=1), timezone)


def start_of(day: date, timezone: str) -> datetime:
    """Returns the first moment of a day in the ledger's time zone."""
    bounded = min(max(day, FIRST.date()), LAST.date())
    return datetime.combine(bounded, time(), ZoneInfo(timezone))
