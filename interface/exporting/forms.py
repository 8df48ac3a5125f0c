"""The forms of an export by name: texts, and those that are several files in a directory."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from interface.exporting import ads, beancount, fec, hledger, parquet, saft
from interface.exporting.extract import Extract, fiscal_span
from projections.report import Span


def whole(_day: date, _start: str) -> Span:
    """Returns the span of everything."""
    return Span(date.min, date.max)


class Text(NamedTuple):
    """A form that is one text. `file_name`: in a directory; `span`: of a day and a fiscal year's
    first day, where none is asked for; `check` raises ExportIncomplete."""

    write: Callable[[Extract], Iterator[str]]
    file_name: Callable[[Extract], str]
    span: Callable[[date, str], Span] = whole
    check: Callable[[Extract], None] = lambda _: None


TEXTS: dict[str, Text] = {
    "hledger": Text(hledger.write, lambda extract: f"{extract.ledger.id}.journal"),
    "beancount": Text(beancount.write, lambda extract: f"{extract.ledger.id}.beancount"),
    "fec": Text(fec.write, fec.file_name, fiscal_span, fec.check),
    "saft": Text(saft.write, saft.file_name, fiscal_span, saft.check),
}

DIRECTORIES: dict[str, Callable[[Extract, Path], list[Path]]] = {
    "ads": ads.write,
    "parquet": parquet.write,
}
"""They write their files, all or none, and return them."""
