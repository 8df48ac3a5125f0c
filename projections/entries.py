"""Entries: what each posted entry can be found by. The entry itself stays in the log.

Found in the order of the log, forwards or backwards. A question that no index serves looks at a
bounded stretch of positions for each page, so a page may hold less than its limit, or nothing,
and still have one that follows.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from domain.catalogue import EVENTS
from domain.entries import EntryPosted
from domain.money import minor_units
from projections.views import Decode, Stored, View

SCANNED_POSITIONS_MAX = 100_000

DDL = """
CREATE TABLE posted_entries (
    position bigint PRIMARY KEY,
    effective_on date NOT NULL,
    journal text COLLATE "C" NOT NULL,
    class text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    reason text COLLATE "C",
    reference text,
    document text,
    source text,
    accounts text[] COLLATE "C" NOT NULL,
    -- In units of their assets, with their decimals.
    amounts numeric[] NOT NULL,
    parties text[] NOT NULL,
    dimensions jsonb[] NOT NULL,
    -- reversal or replacement, where it corrects another.
    correction text COLLATE "C",
    fiscal_year integer NOT NULL,
    voucher_no bigint NOT NULL
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
CREATE INDEX posted_entries_reference ON posted_entries (reference, position)
    WHERE reference IS NOT NULL;
CREATE INDEX posted_entries_class ON posted_entries (class, position)
    WHERE class <> 'ordinary';
-- Each dimension of each leg that has some; amounts in minor units.
CREATE TABLE entry_dimensions (
    name text COLLATE "C" NOT NULL,
    effective_on date NOT NULL,
    position bigint NOT NULL,
    leg integer NOT NULL,
    value text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    is_debit boolean NOT NULL,
    amount numeric NOT NULL,
    functional numeric,
    PRIMARY KEY (name, effective_on, position, leg)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
CREATE INDEX posted_entries_document ON posted_entries (document, position)
    WHERE document IS NOT NULL;
"""

LEFT_OUT = """
p.class = ANY(%(without)s::text[]) AND p.effective_on >= coalesce(%(since)s, '-infinity'::date)
    AND (p.correction IS NULL OR coalesce(%(since)s, '-infinity'::date) <= (
        WITH RECURSIVE corrected AS (
            SELECT p.position, p.effective_on, p.correction
            UNION ALL
            SELECT q.position, q.effective_on, q.correction FROM corrected AS c
            JOIN events AS e ON e.notification_id = c.position
            JOIN events AS o ON o.originator_version = 1 AND o.originator_id
                = (convert_from(e.state, 'UTF8')::json #>> '{payload,corrects}')::uuid
            JOIN posted_entries AS q ON q.position = o.notification_id
            WHERE c.correction IS NOT NULL
        )
        SELECT min(effective_on) FROM corrected
    ))
"""
"""Of `posted_entries AS p`: which entries a report leaves out that is made `without` some classes
from the day `since` on (null: ever). What corrects an entry of an earlier day counts whatever its
class: the balance that was carried forward holds what it corrects."""

VOUCHER = "p.journal || '/' || p.fiscal_year || '/' || p.voucher_no"
"""Of `posted_entries AS p`, as people name it."""

_COPY = (
    "COPY posted_entries (position, effective_on, journal, class, actor, reason, reference,"
    " document, source, accounts, amounts, parties, dimensions, correction, fiscal_year,"
    " voucher_no) FROM STDIN"
)
_COPY_DIMENSIONS = (
    "COPY entry_dimensions (name, effective_on, position, leg, value, account, asset, is_debit,"
    " amount, functional) FROM STDIN"
)


class Leg(Struct, gc=False):
    account: str
    side: str
    amount: str
    asset: str
    functional_amount: str | None = None
    party: str | None = None
    dimensions: dict[str, str] | None = None


class Named(Struct, gc=False):
    """A document, by its number; a source, by its system."""

    number: str | None = None
    system: str | None = None


class Posted(Struct, gc=False):
    effective_on: str
    journal: str
    fiscal_year: int
    voucher_no: int
    legs: list[Leg]
    class_: str = msgspec.field(default="ordinary", name="class")
    reference: str | None = None
    document: Named | None = None
    source: Named | None = None
    correction: str | None = None


class Envelope(Struct, gc=False):
    schema_version: int
    actor: str
    payload: msgspec.Raw
    reason: str | None = None


_envelope = msgspec.json.Decoder(Envelope).decode
_posted = msgspec.json.Decoder(Posted).decode


class EntriesFold:
    """Appends what entries can be found by."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        dimensions: list[tuple[Any, ...]] = []
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for position, state, _ in events:
                envelope = _envelope(state)
                posted = self._posted(envelope, state)
                copy.write_row(_row(position, envelope, posted))
                dimensions += _dimension_rows(position, posted)
        if dimensions:
            with connection.cursor() as cursor, cursor.copy(_COPY_DIMENSIONS) as copy:
                for row in dimensions:
                    copy.write_row(row)

    def _posted(self, envelope: Envelope, state: bytes) -> Posted:
        if envelope.schema_version == EVENTS[EntryPosted]:
            return _posted(envelope.payload)
        return msgspec.convert(msgspec.to_builtins(self._decode(state).payload), Posted)


def _row(position: int, envelope: Envelope, posted: Posted) -> tuple[Any, ...]:
    legs = posted.legs
    return (
        position,
        posted.effective_on,
        posted.journal,
        posted.class_,
        envelope.actor,
        envelope.reason,
        posted.reference,
        posted.document and posted.document.number,
        posted.source and posted.source.system,
        list(dict.fromkeys(leg.account for leg in legs)),
        # Texts, which PostgreSQL reads as numbers: no float on the way.
        "{" + ",".join(dict.fromkeys(leg.amount for leg in legs)) + "}",
        list(dict.fromkeys(leg.party for leg in legs if leg.party is not None)),
        [Jsonb(leg.dimensions) for leg in legs if leg.dimensions],
        posted.correction,
        posted.fiscal_year,
        posted.voucher_no,
    )


def _dimension_rows(position: int, posted: Posted) -> Iterator[tuple[Any, ...]]:
    for number, leg in enumerate(posted.legs, start=1):
        for name, value in (leg.dimensions or {}).items():
            worth = leg.functional_amount
            yield (
                name,
                posted.effective_on,
                position,
                number,
                value,
                leg.account,
                leg.asset,
                leg.side == "debit",
                minor_units(leg.amount),
                None if worth is None else minor_units(worth),
            )


class Wanted(NamedTuple):
    """Which entries; None: any. `account` names one or, as a branch, all below it too; one leg has
    all `dimensions`."""

    account: str | None = None
    from_: date | None = None
    to: date | None = None
    min_amount: str | None = None
    max_amount: str | None = None
    reference: str | None = None
    document: str | None = None
    actor: str | None = None
    reason: str | None = None
    class_: str | None = None
    journal: str | None = None
    source: str | None = None
    party: str | None = None
    dimensions: dict[str, str] | None = None
    text: str | None = None


class Found(NamedTuple):
    """Positions in the order of the log; `more`: whether there may be some beyond `scanned_to`, in
    the direction that was asked."""

    positions: list[int]
    scanned_to: int
    more: bool


_CONDITIONS = {
    "account": "EXISTS (SELECT FROM unnest(p.accounts) AS a (code) WHERE code = %(account)s"
    " OR (code > %(account)s || ':' AND code < %(account)s || ';'))",
    "from_": "p.effective_on >= %(from_)s",
    "to": "p.effective_on <= %(to)s",
    "min_amount": "EXISTS (SELECT FROM unnest(p.amounts) AS a (amount)"
    " WHERE amount >= %(min_amount)s::numeric)",
    "max_amount": "EXISTS (SELECT FROM unnest(p.amounts) AS a (amount)"
    " WHERE amount <= %(max_amount)s::numeric)",
    "reference": "p.reference = %(reference)s",
    "document": "p.document = %(document)s",
    "actor": "p.actor = %(actor)s",
    "reason": "p.reason = %(reason)s",
    "class_": "p.class = %(class_)s",
    "journal": "p.journal = %(journal)s",
    "source": "p.source = %(source)s",
    "party": "%(party)s = ANY (p.parties)",
    "dimensions": "%(dimensions)s::jsonb <@ ANY (p.dimensions)",
    "text": "EXISTS (SELECT FROM private AS t WHERE t.position = p.position AND position("
    "lower(%(text)s) in lower(convert_from(t.body, 'UTF8')::jsonb ->> 'narrative')) > 0)",
}
_INDEXED = {"reference", "document"}


def find_entries(
    connection: Connection[Any],
    wanted: Wanted,
    *,
    known: int,
    after: int | None = None,
    before: int | None = None,
    limit: int,
) -> Found:
    """Returns up to `limit` entries that were posted up to the position `known`.

    The first ones above `after`, or the last ones below `before`; from the start without both.
    """
    given = {name: value for name, value in wanted._asdict().items() if value is not None}
    scans = not _INDEXED & given.keys()
    backwards = before is not None
    start = min(before or 0, known + 1) if backwards else (after or 0)
    if {"min_amount", "max_amount"} <= given.keys():
        given["amounts"] = None
    end = _end(start, known=known, backwards=backwards, scans=scans)
    if wanted.dimensions is not None:
        given["dimensions"] = Jsonb(wanted.dimensions)
    conditions = [_CONDITIONS[name] for name in given if name in _CONDITIONS]
    if "amounts" in given:
        # The same leg has to be within both bounds.
        conditions.append(
            "EXISTS (SELECT FROM unnest(p.amounts) AS a (amount)"
            " WHERE amount BETWEEN %(min_amount)s::numeric AND %(max_amount)s::numeric)"
        )
    low, high = (end - 1, start) if backwards else (start, end + 1)
    where = " AND ".join(["p.position > %(low)s", "p.position < %(high)s", *conditions])
    rows = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            f"SELECT p.position FROM posted_entries AS p WHERE {where} ORDER BY p.position"  # noqa: S608 -- this file's words
            f" {'DESC' if backwards else 'ASC'} LIMIT %(limit)s",
            {**given, "low": low, "high": high, "limit": limit + 1},
        )
        .fetchall()
    )
    positions = [int(row[0]) for row in rows[:limit]]
    if len(rows) > limit:
        return Found(sorted(positions), positions[-1], more=True)
    more = end > 1 if backwards else end < known
    return Found(sorted(positions), end, more=more)


def _end(start: int, *, known: int, backwards: bool, scans: bool) -> int:
    """The last position to look at, included."""
    stretch = SCANNED_POSITIONS_MAX if scans else known + 1
    return max(1, start - stretch) if backwards else min(known, start + stretch)


ENTRIES = View(
    name="entries",
    shape=4,
    topics=(EntryPosted.__name__,),
    tables=("posted_entries", "entry_dimensions"),
    ddl=DDL,
    new_fold=EntriesFold,
)
