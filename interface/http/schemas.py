"""Bodies of commands about ledgers, assets, journals, accounts and periods.

The one definition of what a body may hold: marshmallow judges by it, OpenAPI is written from it,
loading.py derives the fast decoder from it. Each class says which command it makes; a command
about one thing has that thing's name in the path (`target`), and in a batch as a member.
"""

from datetime import date
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

import msgspec
from marshmallow import Schema, ValidationError, post_load

from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.assets import RegisterAsset
from domain.commands import Command, Comparison, Condition
from domain.journals import OpenJournal
from domain.ledgers import SYSTEM, CreateLedger, Entity, LockBooks
from domain.statements import StateAccount
from interface.http.fields import (
    POSITION_MAX,
    SIGNED_AMOUNT,
    Amount,
    Choice,
    Day,
    Flag,
    Pairs,
    Part,
    Parts,
    Text,
    Whole,
)

Errors = dict[str, list[str]]

NAME_MAX = 200
ID_MAX = 140
"""Of ids that other systems gave: parties, references, persons."""

METADATA_MAX_PAIRS = 32
METADATA_MAX_BYTES = 4096
CONDITIONS_MAX = 100

LEDGER_ID = r"[a-z][a-z0-9_]{0,30}"
ASSET_CODE = r"[A-Z][A-Z0-9'._-]{0,23}"
JOURNAL_CODE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,23}"
ACCOUNT_CODE = r"[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+){0,7}"
ACCOUNT_CODE_MAX = 120
ASSET_CODE_MAX = 24
PERIOD = r"[12][0-9]{3}-(0[1-9]|1[0-2])"
REASON = r"[a-z][a-z0-9_]{0,39}"

TYPES = ("asset", "liability", "equity", "revenue", "expense")
PURPOSES = (
    "cash",
    "bank",
    "physical_currency",
    "suspense",
    "conversion",
    "control",
    "retained_earnings",
    "client_money",
    "fx_difference",
    "fx_unrealised",
)
CASH_FLOWS = ("operating", "investing", "financing")


def metadata_rule(metadata: dict[str, str]) -> str | None:
    """Says that metadata is larger than 4 KiB of names and texts in UTF-8."""
    size = sum(len(name.encode()) + len(text.encode()) for name, text in metadata.items())
    return None if size <= METADATA_MAX_BYTES else f"Takes up to {METADATA_MAX_BYTES} bytes."


def ledger_rule(id: str) -> str | None:
    """Says that an id is taken by the service itself."""
    return "Is reserved." if id == SYSTEM else None


@cache
def timezones() -> frozenset[str]:
    """Returns the names of the IANA database, without the machine's own `localtime`."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def timezone_rule(name: str) -> str | None:
    """Says that the IANA database has no such timezone."""
    return None if name in timezones() else "Is no IANA timezone."


def year_start_rule(day: str) -> str | None:
    """Says that not every year has the day."""
    try:
        msgspec.convert(f"2001-{day}", date)
    except msgspec.ValidationError:
        return "Is no day that every year has."
    return None


def pairs(max_pairs: int, max_length: int, **kwargs: Any) -> Pairs:
    """Returns a field for so many names and texts of so many characters."""
    return Pairs(max_pairs=max_pairs, name=Text(60), value=Text(max_length), **kwargs)


class Member(Schema):
    """An object within a body: becomes the domain's Struct."""

    makes: ClassVar[type[msgspec.Struct]]

    @post_load
    def make(self, members: dict[str, Any], **_: Any) -> msgspec.Struct:
        """Returns the Struct of checked members."""
        member = self.makes(**members)
        if wrong := self.rule(member):
            raise ValidationError(wrong)
        return member

    @staticmethod
    def rule(member: Any) -> str | None:  # noqa: ARG004 -- of those that have one
        """Says what is wrong between members, or None."""
        return None


class ComparisonMember(Member):
    """What an amount must be: all of these at once. It may be negative."""

    makes = Comparison

    gt = Amount(pattern=SIGNED_AMOUNT, allow_none=True)
    gte = Amount(pattern=SIGNED_AMOUNT, allow_none=True)
    eq = Amount(pattern=SIGNED_AMOUNT, allow_none=True)
    lte = Amount(pattern=SIGNED_AMOUNT, allow_none=True)
    lt = Amount(pattern=SIGNED_AMOUNT, allow_none=True)

    @staticmethod
    def rule(member: Comparison) -> str | None:
        """Nothing to compare with would always hold."""
        return "Needs gt, gte, eq, lte or lt." if member == Comparison() else None


class ConditionMember(Member):
    """What must be so of an account right before the command: its available or posted balance of
    an asset, or its version as its balances show it."""

    makes = Condition

    account = Text(ACCOUNT_CODE_MAX, required=True)
    asset = Text(ASSET_CODE_MAX, allow_none=True)
    available = Part(ComparisonMember, allow_none=True)
    posted = Part(ComparisonMember, allow_none=True)
    version = Whole(0, POSITION_MAX, allow_none=True)

    @staticmethod
    def rule(member: Condition) -> str | None:
        """A balance is of an asset, a version is not."""
        given = (member.available, member.posted, member.version)
        if sum(one is not None for one in given) != 1:
            return "Takes one of available, posted and version."
        if (member.asset is None) != (member.version is not None):
            return "Takes an asset with available or posted, and none with version."
        return None


