"""Bodies of commands that post entries and correct them."""

from domain.commands import REASONS
from domain.corrections import Adjust, Reverse
from domain.entries import Attachment, Document, Link, Original, Post, Source
from domain.legs import LegAsked
from interface.http.fields import (
    POSITION_MAX,
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
from interface.http.schemas import (
    ACCOUNT_CODE_MAX,
    ASSET_CODE_MAX,
    ID_MAX,
    REASON,
    Body,
    Member,
    pairs,
)

LEGS_MAX = 10_000
"""What a body may hold; an entry with more than 100 is refused by the domain (too_many_legs)."""

LINKS_MAX = 100
SHA256 = r"[0-9a-f]{64}"

CLASSES = (
    "ordinary",
    "adjusting",
    "reversing",
    "reclassification",
    "audit_adjustment",
    "revaluation",
    "fx_difference",
    "closing",
    "opening",
)


class LegMember(Member):
    """A leg. Accounts and assets that don't exist are for the domain to miss."""

    makes = LegAsked

    account = Text(ACCOUNT_CODE_MAX, required=True)
    side = Choice(("debit", "credit"), required=True)
    amount = Amount(required=True)
    asset = Text(ASSET_CODE_MAX, required=True)
    functional_amount = Amount(allow_none=True)
    party = Text(ID_MAX, allow_none=True)
    dimensions = pairs(8, ID_MAX, allow_none=True)
    narrative = Text(1000, min_length=0, allow_none=True)
    due_on = Day(allow_none=True)
    matches = Text(ID_MAX, allow_none=True)


class DocumentMember(Member):
    """The paper behind an entry."""

    makes = Document

    type = Text(60, allow_none=True)
    number = Text(ID_MAX, allow_none=True)
    date = Day(allow_none=True)


class SourceMember(Member):
    """Where an imported entry came from."""

    makes = Source

    system = Text(ID_MAX, allow_none=True)
    file = Text(500, allow_none=True)
    sha256 = Text(64, min_length=64, pattern=SHA256, allow_none=True)
    line = Whole(1, POSITION_MAX, allow_none=True)


class OriginalMember(Member):
    """Who entered and approved an imported entry where it came from."""

    makes = Original

    entered_by = Text(ID_MAX, allow_none=True)
    entered_at = Moment(allow_none=True)
    approved_by = Text(ID_MAX, allow_none=True)
    approved_at = Moment(allow_none=True)


class LinkMember(Member):
    """Another entry that this one has to do with."""

    makes = Link

    kind = Text(40, pattern=REASON, required=True)
    entry = Uuid(required=True)


class AttachmentMember(Member):
    """A file, kept elsewhere, by its digest."""

    makes = Attachment

    sha256 = Text(64, min_length=64, pattern=SHA256, required=True)
    media_type = Text(255, allow_none=True)
    name = Text(255, allow_none=True)


class PostBody(Body):
    """An entry: debits = credits for each asset."""

    makes = Post

    legs = Parts(LegMember, min_length=2, max_length=LEGS_MAX, required=True)
    id = Uuid(allow_none=True)
    journal = Text(24, allow_none=True)
    class_ = Choice(CLASSES, data_key="class", allow_none=True)
    effective_on = Day(allow_none=True)
    value_on = Day(allow_none=True)
    document = Part(DocumentMember, allow_none=True)
    source = Part(SourceMember, allow_none=True)
    original = Part(OriginalMember, allow_none=True)
    links = Parts(LinkMember, max_length=LINKS_MAX, allow_none=True)
    attachments = Parts(AttachmentMember, max_length=LINKS_MAX, allow_none=True)


class ReverseBody(Body):
    """Takes an entry back by one with the sides swapped."""

    makes = Reverse
    target = "entry"

    reason = Choice(REASONS, required=True)  # type: ignore[assignment]  # narrower
    effective_on = Day(allow_none=True)
    restore_hold = Flag(allow_none=True)


class AdjustBody(Body):
    """Corrects an entry: a reversal and the right legs, as one."""

    makes = Adjust
    target = "entry"

    reason = Choice(REASONS, required=True)  # type: ignore[assignment]  # narrower
    legs = Parts(LegMember, min_length=2, max_length=LEGS_MAX, required=True)
    effective_on = Day(allow_none=True)
    replacement_effective_on = Day(allow_none=True)
