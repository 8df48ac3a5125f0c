"""Authorizations as answers show them, from their stream.

Each event carries the state that it leaves, so the first and the last ones are enough: however many
settlements there are, an answer reads and shows a bounded part of its history.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from psycopg import Connection
from psycopg.rows import DictRow

from application.private import PrivateText
from domain.authorizations import AuthorizationNotFound
from domain.holds import Authorization, AuthorizationForceSettled, AuthorizationOpened
from domain.money import format_amount
from interface.http.errors import Problem
from interface.http.streams import NO_TEXT, Stored, happened, is_erased, read_ends, read_texts

HISTORY_MAX = 100
ANSWERED_MAX = 20
"""It is shown with the event that opened it and up to so many of the last ones; a command's answer,
which many wait for, with fewer."""


def authorization_shown(
    stored: Sequence[Stored], texts: dict[int, PrivateText], *, now: datetime | None = None
) -> dict[str, Any]:
    """Returns an authorization as its records leave it. Requires the first and the last ones.

    With `now`, one whose time has come is shown expired even before that is on record; `held`
    stays what the accounts still hold for it.
    """
    opened: AuthorizationOpened | AuthorizationForceSettled = stored[0].record.payload
    state: Authorization = stored[-1].record.payload.authorization
    if now is not None and _lapsed(state, now):
        state = replace(state, closed_as="expired")
    scale = len(state.authorized.partition(".")[2])
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
        "charged_back": state.charged_back,
        "represented": state.represented,
        "held": state.held,
        "settlements": state.settlements,
        "ceiling": format_amount(state.ceiling_minor, scale),
        "over_settle_percent": state.over_settle_percent,
        "expires_at": state.expires_at,
        "network": opened.network,
        "reference": getattr(opened, "reference", None),
        "entries": [entry for one in stored for entry in _entries(one)],
        "history": [_line(one, texts) for one in stored],
        "history_total": stored[-1].record.version,
    }


def read_authorization(
    connection: Connection[DictRow], authorization: str, *, now: datetime
) -> dict[str, Any]:
    """Returns an authorization. Raises Problem (authorization_not_found)."""
    stored = read_history(connection, authorization)
    if not stored or not isinstance(
        stored[0].record.payload, AuthorizationOpened | AuthorizationForceSettled
    ):
        raise Problem.of(AuthorizationNotFound(authorization=authorization))
    return authorization_shown(stored, read_texts(connection, stored), now=now)


def read_history(
    connection: Connection[DictRow], authorization: str, *, up_to: Stored | None = None
) -> list[Stored]:
    """Returns the first and the last records of its stream; with `up_to` as they stood then, so
    that a replay shows what was shown first."""
    if up_to is None:
        return read_ends(connection, authorization, last=HISTORY_MAX)
    version = up_to.record.version
    before = read_ends(connection, authorization, last=ANSWERED_MAX - 1, before_version=version)
    return [*before, up_to]


def _entries(stored: Stored) -> Iterator[str]:
    event = stored.record.payload
    for name in ("entry", "replacement"):
        entry = getattr(event, name, None)
        if entry is not None:
            yield entry


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
        "exceptions": getattr(event, "exceptions", []),
        "corrects": getattr(event, "corrects", None),
        "replacement": getattr(event, "replacement", None),
        "restored": getattr(event, "restored", None),
        "reference": getattr(event, "reference", None),
        "narrative": said.narrative,
        "metadata": said.metadata,
        "texts_erased": is_erased(stored.record, said),
        "status": event.authorization.status,
        "authorized": event.authorization.authorized,
        "settled": event.authorization.settled,
        "refunded": event.authorization.refunded,
        "charged_back": event.authorization.charged_back,
        "represented": event.authorization.represented,
        "held": event.authorization.held,
    }
