"""Touches: at which positions something happened to an account: to itself, to its balances, to its
holds. Found in the other views' tables; it has none of its own."""

from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

from domain.legs import MAX_LEGS
from projections.lines import PLACES

_TOUCHES = """
SELECT position FROM (
    SELECT l.place / %(places)s AS position FROM line_keys AS k CROSS JOIN LATERAL (
        SELECT place FROM lines
        WHERE key = k.id AND place >= (%(after)s + 1) * %(places)s
            AND place < (%(to)s + 1) * %(places)s
        ORDER BY place LIMIT %(lines)s
    ) AS l WHERE k.account = %(account)s
    UNION
    SELECT p.position FROM assets AS a CROSS JOIN LATERAL (
        SELECT position FROM pending_lines
        WHERE account = %(account)s AND asset = a.code
            AND position > %(after)s AND position <= %(to)s
        ORDER BY position LIMIT %(limit)s
    ) AS p
    UNION
    SELECT notification_id FROM events
    WHERE originator_id = %(stream)s::uuid
        AND notification_id > %(after)s AND notification_id <= %(to)s
) AS touched ORDER BY position LIMIT %(limit)s
"""


def find_touches(
    connection: Connection[Any], *, account: str, stream: str, after: int, to: int, limit: int
) -> list[int]:
    """Returns up to `limit` positions above `after` and up to `to`, in order.

    `stream`: the account's own. Requires that the views show `to`.
    """
    rows = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            _TOUCHES,
            {
                "account": account,
                "stream": stream,
                "after": after,
                "to": to,
                "limit": limit,
                # An entry may have several legs on the account.
                "lines": limit * MAX_LEGS,
                "places": PLACES,
            },
        )
        .fetchall()
    )
    return [int(row[0]) for row in rows]
