"""The log read page by page: the records themselves, byte for byte.

A filter that no index serves looks at a bounded stretch of positions for each page, and answers
with what it found there and where to go on. So a page may hold less than its limit, or nothing,
and still have a `next`.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import DictRow

from application.identity import CommandIds
from application.ledgers import Ledgers
from application.repeats import MAX_EVENTS_PER_COMMAND
from domain.accounts import Account
from domain.ledgers import SYSTEM
from interface.http.accounts import read_account
from interface.http.errors import invalid
from interface.http.fields import POSITION_MAX
from interface.http.pages import cursor_of, key_of
from interface.http.schemas_queries import PAGE_DEFAULT, PAGE_MAX
from projections.status import read_shown
from projections.touches import find_touches

SCANNED_POSITIONS_MAX = 50_000
TOUCHES_MAX = PAGE_MAX + 1
"""How many events of an account are looked at for a page: one more than it may hold."""

_quoted = msgspec.json.Encoder().encode


class Envelope(Struct, frozen=True):
    """What filters look at of a record."""

    actor: str
    key_id: str | None = None
    command_id: str | None = None
    correlation_id: str | None = None


_envelope = msgspec.json.Decoder(Envelope).decode


class EventsPage(NamedTuple):
    """Records in the order of their positions, and the position after which to go on, if any."""

    records: list[bytes]
    scanned_to: int | None
    head: int

    def as_json(self) -> bytes:
        """Returns the page as the contract has it, the records as they are."""
        cursor = b"null" if self.scanned_to is None else _quoted(cursor_of(str(self.scanned_to)))
        return b'{"items":[%b],"next":%b,"position":%d}' % (
            b",".join(self.records),
            cursor,
            self.head,
        )


class Events:
    """One question to the log of one ledger, with the query's filters.

    What names few records is found by its index, once; the rest is compared with each record.
    """

    def __init__(self, ledgers: Ledgers, ledger: str, query: dict[str, Any]) -> None:
        self._ledgers = ledgers
        self._ledger = ledger
        self._query = query
        self._conditions: list[str] = []
        self._parameters: dict[str, Any] = {}
        self._is_meant: list[Callable[[Envelope], bool]] = []
        self._scans = False
        self._by_stream()
        self._by_type()
        self._by_member("actor", "on_behalf_of")
        self._by_member("correlation_id", "causation_id")
        self._by_key()
        self._account: Account | None = None

    def first(self, connection: Connection[DictRow]) -> EventsPage:
        """Returns the page that the query asks for. Raises Problem (invalid_request,
        account_not_found)."""
        if (account := self._query.get("account")) is not None:
            self._account = read_account(connection, account)
            self._where("notification_id = ANY(%(touches)s)")
        after = max(self._query.get("from_position", 1), 1) - 1
        if (cursor := self._query.get("cursor")) is not None:
            after = max(after, _position_of(cursor))
        return self.page(connection, after, self._query.get("limit", PAGE_DEFAULT))

    def page(self, connection: Connection[DictRow], after: int, limit: int) -> EventsPage:
        """Returns up to `limit` records at positions above `after`."""
        row = connection.execute("SELECT position FROM head").fetchone()
        assert row is not None
        head: int = row["position"]
        if self._account is not None:
            head = read_shown(connection, "lines", "holds")
        end = min(head, self._query.get("to_position", POSITION_MAX))
        to = min(end, after + SCANNED_POSITIONS_MAX) if self._scans else end
        if self._account is not None:
            to = self._keep_to_account(connection, after, to)
        where = " AND ".join(
            ["notification_id > %(after)s AND notification_id <= %(to)s", *self._conditions]
        )
        rows = connection.execute(
            f"SELECT notification_id, state FROM events WHERE {where}"  # noqa: S608 -- literals of this file
            " ORDER BY notification_id LIMIT %(limit)s",
            {**self._parameters, "after": after, "to": to, "limit": limit + 1},
        ).fetchall()
        records = [row["state"] for row in rows[:limit] if self._means(row["state"])]
        if len(rows) > limit:
            return EventsPage(records, rows[limit - 1]["notification_id"], head)
        return EventsPage(records, to if to < end else None, head)

    def lines(self, page: EventsPage) -> Iterator[bytes]:
        """Yields the first page's records and all that follow it, as NDJSON, a page at a time."""
        limit = self._query.get("limit")
        sent = 0
        while True:
            if page.records:
                yield b"\n".join(page.records) + b"\n"
            sent += len(page.records)
            if page.scanned_to is None or sent == limit:
                return
            left = PAGE_MAX if limit is None else min(PAGE_MAX, limit - sent)
            with self._ledgers.reader(self._ledger) as connection:
                page = self.page(connection, page.scanned_to, left)

    def _keep_to_account(self, connection: Connection[DictRow], after: int, to: int) -> int:
        """Looks at the next events that touched the account, and returns up to where these are
        all."""
        assert self._account is not None
        touches = find_touches(
            connection,
            account=self._account.code,
            stream=self._account.stream,
            after=after,
            to=to,
            limit=TOUCHES_MAX,
        )
        self._parameters["touches"] = touches
        return touches[-1] if len(touches) == TOUCHES_MAX else to

    def _means(self, state: bytes) -> bool:
        if not self._is_meant:
            return True
        envelope = _envelope(state)
        return all(is_meant(envelope) for is_meant in self._is_meant)

    def _by_stream(self) -> None:
        if (stream := self._query.get("stream")) is not None:
            self._where("originator_id = %(stream)s::uuid", stream=stream)

    def _by_type(self) -> None:
        if (type := self._query.get("type")) is not None:
            self._where("topic = %(type)s", type=type)
            self._scans = True

    def _by_member(self, member: str, next_member: str) -> None:
        """The text is looked for in SQL; whether it is the envelope's own is seen here."""
        value = self._query.get(member)
        if value is not None:
            self._where(
                f"position(%({member})s in state) > 0",
                **{
                    member: b'"%b":%b,"%b":'
                    % (member.encode(), _quoted(value), next_member.encode())
                },
            )
            self._is_meant.append(lambda envelope: getattr(envelope, member) == value)
            self._scans = True

    def _by_key(self) -> None:
        """An Idempotency-Key, of the given actor or of whoever used it, or an API key's id."""
        key = self._query.get("key")
        if key is None:
            return
        actor = self._query.get("actor")
        with self._ledgers.reader(SYSTEM) as connection:
            known = connection.execute("SELECT 1 FROM keys WHERE key_id = %s", [key]).fetchone()
            rows = connection.execute("SELECT actor FROM actors").fetchall()
        actors = [SYSTEM, *(row["actor"] for row in rows)] if actor is None else [actor]
        ids = CommandIds(ledger=self._ledger, secret=b"")
        wanted = {ids.command_id(actor=actor, key=key) for actor in actors}
        condition = "notification_id = ANY(%(commands)s)"
        if known is not None:
            condition = f"({condition} OR position(%(key_id)s in state) > 0)"
            self._scans = True
        else:
            self._scans = False
        self._where(
            condition,
            commands=self._positions_of(wanted),
            key_id=b'"key_id":%b,"channel":' % _quoted(key),
        )
        self._is_meant.append(
            lambda envelope: envelope.command_id in wanted or envelope.key_id == key
        )

    def _positions_of(self, command_ids: set[str]) -> list[int]:
        """The positions at which the records of commands may stand: their first ones are known by
        index, the others follow them."""
        with self._ledgers.reader(self._ledger) as connection:
            rows = connection.execute(
                "SELECT notification_id FROM events"
                " WHERE originator_id = ANY(%(ids)s::uuid[]) AND originator_version = 1"
                " UNION ALL"
                " SELECT notification_id FROM events WHERE command_id = ANY(%(ids)s::uuid[])",
                {"ids": list(command_ids)},
            ).fetchall()
        return [
            row["notification_id"] + ahead
            for row in rows
            for ahead in range(MAX_EVENTS_PER_COMMAND)
        ]

    def _where(self, condition: str, **parameters: Any) -> None:
        self._conditions.append(condition)
        self._parameters |= parameters


def _position_of(cursor: str) -> int:
    digits = key_of(cursor)
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
        raise invalid({"cursor": ["Is no `next` of this list."]})
    return min(int(digits), POSITION_MAX)
