"""Ids that must occur once, and versions that must count up, over any number of records.

Looked at bucket by bucket at the end: memory stays flat however long the log is.
"""

from collections.abc import Iterator
from struct import Struct as Packing
from struct import error as PackingError  # noqa: N812 -- a class

from interface.evidence.buckets import BUCKETS, Buckets
from interface.evidence.divergence import Divergence

_ITEM = Packing("!16sIQ")
_pack = _ITEM.pack
COMMAND = 0xFFFFFFFF
"""In the place of a version: the id is a command's."""
FIRST = 0xFFFFFFFE
"""In the place of a version: of a command that opens the stream with its own id, as most do."""


class Occurrences:
    """Collects (id, version, position) and says where they contradict each other."""

    def __init__(self) -> None:
        self._buckets = Buckets()
        self._pending = self._buckets.pending

    def close(self) -> None:
        """Gives the files back."""
        self._buckets.close()

    def add(self, raw: bytes, version: int, position: int) -> None:
        """Notes an event of a stream, with COMMAND the first event of a command, with FIRST both.
        Requires an id of 16 bytes."""
        try:
            self._pending[raw[0]] += _pack(raw, version, position)
        except PackingError as error:
            raise Divergence(f"{version} is no version of a stream") from error

    def spill(self) -> None:
        """Keeps memory flat; to be called after some thousand ids."""
        self._buckets.spill()

    def check(self) -> None:
        """Raises Divergence at the first position whose id or version contradicts another one."""
        worst: tuple[int, str] | None = None
        for number in range(BUCKETS):
            last: dict[bytes, int] = {}
            commands: set[bytes] = set()
            for raw, version, position in self._told_again(number):
                found = None
                if version >= FIRST:
                    if raw in commands:
                        found = f"the command {raw.hex()} was done before"
                    commands.add(raw)
                if version == FIRST:
                    version = 1  # noqa: PLW2901 -- what it stands for
                if version != COMMAND:
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

    def _told_again(self, number: int) -> Iterator[tuple[bytes, int, int]]:
        """The items of a bucket, in order, but those of ids that occur once, as most do."""
        once: set[bytes] = set()
        several: set[bytes] = set()
        for raw, version, _ in self._items(number):
            (several if raw in once or version != FIRST else once).add(raw)
        return (item for item in self._items(number) if item[0] in several)

    def _items(self, number: int) -> Iterator[tuple[bytes, int, int]]:
        return _ITEM.iter_unpack(self._buckets.read(number))