class Body(Schema):
    """What every command may have. Unknown members are refused."""

    makes: ClassVar[type[Command]]
    target: ClassVar[str | None] = None

    reason = Text(40, pattern=REASON, allow_none=True)
    narrative = Text(1000, min_length=0, allow_none=True)
    reference = Text(ID_MAX, allow_none=True)
    metadata = Pairs(
        max_pairs=METADATA_MAX_PAIRS,
        name=Text(METADATA_MAX_BYTES),
        value=Text(METADATA_MAX_BYTES, min_length=0),
        rule=metadata_rule,
        allow_none=True,
    )
    correlation_id = Text(255, allow_none=True)
    on_behalf_of = Text(ID_MAX, allow_none=True)
    if_ = Parts(
        ConditionMember,
        max_length=CONDITIONS_MAX,
        data_key="if",
        allow_none=True,
        metadata={"description": "What must be so, or the command is refused: condition_failed."},
    )
    validate_only = Flag(
        allow_none=True,
        metadata={"description": "Answer as if it were done, with status 200, and do nothing."},
    )

    @staticmethod
    def rule(command: Any) -> Errors | None:  # noqa: ARG004 -- of those that have one
        """Says what is wrong between members, by member."""
        return None


class EntityMember(Member):
    """The legal entity whose book a ledger is."""

    makes = Entity

    legal_name = Text(NAME_MAX, allow_none=True)
    country = Text(100, allow_none=True)
    registration_number = Text(ID_MAX, allow_none=True)
    tax_id = Text(ID_MAX, allow_none=True)
    address = Text(500, allow_none=True)


class CreateLedgerBody(Body):
    """A new ledger. Its functional asset exists from then on."""

    makes = CreateLedger

    id = Text(31, pattern=LEDGER_ID, rule=ledger_rule, required=True)
    name = Text(NAME_MAX, required=True)
    functional_asset = Text(ASSET_CODE_MAX, pattern=ASSET_CODE, required=True)
    timezone = Text(64, rule=timezone_rule, required=True, metadata={"example": "Europe/Berlin"})
    fiscal_year_start = Text(
        5, min_length=5, pattern=r"[0-9]{2}-[0-9]{2}", rule=year_start_rule, allow_none=True
    )
    entity = Part(EntityMember, allow_none=True)

    @staticmethod
    def rule(command: CreateLedger) -> Errors | None:
        """There is nothing yet that could be so."""
        return {"if": ["Needs a ledger that is there."]} if command.if_ else None


class LockBooksBody(Body):
    """No entry is dated on or before `through` any more."""

    makes = LockBooks

    through = Day(required=True)


class RegisterAssetBody(Body):
    """Something that is counted. Code and scale are fixed for ever."""

    makes = RegisterAsset

    code = Text(ASSET_CODE_MAX, pattern=ASSET_CODE, required=True)
    scale = Whole(0, 12, allow_none=True)
    kind = Choice(("currency", "security", "unit"), allow_none=True)


class OpenJournalBody(Body):
    """A journal, in which entries are numbered."""

    makes = OpenJournal

    code = Text(24, pattern=JOURNAL_CODE, required=True)
    name = Text(NAME_MAX, required=True)


class OpenAccountBody(Body):
    """A place in the chart of accounts."""

    makes = OpenAccount

    code = Text(ACCOUNT_CODE_MAX, pattern=ACCOUNT_CODE, required=True)
    type = Choice(TYPES, required=True)
    name = Text(NAME_MAX, required=True)
    asset = Text(ASSET_CODE_MAX, pattern=ASSET_CODE, allow_none=True)
    floor = Amount(pattern=SIGNED_AMOUNT, allow_none=True)
    contra = Flag(allow_none=True)
    postable = Flag(allow_none=True)
    number = Text(ID_MAX, allow_none=True)
    purpose = Choice(PURPOSES, allow_none=True)
    monetary = Flag(allow_none=True)
    cash_flow = Choice(CASH_FLOWS, allow_none=True)
    current = Flag(allow_none=True)
    statement_line = Text(ID_MAX, allow_none=True)
    statutory_codes = pairs(32, ID_MAX, allow_none=True)
    owner = Text(ID_MAX, allow_none=True)

    @staticmethod
    def rule(command: OpenAccount) -> Errors | None:
        """A floor is an amount of one asset."""
        if command.floor is not None and command.asset is None:
            return {"floor": ["Needs an asset."]}
        return None


class AmendAccountBody(Body):
    """What changes; null takes a value away, what is left out stays."""

    makes = AmendAccount
    target = "account"

    type = Choice(TYPES)
    name = Text(NAME_MAX)
    asset = Text(ASSET_CODE_MAX, pattern=ASSET_CODE, allow_none=True)
    floor = Amount(pattern=SIGNED_AMOUNT, allow_none=True)
    contra = Flag()
    postable = Flag()
    number = Text(ID_MAX, allow_none=True)
    purpose = Choice(PURPOSES, allow_none=True)
    monetary = Flag(allow_none=True)
    cash_flow = Choice(CASH_FLOWS, allow_none=True)
    current = Flag(allow_none=True)
    statement_line = Text(ID_MAX, allow_none=True)
    statutory_codes = pairs(32, ID_MAX, allow_none=True)
    owner = Text(ID_MAX, allow_none=True)


class CloseAccountBody(Body):
    """Nothing is posted to the account any more."""

    makes = CloseAccount
    target = "account"


class StateAccountBody(Body):
    """Puts on record how many lines an account has and what they come to, so that a statement can
    be certified; of the account's own asset without one."""

    makes = StateAccount
    target = "account"

    asset = Text(ASSET_CODE_MAX, allow_none=True)
