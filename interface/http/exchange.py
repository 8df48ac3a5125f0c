"""Exchange rates and revaluations as answers show them."""

from datetime import date, timedelta
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from application.records import SHAPES
from domain.rates import MAX_AGE_DAYS, Rate, RateRecorded
from domain.revaluations import Revaluation, RevaluationAsked
from interface.http.errors import invalid
from interface.http.pages import Page, asked_page, page_of

_decode_rate = msgspec.json.Decoder(Rate).decode
_decode_revaluation = msgspec.json.Decoder(Revaluation).decode


def rate_shown(stream: str, event: RateRecorded) -> dict[str, Any]:
    """Returns a rate as it was recorded."""
    return {
        "id": stream,
        "base": event.base,
        "quote": event.quote,
        "kind": event.kind,
        "rate": event.rate,
        "effective_on": event.effective_on,
        "source": event.source,
        "replaces": event.replaces,
    }


def revaluation_shown(id: str, state: Revaluation) -> dict[str, Any]:
    """Returns a revaluation."""
    return {
        "id": id,
        "effective_on": state.effective_on,
        "status": state.status,
        "known_position": state.known_position,
        "entries": state.entries,
        "code": state.code,
        "detail": state.detail,
    }


def asked_for(id: str, event: RevaluationAsked) -> dict[str, Any]:
    """Returns a revaluation as it was when it was asked for."""
    return revaluation_shown(id, Revaluation(effective_on=event.effective_on))


def read_rates(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    """Returns a page of rates, by base, quote, kind and day; where `on` is given, of each kind the
    one that is used then. Raises Problem (invalid_request)."""
    if "on" in query:
        return _used_on(connection, query)
    after, size = asked_page(query)
    rows = connection.execute(
        "SELECT *, concat_ws(' ', base, quote, kind, effective_on::text) AS key FROM rates"
        " WHERE base = coalesce(%(base)s, base) AND quote = coalesce(%(quote)s, quote)"
        " AND kind = coalesce(%(kind)s, kind)"
        " AND effective_on BETWEEN %(from)s AND %(to)s"
        " AND (base, quote, kind, effective_on) > (%(a)s, %(b)s, %(c)s, %(d)s::date)"
        " ORDER BY base, quote, kind, effective_on LIMIT %(size)s",
        {
            "base": query.get("base"),
            "quote": query.get("quote"),
            "kind": query.get("kind"),
            "from": query.get("from_", date.min),
            "to": query.get("to", date.max),
            **_key(after),
            "size": size + 1,
        },
    ).fetchall()
    return page_of([row["key"] for row in rows], _rates(connection, rows), size)


def read_revaluations(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    """Returns a page of revaluations, by day. Raises Problem (invalid_request)."""
    after, size = asked_page(query)
    day, _, id = after.partition(" ")
    rows = connection.execute(
        "SELECT id::text, effective_on::text, document FROM revaluations"
        ' WHERE (effective_on::text COLLATE "C", id::text COLLATE "C") > (%s, %s)'
        " AND coalesce(convert_from(document, 'UTF8')::json ->> 'status', 'asked')"
        " = coalesce(%s, convert_from(document, 'UTF8')::json ->> 'status', 'asked')"
        ' ORDER BY effective_on::text COLLATE "C", id::text COLLATE "C" LIMIT %s',
        [day, id, query.get("status"), size + 1],
    ).fetchall()
    items = [revaluation_shown(row["id"], _decode_revaluation(row["document"])) for row in rows]
    return page_of([f"{row['effective_on']} {row['id']}" for row in rows], items, size)


def _used_on(connection: Connection[DictRow], query: dict[str, Any]) -> Page:
    on: date = query["on"]
    base, quote = query.get("base"), query.get("quote")
    if base is None or quote is None:
        raise invalid({"on": ["Takes base and quote."]})
    first = on - timedelta(days=min(MAX_AGE_DAYS, (on - date.min).days))
    rows = connection.execute(
        "SELECT DISTINCT ON (kind) * FROM rates WHERE effective_on BETWEEN %(first)s AND %(on)s"
        " AND ((base = %(base)s AND quote = %(quote)s) OR (base = %(quote)s AND quote = %(base)s))"
        " AND kind = coalesce(%(kind)s, kind)"
        " ORDER BY kind, effective_on DESC, base = %(base)s DESC",
        {"first": first, "on": on, "base": base, "quote": quote, "kind": query.get("kind")},
    ).fetchall()
    return {"items": _rates(connection, rows), "next": None}


def _rates(connection: Connection[DictRow], rows: list[DictRow]) -> list[dict[str, Any]]:
    states = [_decode_rate(row["document"]) for row in rows]
    recorded: dict[str, list[dict[str, Any]]] = {}
    for event in connection.execute(
        "SELECT state FROM events WHERE originator_id = ANY(%s::uuid[])"
        " ORDER BY originator_id, originator_version",
        [[state.stream for state in states]],
    ):
        record = SHAPES.decode(event["state"])
        fact = {
            "version": record.version,
            "rate": record.payload.rate,
            "source": record.payload.source,
            "position": record.position,
            "recorded_at": record.recorded_at,
        }
        recorded.setdefault(record.stream, []).append(fact)
    return [
        _rate(row, state, recorded[state.stream]) for row, state in zip(rows, states, strict=True)
    ]


def _rate(row: DictRow, state: Rate, facts: list[dict[str, Any]]) -> dict[str, Any]:
    *earlier, now = facts
    return {
        "id": state.stream,
        "base": row["base"],
        "quote": row["quote"],
        "kind": row["kind"],
        "effective_on": row["effective_on"],
        **now,
        "earlier": earlier,
    }


def _key(after: str) -> dict[str, str]:
    parts = after.split(" ") if after else ["", "", "", "0001-01-01"]
    try:
        base, quote, kind, day = parts
        date.fromisoformat(day)
    except ValueError as error:
        raise invalid({"cursor": ["Is no `next` of this list."]}) from error
    return {"a": base, "b": quote, "c": kind, "d": day}
