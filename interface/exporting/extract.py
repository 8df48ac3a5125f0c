"""What an export is made from: a ledger's books at one position, some effective days of them.

The position is fixed first. What stands up to it in the log and in the views never changes, so
entries are read in batches: memory stays flat, and no transaction stays open while a file is
written. Private texts are read with them: one that is erased meanwhile is not exported.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Connection
from psycopg.rows import tuple_row

from application.private import PrivateText, decode_body
from application.records import SHAPES, Record
from domain.accounts import Account
from domain.calendar import fiscal_year, month_of
from domain.entries import EntryPosted
from domain.journals import Journal
from domain.ledgers import Ledger
from domain.legs import Leg
from domain.rates import RateRecorded
from interface.http.door import snapshot
from interface.reports.making import known_source
from projections.balance_sheet import first_of_year
from projections.balances import Past, read_past
from projections.moments import recorded_at
from projections.report import Source, Span

VIEWS = ("lines", "entries", "items")
"""What must show the position."""

ENTRIES_A_READ = 1_000
LISTED_MAX = 20
"""Legs without a value that are named; whoever sees so many knows what to do."""

NO_TEXT = PrivateText()

Advance = Callable[[int], None]

_ENTRIES = """
SELECT e.state, t.body, r.state AS taken_back
FROM posted_entries AS p JOIN events AS e ON e.notification_id = p.position
LEFT JOIN private AS t ON %(with_texts)s AND t.position = p.position
LEFT JOIN events AS r ON r.originator_id = e.originator_id AND r.originator_version = 2
    AND r.topic IN ('EntryReversed', 'EntryAdjusted') AND r.notification_id <= %(known)s
WHERE p.position > %(after)s AND p.position <= %(known)s
    AND p.effective_on BETWEEN %(from_)s AND %(to)s
    AND (%(journal)s::text IS NULL OR p.journal = %(journal)s)
    AND (%(only)s::text[] IS NULL OR p.class = ANY(%(only)s))
    AND p.class <> ALL(%(without)s)
