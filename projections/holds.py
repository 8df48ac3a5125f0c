"""Holds: the last state of every authorization, and what accounts held for all of them, ever.

`authorization_states` has one row for each, changed with its events. `pending_lines` is
append-only: with each event, the running totals of what is pending on both accounts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.catalogue import EVENTS
from domain.holds import Authorization
from domain.money import minor_units
from projections.views import Decode, Stored, View

DDL = """
CREATE TABLE authorization_states (
    id uuid PRIMARY KEY,
    opened_at_position bigint NOT NULL UNIQUE,
    debit text COLLATE "C" NOT NULL,
    credit text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    held numeric NOT NULL,
    status text COLLATE "C" NOT NULL,
    is_open boolean NOT NULL,
    expires_at timestamptz,
    -- Of the event that closed it.
    closed_at_position bigint
) WITH (fillfactor = 70);
CREATE INDEX authorization_states_debit ON authorization_states (debit, opened_at_position);
CREATE INDEX authorization_states_credit ON authorization_states (credit, opened_at_position);
CREATE INDEX authorization_states_status ON authorization_states (status, opened_at_position);
CREATE TABLE pending_lines (
    account text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    debits numeric NOT NULL,
    credits numeric NOT NULL,
    PRIMARY KEY (account, asset, position)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
"""

_UPSERT = """
INSERT INTO authorization_states
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::numeric[],
    %s::text[], %s::boolean[], %s::timestamptz[], %s::bigint[])
ON CONFLICT (id) DO UPDATE SET held = excluded.held, status = excluded.status,
    is_open = excluded.is_open, expires_at = excluded.expires_at,
    closed_at_position = excluded.closed_at_position
"""


class Hold(Struct):
    """A row of authorization_states."""

    opened_at_position: int
    held: int
    closed_at_position: int | None = None
    state: Authorization | None = None


class Envelope(Struct, gc=False):
    stream: str


_envelope = msgspec.json.Decoder(Envelope).decode

Place = tuple[str, str]
"""An account and an asset."""


class HoldsFold:
    """Changes states and appends pending totals, after reading those that the batch touches."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        read = [
            (position, _envelope(state).stream, self._decode(state).payload.authorization)
            for position, state, _ in events
        ]
        holds = _load_holds(connection, {stream for _, stream, _ in read})
        pending = _load_pending(
            connection,
            {(account, s.asset) for _, _, s in read for account in (s.debit, s.credit)},
        )
        lines: dict[tuple[str, str, int], list[int]] = {}
        for position, stream, state in read:
            hold = holds.setdefault(stream, Hold(position, 0))
            held = minor_units(state.held)
            change, hold.held, hold.state = held - hold.held, held, state
            if state.closed_as is None:
                hold.closed_at_position = None
            elif hold.closed_at_position is None:
                hold.closed_at_position = position
            for account, side in ((state.debit, 0), (state.credit, 1)):
                totals = pending.setdefault((account, state.asset), [0, 0])
                totals[side] += change
                lines[account, state.asset, position] = [*totals]
        _write(connection, holds, lines)


def _load_holds(connection: Connection[Any], ids: set[str]) -> dict[str, Hold]:
    rows = connection.execute(
        "SELECT id::text, opened_at_position, held, closed_at_position FROM authorization_states"
        " WHERE id = ANY(%s::uuid[])",
        [list(ids)],
    ).fetchall()
    return {id: Hold(opened_at, int(held), closed_at) for id, opened_at, held, closed_at in rows}


def _load_pending(connection: Connection[Any], places: set[Place]) -> dict[Place, list[int]]:
    names = list(places)
    rows = connection.execute(
        "SELECT w.account, w.asset, l.debits, l.credits"
        " FROM unnest(%s::text[], %s::text[]) AS w (account, asset)"
        " CROSS JOIN LATERAL (SELECT * FROM pending_lines AS p WHERE p.account = w.account"
        " AND p.asset = w.asset ORDER BY position DESC LIMIT 1) AS l",
        [[account for account, _ in names], [asset for _, asset in names]],
    ).fetchall()
    return {
        (account, asset): [int(debits), int(credits)] for account, asset, debits, credits in rows
    }


