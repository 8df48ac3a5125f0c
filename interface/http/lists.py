"""Lists of entries and of authorizations: found by the views, shown as the log has them."""

from datetime import datetime
from itertools import groupby
from typing import Any

from application.records import SHAPES
from interface.http.authorizations import HISTORY_MAX, authorization_shown
from interface.http.errors import invalid
from interface.http.pages import Page, direction_of, two_way_page
from interface.http.schemas_queries import PAGE_DEFAULT
from interface.http.streams import Stored, read_texts
from interface.http.viewing import Seen, read_records
from projections.entries import Wanted, find_entries
from projections.holds import find_authorizations

Query = dict[str, Any]


def entries_page(seen: Seen, query: Query) -> Page:
    """Returns a page of entries in the order of the log. Raises Problem (invalid_request)."""
    given = {name: query[name] for name in (*Wanted._fields, "dimension") if name in query}
    if (pairs := given.pop("dimension", None)) is not None:
        given["dimensions"] = _named(pairs)
    direction = direction_of(query)
    found = find_entries(
        seen.connection,
        Wanted(**given),
        known=seen.known,
        **direction,
        limit=query.get("limit", PAGE_DEFAULT),
    )
    records = read_records(seen.connection, found.positions)
    items = [records[position].shown() for position in found.positions]
    if "before" in direction:
        first = found.scanned_to if found.more else None
        last: int | None = direction["before"] - 1
    else:
        first = direction["after"] + 1 if direction.get("after") else None
        last = found.scanned_to if found.more else None
    return two_way_page(items, first=first, last=last, position=seen.known)


def _named(pairs: list[str]) -> dict[str, str]:
    dimensions = dict(pair.split("=", 1) for pair in pairs)
    if len(dimensions) < len(pairs):
        raise invalid({"dimension": ["Name each dimension once."]})
    return dimensions


def authorizations_page(seen: Seen, query: Query, *, now: datetime) -> Page:
    """Returns a page of authorizations in the order in which they were opened. Raises Problem
    (invalid_request)."""
    limit = query.get("limit", PAGE_DEFAULT)
    direction = direction_of(query)
    found = find_authorizations(
        seen.connection,
        now=now,
        status=query.get("status"),
        account=query.get("account"),
        **direction,
        limit=limit + 1,
    )
    more = len(found) > limit
    if "before" in direction:
        found = found[-limit:]
        first = found[0][0] if more else None
        last: int | None = direction["before"] - 1
    else:
        found = found[:limit]
        first = direction["after"] + 1 if direction.get("after") else None
        last = found[-1][0] if more else None
    items = _authorizations(seen, [id for _, id in found], now=now)
    return two_way_page(items, first=first, last=last, position=seen.known)


def _authorizations(seen: Seen, ids: list[str], *, now: datetime) -> list[dict[str, Any]]:
    """The authorizations as they were at the position that is shown."""
    rows = seen.connection.execute(
        "SELECT e.state FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS w (id, n)"
        " CROSS JOIN LATERAL ("
        "SELECT originator_version, state FROM events"
        " WHERE originator_id = w.id AND originator_version = 1"
        " UNION (SELECT originator_version, state FROM events WHERE originator_id = w.id"
        " AND notification_id <= %(known)s ORDER BY originator_version DESC LIMIT %(last)s)"
        ") AS e ORDER BY w.n, e.originator_version",
        {"ids": ids, "known": seen.known, "last": HISTORY_MAX},
    ).fetchall()
    stored = [Stored(SHAPES.decode(row["state"]), row["state"]) for row in rows]
    texts = read_texts(seen.connection, stored)
    shown = {
        stream: authorization_shown(list(of_stream), texts, now=now)
        for stream, of_stream in groupby(stored, key=lambda one: one.record.stream)
    }
    return [shown[id] for id in ids]
