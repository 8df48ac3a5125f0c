"""`backoffice export`: where files go, what is said, and what is turned down."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.interface.exporting.books import LEDGER, Books
from tests.interface.exporting.terminal import Terminal


class Exporter:
    """Exports the books."""

    def __init__(self, books: Books, directory: Path) -> None:
        self.books = books
        self._terminal = Terminal(books.office.database, directory)

    def run(self, *arguments: str, status: int = 0) -> Result:
        return self._terminal.run("export", "--ledger", LEDGER, *arguments, status=status)

    def json(self, *arguments: str, status: int = 0) -> Any:
        return self._terminal.json("export", "--ledger", LEDGER, *arguments, status=status)


@pytest.fixture(scope="module")
def exporter(books: Books, tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    return Exporter(books, tmp_path_factory.mktemp("export"))


def test_a_text_goes_to_standard_output_or_to_a_file(exporter: Exporter, tmp_path: Path) -> None:
    shown = exporter.run("--format", "beancount").stdout_bytes
    assert shown.startswith(b";; Ledger export as known at position ")
    made = exporter.json("--format", "beancount", "--output", str(tmp_path))
    file = tmp_path / f"{LEDGER}.beancount"
    assert made["files"] == [str(file)]
    assert file.read_bytes() == shown
    named = tmp_path / "books.txt"
    said = exporter.run("--format", "hledger", "--output", str(named)).stdout
    assert said == f"{named}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["books.txt", file.name]


def test_days_and_what_was_known(exporter: Exporter) -> None:
    year = exporter.run("--format", "hledger", "--from", "2026-01-01", "--to", "2026-01-31").stdout
    assert "2026-01-01 * opening balances" in year
    assert "2026-01-31 * closing balances" in year
    midway = str(exporter.books.midway)
    early = exporter.run("--format", "beancount", "--known-position", midway).stdout
    assert f"position {midway}\n" in early.split("option")[0]
    none = exporter.run("--format", "beancount", "--known-at", "2020-01-01", status=1)
    assert "Nothing was on record" in none.stderr


def test_what_a_format_needs_is_listed_and_nothing_is_written(
    exporter: Exporter, tmp_path: Path
) -> None:
    year = ["--format", "saft", "--from", "2025-01-01", "--to", "2025-12-31"]
    done = exporter.run(*year, "--output", str(tmp_path), status=1)
    assert done.stdout == ""
    assert "export_incomplete" in done.stderr
    assert "--contact" in done.stderr
    told = exporter.json(*year, "--output", str(tmp_path), status=1)
    assert told["code"] == "export_incomplete"
    assert len(told["missing"]) == 1
    assert list(tmp_path.iterdir()) == []
    exporter.run(*year, "--output", str(tmp_path), "--contact", "Kari")
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("SAF-T Financial_732829320_")


def test_a_long_list_of_what_is_missing_is_cut_on_a_terminal(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    year = ["--format", "fec", "--from", "2025-01-01", "--to", "2025-01-31"]
    (missing,) = exporter.json(*year, "--output", str(tmp_path), status=1)["missing"]
    assert f"lacks:\n  - {missing}\n" in exporter.run(*year, status=1).stderr
    monkeypatch.setattr("interface.cli.export_books.MISSING_SHOWN_MAX", 0)
    said = exporter.run(*year, status=1).stderr
    assert "lacks:\nand 1 more; --json" in said


def test_several_files_go_to_a_directory(exporter: Exporter, tmp_path: Path) -> None:
    made = exporter.json("--format", "ads", "--output", str(tmp_path / "tables"))
    assert sorted(made["files"]) == sorted(map(str, (tmp_path / "tables").iterdir()))
    (tmp_path / "file").touch()
    exporter.run("--format", "parquet", "--output", str(tmp_path / "file"), status=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "beancount", "--from", "31.12.2025"],
        ["--format", "beancount", "--from", "2026-01-02", "--to", "2026-01-01"],
        ["--format", "beancount", "--json"],
        ["--format", "beancount", "--known-at", "2026-01-01T10:00"],
        ["--format", "beancount", "--state"],
        ["--from", "2026-01-01"],
        ["--known-position", "3"],
        ["--format", "paper"],
    ],
)
def test_what_makes_no_sense_is_turned_down(exporter: Exporter, arguments: list[str]) -> None:
    assert exporter.run(*arguments, status=2).stdout == ""
