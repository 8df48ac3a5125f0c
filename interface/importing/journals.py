"""Journals: rows of one journal id brought together, wherever in the file they stand.

Where each journal's rows follow one another, which is looked up first, they are grouped as they
come. Otherwise they are sorted in a temporary database on disk, by the line of each journal's
first row. Either way memory stays the same at any size.
"""

import operator
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice, pairwise

import msgspec
from msgspec import Struct

from interface.importing.lines import Refused

ROWS_KEPT = 1_000
"""Rows of one journal that are kept; beyond these it has too many legs, whatever they are."""

_BATCH_ROWS = 10_000
_CACHE_KIBIBYTES = 16 << 10

Row = tuple[int, list[str]]
"""A row's first physical line and its cells."""


class Journal(Struct):
    """The rows of a journal in the order of the file, each with the line that it begins on.

    `size` counts those not kept, too.
    """

    id: str
    lines: Sequence[int]
    rows: list[list[str]]
    size: int


class Order:
    """Whether journal ids come in an order that shows that none can come back later."""

    def __init__(self) -> None:
        self._last = ""
        self._by_text = True
        self._by_length = True

    def learn(self, ids: Sequence[str]) -> None:
        """Takes in the ids of all rows, in the order of the file."""
        heads = [head for head, _ in groupby(ids)]
        if heads and heads[0] == self._last:
            del heads[0]
        if not heads:
            return
        line = [self._last, *heads]
        self._last = heads[-1]
        if self._by_text:
            self._by_text = all(map(operator.lt, line, heads))
        if self._by_length:
            # Numbers without leading zeros: 9 before 10.
            self._by_length = all((len(a), a) < (len(b), b) for a, b in pairwise(line))

    @property
    def ascending(self) -> bool:
        return self._by_text or self._by_length


def any_returns(ids: Iterable[Sequence[str]]) -> bool:
    """Whether a journal id comes back after another one. Takes the ids of all rows, in chunks."""
    last = None
    database = _temporary("CREATE TABLE heads (id TEXT PRIMARY KEY) WITHOUT ROWID")
    try:
        for chunk in ids:
            heads = [head for head, _ in groupby(chunk)]
            if heads and heads[0] == last:
                del heads[0]
            last = heads[-1] if heads else last
            database.executemany("INSERT INTO heads VALUES (?)", ((head,) for head in heads))
    except sqlite3.IntegrityError:
        return True
    finally:
        database.close()
    return False


def consecutive(
    chunks: Iterable[list[list[str]]], position: int, *, first_line: int
) -> Iterator[Journal]:
    """Yields the journals of rows that stand together, each row on the line after the last."""
    kept: list[list[str]] = []
    current, line, size = "", first_line, 0
    for chunk in chunks:
        start = 0
        for journal_id, group in groupby([row[position].strip() for row in chunk]):
            count = sum(1 for _ in group)
            if journal_id != current:
                if size:
                    yield Journal(current, range(line, line + len(kept)), kept, size)
                current, line, kept, size = journal_id, line + size, [], 0
            kept += chunk[start : min(start + count, start + ROWS_KEPT - len(kept))]
            start += count
            size += count
    if size:
        yield Journal(current, range(line, line + len(kept)), kept, size)


def adjacent(rows: Iterable[Row | Refused], position: int) -> Iterator[Journal | Refused]:
    """Yields the journals of rows that stand together, and what was refused, as it comes."""
    journal = Journal("", [], [], 0)
    lines: list[int] = []
    for row in rows:
        if isinstance(row, Refused):
            yield row
            continue
        line, cells = row
        journal_id = cells[position].strip()
        if journal_id != journal.id:
            if journal.size:
                yield journal
            lines = []
            journal = Journal(journal_id, lines, [], 0)
        journal.size += 1
        if journal.size <= ROWS_KEPT:
            lines.append(line)
            journal.rows.append(cells)
    if journal.size:
        yield journal


def scattered(rows: Iterable[Row | Refused], position: int) -> Iterator[Journal | Refused]:
    """Yields what was refused, then the journals, in the order of their first rows."""
    database = _temporary(
        "CREATE TABLE heads (id TEXT PRIMARY KEY, first INTEGER) WITHOUT ROWID;"
        "CREATE TABLE rows (id TEXT, line INTEGER, cells BLOB)"
    )
    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(list[str]).decode
    try:
        rows = iter(rows)
        while batch := list(islice(rows, _BATCH_ROWS)):
            yield from (row for row in batch if isinstance(row, Refused))
            found = [
                (row[1][position].strip(), row[0], encode(row[1]))
                for row in batch
                if not isinstance(row, Refused)
            ]
            heads = [(head, line) for head, line, _ in found]
            database.executemany("INSERT OR IGNORE INTO heads VALUES (?, ?)", heads)
            database.executemany("INSERT INTO rows VALUES (?, ?, ?)", found)
        sorted_rows = database.execute(
            "SELECT line, cells, id FROM rows JOIN heads USING (id) ORDER BY first, line"
        )
        ordered = ((line, decode(cells)) for line, cells, _ in sorted_rows)
        yield from adjacent(ordered, position)
    finally:
        database.close()


def _temporary(script: str) -> sqlite3.Connection:
    # An empty name is SQLite's private temporary database: it spills to disk by itself.
    database = sqlite3.connect("", isolation_level=None)
    database.execute("PRAGMA journal_mode = off")
    database.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
    database.executescript(script)
    database.execute("BEGIN")
    return database