ORDER BY p.position LIMIT %(limit)s
"""

_decode_journal = msgspec.json.Decoder(Journal).decode


class ExportIncomplete(Exception):
    """The ledger lacks what a format needs. Nothing was written; `missing` says what to add."""

    code = "export_incomplete"

    def __init__(self, missing: Collection[str]) -> None:
        super().__init__("The ledger lacks what the format needs: " + "; ".join(missing))
        self.missing = list(missing)


class Entry(NamedTuple):
    """A posted entry. `reversal`: the entry that took it back, as known at the position."""

    record: Record
    texts: PrivateText
    reversal: str | None

    @property
    def posted(self) -> EntryPosted:
        event = self.record.payload
        assert isinstance(event, EntryPosted)
        return event

    @property
    def id(self) -> str:
        return self.record.stream

    @property
    def voucher(self) -> str:
        """Its number in the books: `GEN/2026/17`."""
        posted = self.posted
        return f"{posted.journal}/{posted.fiscal_year}/{posted.voucher_no}"

    @property
    def legs(self) -> Iterator[tuple[int, Leg, str | None]]:
        """Its legs with their numbers, from 1, and their narratives."""
        narratives = self.texts.legs or ()
        for number, leg in enumerate(self.posted.legs, start=1):
            yield number, leg, narratives[number - 1] if number <= len(narratives) else None


class Price(NamedTuple):
    """How many units of `quote` one unit of `base` is worth on a day."""

    day: date
    base: str
    quote: str
    rate: str


class Extract(NamedTuple):
    """`span`: the effective days. `with_texts`: narratives and metadata are read too. `contact`:
    who answers questions about a file, where its format names somebody."""

    source: Source
    journals: Mapping[str, Journal]
    span: Span
    with_texts: bool
    known_at: datetime
    advance: Advance
    contact: str | None = None

    @property
    def ledger(self) -> Ledger:
        return self.source.ledger

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.ledger.timezone)

    @property
    def last_day(self) -> date:
        """The last day of the span of which anything can be known at the position; the first one of
        a span of which nothing can."""
        return min(self.span.to, max(self.span.from_, self.source.known_on))

    @property
    def begins_later(self) -> bool:
        """True where days before the span are left out: their balances open the file."""
        return self.span.from_ > date.min

    def entries(
        self,
        *,
        journal: str | None = None,
        only: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> Iterator[Entry]:
        """Yields the entries of the span in the order of the log: of a journal, of some classes."""
        given: dict[str, Any] = {
            "with_texts": self.with_texts,
            "known": self.source.known,
            **self.span._asdict(),
            "journal": journal,
            "only": None if only is None else list(only),
            "without": list(without),
            "limit": ENTRIES_A_READ,
        }
        after = 0
        with self.source.connection.cursor(row_factory=tuple_row) as cursor:
            while rows := cursor.execute(_ENTRIES, {**given, "after": after}).fetchall():
                for state, body, taken_back in rows:
                    entry = _entry(state, body, taken_back)
                    after = entry.record.position
                    yield entry
                self.advance(after)

    def opening(self) -> list[Past]:
        """Returns the balances on the eve of the span, none where nothing comes before it."""
        if not self.begins_later:
            return []
        return self.balances(self.span.from_ - timedelta(days=1))

    def closing(self) -> list[Past]:
        """Returns the balances at the end of the span."""
        return self.balances(self.span.to)

    def balances(self, through: date) -> list[Past]:
        """Returns the balances at the end of a day, by account and asset."""
        source = self.source
        # An export may take too long for one snapshot; these are questions that belong together.
        with snapshot(source.connection, views=["lines"]):
            return read_past(
                source.connection, position=source.known, effective_on=source.through(through)
            )

    def functional_balances(self, balances: Iterable[Past]) -> dict[str, int]:
        """Returns debits less credits in the functional asset, by account."""
        sums: dict[str, int] = {}
        for one in balances:
            sums[one.account] = sums.get(one.account, 0) + one.functional
        return sums

    def unvalued(self, *, without: Collection[str] = ()) -> Iterator[str]:
        """Yields what is missing where a leg has no worth in the functional asset."""
        functional = self.ledger.functional_asset
        for entry in self.entries(without=without):
            for number, leg, _ in entry.legs:
                if leg.asset != functional and leg.functional_amount is None:
                    yield f"a functional amount for leg {number} of {entry.voucher} ({entry.id})"

    def prices(self) -> list[Price]:
        """Returns the closing and spot rates of the span's days as known at the position, one a day
        and pair: the closing rate where there is one, corrections in place of what they correct."""
        states = (
            self.source.connection.cursor(row_factory=tuple_row)
            .execute(
                "SELECT state FROM events WHERE topic = %s AND notification_id <= %s"
                " ORDER BY notification_id",
                [RateRecorded.__name__, self.source.known],
            )
            .fetchall()
        )
        found: dict[str, dict[tuple[date, str, str], str]] = {"spot": {}, "closing": {}}
        for (state,) in states:
            fact = SHAPES.decode(bytes(state)).payload
            if fact.kind in found and self.span.from_ <= fact.effective_on <= self.span.to:
                found[fact.kind][fact.effective_on, fact.base, fact.quote] = fact.rate
        return [
            Price(*key, rate) for key, rate in sorted((found["spot"] | found["closing"]).items())
        ]

    def first_day(self) -> date:
        """Returns the day that nothing of the span is earlier than: its first, or that of the first
        entry of all."""
        if self.begins_later:
            return self.span.from_
        row = (
            self.source.connection.cursor(row_factory=tuple_row)
            .execute(
                "SELECT min(effective_on) FROM posted_entries WHERE position <= %s",
                [self.source.known],
            )
            .fetchone()
        )
        assert row is not None
        return min(row[0] or self.last_day, self.last_day)

    def accounts_used(self) -> list[Account]:
        """Returns, by code, the accounts that have lines at the position."""
        used = {one.account for one in self.balances(date.max)}
        return [self.source.accounts[code] for code in sorted(used)]

    def functional(self, minor: int) -> str:
        """Returns an amount in units of the functional asset."""
        return self.source.shown(minor)


def _entry(state: bytes, body: bytes | None, taken_back: bytes | None) -> Entry:
    reversal = None if taken_back is None else SHAPES.decode(bytes(taken_back)).payload.reversal
    texts = NO_TEXT if body is None else decode_body(bytes(body))
    return Entry(SHAPES.decode(bytes(state)), texts, reversal)


def take_extract(
    connection: Connection[Any],
    *,
    ledger: Ledger,
    known: int,
    span: Span,
    with_texts: bool,
    advance: Advance,
) -> Extract:
    """Returns what there is to export of some days as known at a position. Requires that VIEWS
    show the position."""
    cursor = connection.cursor(row_factory=tuple_row)
    journals = cursor.execute("SELECT code, document FROM journals ORDER BY code").fetchall()
    return Extract(
        known_source(connection, ledger=ledger, known=known),
        {code: _decode_journal(document) for code, document in journals},
        span,
        with_texts,
        recorded_at(connection, known),
        advance,
    )


def fiscal_span(day: date, start: str) -> Span:
    """Returns the fiscal year that a day is in."""
    first = first_of_year(day, start=start)
    next_first = first_of_year(first + timedelta(days=370), start=start)
    return Span(first, next_first - timedelta(days=1))


def period_of(day: date, *, start: str) -> tuple[int, int]:
    """Returns the fiscal year of a day and the number of its month in it: 1 begins with the fiscal
    year."""
    begins_in = int(month_of(day, start=start).name[5:])
    return fiscal_year(day, start=start), (begins_in - int(start[:2])) % 12 + 1
