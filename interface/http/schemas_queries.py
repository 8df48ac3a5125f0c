"""Parameters of query strings. Unknown ones are refused: what is not understood is not ignored."""

from marshmallow import Schema, fields, validate

from interface.http.fields import (
    POSITION_MAX,
    Amount,
    Choice,
    Day,
    DayOrMoment,
    FlagInQuery,
    Text,
    Uuid,
    WholeInQuery,
)
from interface.http.schemas import ACCOUNT_CODE_MAX, ASSET_CODE_MAX, TYPES
from interface.http.schemas_postings import CLASSES
from interface.reports.periods import PERIOD

PAGE_DEFAULT = 100
PAGE_MAX = 1000
TEXT_IN_QUERY_MAX = 255
REFERENCE_MAX = 140
SEGMENTS_MAX = 8
DIMENSIONS_MAX = 8


class ReadQuery(Schema):
    """What every read takes."""

    min_position = WholeInQuery(
        0,
        POSITION_MAX,
        metadata={"description": "Wait up to 5 s until the ledger has reached this position."},
    )


class PageQuery(ReadQuery):
    """What every list takes."""

    limit = WholeInQuery(1, PAGE_MAX, metadata={"default": PAGE_DEFAULT})
    cursor = Text(1000, metadata={"description": "The `next` of the page before."})


class AccountsQuery(PageQuery):
    """Which accounts."""

    prefix = Text(ACCOUNT_CODE_MAX, min_length=0, metadata={"description": "How codes begin."})
    type = Choice(TYPES)
    status = Choice(("open", "frozen", "closed"))


class LimitsQuery(PageQuery):
    """Whose limits."""

    account = Text(ACCOUNT_CODE_MAX)


class KnownQuery(ReadQuery):
    """As known when: at a moment or a position; without one, now."""

    known_at = DayOrMoment(
        metadata={"description": "What was on record at this moment, or at the end of this day."}
    )
    known_position = WholeInQuery(
        0, POSITION_MAX, metadata={"description": "What was on record at this position."}
    )


class BalancesQuery(KnownQuery):
    """Which balances of an account, or of a branch of the chart (`assets:`)."""

    asset = Text(ASSET_CODE_MAX)
    effective_on = Day(metadata={"description": "What counts through this day."})


class StatementQuery(KnownQuery):
    """Which lines of an account; `asset` where it has lines in several."""

    asset = Text(ASSET_CODE_MAX)
    from_ = Day(data_key="from", metadata={"description": "The first day."})
    to = Day(metadata={"description": "The last day."})
    basis = Choice(
        ("effective", "booking"),
        metadata={
            "default": "effective",
            "description": "By effective days; or by booking: in recorded order, by the days of"
            " recording.",
        },
    )
    limit = WholeInQuery(1, PAGE_MAX, metadata={"default": PAGE_DEFAULT})
    cursor = Text(1000, metadata={"description": "The `next` of the page before."})


class ReportQuery(KnownQuery):
    """What reports take; each takes some of it. Days default to the fiscal year up to today."""

    effective_on = Day(metadata={"description": "As of the end of this day."})
    from_ = Day(data_key="from", metadata={"description": "The first effective day."})
    to = Day(metadata={"description": "The last effective day."})
    depth = WholeInQuery(
        1, SEGMENTS_MAX, metadata={"description": "So many segments of accounts' codes."}
    )
    basis = Choice(
        ("unadjusted", "adjusted", "post-closing", "effective", "booking"),
        metadata={
            "description": "Of a trial balance the first three, by default post-closing; of a"
            " statement the last two, by default effective."
        },
    )
    period = Text(
        7,
        min_length=4,
        pattern=PERIOD,
        metadata={
            "description": "The days of a month (`2026-03`) or of the fiscal year that ends in"
            " `2026`, as known when it was closed last; as known now where it is open."
        },
    )
    close = WholeInQuery(
        1, POSITION_MAX, metadata={"description": "As known at this close of the period."}
    )
    against = WholeInQuery(
        1, POSITION_MAX, metadata={"description": "Of a restatement: the later close."}
    )
    asset = Text(ASSET_CODE_MAX)
    account = Text(ACCOUNT_CODE_MAX, metadata={"description": "It, or all below it."})
    dimension = Text(TEXT_IN_QUERY_MAX, metadata={"default": "cost_centre"})


class EntriesQuery(PageQuery):
    """Which entries. A page may hold less than its limit and still have a `next`."""

    account = Text(ACCOUNT_CODE_MAX, metadata={"description": "It, or all below it."})
    from_ = Day(data_key="from", metadata={"description": "The first effective day."})
    to = Day(metadata={"description": "The last effective day."})
    min_amount = Amount(metadata={"description": "Of one of its legs, in units of its asset."})
    max_amount = Amount()
    reference = Text(REFERENCE_MAX)
    document = Text(TEXT_IN_QUERY_MAX, metadata={"description": "Its number."})
    actor = Text(140)
    reason = Text(40)
    class_ = Choice(CLASSES, data_key="class")
    journal = Text(TEXT_IN_QUERY_MAX)
    source = Text(TEXT_IN_QUERY_MAX, metadata={"description": "The system it came from."})
    party = Text(TEXT_IN_QUERY_MAX)
    dimension = fields.List(
        Text(2 * TEXT_IN_QUERY_MAX + 1, pattern="[^=]+=.+"),
        validate=validate.Length(1, DIMENSIONS_MAX),
        metadata={"description": "`cost_centre=101`; given again, the same leg has that one too."},
    )
    text = Text(TEXT_IN_QUERY_MAX, metadata={"description": "Anywhere in its narrative."})


class AuthorizationsQuery(PageQuery):
    """Which authorizations."""

    status = Choice(("authorized", "partially_settled", "settled", "voided", "released", "expired"))
    account = Text(ACCOUNT_CODE_MAX, metadata={"description": "Its debit or its credit."})


class EventsQuery(PageQuery):
    """Which events. In NDJSON there are no pages: without `limit` all come."""

    from_position = WholeInQuery(0, POSITION_MAX)
    to_position = WholeInQuery(0, POSITION_MAX)
    stream = Uuid()
    type = Text(60, pattern=r"[A-Za-z]+")
    actor = Text(140)
    key = Text(255, metadata={"description": "An Idempotency-Key, or the id of an API key."})
    correlation_id = Text(255)
    account = Text(
        ACCOUNT_CODE_MAX,
        metadata={"description": "What touched it: its own life, postings, holds."},
    )


class BatchQuery(Schema):
    """How a batch is taken."""

    atomic = FlagInQuery(metadata={"description": "All commands or none, up to 2,000 of them."})
