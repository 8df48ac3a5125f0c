"""A report as a PDF, fit to hand to an auditor: each page says whose it is, and its number."""

import io
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from interface.reports.document import Document

MARGIN = 15 * mm
FONT_SIZE = 8
_STYLES = getSampleStyleSheet()
_CELL = ParagraphStyle("cell", fontName="Helvetica", fontSize=FONT_SIZE, leading=FONT_SIZE + 2)
_BOLD = ParagraphStyle("bold", parent=_CELL, fontName="Helvetica-Bold")


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
        _table(document, landscape(A4)[0] - 2 * MARGIN),
    ]
    story += [Paragraph(escape(note), _CELL) for note in report.notes]
    pages.build(story, canvasmaker=_numbered(document))
    return out.getvalue()


def _table(document: Document, width: float) -> LongTable:
    report = document.report
    rows: list[list[Any]] = [[Paragraph(escape(c.title), _BOLD) for c in report.columns]]
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("FONTSIZE", (0, 0), (-1, -1), FONT_SIZE),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ]
    for number, row in enumerate(report.rows, start=1):
        cells: list[Any] = []
        for column in report.columns:
            value = row.values.get(column.name)
            text = "" if value is None else str(value)
            if column.kind == "text":
                text_style = _CELL if row.kind == "line" else _BOLD
                cells.append(Paragraph(escape(text), text_style))
            else:
                cells.append(text)
        rows.append(cells)
        if row.kind != "line":
            style.append(("FONTNAME", (0, number), (-1, number), "Helvetica-Bold"))
        if row.kind == "total":
            style.append(("LINEABOVE", (0, number), (-1, number), 0.4, colors.black))
    for place, column in enumerate(report.columns):
        if column.kind in ("amount", "number"):
            style.append(("ALIGN", (place, 0), (place, -1), "RIGHT"))
    shares = [3 if column.kind == "text" else 2 for column in report.columns]
    widths = [width * share / sum(shares) for share in shares]
    return LongTable(rows, colWidths=widths, repeatRows=1, style=TableStyle(style))


def _numbered(document: Document) -> type[Canvas]:
    foot = (
        f"{document.entity} · {document.source.ledger.id} · {document.report.title} ·"
        f" position {document.source.known}"
    )

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
                self.drawString(MARGIN, 10 * mm, foot)
                right = landscape(A4)[0] - MARGIN
                self.drawRightString(right, 10 * mm, f"Page {number} of {len(self._kept)}")
                super().showPage()
            super().save()

    return Numbered
