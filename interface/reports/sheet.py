"""A report as an XLSX workbook: real numbers and days, a frozen header, totals as formulas.

Spreadsheets compute with 15 digits. An amount that has more stands as text, so that it is shown as
it is; a total above such amounts does too.
"""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from interface.reports.document import Document
from projections.report import Column, Row

DIGITS = 15
SIDES = {"text": "left", "day": "left", "amount": "right", "number": "right"}
WIDTH_MAX = 48
"""Of a column, in characters: longer texts go on in the cell."""
HEADS_WIDTH = 20
"""The first column has the names of what stands above the report."""


def as_xlsx(document: Document) -> bytes:
    """Returns the workbook's bytes; the same report gives the same bytes."""
    out = io.BytesIO()
    # Text is text: nothing that somebody wrote becomes a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": document.report.title, "created": document.known_at})
    sheet = book.add_worksheet(document.report.name)
    _Writing(document, book, sheet).write()
    book.close()
    return out.getvalue()


class _Writing:
    """One workbook while it is written."""

    def __init__(self, document: Document, book: Any, sheet: Any) -> None:
        self._document = document
        self._sheet = sheet
        self._bold = book.add_format({"bold": True})
        self._heads = {
            kind: book.add_format({"bold": True, "bottom": 1, **_aligned(side)})
            for kind, side in SIDES.items()
        }
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._formats: dict[tuple[str, int, bool], Any] = {}
        self._book = book
        self._first = 0
        """The sheet's row of the report's first row."""

    def write(self) -> None:
        """Writes what stands above the report, its columns and its rows."""
        sheet, report = self._sheet, self._document.report
        sheet.write_string(0, 0, report.title, self._title)
        for number, (name, text) in enumerate(self._document.heads, start=1):
            sheet.write_string(number, 0, name, self._bold)
            sheet.write_string(number, 1, text)
        top = len(self._document.heads) + 2
        for number, column in enumerate(report.columns):
            sheet.set_column(number, number, self._width(number, column))
            sheet.write_string(top, number, column.title, self._heads[column.kind])
        self._first = top + 1
        sheet.freeze_panes(self._first, 0)
        sheet.repeat_rows(top)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&RPage &P of &N")
        for number, row in enumerate(report.rows):
            for place, column in enumerate(report.columns):
                value = row.values.get(column.name)
                if value is not None and value != "":
                    self._cell(self._first + number, place, column, row, value)

    def _width(self, place: int, column: Column) -> int:
        """Returns what a column takes, within bounds."""
        said = {str(row.values.get(column.name) or "") for row in self._document.report.rows}
        longest = max(map(len, {column.title, *said}))
        if column.kind == "amount":
            longest += longest // 4  # separators
        return min(max(longest + 2, 0 if place else HEADS_WIDTH), WIDTH_MAX)

    def _cell(self, line: int, place: int, column: Column, row: Row, value: Any) -> None:
        sheet, is_bold = self._sheet, row.kind != "line"
        if column.kind == "amount":
            self._amount(line, place, column, row, str(value))
        elif column.kind == "day" and isinstance(value, date):
            shape = self._format("yyyy-mm-dd", 0, is_bold=is_bold, side="left")
            sheet.write_datetime(line, place, value, shape)
        elif column.kind == "number":
            sheet.write_number(line, place, value, self._format("0", 0, is_bold=is_bold))
        else:
            sheet.write_string(line, place, str(value), self._bold if is_bold else None)

    def _amount(self, line: int, place: int, column: Column, row: Row, text: str) -> None:
        decimals = len(text.partition(".")[2])
        shape = self._format("#,##0", decimals, is_bold=row.kind != "line")
        if _digits(text) > DIGITS:
            self._sheet.write_string(line, place, text, shape)
        elif row.sums and self._adds_up(row, column, text):
            self._sheet.write_formula(line, place, self._formula(place, row), shape, Decimal(text))
        else:
            self._sheet.write_number(line, place, Decimal(text), shape)

    def _adds_up(self, row: Row, column: Column, text: str) -> bool:
        """False where a total is no sum of numbers in its column: a running balance, say."""
        rows = self._document.report.rows
        terms = [(rows[number].values.get(column.name) or "0", sign) for number, sign in row.sums]
        if any(_digits(str(term)) > DIGITS for term, _ in terms):
            return False
        return sum(sign * Decimal(str(term)) for term, sign in terms) == Decimal(text)

    def _formula(self, place: int, row: Row) -> str:
        cells = [
            (xl_rowcol_to_cell(self._first + number, place), sign) for number, sign in row.sums
        ]
        numbers = [number for number, _ in row.sums]
        in_a_row = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        if in_a_row and all(sign == 1 for _, sign in cells):
            return f"=SUM({cells[0][0]}:{cells[-1][0]})"
        return "=" + "".join(f"{'+' if sign > 0 else '-'}{cell}" for cell, sign in cells)

    def _format(self, shape: str, decimals: int, *, is_bold: bool, side: str = "right") -> Any:
        key = (shape, decimals, is_bold)
        if key not in self._formats:
            said = shape + ("." + "0" * decimals if decimals else "")
            form = {"num_format": said, "bold": is_bold, **_aligned(side)}
            top = {"top": 1} if is_bold else {}
            self._formats[key] = self._book.add_format({**form, **top})
        return self._formats[key]


def _aligned(side: str) -> dict[str, Any]:
    """Figures keep away from the text on their right."""
    return {"align": side, "indent": 1 if side == "right" else 0}


def _digits(text: str) -> int:
    return len(text.lstrip("-0.").replace(".", ""))
