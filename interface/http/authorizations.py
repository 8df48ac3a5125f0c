"""Authorizations as answers show them: folded from their stream."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from psycopg import Connection
from psycopg.rows import DictRow

from application.private import PrivateText
from domain.authorizations import AuthorizationNotFound
from domain.holds import Authorization, AuthorizationOpened, AuthorizationSettled
from interface.http.errors import Problem
from interface.http.streams import (
    NO_TEXT,
    Stored,
    happened,
    read_stream,
    read_texts,
)


def authorization_shown(
    stored: Sequence[Stored], texts: dict[int, PrivateText], *, now: datetime | None = None
) -> dict[str, Any]:
    """Returns an authorization as its records leave it. Requires all of them, the first one first.

    With `now`, one whose time has come is shown expired even before that is on record; `held`
    stays what the accounts still hold for it.
    """
    opened: AuthorizationOpened = stored[0].record.payload
    state: Authorization = stored[-1].record.payload.authorization
    if now is not None and _lapsed(state, now):
        state = replace(state, closed_as="expired")
    entries = [
        record.payload.entry
        for record, _ in stored
        if isinstance(record.payload, AuthorizationSettled)
    ]
    return {
        "id": stored[0].record.stream,
        "status": state.status,
        "closed": state.closed_as is not None,
        "closed_as": state.closed_as,
        "debit": state.debit,
        "credit": state.credit,
        "asset": state.asset,
        "authorized": state.authorized,
        "settled": state.settled,
        "refunded": state.refunded,
        "held": state.held,
        "over_settle_percent": state.over_settle_percent,
        "expires_at": state.expires_at,
        "network": opened.network,
        "reference": opened.reference,
        "entries": entries,
        "history": [_line(one, texts) for one in stored],
    }


def read_authorization(
    connection: Connection[DictRow], authorization: str, *, now: datetime
) -> dict[str, Any]:
    """Returns an authorization. Raises Problem (authorization_not_found)."""
    stored = read_stream(connection, authorization)
    if not stored or not isinstance(stored[0].record.payload, AuthorizationOpened):
        raise Problem.of(AuthorizationNotFound(authorization=authorization))
    return authorization_shown(stored, read_texts(connection, stored), now=now)


def _lapsed(state: Authorization, now: datetime) -> bool:
    return state.closed_as is None and state.expires_at is not None and state.expires_at <= now


def _line(stored: Stored, texts: dict[int, PrivateText]) -> dict[str, Any]:
    event = stored.record.payload
    said = texts.get(stored.record.position, NO_TEXT)
    return {
        **happened(stored),
        "amount": event.amount,
        "entry": getattr(event, "entry", None),
        "released": getattr(event, "released", None),
        "reference": getattr(event, "reference", None),
        "narrative": said.narrative,
        "metadata": said.metadata,
        "status": event.authorization.status,
        "settled": event.authorization.settled,
        "held": event.authorization.held,
    }
