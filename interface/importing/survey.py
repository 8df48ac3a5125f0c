"""The survey: a first reading of a general ledger file that settles what its columns mean.

Rows are taken in chunks and columns at a time, so that it costs little more than reading them.
What it keeps does not grow with the file: account numbers, currencies, indicators, and which
journals have rows that can't be read.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from interface.importing.amounts import Amounts, Decimal
from interface.importing.chart import ACCOUNTS_MAX
from interface.importing.columns import Layout
from interface.importing.days import Clock, Days
from interface.importing.files import SourceFile, Table
from interface.importing.journals import (
    Journal,
    Order,
    Row,
    adjacent,
    any_returns,
    consecutive,
    scattered,
)
from interface.importing.lines import Refused, Unreadable
from interface.importing.sides import Measure, Sides

BROKEN_MAX = 10_000
"""Rows that don't fit the headings: with more of them it is the headings that don't fit."""

DAY_FIELDS = ("Effective_Date", "Entered_Date", "Approved_Date", "Document_Date")
CLOCK_FIELDS = ("Entered_Time", "Approved_Time")


class Survey(Struct, frozen=True):
    """What a file turned out to be.

    `first_line`: the line of the first row, where each row fits and has one line of its own,
    else 0. `blank`: columns in which nothing stands. `broken`: journal id to what is wrong with
    a row of it.
    """

    rows: int
    first_line: int
    adjacent: bool
    accounts: frozenset[str]
    currencies: frozenset[str]
    days: dict[str, Days]
    clocks: dict[str, Clock]
    measure: Measure
    amounts: Amounts
    blank: frozenset[int]
    broken: dict[str, str]


def take_survey(
    source: SourceFile,
    layout: Layout,
    *,
    sides: Mapping[str, str],
    date_format: str | None,
    decimal: Decimal | None,
) -> Survey:
    """Reads the whole file once, twice where its journal ids don't ascend. Raises Unreadable."""
    positions = layout.positions
    days = {field: Days(field, pattern=date_format) for field in DAY_FIELDS if field in positions}
    clocks = {field: Clock() for field in CLOCK_FIELDS if field in positions}
    amounts = Amounts(decimal=decimal)
    teller = Sides(layout, amounts, sides)
    seen = _Seen(layout)
    table = Table(source, layout.delimiter)
    for chunk in table.chunks():
        rows = seen.learn(chunk)
        teller.learn(rows)
        for field, column in days.items():
            column.learn({row[positions[field]] for row in rows})
        for field, clock in clocks.items():
            clock.learn({row[positions[field]] for row in rows})
    for column in days.values():
        column.settle()
    in_lines = table.line_number == table.first_line + seen.rows - 1
    return Survey(
        rows=seen.rows,
        first_line=table.first_line if in_lines and not seen.unfit else 0,
        adjacent=seen.order.ascending or not any_returns(_ids(source, layout)),
        accounts=frozenset(seen.accounts),
        currencies=frozenset(seen.currencies),
        days=days,
        clocks=clocks,
        measure=teller.settle(),
        amounts=amounts,
        blank=frozenset(seen.blank),
        broken=seen.broken,
    )


def surveyed_journals(
    source: SourceFile, layout: Layout, survey: Survey
) -> Iterator[Journal | Refused]:
    """Yields the journals, and each row that can't be read. Raises Unreadable."""
    position = layout.positions["Journal_ID"]
    if not survey.adjacent:
        return scattered(_rows(source, layout), position)
    if not survey.first_line:
        return adjacent(_rows(source, layout), position)
    chunks = (_sort_out(chunk, layout)[0] for chunk in Table(source, layout.delimiter).chunks())
    return consecutive(chunks, position, first_line=survey.first_line)


