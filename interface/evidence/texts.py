"""Private texts held against the digests in their records, or the events that erased them."""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from interface.evidence.divergence import UNREADABLE, Divergence
from interface.evidence.shapes import decode_envelope, decode_texts

ERASURE = "PrivateTextErased"

_mentions_texts = re.compile(rb"rivate").search
"""Of both, `private` and `PrivateTextErased`: one look at bytes for millions, in three quarters of
the time that `in` takes."""


class Text(Struct, gc=False):
    """A private text as it is kept beside the log."""

    salt: bytes
    body: bytes


class TextSource(Protocol):
    """Where texts are."""

    def texts(self, after: int, to: int) -> dict[int, Text] | None:
        """Returns the private texts of these positions; None where none are kept at all."""

    def standing_text(self, stream: str, before: int) -> int | None:
        """Returns the position of a text that stands, of a record of a stream before a position.
        None where there is none, and where that can't be asked."""


class TextCheck:
    """Takes records in order. A text may be missing where a later event says that it was erased."""

    def __init__(self) -> None:
        self._position = 0
        self._missing: dict[str, tuple[int, int]] = {}
        """By stream, the first position whose text is gone and not yet said to be, and how many
        there are."""
        self.erased = 0
        """So many texts are gone, as an event says."""
        self.withheld_through = 0
        """Up to there texts may be missing that were never handed over."""
        self.withheld = 0
        """So many are."""

    def take(self, source: TextSource, states: Sequence[bytes]) -> None:
        """Checks the texts of the records that follow. Raises Divergence."""
        first = self._position
        self._position += len(states)
        texts = source.texts(first, self._position)
        if texts is None:
            return
        left = set(texts)
        for position, state in enumerate(states, start=first + 1):
            if not _mentions_texts(state):
                continue
            try:
                record = decode_envelope(state)
                event = decode_texts(record.payload)
            except UNREADABLE as error:
                raise Divergence(f"this is no record: {error}", position=position) from error
            if record.type == ERASURE and event.erased is not None:
                self._erase(source, event.erased, position)
            if event.private is None:
                continue
            text = texts.get(position)
            if text is None and position <= self.withheld_through:
                self.withheld += 1
                continue
            if text is None:
                since, count = self._missing.get(record.stream, (position, 0))
                self._missing[record.stream] = (since, count + 1)
                continue
            if sha256(text.salt + text.body).hexdigest() != event.private:
                raise Divergence("its text is not the one that was recorded", position=position)
            left.discard(position)
        if left:
            raise Divergence("a text that belongs to no record", position=min(left))

    def end(self) -> None:
        """Raises Divergence where a text is gone without a word."""
        if self._missing:
            position = min(since for since, _ in self._missing.values())
            raise Divergence("its text is gone, and no event says so", position=position)

    def _erase(self, source: TextSource, stream: str, position: int) -> None:
        standing = source.standing_text(stream, position)
        if standing is not None:
            raise Divergence(
                f"its text was erased by event {position}, and still stands", position=standing
            )
        _, count = self._missing.pop(stream, (0, 0))
        self.erased += count