def _write(
    connection: Connection[Any],
    holds: dict[str, Hold],
    lines: dict[tuple[str, str, int], list[int]],
) -> None:
    rows = []
    for id, hold in holds.items():
        state = hold.state
        assert state is not None
        is_open = state.closed_as is None
        rows.append(
            (
                id,
                hold.opened_at_position,
                state.debit,
                state.credit,
                state.asset,
                hold.held,
                state.status,
                is_open,
                state.expires_at,
                hold.closed_at_position,
            )
        )
    connection.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
    with connection.cursor() as cursor:
        copying = "COPY pending_lines (account, asset, position, debits, credits) FROM STDIN"
        with cursor.copy(copying) as copy:
            for (account, asset, position), totals in lines.items():
                copy.write_row((account, asset, position, *totals))


def is_about_holds(event: type[Struct]) -> bool:
    """True for events that carry the whole state of an authorization."""
    return any(
        field.name == "authorization" and field.type is Authorization
        for field in msgspec.structs.fields(event)
    )


class Pending(NamedTuple):
    """What accounts held for authorizations, in minor units."""

    account: str
    asset: str
    debits: int
    credits: int


def read_pending(
    connection: Connection[Any],
    *,
    position: int,
    account: str | None = None,
    branch: str | None = None,
    asset: str | None = None,
) -> list[Pending]:
    """Returns what was pending at a position: of an account, of a branch of the chart, of all."""
    where = "true"
    if account is not None:
        where = "account = %(account)s"
    elif branch is not None:
        where = (
            "(account = %(branch)s"
            " OR (account > %(branch)s || ':' AND account < %(branch)s || ';'))"
        )
    if asset is not None:
        where += " AND asset = %(asset)s"
    rows = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT DISTINCT ON (account, asset) account, asset, debits, credits"  # noqa: S608 -- this file's words
            f" FROM pending_lines WHERE position <= %(position)s AND {where}"
            " ORDER BY account, asset, position DESC",
            {"position": position, "account": account, "branch": branch, "asset": asset},
        )
        .fetchall()
    )
    return [Pending(code, unit, int(debits), int(credits)) for code, unit, debits, credits in rows]


def find_authorizations(
    connection: Connection[Any],
    *,
    now: datetime,
    status: str | None = None,
    account: str | None = None,
    after: int | None = None,
    before: int | None = None,
    limit: int,
) -> list[tuple[int, str]]:
    """Returns up to `limit` (position of its first event, id), in the order of the log.

    The first ones above `after`, or the last ones below `before`. One whose time has come before
    `now` counts as expired, swept or not.
    """
    lapsed = "(is_open AND expires_at <= %(now)s AND status = 'authorized')"
    conditions = ["opened_at_position > %(after)s"]
    if before is not None:
        conditions = ["opened_at_position < %(before)s"]
    if status == "expired":
        conditions.append(f"(status = 'expired' OR {lapsed})")
    elif status is not None:
        conditions.append(f"status = %(status)s AND NOT coalesce({lapsed}, false)")
    if account is not None:
        conditions.append("(debit = %(account)s OR credit = %(account)s)")
    rows = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT opened_at_position, id::text FROM authorization_states"  # noqa: S608 -- this file's words
            f" WHERE {' AND '.join(conditions)}"
            f" ORDER BY opened_at_position {'ASC' if before is None else 'DESC'} LIMIT %(limit)s",
            {
                "now": now,
                "status": status,
                "account": account,
                "after": after or 0,
                "before": before,
                "limit": limit,
            },
        )
        .fetchall()
    )
    return sorted((int(position), id) for position, id in rows)


HOLDS = View(
    name="holds",
    shape=2,
    topics=tuple(event.__name__ for event in EVENTS if is_about_holds(event)),
    tables=("authorization_states", "pending_lines"),
    ddl=DDL,
    new_fold=HoldsFold,
)
