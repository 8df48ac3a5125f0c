"""A report as a PDF, fit to hand to an auditor: each page says whose it is, and its number.

Drawn row by row on reportlab's canvas: its tables look at all rows that are left with every page
and make a paragraph of every text, which took minutes for a report of 50,000 rows.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from math import ceil
from typing import Any, NamedTuple

from reportlab import rl_config
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from interface.reports.document import NOTHING, Document
from projections.report import Column, Report, RowKind

WIDTH, HEIGHT = landscape(A4)
MARGIN = 15 * mm
BOTTOM = MARGIN + 5 * mm
"""Below it stands the foot."""

FONT_SIZE = 8
TITLE_SIZE = 18
LEADING = FONT_SIZE + 2
ROW_GAP = 2
_LEFT = ("text", "day")

PADDING = 4
SHORT = 18 * 0.6 * FONT_SIZE
"""Texts that take no more than this are not broken."""
MAX_WIDTH = 36 * 0.6 * FONT_SIZE
"""What a column of longer texts asks for at most."""

SEPARATORS = ":/-_."
"""Within codes, vouchers and references."""

LACKING = (
    "Signs that these pages have no letters for stand as black squares;"
    " the same report as XLSX, CSV or JSON has them."
)

MAX_LINES = 40
"""Of a row; what has more goes on in another one."""


class Face(NamedTuple):
    """What a document is set in: the names of two fonts."""

    plain: str
    bold: str

    def of(self, kind: RowKind) -> str:
        """Returns the font of a row."""
        return self.plain if kind == "line" else self.bold


USUAL = Face("Helvetica", "Helvetica-Bold")
"""Every reader has them, and they have the letters of Western Europe (WinAnsi)."""

WIDER = Face("SourceSansPro-Regular", "SourceSansPro-Bold")
"""All Latin letters, Greek and Cyrillic. What is used of them goes into the file."""


class Line(NamedTuple):
    """A row of the table as it is drawn: of each cell its lines."""

    kind: RowKind
    font: str
    cells: Sequence[tuple[str, ...]]

    @property
    def height(self) -> float:
        return max(map(len, self.cells), default=1) * LEADING + ROW_GAP


def as_pdf(document: Document) -> bytes:
    """Returns the PDF's bytes; the same report gives the same bytes."""
    out = io.BytesIO()
    report = document.report
    # Pages as they are: to write them as ASCII took a quarter of the time.
    rl_config.useA85 = 0
    canvas = Canvas(out, pagesize=(WIDTH, HEIGHT), invariant=1)
    canvas.setTitle(report.title)
    canvas.setAuthor(document.entity)
    texts = [
        [_text(column, row.values.get(column.name)) for column in report.columns]
        for row in report.rows
    ]
    face, lacks = _face(chain(_whose(document), chain(*document.heads), report.notes, *texts))
    widths = _widths(report, texts, WIDTH - 2 * MARGIN, face)
    header = next(_lines("heading", [column.title for column in report.columns], widths, face))
    rows = (
        line
        for row, cells in zip(report.rows, texts, strict=True)
        for line in _lines(row.kind, cells, widths, face)
    )
    heads = list(_heads(document, face))
    taken = TITLE_SIZE + 5 * mm + len(heads) * LEADING
    said = _said(report, face, lacks=lacks)
    pages = list(_paged(rows, header.height, taken))
    left = HEIGHT - MARGIN - BOTTOM - header.height - (taken if len(pages) == 1 else 0)
    if sum(line.height for line in pages[-1]) + 3 * mm + len(said) * LEADING > left:
        pages.append([])
    for number, lines in enumerate(pages, start=1):
        top = HEIGHT - MARGIN
        if number == 1:
            top = _draw_heads(canvas, report.title, heads, face)
        if lines or number == 1:
            top = _draw_table(canvas, report.columns, widths, [header, *lines], top)
        if number == len(pages):
            _draw_notes(canvas, said, top - 3 * mm, face)
        _draw_foot(canvas, document, f"Page {number} of {len(pages)}", face)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@lru_cache(maxsize=10_000)
