"""Parquet: lines that add up, events to the byte, no float anywhere."""

import sys
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from interface.exporting import parquet
from interface.exporting.files import MissingLibrary
from projections.report import Span
from tests.interface.exporting.balances import Balances, trial_balance_of
from tests.interface.exporting.books import HOSTILE, HOSTILE_LEG, Books


@pytest.fixture(scope="module")
def directory(books: Books, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("parquet") / "export.parquet"
    with books.extract() as extract:
        files = parquet.write(extract, made)
    assert sorted(path.name for path in made.iterdir()) == ["events.parquet", "lines.parquet"]
    assert {path.name for path in files} == {"events.parquet", "lines.parquet"}
    return made


def test_lines_add_up_to_both_trial_balances(books: Books, directory: Path) -> None:
    table = pq.read_table(directory / "lines.parquet")
    assert table.schema.field("amount").type == pa.decimal128(38, 12)
    assert not [field for field in table.schema if pa.types.is_floating(field.type)]
    found: Balances = defaultdict(Decimal)
    worth: Balances = defaultdict(Decimal)
    for row in table.to_pylist():
        sign = 1 if row["side"] == "debit" else -1
        found[row["account"], row["asset"]] += sign * row["amount"]
        worth[row["account"], row["asset"]] += sign * row["functional_amount"]
    with books.extract() as extract:
        assert {key: one for key, one in found.items() if one} == trial_balance_of(extract)
        assert {key: one for key, one in worth.items() if one} == trial_balance_of(
            extract, functional=True
        )


def test_lines_keep_what_they_say(books: Books, directory: Path) -> None:
    rows = pq.read_table(directory / "lines.parquet").to_pylist()
    wrong = next(row for row in rows if row["entry"] == books.reversed)
    assert wrong["reversed_by"] == books.reversal
    assert HOSTILE in {row["narrative"] for row in rows}
    assert HOSTILE_LEG in {row["leg_narrative"] for row in rows}
    assert [row["dimensions"] for row in rows if row["dimensions"]] == [[("Größe, m", "x;y")]]
    assert {row["effective_on"].year for row in rows} == {2025, 2026}


def test_events_are_the_records(books: Books, directory: Path) -> None:
    table = pq.read_table(directory / "events.parquet")
    with books.office.ledgers.reader(books.office.ledger) as connection:
        stored = connection.execute(
            "SELECT state FROM events WHERE notification_id <= %s ORDER BY notification_id",
            [books.last],
        ).fetchall()
    assert table["record"].to_pylist() == [bytes(row["state"]).decode() for row in stored]
    assert table["position"].to_pylist() == list(range(1, len(stored) + 1))
    assert table.schema.metadata[b"position"] == str(len(stored)).encode()
    assert "HYPERLINK" not in "".join(table["record"].to_pylist())


def test_some_days_and_no_texts(books: Books, tmp_path: Path) -> None:
    with books.extract(Span(date(2026, 1, 1), date(2026, 1, 15)), with_texts=False) as extract:
        parquet.write(extract, tmp_path)
    rows = pq.read_table(tmp_path / "lines.parquet").to_pylist()
    assert len(rows) == 4
    assert {row["narrative"] for row in rows} == {None}


def test_nothing_to_write_is_a_file_without_rows(books: Books, tmp_path: Path) -> None:
    with books.extract(Span(date(2020, 1, 1), date(2020, 1, 15))) as extract:
        parquet.write(extract, tmp_path)
    assert pq.read_table(tmp_path / "lines.parquet").num_rows == 0


def test_without_the_library_its_extra_is_named(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with (
        books.extract() as extract,
        pytest.raises(MissingLibrary, match=r"pip install 'backoffice-ledger\[parquet\]'"),
    ):
        parquet.write(extract, tmp_path / "none")
    assert not (tmp_path / "none").exists()
