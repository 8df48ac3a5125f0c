"""Bodies of answers about entries and authorizations; see schemas_answers.py."""

from marshmallow import Schema, fields

from domain.commands import REASONS
from interface.http.authorizations import HISTORY_MAX
from interface.http.fields import (
    POSITION_MAX,
    SIGNED_AMOUNT,
    Amount,
    Choice,
    Day,
    Flag,
    Moment,
    Part,
    Parts,
    Text,
    Uuid,
    Whole,
)
from interface.http.schemas_answers import COUNT, ITEMS_MAX, Receipt, metadata_shown, text, texts
from interface.http.schemas_authorizations import NetworkMember
from interface.http.schemas_postings import (
    CLASSES,
    AttachmentMember,
    DocumentMember,
    LegMember,
    LinkMember,
    OriginalMember,
    SourceMember,
)
from interface.http.schemas_rates import RateUsed


class Relief(Schema):
    """What a leg takes off an open item (the number of the line that opened it), at the worth at
    which that came in."""

    line = Whole(**COUNT)
    amount = Amount(required=True)
    functional_amount = Amount(required=True)


class Opening(Schema):
    """What a leg leaves open: an item of its own, or more of the day's (`line`)."""

    amount = Amount(required=True)
    functional_amount = Amount(required=True)
    line = Whole(0, POSITION_MAX)


class Revalued(Schema):
    """What was revalued: debits less credits, and their worth before."""

    balance = Amount(pattern=SIGNED_AMOUNT, required=True)
    functional_amount = Amount(pattern=SIGNED_AMOUNT, required=True)


class Leg(LegMember):
    """A leg as it was posted: a line in its account's passbook. `rate`: by which its worth was
    worked out."""

    line = Whole(**COUNT)
    balance = Amount(pattern=SIGNED_AMOUNT, required=True)
    rate = fields.Nested(RateUsed)
    relieves = fields.List(fields.Nested(Relief))
    opens = fields.Nested(Opening)
    revalues = fields.Nested(Revalued)


MOVEMENTS = ("settlement", "refund", "chargeback", "representment")


class Movement(Schema):
    """What an entry counts as in its authorization, and by how much."""

    kind = Choice(MOVEMENTS, required=True)
    amount = Amount(required=True)


class Entry(Schema):
    """A journal entry."""

    id = Uuid(required=True)
    journal = text(required=True)
    voucher_no = Whole(**COUNT)
    fiscal_year = Whole(**COUNT)
    class_ = Choice(CLASSES, data_key="class", required=True)
    effective_on = Day(required=True)
    legs = Parts(Leg, max_length=ITEMS_MAX, required=True)
    value_on = Day(required=True, allow_none=True)
    reference = text(required=True, allow_none=True)
    document = Part(DocumentMember, required=True, allow_none=True)
    source = Part(SourceMember, required=True, allow_none=True)
    original = Part(OriginalMember, required=True, allow_none=True)
    links = Parts(LinkMember, max_length=ITEMS_MAX, required=True, allow_none=True)
    attachments = Parts(AttachmentMember, max_length=ITEMS_MAX, required=True, allow_none=True)
    authorization = Uuid(required=True, allow_none=True)
    movement = fields.Nested(Movement, required=True, allow_none=True)
    corrects = Uuid(required=True, allow_none=True)
    correction = Choice(("reversal", "replacement"), required=True, allow_none=True)
    relates_to = Day(required=True, allow_none=True)
    prior_period = Flag(required=True)
    reverse_on = Day(required=True, allow_none=True)


class EntryMade(Entry, Receipt):
    """An entry that was posted."""


class Adjustment(EntryMade):
    """The entry that stands in the place of another now, and the one that took that back."""

    reversal = Uuid(required=True)
    replacement = Uuid(required=True)


class Happened(Schema):
    """An event of a thing's stream, without its payload."""

    position = Whole(**COUNT)
    version = Whole(**COUNT)
    type = text(required=True)
    recorded_at = Moment(required=True)
    actor = text(required=True)
    on_behalf_of = text(required=True, allow_none=True)
    reason = Text(40, required=True, allow_none=True, metadata={"examples": list(REASONS)})
    correlation_id = text(required=True, allow_none=True)
    record_sha256 = text(required=True)


class ChainLink(Schema):
    """An entry of a chain of corrections. `stands`: it is what counts now."""

    id = Uuid(required=True)
    correction = Choice(("reversal", "replacement"), required=True, allow_none=True)
    corrects = Uuid(required=True, allow_none=True)
    effective_on = Day(required=True)
    position = Whole(**COUNT)
    recorded_at = Moment(required=True)
    actor = text(required=True)
    reason = Text(40, required=True, allow_none=True)
    stands = Flag(required=True)


class EntryRead(EntryMade):
    """An entry with its texts, what took it back, its events, and all that it was corrected by or
    corrects."""

    narrative = text(required=True, allow_none=True)
    metadata = metadata_shown()
    texts_erased = Flag(required=True)
    actor = text(required=True)
    on_behalf_of = text(required=True, allow_none=True)
    reason = text(required=True, allow_none=True)
    correlation_id = text(required=True, allow_none=True)
    reversed_by = Uuid(required=True, allow_none=True)
    adjusted_by = Uuid(required=True, allow_none=True)
    chain = Parts(ChainLink, max_length=ITEMS_MAX, required=True)
    events = Parts(Happened, max_length=ITEMS_MAX, required=True)


class HistoryLine(Happened):
    """What happened to an authorization, and how that left it."""

    amount = Amount(required=True)
    exceptions = texts(required=True)
    corrects = Uuid(required=True, allow_none=True)
    replacement = Uuid(required=True, allow_none=True)
    restored = Amount(required=True, allow_none=True)
    entry = Uuid(required=True, allow_none=True)
    released = Amount(required=True, allow_none=True)
    reference = text(required=True, allow_none=True)
    narrative = text(required=True, allow_none=True)
    metadata = metadata_shown()
    texts_erased = Flag(required=True)
    status = text(required=True)
    authorized = Amount(required=True)
    settled = Amount(required=True)
    refunded = Amount(required=True)
    charged_back = Amount(required=True)
    represented = Amount(required=True)
    held = Amount(required=True)


class Authorization(Schema):
    """A hold."""

    id = Uuid(required=True)
    status = Choice(
        ("authorized", "partially_settled", "settled", "voided", "released", "expired"),
        required=True,
    )
    closed = Flag(required=True)
    closed_as = Choice(("final", "voided", "released", "expired"), required=True, allow_none=True)
    debit = text(required=True)
    credit = text(required=True)
    asset = text(required=True)
    authorized = Amount(required=True)
    settled = Amount(required=True)
    refunded = Amount(required=True)
    charged_back = Amount(required=True)
    represented = Amount(required=True)
    held = Amount(required=True)
    settlements = Whole(**COUNT)
    ceiling = Amount(required=True)
    over_settle_percent = text(required=True)
    expires_at = Moment(required=True, allow_none=True)
    network = Part(NetworkMember, required=True, allow_none=True)
    reference = text(required=True, allow_none=True)
    entries = texts(required=True)
    history = Parts(HistoryLine, max_length=HISTORY_MAX + 1, required=True)
    history_total = Whole(**COUNT)


class AuthorizationChanged(Authorization, Receipt):
    """A hold as the command left it."""


class Settlement(AuthorizationChanged):
    """A hold as the command left it, and the entry that was posted."""

    entry = Uuid(required=True)
