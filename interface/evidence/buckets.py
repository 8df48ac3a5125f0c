"""Buckets: what is noted about ids while records pass, in files by the id's first byte.

Looked at bucket by bucket at the end, so that memory stays flat however long the log is.
"""

import tempfile
from contextlib import ExitStack
from typing import BinaryIO

BUCKETS = 256
_KEPT_BYTES = 1 << 14


class Buckets:
    """Bytes for each of BUCKETS numbers, in the order in which they were added."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.pending = [bytearray() for _ in range(BUCKETS)]
        """What to add to; `spill` afterwards, and not too seldom."""
        self._files: list[BinaryIO | None] = [None] * BUCKETS

    def close(self) -> None:
        """Gives the files back."""
        self._stack.close()

    def spill(self) -> None:
        """Takes what is much out of memory."""
        for number, bucket in enumerate(self.pending):
            if len(bucket) > _KEPT_BYTES:
                self._store(number)

    def read(self, number: int) -> bytes:
        """Returns all of a bucket."""
        file = self._files[number]
        if file is None:
            return bytes(self.pending[number])
        file.seek(0)
        stored = file.read()
        return stored + self.pending[number]

    def _store(self, number: int) -> None:
        file = self._files[number]
        if file is None:
            file = self._files[number] = self._stack.enter_context(
                tempfile.TemporaryFile()  # noqa: SIM115 -- the stack closes it
            )
        file.seek(0, 2)
        file.write(self.pending[number])
        self.pending[number].clear()
