"""PDFs: every row on some page, under the columns' titles, above whose it is; and terminals."""

import io
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import pypdf
import pytest

from domain.ledgers import Ledger
from interface.cli.report import write
from interface.reports.document import Document
from interface.reports.pages import MAX_LINES, as_pdf, wrapped
from projections.general_ledger import JOURNAL_COLUMNS
from projections.report import Report, Source

LEDGER = Ledger(
    stream="s",
    version=1,
    id="acme",
    name="Acme",
    functional_asset="USD",
    timezone="UTC",
    fiscal_year_start="01-01",
)


def document(rows: int, **more: Any) -> Document:
    report = Report(
        name="journal",
        title="Journal",
        asked={"from": date(2026, 1, 1), "to": date(2026, 3, 1)},
        columns=JOURNAL_COLUMNS,
        notes=["A note at the end."],
    )
    for number in range(rows):
        values = {"account": f"assets:a{number}", "asset": "USD", "debit": f"{number}.00", **more}
        report.add(effective_on=date(2026, 1, 1), journal="GEN", position=number, **values)
    source = cast(Source, SimpleNamespace(ledger=LEDGER, known=77))
    return Document(report, source, datetime(2026, 3, 1, tzinfo=UTC))


def pages_of(made: Document) -> list[str]:
    read = pypdf.PdfReader(io.BytesIO(as_pdf(made)))
    return [page.extract_text() for page in read.pages]


def test_every_row_is_on_some_page() -> None:
    pages = pages_of(document(200))
    words = [word for page in pages for word in page.split()]
    assert [word for word in words if word.startswith("assets:a")] == [
        f"assets:a{number}" for number in range(200)
    ]
    for number, page in enumerate(pages, start=1):
        assert "Account" in page
        assert f"Page {number} of {len(pages)}" in page
        assert "position 77" in page
    assert "A note at the end." in pages[-1]
    assert as_pdf(document(200)) == as_pdf(document(200))


def test_an_empty_report_says_so() -> None:
    (page,) = pages_of(document(0))
    assert "Nothing to show" in page


def test_a_text_that_is_higher_than_a_page_goes_on() -> None:
    words = [f"word{number}" for number in range(40 * MAX_LINES)]
    pages = pages_of(document(1, name=" ".join(words)))
    assert len(pages) > 1
    assert [word for page in pages for word in page.split() if word.startswith("word")] == words


def test_no_figure_is_cut_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    made = document(1, debit="1012596.48", credit="-98765432109876.54", account="a:bank:[b]")
    write(made, "table", None)
    shown = capsys.readouterr().out
    for whole in ("1012596.48", "-98765432109876.54", "2026-01-01", "a:bank:[b]"):
        assert whole in shown


def test_pages_say_so_where_they_have_no_letters_for_a_sign() -> None:
    (page,) = pages_of(document(1, name="Société d'Œuvres, 5 €"))
    assert "black squares" not in page
    (page,) = pages_of(document(1, name="Łódź, Ελλάδα, Москва"))
    assert "Łódź, Ελλάδα, Москва" in page
    assert "black squares" not in page
    (page,) = pages_of(document(1, name="日本"))
    assert "black squares" in page


def test_what_is_set_in_letters_of_its_own_is_the_same_each_time() -> None:
    assert as_pdf(document(2, name="Łódź")) == as_pdf(document(2, name="Łódź"))


def test_no_figure_is_broken() -> None:
    (page,) = pages_of(document(1, debit="1012596.48", credit="-98765432109876.54"))
    assert "1,012,596.48" in page
    assert "-98,765,432,109,876.54" in page


def test_lines_are_broken_between_words_where_there_are_some() -> None:
    assert wrapped("one two three", "Helvetica", 40) == ("one two", "three")
    assert wrapped("one\ntwo", "Helvetica", 400) == ("one", "two")
    assert "".join(wrapped("x" * 50, "Helvetica", 40)) == "x" * 50
    assert wrapped("Łódź", "Helvetica", 400) == ("Łódź",)
    assert wrapped("assets:cash:euro", "Helvetica", 50) == ("assets:cash:", "euro")
    assert wrapped("xyz", "Helvetica", 1) == ("x", "y", "z")
