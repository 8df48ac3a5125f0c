"""General ledger files as files: line ends, encodings, order of rows, memory."""

import csv
import io
import os
import random
import tracemalloc
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interface.importing import files, journals, remembered
from interface.importing.columns import UnknownColumns
from interface.importing.days import AmbiguousDays
from interface.importing.files import ChangedWhileRead, LineTooLong, NotText
from interface.importing.gl_detail import read_gl_detail
from interface.importing.lines import Line, Unreadable
from interface.importing.sides import UnknownSides
from tests.interface.general_ledgers import PLAIN, Found, commands, read, refusals, written


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    heading = PLAIN + ",JE_Line_Description"
    text = (
        f'\n{heading}\n1,2026-03-31,a,5,D,"one\ntwo"\n1,2026-03-31,b,5,C,\n'
        "\n2,2026-03-31,a,5,D,\n2,2026-03-31,b,5,C,\n"
    )
    first, second = read(tmp_path, text)
    assert (first.number, second.number) == (3, 7)
    assert first.command["legs"][0]["narrative"] == "one\ntwo"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encoding", "asked"), [("utf-8-sig", None), ("utf-16", None), ("cp1252", "cp1252")]
)
def test_line_ends_and_encodings(
    tmp_path: Path, ending: str, encoding: str, asked: str | None
) -> None:
    heading = PLAIN + ",JE_Line_Description"
    text = ending.join([heading, "1,2026-03-31,a,5,D,Büro", "1,2026-03-31,b,5,C,", ""])
    path = written(tmp_path, text, encoding=encoding)
    line: Found
    [line] = read_gl_detail(path, encoding=asked).lines()
    assert line.number == 2
    assert line.command["legs"][0]["narrative"] == "Büro"


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("", {}, UnknownColumns),
        ("a,b\n1,2\n", {}, UnknownColumns),
        ("Journal_ID,Effective_Date,GL_Account_Number\n", {}, UnknownColumns),
        (PLAIN + "\n1,2026-03-31,a,5,S\n", {}, UnknownSides),
        (PLAIN + "\n1,01/02/2026,a,5,D\n", {}, AmbiguousDays),
        (PLAIN + '\n1,2026-03-31,"a\n' + "x\n" * 140_000, {}, Unreadable),
        (PLAIN + "\n", {"encoding": "klingon"}, Unreadable),
        (PLAIN + "\n", {"delimiter": ";;"}, Unreadable),
        (PLAIN + "\n", {"delimiter": "\n"}, Unreadable),
        (PLAIN + "\n", {"delimiter": ";"}, UnknownColumns),
        (PLAIN + "\n", {"timezone": "Mars/Olympus"}, Unreadable),
        (PLAIN + "\n", {"timezone": "../etc"}, Unreadable),
        (PLAIN + "\n", {"system": "a b"}, Unreadable),
        (PLAIN + "x" * files.LONGEST_LINE_BYTES, {}, LineTooLong),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_as_a_whole(
    tmp_path: Path, text: str, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_gl_detail(written(tmp_path, text), **options)


def test_bytes_that_are_no_text_are_refused_as_a_whole(tmp_path: Path) -> None:
    path = written(tmp_path, f"{PLAIN}\n1,2026-03-31,B\u00fcro,5,D\n", encoding="cp1252")
    with pytest.raises(NotText, match="cp1252"):
        read_gl_detail(path)


@pytest.mark.parametrize("delimiter", ["\t", "tab", "\\t"])
def test_a_tab_can_be_asked_for(tmp_path: Path, delimiter: str) -> None:
    text = f"{PLAIN}\n1,2026-03-31,a,5,D\n1,2026-03-31,b,5,C\n".replace(",", "\t")
    assert len(commands(read(tmp_path, text, delimiter=delimiter))) == 1


def test_a_file_of_headings_alone_has_nothing(tmp_path: Path) -> None:
    detail = read_gl_detail(written(tmp_path, PLAIN), functional_asset="EUR")
    assert (list(detail.lines()), detail.rows, set(detail.assets)) == ([], 0, {"EUR"})


def test_a_file_that_changed_since_it_was_surveyed_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"{PLAIN}\n1,2026-03-31,a,5,D\n1,2026-03-31,b,5,C\n")
    detail = read_gl_detail(path)
    with path.open("a") as handle:
        handle.write("2,2026-03-31,a,5,D\n")
    with pytest.raises(ChangedWhileRead):
        list(detail.lines())


def test_a_file_that_changes_while_it_is_read_is_refused_at_its_end(tmp_path: Path) -> None:
    rows = [f"{journal},2026-03-31,a,5,{side}" for journal in (1, 2) for side in "DC"]
    path = written(tmp_path, "\n".join([PLAIN, *rows]))
    reading = read_gl_detail(path).lines()
    assert isinstance(next(reading), Line)
    os.utime(path, ns=(1, 1))
    with pytest.raises(ChangedWhileRead):
        next(reading)


