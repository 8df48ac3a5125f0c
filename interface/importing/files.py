"""Source files: fingerprinted first, read row by row afterwards, never held whole.

The fingerprint goes into the source of each imported entry, so a file must not change between
fingerprint and last line; one that does raises ChangedWhileRead at its end.
"""

import codecs
import csv
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from interface.importing.lines import Unreadable

if TYPE_CHECKING:
    from _csv import Reader

BLOCK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 1 << 20
CHUNK_ROWS = 500
"""So few that the cells of a chunk stay in a processor's cache."""

DELIMITERS = ",;\t|"

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST_MARK = max(len(mark) for mark, _ in _BYTE_ORDER_MARKS)


class LineTooLong(Unreadable):
    """Also what a file without line ends looks like: not a table, or not text at all."""


class NotText(Unreadable):
    """The bytes are not text in the encoding."""


class ChangedWhileRead(Unreadable):
    """Entries may stand in the ledger with a digest that is no longer the file's."""


class SourceFile(Struct, frozen=True):
    """A file as it was fingerprinted. `name` has no folder: where it lay says nothing of it."""

    path: Path
    name: str
    sha256: str
    size: int
    modified_ns: int
    encoding: str


def fingerprint(path: str | Path, *, encoding: str | None = None) -> SourceFile:
    """Reads the file once, for its digest, and makes sure that no line is unreasonably long.

    Without `encoding` a byte order mark decides, else it is UTF-8.
    Raises LineTooLong, Unreadable, OSError.
    """
    path = Path(path)
    digest = hashlib.sha256()
    before = path.stat()
    with path.open("rb", buffering=0) as handle:
        block = handle.read(BLOCK_BYTES)
        start, open_line = block[:_LONGEST_MARK], 0
        while block:
            digest.update(block)
            open_line = _open_line(block, open_line, path)
            block = handle.read(BLOCK_BYTES)
    return SourceFile(
        path=path,
        name=path.name,
        sha256=digest.hexdigest(),
        size=before.st_size,
        modified_ns=before.st_mtime_ns,
        encoding=_encoding(start, encoding),
    )


class Table:
    """The rows of a delimited file, below its headings: the first row with anything in it."""

    def __init__(self, source: SourceFile, delimiter: str) -> None:
        self._source = source
        self._delimiter = delimiter
        self.line_number = 0
        """The last physical line that was read."""
        self.first_line = 0
        """The line below the headings, once they were read."""

    def headings(self) -> list[str]:
        """Returns the headings, or nothing. Raises Unreadable."""
        with self._opened() as reader:
            return self._headings(reader)

    def chunks(self) -> Iterator[list[list[str]]]:
        """Yields the rows by the thousand, blank lines as empty ones. Raises Unreadable."""
        with self._opened() as reader:
            self._headings(reader)
            while rows := list(islice(reader, CHUNK_ROWS)):
                self.line_number = reader.line_num
                yield rows

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the rows with the physical line that each begins on. Raises Unreadable."""
        with self._opened() as reader:
            self._headings(reader)
            line = self.first_line
            for row in reader:
                self.line_number = reader.line_num
                yield line, row
                line = self.line_number + 1

    def _headings(self, reader: "Reader") -> list[str]:
        headings = next((row for row in reader if any(map(str.strip, row))), [])
        self.line_number = reader.line_num
        self.first_line = self.line_number + 1
        return headings

    @contextmanager
    def _opened(self) -> "Iterator[Reader]":
        name, encoding = self._source.name, self._source.encoding
        _check_unchanged(self._source)
        # Line ends stay as they are: within quotes they belong to the cell.
        with self._source.path.open(encoding=encoding, newline="") as handle:
            reader = csv.reader(handle, delimiter=self._delimiter, skipinitialspace=True)
            try:
                yield reader
            except csv.Error as error:
                raise Unreadable(
                    f"{name}, line {reader.line_num}: {error}; is a quote left open?"
                ) from error
            except UnicodeError as error:
                raise NotText(
                    f"{name}: after line {reader.line_num} it is not {encoding} ({error}); "
                    "name the encoding, cp1252 for example"
                ) from error
        _check_unchanged(self._source)


def _check_unchanged(source: SourceFile) -> None:
    now = source.path.stat()
    if (now.st_size, now.st_mtime_ns) != (source.size, source.modified_ns):
        raise ChangedWhileRead(f"{source.name} changed while it was read")


def _open_line(block: bytes, open_line: int, path: Path) -> int:
    """Returns how long the line is that the block leaves open. Raises LineTooLong."""
    ends = (block.find(b"\n"), block.find(b"\r"))
    first = min((end for end in ends if end >= 0), default=len(block))
    if open_line + first > LONGEST_LINE_BYTES:
        raise LineTooLong(f"{path.name} has a line of more than {LONGEST_LINE_BYTES:,} bytes")
    last = max(block.rfind(b"\n"), block.rfind(b"\r"))
    return open_line + len(block) if last < 0 else len(block) - last - 1


def _encoding(start: bytes, asked: str | None) -> str:
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if asked is None:
        return marked or "utf-8"
    try:
        name = codecs.lookup(asked).name
    except LookupError as error:
        raise Unreadable(f"there is no encoding {asked}") from error
    return marked if marked == "utf-8-sig" and name == "utf-8" else name
