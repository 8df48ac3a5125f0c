"""Parameters of query strings. Unknown ones are refused: what is not understood is not ignored."""

from marshmallow import Schema

from interface.http.fields import POSITION_MAX, Choice, FlagInQuery, Text, Uuid, WholeInQuery
from interface.http.schemas import ACCOUNT_CODE_MAX, ASSET_CODE_MAX, TYPES

PAGE_DEFAULT = 100
PAGE_MAX = 1000


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


class BalancesQuery(ReadQuery):
    """Which balances of an account."""

    asset = Text(ASSET_CODE_MAX)


class EventsQuery(PageQuery):
    """Which events. In NDJSON there are no pages: without `limit` all come."""

    from_position = WholeInQuery(0, POSITION_MAX)
    to_position = WholeInQuery(0, POSITION_MAX)
    stream = Uuid()
    type = Text(60, pattern=r"[A-Za-z]+")
    actor = Text(140)
    key = Text(255, metadata={"description": "An Idempotency-Key, or the id of an API key."})
    correlation_id = Text(255)


class BatchQuery(Schema):
    """How a batch is taken."""

    atomic = FlagInQuery(metadata={"description": "All commands or none, up to 2,000 of them."})
