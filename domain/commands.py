"""What every command has in common, and the moment it is decided at."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Literal

from msgspec import Struct, field

from domain.refusals import Refusal

REASONS = (
    "data_entry",
    "wrong_account",
    "wrong_amount",
    "wrong_period",
    "duplicate",
    "counterparty",
    "regulatory",
    "other",
)
"""Why a posted thing may be corrected. `other` needs a narrative."""


class Comparison(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an amount must be: all of these at once. Decimal strings, which may be negative."""

    gt: str | None = None
    gte: str | None = None
    eq: str | None = None
    lte: str | None = None
    lt: str | None = None


class Condition(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What must be so of an account: its available or posted balance of an asset, or its version.

    One of the three. `version` is the one that all events that touch the account count.
    """

    account: str
    asset: str | None = None
    available: Comparison | None = None
    posted: Comparison | None = None
    version: int | None = None


class Command(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="do",
):
    """A wish of a client, as the contract took it: before defaults, amounts still text.

    Its JSON with absent members left out is what the idempotency digest is computed from, so a
    field may be added later, but never renamed, retyped or given another default. `validate_only`
    asks for a judgement and no deed; it is no part of what is to be done, nor of the digest.
    """

    reason: str | None = None
    narrative: str | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    correlation_id: str | None = None
    on_behalf_of: str | None = None
    if_: list[Condition] | None = field(default=None, name="if")
    validate_only: bool | None = None


class NarrativeRequired(Refusal):
    code = "narrative_required"
    sentence = "The reason 'other' needs a narrative."


def check_narrative(command: Command) -> None:
    """Raises NarrativeRequired where the reason says nothing and no text does."""
    if command.reason == "other" and not (command.narrative or "").strip():
        raise NarrativeRequired


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened: the payload of a record.

    Members with their default are left out. A released shape never changes: a new member, a
    renamed one or another default is a new version with an upcaster (application/records.py).
    """


Standing = Literal["clerk", "controller", "closing"]
"""Which shut days are open to a hand: none; soft-closed ones; what is being closed, for the worker
that closes it."""


class At(Struct, frozen=True):
    """The one moment of a commit: when it is recorded, and the ledger's own day then; and whose
    command is decided there. `person`: who answers for the actor, where that is a service."""

    recorded_at: datetime
    today: date
    actor: str = ""
    standing: Standing = "clerk"
    person: str | None = None


def persons(*named: str | None) -> set[str]:
    """Returns who stands behind a command: its actor, the person who answers for that, and on whose
    behalf it was sent, as far as they are there. Where two persons are asked for, none of the one's
    is one of the other's."""
    return {name for name in named if name is not None}


NewStream = Callable[[int], str]
"""Gives the id of the command's n-th new stream, from 0: ids are made outside of the domain."""

Decided = list[tuple[str, Event]]
"""What a decision answers: (stream, event) in the order in which they happened."""
