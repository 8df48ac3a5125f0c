"""A read model's tables held against what follows from the records, row by row, as text.

An append-only table is read in the order in which its rows lie, a stretch of pages at a time, which
is about the order of the log: rows that are there and rows that follow meet after a moment, and
what stays alone is wrong. So no statement is long, none sorts, and memory stays flat. (A table that
was laid in another order since, by CLUSTER say, is verified too, in more memory.)
"""

import csv
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow, tuple_row

from interface.evidence.divergence import Divergence

PAGES = 128
"""Are read at a time: 1 MiB."""

MAX_ALONE = 1_000_000
"""Rows that have not met; beyond, the table is wrong or in an order that has nothing to do with
the log."""

REMEMBERED_TEXTS = 16_384

_quoted = re.compile(r'[ \t\n\v\f\r"\\(),]').search
_QUOTED_ITEM = re.compile(r'[ \t\n\v\f\r"\\{},]')


class Columns(NamedTuple):
    """A table and its columns. The first `naming` name a row; the very first one is the position
    that it is about, times `places`."""

    table: str
    columns: tuple[str, ...]
    naming: int = 1
    places: int = 1


class Appended:
    """An append-only table, up to a position. Rows that follow go to `due`, as `row_text` says."""

    def __init__(self, about: Columns, *, shown: int) -> None:
        self._about = about
        self._shown = shown
        self.due: list[str] = []
        self._found: list[str] = []
        self._due_alone: set[str] = set()
        self._found_alone: set[str] = set()
        self._rows_due = self._rows_found = 0
        self._pages = self._pages_read = 0
        self._read_to = 0
        self._query = (
            f"SELECT ROW({', '.join(about.columns)})::text FROM {about.table}"  # noqa: S608 -- this package's words
            " WHERE ctid >= %s::tid AND ctid < %s::tid"
            f" AND {about.columns[0]} < %s"
        ).encode()

    def begin(self, connection: Connection[DictRow]) -> None:
        """Notes how far the table goes. Requires that `shown` was read before."""
        row = connection.execute(
            "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::bigint AS n",
            [self._about.table],
        ).fetchone()
        assert row is not None
        self._pages = row["n"]

    def compare(self, connection: Connection[DictRow], position: int) -> None:
        """Lets what is due meet what is found, to a position. Raises Divergence."""
        while self._read_to < position and self._pages_read < self._pages:
            self._read(connection)
        due, found = self.due, self._found
        both = min(len(due), len(found))
        # Most often they come in the same order, and need not be looked for one by one.
        in_order = not self._due_alone and not self._found_alone and due[:both] == found[:both]
        if in_order:
            self._rows_due += both
            self._rows_found += both
            del due[:both], found[:both]
        if not in_order or len(due) + len(found) > MAX_ALONE:
            self._meet()

    def _meet(self) -> None:
        """Lets rows meet in whatever order they come. Raises Divergence."""
        for rows, alone in ((self.due, self._due_alone), (self._found, self._found_alone)):
            alone.update(rows)
        self._rows_due += len(self.due)
        self._rows_found += len(self._found)
        self.due.clear()
        self._found.clear()
        met = self._due_alone & self._found_alone
        self._due_alone -= met
        self._found_alone -= met
        if len(self._due_alone) + len(self._found_alone) > MAX_ALONE:
            raise self._wrong()

    def end(self, connection: Connection[DictRow], shown: int) -> None:
        """Reads the rest; `shown` is up to where the view shows by now. Raises Divergence."""
        self.compare(connection, 1 << 62)
        self._meet()
        if self._due_alone or self._found_alone:
            raise self._wrong()
        table, number, places = self._about.table, self._about.columns[0], self._about.places
        if self._rows_due != self._rows_found:
            raise Divergence(f"the table {table} has a row several times")
        beyond = connection.execute(
            f"SELECT {number} AS number FROM {table} WHERE {number} >= %s LIMIT 1",  # noqa: S608 -- as above
            [(shown + 1) * places],
        ).fetchone()
        if beyond is not None:
            position = beyond["number"] // places
            raise Divergence(
                f"the table {table} has a row of position {position}; its view shows {shown}"
            )

    def _read(self, connection: Connection[DictRow]) -> None:
        first, last = self._pages_read, self._pages_read + PAGES
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(
                self._query,
                [f"({first},0)", f"({last},0)", (self._shown + 1) * self._about.places],
                prepare=True,
            )
            found = [row for (row,) in cursor.fetchall()]
        self._pages_read = last
        self._found += found
        if found:
            self._read_to = self._number(found[-1])

    def _number(self, row: str) -> int:
        return int(row[1 : row.index(",")]) // self._about.places

    def _wrong(self) -> Divergence:
        first = min(map(self._number, self._due_alone | self._found_alone))
        found, due = (
            {row for row in rows if self._number(row) == first}
            for rows in (self._found_alone, self._due_alone)
        )
        return Divergence(
            difference(self._about, found, due), position=first if first > 0 else None
        )


def difference(about: Columns, found: AbstractSet[str], due: AbstractSet[str]) -> str:
    """Says how the first of the rows that did not meet differs. Requires that there are some."""
    naming = about.naming
    there = {tuple(row[:naming]): row for row in sorted(map(_members, found))}
    follows = {tuple(row[:naming]): row for row in sorted(map(_members, due))}
    name = min({*there, *follows})
    of = ", ".join(
        f"{column} {member}" for column, member in zip(about.columns, name, strict=False)
    )
    if name not in follows:
        return f"the table {about.table} has a row for {of}; it follows none"
    if name not in there:
        return f"the table {about.table} has no row for {of}"
    said, due_row = there[name], follows[name]
    number = next(n for n, member in enumerate(due_row) if n >= len(said) or said[n] != member)
    return (
        f"the table {about.table} says, for {of}, {about.columns[number]} {said[number]!r}; it"
        f" follows {due_row[number]!r}"
    )


def _members(row: str) -> list[str]:
    """The members of a row's text, for a reader."""
    return next(csv.reader([row[1:-1]]))


def row_text(*members: str | None) -> str:
    """Returns a row as PostgreSQL writes one (8.16.6, "Composite Type Input and Output Syntax");
    None: null."""
    return f"({','.join(map(member_text, members))})"


def member(text: str) -> str:
    """Returns a member as it stands in a row."""
    if not text or _quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
    return text


@lru_cache(REMEMBERED_TEXTS)
def member_text(text: str | None) -> str:
    """Returns a member that comes again and again as it stands in a row; None: null."""
    return "" if text is None else member(text)


def array_text(items: Iterable[str]) -> str:
    """Returns an array of texts as PostgreSQL writes one (8.15.6), as a member of a row."""
    text = ",".join(map(array_item, items))
    if not _quoted(text):
        return f"{{{text}}}"
    text = text.replace("\\", "\\\\").replace('"', '""')
    return f'"{{{text}}}"'


def moment_text(moment: str) -> str:
    """Returns a moment of a record as PostgreSQL writes it in UTC: no more decimals than needed."""
    day, _, time = moment.removesuffix("Z").partition("T")
    if "." in time:
        time = time.rstrip("0").rstrip(".")
    return f"{day} {time}+00"


@lru_cache(REMEMBERED_TEXTS)
def array_item(text: str) -> str:
    """Returns a text as it stands in an array."""
    if not text or text.upper() == "NULL" or _QUOTED_ITEM.search(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text
