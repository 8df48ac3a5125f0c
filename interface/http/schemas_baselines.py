"""Bodies about baselines: what a client sends, and what it is answered."""

from typing import Any

from marshmallow import Schema, fields

from domain.baselines import ApproveBaseline, SetBaseline, first_of_month, last_of_month
from interface.http.fields import (
    AMOUNT,
    POSITION_MAX,
    Amount,
    Choice,
    Day,
    Flag,
    Moment,
    Pairs,
    Parts,
    Text,
    Uuid,
    Whole,
)
from interface.http.schemas import ACCOUNT_CODE_MAX, ASSET_CODE_MAX, ID_MAX, NAME_MAX, Body, Errors
from interface.http.schemas_answers import COUNT, ITEMS_MAX, Receipt, metadata_shown, text
from interface.http.schemas_answers_postings import Happened
from interface.http.schemas_queries import PageQuery

MONTHS_MAX = 240
DIMENSIONS_MAX = 8
HISTORY_MAX = 2
"""It is proposed, and approved once."""

STATUSES = ("proposed", "approved")
MONTH = r"[1-9][0-9]{3}-(0[1-9]|1[0-2])"


class Units(Pairs):
    """Units by month; a whole number may come as one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_pairs=MONTHS_MAX,
            name=Text(7, min_length=7, pattern=MONTH),
            value=Text(30, pattern=AMOUNT),
            rule=lambda units: None if units else "Names a month at least.",
            **kwargs,
        )

    def read(self, value: Any) -> dict[str, str]:
        if isinstance(value, dict):
            value = {
                month: str(units) if type(units) is int and 0 <= units <= POSITION_MAX else units
                for month, units in value.items()
            }
        return super().read(value)


class SetBaselineBody(Body):
    """Proposes a baseline: units by month at a unit amount, on an account, perhaps on dimensions of
    its lines. It counts once another person has approved it, and replaces earlier ones of the same
    account and dimensions in its months."""

    makes = SetBaseline

    account = Text(ACCOUNT_CODE_MAX, required=True, metadata={"description": "It, and all below."})
    dimension = Pairs(max_pairs=DIMENSIONS_MAX, name=Text(60), value=Text(ID_MAX), allow_none=True)
    unit_amount = Amount(required=True)
    asset = Text(ASSET_CODE_MAX, allow_none=True, metadata={"description": "The functional asset."})
    units = Units(required=True, metadata={"example": {"2025-01": "2", "2025-02": "1"}})
    from_ = Day(
        data_key="from", allow_none=True, metadata={"description": "The first day of a month."}
    )
    to = Day(allow_none=True, metadata={"description": "The last day of a month."})
    source = Text(NAME_MAX, required=True, metadata={"description": "Where the figures come from."})
    version = Whole(
        1,
        POSITION_MAX,
        allow_none=True,
        metadata={"description": "Above the last one; the next one without it."},
    )
    approver = Text(
        ID_MAX,
        allow_none=True,
        metadata={"description": "Who alone may approve it; without it any other person may."},
    )

    @staticmethod
    def rule(command: SetBaseline) -> Errors | None:
        """Months are whole, and within the span."""
        first, last = first_of_month(min(command.units)), last_of_month(max(command.units))
        wrong: Errors = {}
        if command.from_ is not None:
            if command.from_.day != 1:
                wrong["from"] = ["Takes the first day of a month."]
            elif command.from_ > first:
                wrong["units"] = ["Has a month before `from`."]
        if command.to is not None:
            if command.to != last_of_month(command.to.isoformat()[:7]):
                wrong["to"] = ["Takes the last day of a month."]
            elif command.to < last:
                wrong["units"] = ["Has a month after `to`."]
        return wrong or None


class ApproveBaselineBody(Body):
    """Approves a baseline that another person proposed: from now on it counts."""

    makes = ApproveBaseline
    target = "baseline"


class BaselineShown(Schema):
    """A version of a baseline: who proposed it, who was asked to approve it, and who did."""

    id = Uuid(required=True)
    account = text(required=True)
    dimension = fields.Dict(required=True, allow_none=True)
    asset = text(required=True)
    unit_amount = Amount(required=True)
    units = fields.Dict(required=True)
    from_ = Day(data_key="from", required=True)
    to = Day(required=True)
    version = Whole(**COUNT)
    source = text(required=True)
    author = text(required=True)
    approver = text(required=True, allow_none=True)
    status = Choice(STATUSES, required=True)
    approved_by = text(required=True, allow_none=True)
    approved_at = Moment(required=True, allow_none=True)
    reference = text(required=True, allow_none=True)


class BaselineMade(BaselineShown, Receipt):
    """A version of a baseline as the command recorded it."""


class BaselineRead(BaselineShown):
    """A version of a baseline, and when it was proposed."""

    position = Whole(**COUNT)
    recorded_at = Moment(required=True)


class MonthShown(Schema):
    """What it expects of a month: units at the unit amount."""

    month = text(required=True)
    units = text(required=True)
    amount = Amount(required=True)


class BaselineLine(Happened):
    """What happened to it; `person` answers for the actor, where that is a service."""

    person = text(required=True, allow_none=True)
    reference = text(required=True, allow_none=True)
    narrative = text(required=True, allow_none=True)
    metadata = metadata_shown()
    texts_erased = Flag(required=True)


class BaselineOne(BaselineMade):
    """A version of a baseline with its figures, and all that happened to it."""

    months = Parts(MonthShown, max_length=MONTHS_MAX, required=True)
    total = Amount(required=True)
    history = Parts(BaselineLine, max_length=HISTORY_MAX, required=True)


class BaselinesPage(Schema):
    """Baselines in the order of the log."""

    items = Parts(BaselineRead, max_length=ITEMS_MAX, required=True)
    next = text(required=True, allow_none=True)
    position = Whole(**COUNT)


class BaselinesQuery(PageQuery):
    """Whose baselines."""

    account = Text(ACCOUNT_CODE_MAX)
    status = Choice(STATUSES)
