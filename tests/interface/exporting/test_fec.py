"""A fiscal year as a FEC: its form to the letter, its balances, and what it needs."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from domain.accounts import OpenAccount
from domain.entries import Post
from domain.ledgers import CreateLedger
from interface.exporting import fec
from interface.exporting.extract import ExportIncomplete
from projections.report import Span
from projections.status import read_shown
from tests.application.office import OPERATOR, Office
from tests.interface.exporting.books import Books, both
from tests.projections.conftest import Worker

Row = dict[str, str]
FIRST = Span(date(2025, 1, 1), date(2025, 12, 31))
SECOND = Span(date(2026, 1, 1), date(2026, 12, 31))


def written(books: Books, span: Span, *, with_texts: bool = True) -> tuple[str, list[Row]]:
    with books.extract(span, with_texts=with_texts) as extract:
        fec.check(extract)
        name, text = fec.file_name(extract), "".join(fec.write(extract))
    lines = text.split("\r\n")
    assert lines.pop() == ""
    head, *rows = [line.split("\t") for line in lines]
    assert tuple(head) == fec.FIELDS
    assert {len(row) for row in rows} == {18}
    return name, [dict(zip(head, row, strict=True)) for row in rows]


def amount(cell: str) -> Decimal:
    whole, cents = cell.split(",")
    assert whole.isdigit()
    assert len(cents) == 2
    return Decimal(f"{whole}.{cents}")


def balances(rows: list[Row]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row["CompteNum"]] += amount(row["Debit"]) - amount(row["Credit"])
    return {number: balance for number, balance in found.items() if balance}


@pytest.mark.parametrize("span", [FIRST, SECOND])
def test_entries_are_numbered_without_a_break_and_even(books: Books, span: Span) -> None:
    _, rows = written(books, span)
    numbers = [int(row["EcritureNum"]) for row in rows]
    assert list(dict.fromkeys(numbers)) == list(range(1, numbers[-1] + 1))
    assert numbers == sorted(numbers)
    for number in set(numbers):
        entry = [row for row in rows if int(row["EcritureNum"]) == number]
        assert not balances(entry) or sum(balances(entry).values()) == 0
    for row in rows:
        assert not [
            name for name in ("JournalLib", "CompteLib", "PieceRef", "EcritureLib") if not row[name]
        ]
        for name in ("EcritureDate", "PieceDate", "ValidDate"):
            assert date.fromisoformat(row[name]).year in (2025, 2026)


def test_the_first_year_is_without_what_closes_it(books: Books) -> None:
    name, rows = written(books, FIRST)
    assert name == "732829320FEC20251231.txt"
    assert balances(rows) == {
        "512": Decimal("101234.53"),
        "101": Decimal("-100000.00"),
        "706": Decimal("-1234.56"),
        "61321": Decimal("0.03"),
    }
    sale = next(row for row in rows if row["CompteNum"] == "706")
    assert sale["JournalCode"] == "SAL"
    assert sale["PieceRef"] == "F 2025-1"
    assert sale["PieceDate"] == "20250628"
    assert sale["EcritureDate"] == "20250630"
    assert sale["ValidDate"] == "20260331"
    assert sale["EcritureLib"].startswith('=HYPERLINK("x") "quoted"')
    assert (sale["Debit"], sale["Credit"]) == ("0,00", "1234,56")
    assert (sale["Montantdevise"], sale["Idevise"]) == ("", "")


def test_the_second_year_opens_with_what_the_first_left(books: Books) -> None:
    _, rows = written(books, SECOND)
    opening = [row for row in rows if row["JournalCode"] == "AN"]
    assert {row["EcritureNum"] for row in opening} == {"1"}
    assert opening == rows[: len(opening)]
    assert balances(opening) == {
        "512": Decimal("101234.53"),
        "101": Decimal("-100000.00"),
        "120": Decimal("-1234.53"),
    }
    with books.extract(SECOND) as extract:
        stated: dict[str, Decimal] = defaultdict(Decimal)
        for one in extract.closing():
            number = extract.source.accounts[one.account].number
            stated[str(number)] += Decimal(one.functional).scaleb(-2)
    assert balances(rows) == {number: balance for number, balance in stated.items() if balance}
    dollars = next(row for row in rows if row["Idevise"] == "USD")
    assert (dollars["Debit"], dollars["Montantdevise"]) == ("900,00", "1000,00")


def test_without_texts_a_line_is_called_by_its_reference_or_voucher(books: Books) -> None:
    _, rows = written(books, FIRST, with_texts=False)
    assert {row["EcritureLib"] for row in rows} == {"GEN/2025/1", "=1+2", "GEN/2025/2"}


def test_what_the_ledger_lacks_is_listed(books: Books) -> None:
    """Another ledger beside the books: dollars, no SIREN, no numbers, a result never closed."""
    office = Office(books.office.database, ledger="export_bare")
    office.ledgers.create(
        CreateLedger(id="export_bare", name="Bare", functional_asset="USD", timezone="UTC"),
        key="create-bare",
        by=OPERATOR,
    )
    office.done(OpenAccount(code="assets:bank", type="asset", name="Bank"))
    office.done(OpenAccount(code="revenue:sales", type="revenue", name="Sales", number="706"))
    legs = both("assets:bank", "revenue:sales", "5.00")
    dollars = [
        type(leg)(account=leg.account, side=leg.side, amount=leg.amount, asset="USD")
        for leg in legs
    ]
    office.done(Post(legs=dollars, effective_on=date(2025, 5, 5)))
    worker = Worker(office)
    worker.catch_up()
    bare = Books(office, 0, read_shown(worker.connection, "lines", "entries"), "", "", "")
    worker.connection.close()
    span = Span(date(2026, 1, 1), date(2026, 3, 31))
    with bare.extract(span) as extract, pytest.raises(ExportIncomplete) as raised:
        fec.check(extract)
    office.close()
    said = " | ".join(raised.value.missing)
    assert raised.value.code == "export_incomplete"
    for lacking in ("--to 2026-12-31", "SIREN", "euro", "assets:bank", "retained_earnings"):
        assert lacking in said
    assert "revenue:sales" not in said