def wrapped(text: str, font: str, room: float) -> tuple[str, ...]:
    """Returns a text in lines that fit, broken between words; a word that is longer than a line is
    broken after a separator, or else anywhere."""
    found: list[str] = []
    for part in text.splitlines() or [""]:
        line = ""
        for word in part.split(" "):
            longer = f"{line} {word}" if line else word
            if _width(longer, font) <= room:
                line = longer
                continue
            if line:
                found.append(line)
            line = word
            while _width(line, font) > room and len(line) > 1:
                cut = len(line) - 1
                while cut > 1 and _width(line[:cut], font) > room:
                    cut -= 1
                # Codes are read by their segments.
                cut = max(map(line[:cut].rfind, SEPARATORS)) + 1 or cut
                found.append(line[:cut])
                line = line[cut:]
        found.append(line)
    return tuple(found)


_ADVANCES: dict[str, list[int]] = {font: getFont(font).widths for font in USUAL}


def _width(text: str, font: str) -> float:
    advances = _ADVANCES.get(font)
    if advances is None or not text.isascii():
        return float(stringWidth(text, font, FONT_SIZE))
    return sum([advances[byte] for byte in text.encode()]) * FONT_SIZE / 1000


def _said(report: Report, face: Face, *, lacks: bool) -> list[str]:
    """What stands below the table, in lines; `lacks`: the face has not all letters."""
    notes = [] if report.rows else [NOTHING]
    notes += report.notes
    if lacks:
        notes.append(LACKING)
    return [line for note in notes for line in wrapped(note, face.plain, WIDTH - 2 * MARGIN)]


def _face(texts: Iterable[str]) -> tuple[Face, bool]:
    """Returns what has the letters of these texts, and whether some are lacking even there."""
    letters = {letter for text in texts if not _is_western(text) for letter in text}
    if not letters:
        return USUAL, False
    known = _register_wider()
    return WIDER, not all(ord(letter) in known for letter in letters if letter.isprintable())


