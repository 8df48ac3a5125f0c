"""Bodies and answers about exchange rates and revaluations."""

from marshmallow import Schema, fields

from domain.rates import RecordRate
from domain.revaluations import Revalue
from interface.http.fields import POSITION_MAX, Choice, Day, Moment, Text, Uuid, Whole
from interface.http.schemas import ASSET_CODE, ASSET_CODE_MAX, ID_MAX, Body, Errors
from interface.http.schemas_answers import COUNT, ITEMS_MAX, Receipt, text
from interface.http.schemas_queries import PageQuery

KINDS = ("spot", "closing", "average")
STATUSES = ("asked", "posted", "abandoned")
RATE = r"[0-9]{1,12}(\.[0-9]{1,12})?"
RATE_MAX = 25


class RecordRateBody(Body):
    """How many units of `quote` one unit of `base` is worth on a day. Recorded again for the same
    day, it is a correction: the old rate stays known."""

    makes = RecordRate

    base = Text(ASSET_CODE_MAX, required=True)
    quote = Text(ASSET_CODE_MAX, required=True)
    rate = Text(RATE_MAX, pattern=RATE, required=True)
    kind = Choice(KINDS, allow_none=True)
    effective_on = Day(allow_none=True)
    source = Text(ID_MAX, allow_none=True)

    @staticmethod
    def rule(command: RecordRate) -> Errors | None:
        """An asset has no rate in itself."""
        if command.base == command.quote:
            return {"quote": ["Is the base."]}
        return None


class RevalueBody(Body):
    """Asks for the revaluation of monetary accounts in foreign assets at a day's closing rates. The
    worker posts it, and takes it back on the next day."""

    makes = Revalue

    effective_on = Day(required=True)


class RatesQuery(PageQuery):
    """Which rates; `on`: those that are used on a day, of a pair, either way round."""

    base = Text(ASSET_CODE_MAX, pattern=ASSET_CODE)
    quote = Text(ASSET_CODE_MAX, pattern=ASSET_CODE)
    kind = Choice(KINDS)
    from_ = Day(data_key="from", metadata={"description": "The first day."})
    to = Day(metadata={"description": "The last day."})
    on = Day(metadata={"description": "What is used on this day; takes base and quote."})


class RevaluationsQuery(PageQuery):
    """Which revaluations."""

    status = Choice(STATUSES)


class RateMembers(Schema):
    """How many units of `quote` one of `base` is worth."""

    base = text(required=True)
    quote = text(required=True)
    kind = Choice(KINDS, required=True)
    rate = Text(RATE_MAX, pattern=RATE, required=True)
    effective_on = Day(required=True)


class RateUsed(RateMembers):
    """The rate by which something was valued."""

    source = text()


class RateChanged(RateMembers, Receipt):
    """A rate that was recorded; `replaces`: what was known of the day before."""

    id = Uuid(required=True)
    source = text(required=True, allow_none=True)
    replaces = text(required=True, allow_none=True)


class RateFact(Schema):
    """What was said of a day: the n-th time is version n."""

    version = Whole(1, POSITION_MAX, required=True)
    rate = Text(RATE_MAX, pattern=RATE, required=True)
    source = text(required=True, allow_none=True)
    position = Whole(**COUNT)
    recorded_at = Moment(required=True)


class RateRead(RateMembers, RateFact):
    """A rate as it is known now; `earlier`: what was said of the day before, the oldest first."""

    id = Uuid(required=True)
    earlier = fields.List(fields.Nested(RateFact), required=True)


class RatesPage(Schema):
    """Rates by base, quote, kind and day."""

    items = fields.List(fields.Nested(RateRead), required=True)
    next = text(required=True, allow_none=True)
    position = Whole(**COUNT)


class RevaluationMembers(Schema):
    """A revaluation: asked for, posted (perhaps nothing differed), or abandoned with the refusal's
    code."""

    id = Uuid(required=True)
    effective_on = Day(required=True)
    status = Choice(STATUSES, required=True)
    known_position = Whole(0, POSITION_MAX, required=True, allow_none=True)
    entries = fields.List(Uuid(), required=True, metadata={"maxItems": ITEMS_MAX})
    code = text(required=True, allow_none=True)
    detail = text(required=True, allow_none=True)


class RevaluationChanged(RevaluationMembers, Receipt):
    """A revaluation that was asked for."""


class RevaluationsPage(Schema):
    """Revaluations, by day."""

    items = fields.List(fields.Nested(RevaluationMembers), required=True)
    next = text(required=True, allow_none=True)
    position = Whole(**COUNT)
