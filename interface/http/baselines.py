"""Baselines as answers show them: a version with its figures, and what happened to it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from application.private import PrivateText
from application.records import SHAPES, Record
from domain.baselines import (
    Baseline,
    BaselineApproved,
    BaselineNotFound,
    BaselineSet,
    first_of_month,
)
from domain.money import format_amount
from interface.http.errors import Problem, invalid
from interface.http.pages import Page, asked_page, is_position, page_of
from interface.http.streams import (
    NO_TEXT,
    Stored,
    happened,
    is_erased,
    read_stream,
    read_texts,
    receipt,
)

_decode = msgspec.json.Decoder(Baseline).decode


def baseline_shown(history: Sequence[Record]) -> dict[str, Any]:
    """Returns a version of a baseline, from its events: proposed, and perhaps approved."""
    first, *later = history
    event = first.payload
    assert isinstance(event, BaselineSet)
    approver = event.approver if event.author is None else None
    approved_at = first.recorded_at if event.author is None else None
    for record in later:
        assert isinstance(record.payload, BaselineApproved)
        approver, approved_at = record.payload.approver, record.recorded_at
    return {
        "id": first.stream,
        "account": event.account,
        "dimension": event.dimension,
        "asset": event.asset,
        "unit_amount": event.unit_amount,
        "units": event.units,
        "from": event.from_,
        "to": event.to,
        "version": event.version,
        "source": event.source,
        "author": first.actor,
        "approver": event.approver,
        "status": "proposed" if approver is None else "approved",
        "approved_by": approver,
        "approved_at": approved_at,
        "reference": event.reference,
    }


def read_baseline(connection: Connection[DictRow], id: str) -> dict[str, Any]:
    """Returns a version of a baseline: what each month comes to, and all that happened to it.

    Raises Problem (not_found).
    """
    row = connection.execute("SELECT document FROM baselines WHERE id = %s", [id]).fetchone()
    if row is None:
        raise Problem.of(BaselineNotFound(baseline=id))
    history = read_stream(connection, id)
    texts = read_texts(connection, history)
    shown = baseline_shown([stored.record for stored in history])
    return {
        **shown,
        **_figures(_decode(row["document"])),
        "history": [
            _line(stored, texts.get(stored.record.position, NO_TEXT)) for stored in history
        ],
        **receipt(history[0]),
    }


def _figures(baseline: Baseline) -> dict[str, Any]:
    """What it expects of each month that has units, and of all of them."""
    scale = len(baseline.unit_amount.partition(".")[2])
    expected = {
        month: baseline.expected_minor(first_of_month(month)) for month in sorted(baseline.units)
    }
    return {
        "months": [
            {
                "month": month,
                "units": baseline.units[month],
                "amount": format_amount(minor, scale),
            }
            for month, minor in expected.items()
        ],
        "total": format_amount(sum(expected.values()), scale),
    }


def _line(stored: Stored, said: PrivateText) -> dict[str, Any]:
    event = stored.record.payload
    return {
        **happened(stored),
        "person": event.person,
        "reference": event.reference,
        "narrative": said.narrative,
        "metadata": said.metadata,
        "texts_erased": is_erased(stored.record, said),
    }


def read_baselines(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    """Returns a page of all versions of baselines, in the order in which they were proposed.

    Raises Problem (invalid_request).
    """
    after, limit = asked_page(query)
    if after and not is_position(after):
        raise invalid({"cursor": ["Is no `next` of this list."]})
    rows = connection.execute(
        "SELECT e.state, a.state AS approval FROM baselines AS b"
        " JOIN events AS e ON e.originator_id = b.id::uuid AND e.originator_version = 1"
        " LEFT JOIN events AS a ON a.originator_id = b.id::uuid AND a.originator_version = 2"
        " WHERE e.notification_id > %(after)s AND (%(account)s::text IS NULL"
        " OR convert_from(b.document, 'UTF8')::jsonb ->> 'account' = %(account)s)"
        " AND (%(status)s::text IS NULL OR %(status)s = CASE WHEN a.state IS NULL"
        " AND convert_from(b.document, 'UTF8')::jsonb ? 'author' THEN 'proposed'"
        " ELSE 'approved' END)"
        " ORDER BY e.notification_id LIMIT %(limit)s",
        {
            "after": int(after or 0),
            "account": query.get("account"),
            "status": query.get("status"),
            "limit": limit + 1,
        },
    ).fetchall()
    histories = [
        [SHAPES.decode(state) for state in (row["state"], row["approval"]) if state is not None]
        for row in rows
    ]
    items = [
        {
            **baseline_shown(history),
            "position": history[0].position,
            "recorded_at": history[0].recorded_at,
        }
        for history in histories
    ]
    return page_of([str(history[0].position) for history in histories], items, limit)
