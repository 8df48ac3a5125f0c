"""Texts that may hold personal data: kept beside the log, so that they can be erased.

An event's record holds SHA-256(salt || body) of its private body, nothing of the text itself.
"""

import secrets
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from domain.commands import Command, Decided, Event
from domain.corrections import Adjust
from domain.entries import EntryPosted, Post


class PrivateText(Struct, frozen=True, omit_defaults=True):
    """What a private body holds; `legs` has an item (or null) for each leg, in their order."""

    narrative: str | None = None
    legs: list[str | None] | None = None
    metadata: dict[str, str] | None = None


class PrivateRow(Struct, frozen=True):
    position: int
    salt: bytes
    body: bytes


_encode = msgspec.json.Encoder().encode
decode_body = msgspec.json.Decoder(PrivateText).decode


def has_private_text(command: Command) -> bool:
    """True where the command carries a narrative, narratives of legs, or metadata."""
    if command.narrative is not None or command.metadata:
        return True
    if isinstance(command, Post | Adjust):
        return any(leg.narrative is not None for leg in command.legs)
    return False


def seal(command: Command, decided: Decided, position: int) -> tuple[Decided, list[PrivateRow]]:
    """Returns the events with the digests of their private bodies, and the bodies' rows.

    `position` is the first event's. Every entry that the command posts gets the texts, and where
    it posts none its first event; the narratives of legs go to the entry with those legs.
    """
    posted = [index for index, (_, event) in enumerate(decided) if isinstance(event, EntryPosted)]
    rows = []
    sealed = list(decided)
    for index in posted or [0]:
        stream, event = decided[index]
        body = _encode(_text(command, event))
        salt = secrets.token_bytes(16)
        digest = sha256(salt + body).hexdigest()
        sealed[index] = (stream, replace(event, private=digest))
        rows.append(PrivateRow(position + index, salt, body))
    return sealed, rows


def _text(command: Command, event: Event) -> PrivateText:
    legs = None
    if (
        isinstance(command, Post | Adjust)
        and isinstance(event, EntryPosted)
        and event.correction != "reversal"
        and any(leg.narrative is not None for leg in command.legs)
    ):
        legs = [leg.narrative for leg in command.legs]
    return PrivateText(narrative=command.narrative, legs=legs, metadata=command.metadata or None)
