"""Bodies about periods: what a client sends, and what it is answered."""

from typing import get_args

from marshmallow import Schema, fields

from domain.closes import ClosePeriod, FilePeriod, ReopenPeriod, SoftClosePeriod
from domain.periods import Status
from interface.http.fields import Choice, Day, Part, Parts, Uuid, Whole, WholeInQuery
from interface.http.schemas import Body
from interface.http.schemas_answers import COUNT, ITEMS_MAX, Receipt, text
from interface.http.schemas_queries import PageQuery

STATUSES = get_args(Status)
YEAR_MAX = 9999


class SoftClosePeriodBody(Body):
    """Only controllers post into the period any more. Periods before it have to be shut."""

    makes = SoftClosePeriod
    target = "period"


class ClosePeriodBody(Body):
    """Nobody posts into the period any more. The worker reads what the books show, at a year's end
    posts the closing entries, and answers: `closed`, or `abandoned` with the reason."""

    makes = ClosePeriod
    target = "period"


class ReopenPeriodBody(Body):
    """A closed period takes two: a controller asks, with a reason; another controller or approver
    sends it too, and it is open, with all that was closed after it. A soft-closed one takes one
    controller."""

    makes = ReopenPeriod
    target = "period"


class FilePeriodBody(Body):
    """Accounts are filed: the closed period, and all before it, are locked for ever."""

    makes = FilePeriod
    target = "period"


class ReopeningShown(Schema):
    """Who asked for it, with which reason."""

    asked_by = text(required=True)
    reason = text(required=True)


class AbandonedShown(Schema):
    """Why the last close came to nothing, and what can be done."""

    why = text(required=True)
    detail = text(required=True)


class CloseShown(Schema):
    """A close that stands on record: its number, the position as known at which it closed, the
    digest of the trial balance there, the closing entries of a year's end."""

    close = Whole(**COUNT)
    position = Whole(**COUNT)
    digest = text(required=True)
    entries = fields.List(Uuid(), required=True)


class PeriodDays(Schema):
    """A month of a fiscal year."""

    period = text(required=True)
    fiscal_year = Whole(**COUNT)
    from_ = Day(data_key="from", required=True)
    to = Day(required=True)
    status = Choice(STATUSES, required=True)
    reopening = Part(ReopeningShown, required=True, allow_none=True)


class PeriodChanged(PeriodDays, Receipt):
    """A period as the command left it."""


class PeriodRead(PeriodDays):
    """A period as it stands; `locked` and what is closed before books began have no closes."""

    closes = Parts(CloseShown, max_length=ITEMS_MAX, required=True)
    abandoned = Part(AbandonedShown, required=True, allow_none=True)
    position = Whole(**COUNT)


class PeriodsPage(Schema):
    """Periods in the order of time, from the year in which books begin to the end of this one."""

    items = Parts(PeriodRead, max_length=ITEMS_MAX, required=True)
    next = text(required=True, allow_none=True)
    position = Whole(**COUNT)


class PeriodsQuery(PageQuery):
    """Which periods."""

    fiscal_year = WholeInQuery(1, YEAR_MAX)
    status = Choice(STATUSES)