def _is_western(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


@cache
def _register_wider() -> frozenset[int]:
    """Makes the wider fonts known to reportlab; returns the letters that both have."""
    folder = files("font_source_sans_pro") / "files"
    fonts = [TTFont(name, io.BytesIO((folder / f"{name}.ttf").read_bytes())) for name in WIDER]
    for font in fonts:
        registerFont(font)
    return frozenset.intersection(*(frozenset(font.face.charToGlyph) for font in fonts))


def _lines(
    kind: RowKind, texts: Sequence[str], widths: Sequence[float], face: Face
) -> Iterator[Line]:
    """Yields a row; what is too high for one goes on in further ones."""
    font = face.of(kind)
    cells = [
        wrapped(text, font, width - 2 * PADDING) if text else ()
        for text, width in zip(texts, widths, strict=True)
    ]
    for first in range(0, max(1, *map(len, cells)), MAX_LINES):
        yield Line(kind, font, [lines[first : first + MAX_LINES] for lines in cells])


def _paged(rows: Iterator[Line], header: float, taken: float) -> Iterator[list[Line]]:
    """Yields the rows of each page, one page at least; `taken`: of the first by what is above."""
    room = HEIGHT - MARGIN - BOTTOM - header
    page: list[Line] = []
    left = room - taken
    for line in rows:
        if line.height > left:
            yield page
            page, left = [], room
        page.append(line)
        left -= line.height
    yield page


def _heads(document: Document, face: Face) -> Iterator[tuple[str, str]]:
    """What stands above the table; of a text with several lines, those after the first alone."""
    for name, text in document.heads:
        label = f"{name}: "
        room = WIDTH - 2 * MARGIN - _width(label, face.bold)
        for number, line in enumerate(wrapped(text, face.plain, room)):
            yield "" if number else label, line


def _draw_heads(canvas: Canvas, title: str, heads: Sequence[tuple[str, str]], face: Face) -> float:
    """Returns where the table begins."""
    top: float = HEIGHT - MARGIN - TITLE_SIZE
    canvas.setFont(face.bold, TITLE_SIZE)
    canvas.drawCentredString(WIDTH / 2, top + 4, title)
    for name, text in heads:
        top -= LEADING
        canvas.setFont(face.bold, FONT_SIZE)
        canvas.drawString(MARGIN, top, name)
        canvas.setFont(face.plain, FONT_SIZE)
        canvas.drawString(MARGIN + _width(name, face.bold), top, text)
    return float(top - 5 * mm)


def _draw_table(
    canvas: Canvas,
    columns: Sequence[Column],
    widths: Sequence[float],
    lines: Sequence[Line],
    top: float,
) -> float:
    """Draws header and rows; returns where they end."""
    text = canvas.beginText()
    rules = [(0.7, top - lines[0].height)]
    font = ""
    for line in lines:
        if line.font != font:
            font = line.font
            text.setFont(font, FONT_SIZE)
        if line.kind == "total":
            rules.append((0.4, top))
        left = MARGIN
        for column, cell, width in zip(columns, line.cells, widths, strict=True):
            for number, part in enumerate(cell):
                indent: float = PADDING
                if column.kind not in _LEFT:
                    indent = width - PADDING - _width(part, font)
                text.setTextOrigin(left + indent, top - LEADING * (number + 1) + 1)
                text.textOut(part)
            left += width
        top -= line.height
    canvas.drawText(text)
    for thickness, height in rules:
        canvas.setLineWidth(thickness)
        canvas.line(MARGIN, height, WIDTH - MARGIN, height)
    return top


def _draw_notes(canvas: Canvas, said: Sequence[str], top: float, face: Face) -> None:
    canvas.setFont(face.plain, FONT_SIZE)
    for number, line in enumerate(said, start=1):
        canvas.drawString(MARGIN, top - number * LEADING, line)


def _draw_foot(canvas: Canvas, document: Document, number: str, face: Face) -> None:
    canvas.setFont(face.plain, 7)
    whose = " · ".join(_whose(document))
    canvas.drawString(MARGIN, 13 * mm, whose)
    canvas.drawString(MARGIN, 10 * mm, document.clocks)
    canvas.drawRightString(WIDTH - MARGIN, 10 * mm, number)


def _widths(
    report: Report, texts: Sequence[Sequence[str]], width: float, face: Face
) -> list[float]:
    """Figures and what is short get what they take, as they are not to be broken; longer texts
    share the rest, and what all leave goes to each."""
    sizes, shares = [], []
    for place, column in enumerate(report.columns):
        said = {cells[place] for cells in texts}.union(column.title.split())
        size = ceil(max(_width(text, face.bold) for text in said))
        is_long = column.kind == "text" and size > SHORT
        shares.append(is_long)
        sizes.append((min(size, MAX_WIDTH) if is_long else size) + 2 * PADDING)
    fixed = sum(size for size, is_long in zip(sizes, shares, strict=True) if not is_long)
    share = min(max(width - fixed, width / 4) / ((sum(sizes) - fixed) or 1), 1)
    widths = [
        size * share if is_long else size for size, is_long in zip(sizes, shares, strict=True)
    ]
    spare = width - sum(widths)
    if spare < 0:  # More figures than a page holds.
        return [each * width / sum(widths) for each in widths]
    return [each + spare / len(widths) for each in widths]


def _text(column: Column, value: Any) -> str:
    if value is None:
        return ""
    return f"{Decimal(value):,f}" if column.kind == "amount" else str(value)


def _whose(document: Document) -> tuple[str, str, str]:
    return document.entity, document.source.ledger.id, document.report.title
