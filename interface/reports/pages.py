"""A report as a PDF, fit to hand to an auditor: each page says whose it is, and its number."""

import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    LongTable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)

from interface.reports.document import NOTHING, Document
from projections.report import Column, Report, Row

MARGIN = 15 * mm
FONT_SIZE = 8
_STYLES = getSampleStyleSheet()
_CELL = ParagraphStyle("cell", fontName="Helvetica", fontSize=FONT_SIZE, leading=FONT_SIZE + 2)
_BOLD = ParagraphStyle("bold", parent=_CELL, fontName="Helvetica-Bold")
_RIGHT = ParagraphStyle("right", parent=_BOLD, alignment=TA_RIGHT)
_LEFT = ("text", "day")

CHARACTER = 0.6 * FONT_SIZE
"""About what a character takes; no digit takes more."""

PADDING = 6
TABLE_ROWS = 500
"""Of one table."""

MAX_CHARACTERS = 36
"""What a column of texts asks for at most."""


def as_pdf(document: Document) -> bytes:
    """Returns the PDF's bytes; the same report gives the same bytes."""
    out = io.BytesIO()
    report = document.report
    pages = SimpleDocTemplate(
        out,
        pagesize=landscape(A4),
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 5 * mm,
        title=report.title,
        author=document.entity,
        invariant=1,
    )
    heads = "<br/>".join(f"<b>{escape(name)}:</b> {escape(text)}" for name, text in document.heads)
    story: list[Any] = [
        Paragraph(escape(report.title), _STYLES["Title"]),
        Paragraph(heads, _CELL),
        Spacer(1, 5 * mm),
        *_tables(document, landscape(A4)[0] - 2 * MARGIN),
    ]
    notes = report.notes if report.rows else [NOTHING, *report.notes]
    story.append(Spacer(1, 3 * mm))
    story += [Paragraph(escape(note), _CELL) for note in notes]
    pages.build(story, canvasmaker=_numbered(document))
    return out.getvalue()


def _tables(document: Document, width: float) -> Iterator[Any]:
    """Yields the rows as tables, each of which begins a page. (Of a single long one every page
    break would look at all rows that are left.)"""
    report = document.report
    widths = _widths(report, width)
    for first in range(0, max(1, len(report.rows)), TABLE_ROWS):
        if first:
            yield PageBreak()
        yield _table(report, report.rows[first : first + TABLE_ROWS], widths)


def _table(report: Report, lines: Sequence[Row], widths: Sequence[float]) -> LongTable:
    rows: list[list[Any]] = [
        [Paragraph(escape(c.title), _BOLD if c.kind in _LEFT else _RIGHT) for c in report.columns]
    ]
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("FONTSIZE", (0, 0), (-1, -1), FONT_SIZE),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ]
    for number, row in enumerate(lines, start=1):
        rows.append(
            [
                _cell(column, row, width)
                for column, width in zip(report.columns, widths, strict=True)
            ]
        )
        if row.kind != "line":
            style.append(("FONTNAME", (0, number), (-1, number), "Helvetica-Bold"))
        if row.kind == "total":
            style.append(("LINEABOVE", (0, number), (-1, number), 0.4, colors.black))
    for place, column in enumerate(report.columns):
        if column.kind not in _LEFT:
            style.append(("ALIGN", (place, 0), (place, -1), "RIGHT"))
    return LongTable(rows, colWidths=widths, repeatRows=1, style=TableStyle(style))


def _cell(column: Column, row: Row, width: float) -> Any:
    """A text that fits stays one: a paragraph takes a hundred times longer."""
    text = _text(column, row.values.get(column.name))
    style = _CELL if row.kind == "line" else _BOLD
    fits = stringWidth(text, style.fontName, FONT_SIZE) <= width - 2 * PADDING
    if column.kind != "text" or (fits and "\n" not in text):
        return text
    return Paragraph(escape(text), style)


def _widths(report: Report, width: float) -> list[float]:
    """Figures get what they take, as they can't be broken; texts share the rest."""
    needed = []
    for column in report.columns:
        texts = [_text(column, row.values.get(column.name)) for row in report.rows]
        longest = max(map(len, texts), default=0)
        if column.kind == "text":
            needed.append(min(MAX_CHARACTERS, max(longest, len(column.title), 4)) * CHARACTER)
        else:
            words = max(map(len, column.title.split()))
            needed.append(max(longest, words) * CHARACTER + 2 * PADDING)
    figures = sum(
        size for size, column in zip(needed, report.columns, strict=True) if column.kind != "text"
    )
    texts_share = max(width - figures, width / 4) / ((sum(needed) - figures) or 1)
    widths = [
        size * texts_share if column.kind == "text" else size
        for size, column in zip(needed, report.columns, strict=True)
    ]
    # All of the page and no more of it, also where there are no texts, or more than it holds.
    return [each * width / sum(widths) for each in widths]


def _text(column: Column, value: Any) -> str:
    if value is None:
        return ""
    return f"{Decimal(value):,f}" if column.kind == "amount" else str(value)


def _numbered(document: Document) -> type[Canvas]:
    foot = f"{document.entity} · {document.source.ledger.id} · {document.report.title}"

    class Numbered(Canvas):  # type: ignore[misc]  # published without types
        """Knows how many pages there are only at the end: it keeps each page until then."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 -- reportlab's
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._kept, start=1):
                self.__dict__.update(page)
                self.setFont("Helvetica", 7)
                self.drawString(MARGIN, 13 * mm, foot)
                self.drawString(MARGIN, 10 * mm, document.clocks)
                right = landscape(A4)[0] - MARGIN
                self.drawRightString(right, 10 * mm, f"Page {number} of {len(self._kept)}")
                super().showPage()
            super().save()

    return Numbered
