"""NDJSON: one command a line, as the contract's batch takes it.

A line without a `key` gets one that follows from the line's bytes and from how often the same
bytes came before in the file, so that importing the file again adds nothing.
"""

import hashlib
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from interface.importing.lines import Line, Refused

LONGEST_LINE_BYTES = 2 << 20
"""A hundred legs, each with a narrative of a thousand escaped characters, fit well."""

BLOCK_LINES = 500
BLOCK_BYTES = 512 << 10

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CACHE_KIBIBYTES = 16 << 10


class Block:
    """Lines that follow one another and are not blank, without their ends, and their numbers."""

    def __init__(self, occurrences: "Occurrences") -> None:
        self.lines: list[bytes] = []
        self.numbers: list[int] = []
        self._occurrences = occurrences

    def each(self) -> Iterator[Line | Refused]:
        """Yields each line's command, or why it is none: `malformed`, `invalid_request`.

        Only the outermost form is looked at; fields are judged by who takes the command.
        """
        for number, line in zip(self.numbers, self.lines, strict=True):
            yield _read(line, number, self._occurrences)


def read_ndjson(path: str | Path) -> Iterator[Block | Refused]:
    """Yields the lines in blocks, and between them one that is `too_large`. Raises OSError."""
    with Path(path).open("rb") as handle, Occurrences() as occurrences:
        if handle.peek(len(_BYTE_ORDER_MARK)).startswith(_BYTE_ORDER_MARK):
            handle.read(len(_BYTE_ORDER_MARK))
        block, size = Block(occurrences), 0
        for number, line in enumerate(_bounded(handle), start=1):
            if len(line) > LONGEST_LINE_BYTES:
                yield block
                block, size = Block(occurrences), 0
                detail = f"the line has more than {LONGEST_LINE_BYTES:,} bytes"
                yield Refused(number, None, "too_large", detail)
            elif line := line.strip():
                block.lines.append(line)
                block.numbers.append(number)
                size += len(line)
                if len(block.lines) == BLOCK_LINES or size >= BLOCK_BYTES:
                    yield block
                    block, size = Block(occurrences), 0
        yield block


class Occurrences:
    """Counts equal lines. Lives in a temporary database of its own, in memory while it is small."""

    def __init__(self) -> None:
        # An empty name is SQLite's private temporary database: it spills to disk by itself.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = off")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        self._database.execute(
            "CREATE TABLE lines (digest BLOB PRIMARY KEY, seen INTEGER) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def count(self, digest: bytes) -> int:
        """Counts the digest once more and returns how often it was seen by now, from 1."""
        seen: int = self._database.execute(
            "INSERT INTO lines VALUES (?, 1)"
            " ON CONFLICT DO UPDATE SET seen = seen + 1 RETURNING seen",
            (digest,),
        ).fetchone()[0]
        return seen


def _bounded(handle: io.BufferedReader) -> Iterator[bytes]:
    """Yields the lines; of one that is too long only its start, one byte longer than allowed."""
    while line := handle.readline(LONGEST_LINE_BYTES + 1):
        yield line
        while len(line) > LONGEST_LINE_BYTES and not line.endswith(b"\n"):
            line = handle.readline(LONGEST_LINE_BYTES + 1)


def _read(line: bytes, number: int, occurrences: Occurrences) -> Line | Refused:
    try:
        command = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return Refused(number, None, "malformed", f"not JSON: {error}")
    if not isinstance(command, dict):
        return Refused(number, None, "invalid_request", "a command is a JSON object")
    if command.get("key") is None:
        digest = hashlib.sha256(line).digest()
        command["key"] = f"ndjson:{digest.hex()}:{occurrences.count(digest)}"
    return Line(number, command)
