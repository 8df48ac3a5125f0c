"""The letters of a FEC: lines that settle each other, also across a year's end."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.accounts import OpenAccount
from domain.corrections import Reverse
from domain.entries import Document, Post
from domain.ledgers import CreateLedger, Entity
from domain.legs import LegAsked
from interface.exporting.letters import letters
from projections.status import read_shown
from tests.application.office import OPERATOR, Office, id_of
from tests.interface.exporting.books import Books
from tests.interface.exporting.test_fec import FIRST, SECOND, Row, amount, balances, written
from tests.projections.conftest import Worker

LEDGER = "export_letters"
CUSTOMERS = "assets:customers"


@pytest.fixture(scope="module")
def lettered(books: Books) -> Iterator[Books]:
    """Invoices and what was paid of them, in a ledger beside the books."""
    office = Office(books.office.database, ledger=LEDGER)
    created = CreateLedger(
        id=LEDGER,
        name="Letters",
        functional_asset="EUR",
        timezone="Europe/Paris",
        entity=Entity(legal_name="Letters", registration_number="732829320"),
    )
    office.ledgers.create(created, key="create-letters", by=OPERATOR)
    for code, type, number, purpose in (
        (CUSTOMERS, "asset", "411", "control"),
        ("assets:bank", "asset", "512", "bank"),
        ("equity:retained", "equity", "120", "retained_earnings"),
        ("revenue:sales", "revenue", "706", None),
    ):
        account: Any = {"code": code, "type": type, "name": code, "purpose": purpose}
        office.done(OpenAccount(number=number, **account))
    _live(office)
    worker = Worker(office)
    worker.catch_up()
    yield Books(office, 0, read_shown(worker.connection, "lines", "items"), "", "", "")
    worker.connection.close()
    office.close()


def _live(office: Office) -> None:
    def invoice(number: str, party: str, euros: str, day: date) -> str:
        legs = _legs(CUSTOMERS, "revenue:sales", euros, party=party)
        document = Document(number=number, date=day)
        return id_of(office.done(Post(legs=legs, effective_on=day, document=document)))

    def paid(party: str, euros: str, day: date, matches: str | None = None) -> None:
        legs = _legs("assets:bank", CUSTOMERS, euros, party=party, matches=matches)
        office.done(Post(legs=legs, effective_on=day))

    invoice("F-1", "a", "60.00", date(2025, 3, 1))
    invoice("F-2", "a", "100.00", date(2025, 3, 2))
    invoice("F-3", "b", "50.00", date(2025, 11, 30))
    paid("a", "100.00", date(2025, 4, 1), matches="F-2")
    paid("a", "20.00", date(2025, 5, 1))
    paid("a", "40.00", date(2026, 1, 10))
    paid("b", "30.00", date(2026, 1, 11))
    wrong = invoice("F-4", "c", "7.00", date(2026, 2, 1))
    office.done(Reverse(entry=wrong, reason="duplicate", effective_on=date(2026, 2, 3)))


def _legs(debit: str, credit: str, euros: str, **about: Any) -> list[LegAsked]:
    both: Any = ((debit, "debit"), (credit, "credit"))
    return [
        LegAsked(
            account=account,
            side=side,
            amount=euros,
            asset="EUR",
            **(about if account == CUSTOMERS else {}),
        )
        for account, side in both
    ]


def by_letters(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        assert bool(row["EcritureLet"]) == bool(row["DateLet"])
        if row["EcritureLet"]:
            found[row["EcritureLet"]].append(row)
    return found


def said(rows: list[Row]) -> list[tuple[str, str, Decimal]]:
    return [
        (row["JournalCode"], row["CompAuxNum"], amount(row["Debit"]) - amount(row["Credit"]))
        for row in rows
    ]


def test_what_was_settled_in_the_year_has_a_letter(lettered: Books) -> None:
    _, rows = written(lettered, FIRST)
    (settled,) = by_letters(rows).values()
    assert said(settled) == [("GEN", "a", Decimal(100)), ("GEN", "a", Decimal(-100))]
    assert {(row["EcritureLet"], row["DateLet"]) for row in settled} == {("AAA", "20250401")}


def test_what_was_carried_forward_has_a_line_an_item_and_their_letters(lettered: Books) -> None:
    _, rows = written(lettered, SECOND)
    opening = [row for row in rows if row["JournalCode"] == "AN" and row["CompteNum"] == "411"]
    assert [(row["PieceRef"], row["PieceDate"], row["Debit"]) for row in opening] == [
        ("F-1", "20250301", "40,00"),
        ("F-3", "20251130", "50,00"),
    ]
    assert sum(balances([row for row in rows if row["JournalCode"] == "AN"]).values()) == 0
    found = by_letters(rows)
    assert {one: (said(lines), lines[0]["DateLet"]) for one, lines in found.items()} == {
        "AAA": ([("AN", "a", Decimal(40)), ("GEN", "a", Decimal(-40))], "20260110"),
        # The invoice itself, and what took it back; F-3 was paid in part.
        "AAB": ([("GEN", "c", Decimal(7)), ("GEN", "c", Decimal(-7))], "20260203"),
    }


def test_letters_go_on() -> None:
    numbers = (0, 1, 25, 26, 26**3 - 1, 26**3)
    assert [letters(one) for one in numbers] == ["AAA", "AAB", "AAZ", "ABA", "ZZZ", "AAAA"]