def _rows(source: SourceFile, layout: Layout) -> Iterator[Row | Refused]:
    """Yields each row with the line that it begins on. Blank rows are left out."""
    table = Table(source, layout.delimiter)
    for line, row in table.numbered():
        problem = _problem(row, layout)
        if problem is None:
            yield line, _trimmed(row, layout)
        elif problem:
            several = f"lines {line} to {table.line_number}: "
            where = several if table.line_number > line else ""
            yield Refused(line, _journal_id(row, layout), "invalid_request", where + problem)


class _Seen:
    """What the survey gathers of all rows."""

    def __init__(self, layout: Layout) -> None:
        self.rows = self.unfit = 0
        self.order = Order()
        self.accounts: set[str] = set()
        self.currencies: set[str] = set()
        self.blank = {*layout.positions.values(), *layout.dimensions.values()}
        self.broken: dict[str, str] = {}
        self._layout = layout
        self._currency = layout.positions.get("Amount_Currency")

    def learn(self, chunk: list[list[str]]) -> list[list[str]]:
        """Takes in a chunk of rows and returns those that can be read."""
        positions = self._layout.positions
        rows, unfit = _sort_out(chunk, self._layout)
        if unfit:
            self._note(unfit)
        self.rows += len(rows)
        self.order.learn([row[positions["Journal_ID"]].strip() for row in rows])
        self.accounts.update([row[positions["GL_Account_Number"]] for row in rows])
        if self._currency is not None:
            self.currencies.update([row[self._currency] for row in rows])
        self.blank -= {column for column in self.blank if any(row[column] for row in rows)}
        for found, name in ((self.accounts, "accounts"), (self.currencies, "currencies")):
            if len(found) > ACCOUNTS_MAX:
                raise Unreadable(f"there are more than {ACCOUNTS_MAX:,} {name}: a wrong column?")
        return rows

    def _note(self, unfit: list[tuple[list[str], str]]) -> None:
        self.unfit += len(unfit)
        for row, problem in unfit:
            journal_id = _journal_id(row, self._layout) if problem else None
            if journal_id:
                self.broken.setdefault(journal_id, f"a row of it has {problem}")
        if len(self.broken) > BROKEN_MAX:
            raise Unreadable(f"more than {BROKEN_MAX:,} journals have rows unlike the headings")


def _ids(source: SourceFile, layout: Layout) -> Iterator[list[str]]:
    position = layout.positions["Journal_ID"]
    for chunk in Table(source, layout.delimiter).chunks():
        yield [row[position].strip() for row in _sort_out(chunk, layout)[0]]


def _sort_out(
    chunk: list[list[str]], layout: Layout
) -> tuple[list[list[str]], list[tuple[list[str], str]]]:
    """Returns the rows that can be read, trimmed, and the others with what is wrong with them."""
    if not layout.joined and set(map(len, chunk)) == {layout.width}:
        position = layout.positions["Journal_ID"]
        ids = {row[position] for row in chunk}
        if "" not in ids and not any(map(str.isspace, ids)):
            return chunk, []
    judged = [(row, _problem(row, layout)) for row in chunk]
    return (
        [_trimmed(row, layout) for row, problem in judged if problem is None],
        [(row, problem) for row, problem in judged if problem is not None],
    )


def _problem(row: list[str], layout: Layout) -> str | None:
    """Returns nothing, or what is wrong with a row, which is "" if it is just blank."""
    if not any(map(str.strip, row)):
        return ""
    width = layout.width
    if len(row) < width or any(map(str.strip, row[width:])):
        return f"{len(row)} cells under {width} headings"
    return None if _journal_id(row, layout) else "no Journal_ID"


def _trimmed(row: list[str], layout: Layout) -> list[str]:
    """Returns the row without the blank cells beyond its headings, and with the joined id."""
    del row[layout.width :]
    if layout.joined:
        row.append(_journal_id(row, layout) or "")
    return row


def _journal_id(row: list[str], layout: Layout) -> str | None:
    """Returns the id of a row's journal as far as the row shows it."""
    columns = layout.joined or (layout.positions["Journal_ID"],)
    if max(columns) >= len(row):
        return None
    return "-".join([row[column].strip() for column in columns]).strip("-") or None
