"""A read model's tables held against what follows from the records, row by row, as text.

An append-only table is read in the order in which its rows lie, some pages at a time, which is
about the order of the log: the rows of a stretch of positions, and those that follow, meet as one
text after a moment, and what stays alone is wrong. So no statement is long, and memory stays flat.
(A table that was laid in another order since, by CLUSTER say, is verified too, by way of files.)
"""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow, tuple_row

from interface.evidence.divergence import Divergence
from interface.evidence.stretches import STRETCH, Sides, stretch_of

PAGES = 512
"""Are read at a time: 4 MiB."""

REMEMBERED_TEXTS = 16_384

_quoted = re.compile(r'[ \t\n\v\f\r"\\(),]').search
_MEMBER = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))')
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
        self.name = about.table
        self._shown = shown
        self.due: list[str] = []
        """Of one stretch, until `compare` takes them."""
        self._sides = Sides()
        self._pages = self._pages_read = 0
        self._read_to = -1
        number, naming = about.columns[0], ", ".join(about.columns[: about.naming])
        self._query = (
            "SELECT stretch, string_agg(line, E'\\n' ORDER BY "  # noqa: S608 -- this package's words
            f"{naming}) FROM (SELECT ({number} / {about.places} - 1) / {STRETCH} AS stretch,"
            f" {naming}, ROW({', '.join(about.columns)})::text AS line FROM {about.table}"
            f" WHERE ctid >= %s::tid AND ctid < %s::tid AND {number} < %s) AS r GROUP BY stretch"
        ).encode()

    def begin(self, connection: Connection[DictRow]) -> None:
        """Notes how far the table goes. Requires that `shown` was read before."""
        row = connection.execute(
            "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::bigint AS n",
            [self._about.table],
        ).fetchone()
        assert row is not None
        self._pages = row["n"]

    def close(self) -> None:
        """Gives its files back."""
        self._sides.close()

    def compare(self, connection: Connection[DictRow], position: int) -> None:
        """Lets what is due meet what is found, to a position. Requires that what is due is of the
        position's stretch. Raises Divergence."""
        stretch = stretch_of(position)
        if self.due:
            self._sides.add_due(stretch, self.due)
            self.due.clear()
        while self._read_to <= stretch and self._pages_read < self._pages:
            self._read(connection)
        # Of the stretch itself more may come, where it is not over.
        alone = self._sides.meet(stretch + (position % STRETCH == 0))
        if alone and self._pages_read >= self._pages:
            raise self._wrong(alone[0])

    def end(self, connection: Connection[DictRow], shown: int) -> None:
        """Reads the rest; `shown` is up to where the view shows by now. Raises Divergence."""
        while self._pages_read < self._pages:
            self._read(connection)
        alone = self._sides.meet(1 << 62)
        if alone:
            raise self._wrong(alone[0])
        table, number, places = self._about.table, self._about.columns[0], self._about.places
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
        with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(
                self._query,
                [f"({first},0)", f"({last},0)", (self._shown + 1) * self._about.places],
                prepare=True,
            )
            found = cursor.fetchall()
        self._pages_read = last
        for stretch, rows in found:
            self._sides.add_found(stretch, rows)
            self._read_to = max(self._read_to, stretch)

    def _number(self, row: str) -> int:
        return int(row[1 : row.index(",")]) // self._about.places

    def _wrong(self, stretch: int) -> Divergence:
        due, found = self._sides.unlike(stretch)
        first = min(map(self._number, due | found))
        due, found = ({row for row in rows if self._number(row) == first} for rows in (due, found))
        if not due and found <= self._sides.due_rows(stretch):
            message = f"the table {self._about.table} has a row several times"
        else:
            message = difference(self._about, found, due)
        return Divergence(message, position=first if first > 0 else None)


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
    """The members of a row's text, for a reader; a null is told from an empty text."""
    return [
        bare or "null" if quoted is None else quoted.replace('""', '"')
        for quoted, bare in (found.groups() for found in _MEMBER.finditer(row[1:-1]))
    ]


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
