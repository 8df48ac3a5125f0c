"""Plain entries as records have them: what most are, and what is decoded and checked in less time.

They have no member that stands here as a ClassVar, so whoever reads an entry can read one of these;
what has one is no plain entry, and is decoded as any other. What no check reads stands as it is.
"""

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from msgspec import Struct

from interface.evidence import shapes

TRIED_AGAIN_AFTER = 15
"""Entries at most: where several in a row were not plain, the next ones may not be either, and
trying takes time too."""

_UNREAD = msgspec.Raw()


class PlainLeg(Struct, gc=False, forbid_unknown_fields=True):
    account: str
    side: str
    amount: str
    asset: str
    line: int
    balance: str
    party: str | None = None
    dimensions: dict[str, str] | None = None
    due_on: str | None = None
    matches: str | None = None
    functional_amount: ClassVar[None] = None
    rate: ClassVar[None] = None
    relieves: ClassVar[None] = None
    opens: ClassVar[None] = None
    revalues: ClassVar[None] = None


class PlainEntry(Struct, gc=False, forbid_unknown_fields=True):
    journal: str
    voucher_no: int
    fiscal_year: int
    effective_on: str
    legs: Sequence[PlainLeg]
    reference: str | None = None
    authorization: str | None = None
    private: str | None = None
    movement: msgspec.Raw = _UNREAD
    source: shapes.Named | None = None
    document: shapes.Named | None = None
    original: msgspec.Raw = _UNREAD
    value_on: msgspec.Raw = _UNREAD
    links: msgspec.Raw = _UNREAD
    attachments: msgspec.Raw = _UNREAD
    class_: ClassVar[str] = "ordinary"
    corrects: ClassVar[None] = None
    correction: ClassVar[None] = None
    limits: ClassVar[None] = None
    reverse_on: ClassVar[None] = None


Leg = shapes.Leg | PlainLeg
Entry = shapes.Entry | PlainEntry

_decode_plain = msgspec.json.Decoder(PlainEntry).decode
_decode_any = msgspec.json.Decoder(shapes.Entry).decode


class EntryDecoder:
    """Decodes payloads of entries one after another."""

    def __init__(self) -> None:
        self._wait = self._next_wait = 0

    def decode(self, payload: msgspec.Raw) -> Entry:
        """Returns what the payload says. Raises msgspec.MsgspecError, UnicodeDecodeError."""
        if self._wait:
            self._wait -= 1
            return _decode_any(payload)
        try:
            entry = _decode_plain(payload)
        except msgspec.ValidationError:
            self._wait = self._next_wait
            self._next_wait = min(2 * self._wait + 1, TRIED_AGAIN_AFTER)
            return _decode_any(payload)
        self._next_wait = 0
        return entry
