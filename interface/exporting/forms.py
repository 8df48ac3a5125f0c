"""The forms of an export by name, and how each is written: whole or not at all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from domain.calendar import fiscal_year
from interface.exporting import beancount, hledger
from interface.exporting.extract import Extract
from projections.balance_sheet import first_of_year
from projections.report import Span


def whole(_day: date, _start: str) -> Span:
    """Returns the span of everything."""
    return Span(date.min, date.max)


class Text(NamedTuple):
    """A form that is one text. `check` raises ExportIncomplete; `file_name`: in a directory;
    `span`: of a day and a fiscal year's first day, where none is asked for."""

    write: Callable[[Extract], Iterator[str]]
    file_name: Callable[[Extract], str]
    check: Callable[[Extract], None] = lambda _: None
    span: Callable[[date, str], Span] = whole


TEXTS: dict[str, Text] = {
    "beancount": Text(beancount.write, lambda extract: f"{extract.ledger.id}.beancount"),
    "hledger": Text(hledger.write, lambda extract: f"{extract.ledger.id}.journal"),
}


def fiscal_span(day: date, start: str) -> Span:
    """Returns the fiscal year that a day is in."""
    first = first_of_year(day, start=start)
    after = first + timedelta(days=367)
    while fiscal_year(after, start=start) != fiscal_year(day, start=start):
        after -= timedelta(days=1)
    return Span(first, after)


@contextmanager
def staged(file: Path) -> Iterator[Path]:
    """Gives a path to write to; the file is there under its own name only when it is whole."""
    part = file.with_name(f".{file.name}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def write_text(pieces: Iterable[str], file: Path) -> None:
    """Writes a text to a file, in UTF-8, with its line ends as they are."""
    with staged(file) as part, part.open("w", encoding="utf-8", newline="") as opened:
        opened.writelines(pieces)
