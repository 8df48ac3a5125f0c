"""Ids that must occur once, and versions that must count up, over any number of records.

What was seen goes to a file a bucket, by the id's first byte, and is looked at bucket by bucket at
the end: memory stays flat however long the log is.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from struct import Struct as Packing
from typing import BinaryIO

from interface.evidence.divergence import Divergence

_ITEM = Packing("!16sIQ")
_BUCKETS = 256
_KEPT_BYTES = 1 << 14
COMMAND = 0xFFFFFFFF
"""In the place of a version: the id is a command's."""


class Occurrences:
    """Collects (id, version, position) and says where they contradict each other."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._pending = [bytearray() for _ in range(_BUCKETS)]
        self._files: list[BinaryIO | None] = [None] * _BUCKETS

    def close(self) -> None:
        """Gives the files back."""
        self._stack.close()

    def add(self, raw: bytes, version: int, position: int) -> None:
        """Notes an event of a stream, or with COMMAND the first event of a command. Requires an id
        of 16 bytes."""
        bucket = self._pending[raw[0]]
        bucket += _ITEM.pack(raw, version, position)
        if len(bucket) > _KEPT_BYTES:
            self._store(raw[0])

    def check(self) -> None:
        """Raises Divergence at the first position whose id or version contradicts another one."""
        worst: tuple[int, str] | None = None
        for number in range(_BUCKETS):
            last: dict[bytes, int] = {}
            commands: set[bytes] = set()
            for raw, version, position in self._items(number):
                found = None
                if version == COMMAND:
                    if raw in commands:
                        found = f"the command {raw.hex()} was done before"
                    commands.add(raw)
                else:
                    if version != last.get(raw, 0) + 1:
                        found = (
                            f"version {version} of the stream {raw.hex()}; the next is"
                            f" {last.get(raw, 0) + 1}"
                        )
                    last[raw] = version
                if found is not None and (worst is None or position < worst[0]):
                    worst = (position, found)
        if worst is not None:
            raise Divergence(worst[1], position=worst[0])

    def _items(self, number: int) -> Iterator[tuple[bytes, int, int]]:
        file = self._files[number]
        if file is not None:
            file.seek(0)
            while chunk := file.read(_ITEM.size * 4096):
                yield from _ITEM.iter_unpack(chunk)
        yield from _ITEM.iter_unpack(self._pending[number])

    def _store(self, number: int) -> None:
        file = self._files[number]
        if file is None:
            file = self._files[number] = self._stack.enter_context(
                tempfile.TemporaryFile()  # noqa: SIM115 -- the stack closes it
            )
        file.write(self._pending[number])
        self._pending[number].clear()
