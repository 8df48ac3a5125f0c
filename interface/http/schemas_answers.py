"""Bodies of answers. Nothing is dumped through these: they say in OpenAPI what the views build, and
the contract tests hold the answers against them.
"""

from typing import Any

from marshmallow import Schema, fields

from interface.http.errors import STATUS
from interface.http.fields import (
    POSITION_MAX,
    SIGNED_AMOUNT,
    Amount,
    Choice,
    Day,
    Flag,
    Moment,
    Pairs,
    Part,
    Parts,
    Text,
    Uuid,
    Whole,
)
from interface.http.schemas import (
    CASH_FLOWS,
    METADATA_MAX_PAIRS,
    PURPOSES,
    TYPES,
    EntityMember,
    pairs,
)
from interface.http.schemas_stops import PERS

TEXT_MAX = 10_000
ITEMS_MAX = 1_000_000

COUNT: dict[str, Any] = {"minimum": 0, "maximum": POSITION_MAX, "required": True}


def text(**kwargs: Any) -> Text:
    """Returns a field for text that the service wrote."""
    return Text(TEXT_MAX, min_length=0, **kwargs)


def texts(**kwargs: Any) -> fields.List[Any]:
    """Returns a field for a list of texts."""
    return fields.List(text(), **kwargs)


def metadata_shown() -> Pairs:
    """Returns a field for the metadata that a command came with."""
    return Pairs(
        max_pairs=METADATA_MAX_PAIRS, name=text(), value=text(), required=True, allow_none=True
    )


class Receipt(Schema):
    """Where and when the command's first event was recorded, and its record's digest."""

    position = Whole(**COUNT)
    recorded_at = Moment(required=True)
    record_sha256 = text(required=True)


class Problem(Schema):
    """What the service answers when it does not do what was asked (RFC 9457)."""

    class Meta:
        unknown = "include"  # the facts

    type = text(required=True)
    title = text(required=True)
    status = Whole(400, 599, required=True)
    detail = text(required=True)
    code = Choice(STATUS, required=True)
    errors = fields.Dict(metadata={"description": "What is wrong, by field."})
    position = Whole(0, POSITION_MAX)
    recorded_at = Moment()
    record_sha256 = text()


class Judgement(Schema):
    """What a command with `validate_only` would be answered now: what it would come to, or the
    problem, whose `status` is what it would be. `position`: of the log when it was judged."""

    class Meta:
        unknown = "include"  # the members of the answer

    validate_only = Flag(required=True)
    position = Whole(**COUNT)


class Ledger(Schema):
    """A legal entity's book."""

    id = text(required=True)
    name = text(required=True)
    functional_asset = text(required=True)
    timezone = text(required=True)
    fiscal_year_start = text(required=True)
    entity = Part(EntityMember, required=True, allow_none=True)
    locked_through = Day(required=True, allow_none=True)
    closed_through = Day(required=True, allow_none=True)
    position = Whole(**COUNT)


class LedgerMade(Ledger, Receipt):
    """A ledger that was made."""


class BooksLocked(Receipt):
    """No entry is dated on or before `through` any more."""

    through = Day(required=True)
    before = Day(required=True, allow_none=True)


class Asset(Schema):
    """What is counted."""

    code = text(required=True)
    scale = Whole(0, 12, required=True)
    kind = Choice(("currency", "security", "unit"), required=True)


class AssetMade(Asset, Receipt):
    """An asset that was registered."""


class Journal(Schema):
    """Where entries are numbered."""

    code = text(required=True)
    name = text(required=True)


class JournalMade(Journal, Receipt):
    """A journal that was opened."""


class Freeze(Schema):
    """A stop that stands."""

    freeze_id = Uuid(required=True)
    scope = Choice(("all", "debits", "credits"), required=True)
    basis = Choice(("administrative", "legal"), required=True)
    amount = Amount(required=True, allow_none=True)
    authority_reference = text(required=True, allow_none=True)


class LimitBounds(Schema):
    """A limit that stands: an amount, a number of times, or both."""

    limit_id = Uuid(required=True)
    per = Choice(PERS, required=True)
    asset = text(required=True)
    amount = Amount(required=True, allow_none=True)
    count = Whole(0, POSITION_MAX, required=True, allow_none=True)


class AccountStated(Receipt):
    """What was put on record of an account in an asset: the running number of its last line, and
    the balance."""

    account = text(required=True)
    asset = text(required=True)
    lines = Whole(**COUNT)
    balance = Amount(pattern=SIGNED_AMOUNT, required=True)


class LimitChanged(LimitBounds, Receipt):
    """A limit as the command left it; lifted: it has neither amount nor count."""

    account = text(required=True)


class Used(Schema):
    """What was taken of a limit in a period."""

    amount = Amount(required=True)
    count = Whole(**COUNT)


class LimitRead(LimitBounds):
    """A limit and what was taken of it in the period that began on `starts_on`."""

    account = text(required=True)
    starts_on = Day(required=True, allow_none=True)
    used = Part(Used, required=True, allow_none=True)


