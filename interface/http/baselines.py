"""Baselines as answers show them."""

from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from application.records import SHAPES
from domain.baselines import BaselineSet
from interface.http.errors import invalid
from interface.http.pages import Page, asked_page, is_position, page_of


def baseline_shown(id: str, event: BaselineSet) -> dict[str, Any]:
    """Returns a version of a baseline, from the event that recorded it."""
    return {
        "id": id,
        "account": event.account,
        "dimension": event.dimension,
        "asset": event.asset,
        "unit_amount": event.unit_amount,
        "units": event.units,
        "from": event.from_,
        "to": event.to,
        "version": event.version,
        "source": event.source,
        "approver": event.approver,
        "reference": event.reference,
    }


def read_baselines(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    """Returns a page of all versions of baselines, in the order of the log.

    Raises Problem (invalid_request).
    """
    after, limit = asked_page(query)
    if after and not is_position(after):
        raise invalid({"cursor": ["Is no `next` of this list."]})
    rows = connection.execute(
        "SELECT e.state FROM baselines AS b"
        " JOIN events AS e ON e.originator_id = b.id::uuid AND e.originator_version = 1"
        " WHERE e.notification_id > %(after)s AND (%(account)s::text IS NULL"
        " OR convert_from(b.document, 'UTF8')::jsonb ->> 'account' = %(account)s)"
        " ORDER BY e.notification_id LIMIT %(limit)s",
        {"after": int(after or 0), "account": query.get("account"), "limit": limit + 1},
    ).fetchall()
    records = [SHAPES.decode(row["state"]) for row in rows]
    items = [
        {
            **baseline_shown(record.stream, record.payload),
            "author": record.actor,
            "position": record.position,
            "recorded_at": record.recorded_at,
        }
        for record in records
    ]
    return page_of([str(record.position) for record in records], items, limit)