def generated(journal_count: int, seed: int, *, shuffle: bool) -> str:
    """Returns the text of a file; one journal in seven does not balance."""
    numbers = random.Random(seed)
    rows = []
    for journal in range(journal_count):
        cents = [numbers.randrange(1, 10**6) for _ in range(numbers.randrange(1, 4))]
        total = sum(cents) + (numbers.randrange(1, 9) if journal % 7 == 3 else 0)
        rows += [f"J{journal},2026-03-31,{cent % 50},{cent / 100:.2f},D" for cent in cents]
        rows.append(f"J{journal},2026-03-31,9,{total / 100:.2f},C")
    if shuffle:
        numbers.shuffle(rows)
    return "\n".join([PLAIN, *rows, ""])


def naive(text: str) -> tuple[dict[str, Decimal], set[str]]:
    """Balances by account of the journals that balance, and the ids of those that don't."""
    by_journal = defaultdict(list)
    for row in csv.DictReader(io.StringIO(text)):
        sign = 1 if row["Amount_Credit_Debit_Indicator"] == "D" else -1
        by_journal[row["Journal_ID"]].append(
            (row["GL_Account_Number"], sign * Decimal(row["Amount"]))
        )
    balances: dict[str, Decimal] = defaultdict(Decimal)
    uneven = set()
    for journal, lines in by_journal.items():
        if sum(amount for _, amount in lines):
            uneven.add(journal)
            continue
        for account, amount in lines:
            balances[account] += amount
    return balances, uneven


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(), shuffle=st.booleans(), count=st.integers(1, 60))
def test_what_goes_in_is_what_balances_however_the_rows_are_ordered(
    tmp_path: Path, seed: int, shuffle: bool, count: int
) -> None:
    text = generated(count, seed, shuffle=shuffle)
    found = read(tmp_path, text)
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for command in commands(found):
        for leg in command["legs"]:
            sign = 1 if leg["side"] == "debit" else -1
            balances[leg["account"]] += sign * Decimal(leg["amount"])
    expected, uneven = naive(text)
    assert balances == expected
    assert {journal for _, journal, _ in refusals(found)} == uneven
    assert len(found) == count


def test_however_the_rows_are_brought_together_the_same_comes_out(tmp_path: Path) -> None:
    """By the chunk, row by row where a line is blank, and sorted where a journal comes back."""
    text = generated(300, 7, shuffle=False)
    extra = "\n".join(f"{journal},2026-03-31,a,1,{side}\n" for side in "DC" for journal in "YZ")
    told = [
        [one for one in read(tmp_path, source) if one.journal_id not in ("Y", "Z")]
        for source in (text, text + "\n", text + extra)
    ]
    for line in (line for found in told for line in found if isinstance(line, Line)):
        del line.command["source"]["sha256"]
    assert told[0] == told[1] == told[2]


def test_scattered_journals_come_in_the_order_of_their_first_rows(tmp_path: Path) -> None:
    rows = ["B,2026-03-31,a,5,D", "A,2026-03-31,a,1,D", "B,2026-03-31,b,5,C", "A,2026-03-31,b,1,C"]
    found = read(tmp_path, "\n".join([PLAIN, *rows]))
    assert [(line.journal_id, line.number) for line in found] == [("B", 2), ("A", 3)]
    assert [leg["account"] for leg in found[0].command["legs"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("ids", "ascending"),
    [
        (["1", "1", "2", "10"], True),
        (["A1", "A10", "A2"], True),
        (["2", "1"], False),
        (["1", "2", "1"], False),
        (["9", "10", "9"], False),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 10])
def test_ascending_ids_show_that_journals_stand_together(
    ids: list[str], ascending: bool, size: int
) -> None:
    order = journals.Order()
    for start in range(0, len(ids), size):
        order.learn(ids[start : start + size])
    assert order.ascending is ascending


@pytest.mark.parametrize(
    ("ids", "returns"), [(["2", "2", "1"], False), (["2", "1", "2"], True), ([], False)]
)
@pytest.mark.parametrize("size", [1, 2, 10])
def test_an_id_that_returns_is_found(ids: list[str], returns: bool, size: int) -> None:
    chunks = [ids[start : start + size] for start in range(0, len(ids), size)]
    assert journals.any_returns(chunks) is returns


@pytest.mark.parametrize("shuffle", [False, True], ids=["adjacent", "scattered"])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, shuffle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that a small file fills what a large one fills.
    monkeypatch.setattr(files, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(files, "CHUNK_ROWS", 500)
    monkeypatch.setattr(journals, "_BATCH_ROWS", 500)
    monkeypatch.setattr(remembered, "REMEMBERED", 100)

    def peak_bytes(count: int) -> int:
        path = written(tmp_path, generated(count, 1, shuffle=shuffle))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_gl_detail(path).lines()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # The commands of 6,000 journals take some 12 MB, their ids alone 400 kB.
    assert peak_bytes(8_000) < peak_bytes(2_000) + 200_000