class Account(Schema):
    """A place in the chart. `version` counts the events of its own stream: its ETag."""

    code = text(required=True)
    type = Choice(TYPES, required=True)
    name = text(required=True)
    asset = text(required=True, allow_none=True)
    floor = Amount(pattern=SIGNED_AMOUNT, required=True, allow_none=True)
    contra = Flag(required=True)
    normal_side = Choice(("debit", "credit"), required=True)
    postable = Flag(required=True)
    number = text(required=True, allow_none=True)
    purpose = Choice(PURPOSES, required=True, allow_none=True)
    monetary = Flag(required=True, allow_none=True)
    cash_flow = Choice(CASH_FLOWS, required=True, allow_none=True)
    current = Flag(required=True, allow_none=True)
    statement_line = text(required=True, allow_none=True)
    statutory_codes = pairs(ITEMS_MAX, TEXT_MAX, required=True, allow_none=True)
    owner = text(required=True, allow_none=True)
    status = Choice(("open", "frozen", "closed"), required=True)
    freezes = Parts(Freeze, max_length=ITEMS_MAX, required=True)
    limits = Parts(LimitBounds, max_length=ITEMS_MAX, required=True)
    version = Whole(**COUNT)


class AccountChanged(Account, Receipt):
    """An account as the command left it."""


class AccountStopped(AccountChanged):
    """An account as a freeze, or its end, left it."""

    freeze_id = Uuid(required=True)


class Posted(Schema):
    """Totals of what was posted; the balance is positive on the account's normal side."""

    debits = Amount(required=True)
    credits = Amount(required=True)
    balance = Amount(pattern=SIGNED_AMOUNT, required=True)


class Pending(Schema):
    """Totals of what is held."""

    debits = Amount(required=True)
    credits = Amount(required=True)


class Balance(Schema):
    """What an account holds of one asset. `liens`: what freezes keep of it. `lines`:
    the running number of its last leg."""

    asset = text(required=True)
    posted = Part(Posted, required=True)
    pending = Part(Pending, required=True)
    liens = Amount(required=True)
    available = Amount(pattern=SIGNED_AMOUNT, required=True)
    lines = Whole(**COUNT)


class Balances(Schema):
    """What an account holds, as of a position. `version` counts all that ever touched it, or all
    below it; null as known earlier than now. The other members come with past balances, and those
    of a branch of the chart."""

    items = Parts(Balance, max_length=ITEMS_MAX, required=True)
    version = Whole(**COUNT, allow_none=True)
    normal_side = Choice(("debit", "credit"))
    accounts = Whole(0, POSITION_MAX)
    effective_on = Day(allow_none=True)
    position = Whole(**COUNT)


class BatchResult(Schema):
    """What became of one command of a batch."""

    class Meta:
        unknown = "include"  # the facts of a refusal

    status = Choice(("done", "replayed", "refused"), required=True)
    id = Uuid()
    position = Whole(0, POSITION_MAX)
    entry = text()
    validate_only = Flag()
    code = Choice(STATUS)
    detail = text()
    errors = fields.Dict()


class BatchAnswer(Schema):
    """What became of each command, in order; `position` is that of the last record of any."""

    position = Whole(**COUNT)
    results = Parts(BatchResult, max_length=ITEMS_MAX, required=True)


class Record(Schema):
    """A record of the log, as it is stored."""

    format = Whole(**COUNT)
    ledger = text(required=True)
    incarnation = Whole(**COUNT)
    position = Whole(**COUNT)
    stream = Uuid(required=True)
    version = Whole(**COUNT)
    type = text(required=True)
    schema_version = Whole(**COUNT)
    recorded_at = Moment(required=True)
    actor = text(required=True)
    on_behalf_of = text(required=True, allow_none=True)
    key_id = text(required=True, allow_none=True)
    channel = Choice(("http", "cli", "import", "worker"), required=True)
    software_version = text(required=True)
    command_id = Uuid(required=True, allow_none=True)
    command_digest = text(required=True, allow_none=True)
    correlation_id = text(required=True, allow_none=True)
    causation_id = text(required=True, allow_none=True)
    reason = text(required=True, allow_none=True)
    payload = fields.Dict(required=True)


def page(item: type[Schema], name: str, **more: Any) -> type[Schema]:
    """Returns the schema of a list of items, a page at a time."""
    members = {
        "__doc__": "A page of a list. `next` is the cursor of the page after it, or null.",
        "items": Parts(item, max_length=ITEMS_MAX, required=True),
        "next": text(required=True, allow_none=True),
    }
    return type(name, (Schema,), {**members, **more})


LedgersPage = page(Ledger, "LedgersPage")
AssetsPage = page(Asset, "AssetsPage", position=Whole(**COUNT))
JournalsPage = page(Journal, "JournalsPage", position=Whole(**COUNT))
AccountsPage = page(Account, "AccountsPage", position=Whole(**COUNT))
LimitsPage = page(LimitRead, "LimitsPage", position=Whole(**COUNT))
EventsPage = page(Record, "EventsPage", position=Whole(**COUNT))
