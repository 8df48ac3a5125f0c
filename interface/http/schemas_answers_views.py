"""Bodies of answers that views give: statements and lists; see schemas_answers.py."""

from marshmallow import Schema, fields

from interface.http.fields import (
    SIGNED_AMOUNT,
    Amount,
    Choice,
    Day,
    Flag,
    Moment,
    Parts,
    Uuid,
    Whole,
)
from interface.http.schemas_answers import COUNT, ITEMS_MAX, metadata_shown, text, texts
from interface.http.schemas_answers_postings import Authorization, EntryMade
from interface.http.schemas_postings import CLASSES


class StatementLine(Schema):
    """A leg on the account, and the balance that it leaves in the order of the statement."""

    entry = Uuid(required=True)
    position = Whole(**COUNT)
    recorded_at = Moment(required=True)
    effective_on = Day(required=True)
    value_on = Day(required=True, allow_none=True)
    journal = text(required=True)
    voucher_no = Whole(**COUNT)
    fiscal_year = Whole(**COUNT)
    class_ = Choice(CLASSES, data_key="class", required=True)
    reference = text(required=True, allow_none=True)
    narrative = text(required=True, allow_none=True)
    counter_accounts = texts(required=True)
    party = text(required=True, allow_none=True)
    dimensions = fields.Dict(required=True, allow_none=True)
    corrects = Uuid(required=True, allow_none=True)
    correction = Choice(("reversal", "replacement"), required=True, allow_none=True)
    line = Whole(**COUNT)
    side = Choice(("debit", "credit"), required=True)
    amount = Amount(required=True)
    balance = Amount(pattern=SIGNED_AMOUNT, required=True)


class Statement(Schema):
    """A page of an account's statement. `opening` and `closing` are those of the whole span,
    `before` is the balance in front of the page's first line."""

    account = text(required=True)
    asset = text(required=True)
    basis = Choice(("effective", "booking"), required=True)
    from_ = Day(data_key="from", required=True, allow_none=True)
    to = Day(required=True, allow_none=True)
    normal_side = Choice(("debit", "credit"), required=True)
    opening = Amount(pattern=SIGNED_AMOUNT, required=True)
    before = Amount(pattern=SIGNED_AMOUNT, required=True)
    lines = Parts(StatementLine, max_length=ITEMS_MAX, required=True)
    closing = Amount(pattern=SIGNED_AMOUNT, required=True)
    next = text(required=True, allow_none=True)
    position = Whole(**COUNT)


class TwoWayPage(Schema):
    """A page of a list that goes on in both directions."""

    next = text(required=True, allow_none=True)
    previous = text(required=True, allow_none=True)
    position = Whole(**COUNT)


class EntryListed(EntryMade):
    """An entry with its texts."""

    narrative = text(required=True, allow_none=True)
    metadata = metadata_shown()
    texts_erased = Flag(required=True)
    actor = text(required=True)
    reason = text(required=True, allow_none=True)


class EntriesPage(TwoWayPage):
    """Entries in the order of the log."""

    items = Parts(EntryListed, max_length=ITEMS_MAX, required=True)


class AuthorizationsPage(TwoWayPage):
    """Authorizations in the order in which they were opened."""

    items = Parts(Authorization, max_length=ITEMS_MAX, required=True)


class ReportColumn(Schema):
    """A column of a report; `name` is that of the rows' members."""

    name = text(required=True)
    title = text(required=True)
    kind = Choice(("text", "amount", "day", "number"), required=True)


class Report(Schema):
    """A report, with what was asked for beside these members. Each row has its `kind`: line,
    heading or total."""

    class Meta:
        unknown = "include"  # what was asked for

    report = text(required=True)
    title = text(required=True)
    ledger = text(required=True)
    entity = text(required=True)
    functional_asset = text(required=True)
    known_at = Moment(required=True)
    position = Whole(**COUNT)
    columns = Parts(ReportColumn, max_length=ITEMS_MAX, required=True)
    rows = fields.List(fields.Dict(), required=True)
    totals = fields.Dict(required=True)
    notes = texts(required=True)
