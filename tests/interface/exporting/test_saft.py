"""SAF-T: the structure that the schema of version 1.30 asks for, and balances that go on.

The schema itself is not ours to keep here: SEQUENCES says what it says of the elements that we
write, in their order, each with the longest text; `?` may be missing, `+` comes once or more, `*`
any number of times.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from interface.exporting import saft
from interface.exporting.extract import ExportIncomplete
from projections.report import Span
from tests.interface.exporting.books import Books

YEAR = Span(date(2026, 1, 1), date(2026, 12, 31))
NAMESPACE = f"{{{saft.NAMESPACE}}}"

SEQUENCES = {
    "AuditFile": "Header MasterFiles? GeneralLedgerEntries?",
    "Header": "AuditFileVersion:9 AuditFileCountry:2 AuditFileDateCreated:date"
    " SoftwareCompanyName:70 SoftwareID:256 SoftwareVersion:18 Company DefaultCurrencyCode:3"
    " SelectionCriteria HeaderComment:256? TaxAccountingBasis:1",
    "Company": "RegistrationNumber:35 Name:256 Address* Contact+ TaxRegistration*",
    "Address": "StreetName:256? Country:2?",
    "Contact": "ContactPerson",
    "ContactPerson": "FirstName:35 LastName:70",
    "SelectionCriteria": "SelectionStartDate:date SelectionEndDate:date",
    "MasterFiles": "GeneralLedgerAccounts?",
    "GeneralLedgerAccounts": "Account+",
    "Account": "AccountID:70 AccountDescription:256 GroupingCategory:256 GroupingCode:35"
    " AccountType:2 Opening(Debit|Credit)Balance:money Closing(Debit|Credit)Balance:money",
    "GeneralLedgerEntries": "NumberOfEntries:number TotalDebit:money TotalCredit:money Journal*",
    "Journal": "JournalID:18 Description:256 Type:9 Transaction*",
    "Transaction": "TransactionID:70 Period:number PeriodYear:number TransactionDate:date"
    " SourceID:35? VoucherType:70? Description:256 SystemEntryDate:date GLPostingDate:date"
    " SystemID:18? Line+",
    "Line": "RecordID:18 AccountID:70 ValueDate:date? SourceDocumentID:35? Description:256"
    " (Debit|Credit)Amount ReferenceNumber:35? DueDate:date? Quantity:quantity?",
    "DebitAmount": "Amount:money CurrencyCode:3? CurrencyAmount:money?",
    "CreditAmount": "Amount:money CurrencyCode:3? CurrencyAmount:money?",
}
KINDS = {
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "number": re.compile(r"[0-9]+"),
    "money": re.compile(r"[0-9]{1,16}(\.[0-9]{1,2})?"),
    "quantity": re.compile(r"[0-9]{1,16}(\.[0-9]{1,6})?"),
}
_PART = re.compile(r"(?P<name>[^:?*+]+)(:(?P<kind>\w+))?(?P<often>[?*+]?)")


def wrong(element: ET.Element) -> Iterator[str]:
    """What in an element and below it breaks SEQUENCES."""
    name = element.tag.removeprefix(NAMESPACE)
    parts = [match for part in SEQUENCES[name].split() if (match := _PART.fullmatch(part))]
    form = "".join(f"(({part['name']}) ){part['often']}" for part in parts)
    children = [child.tag.removeprefix(NAMESPACE) for child in element]
    if not re.fullmatch(form, "".join(f"{child} " for child in children)):
        yield f"{name}: {children}"
    for child, tag in zip(element, children, strict=True):
        part = next(part for part in parts if re.fullmatch(part["name"], tag))
        text, kind = child.text or "", part["kind"]
        if kind is None:
            yield from wrong(child)
        elif kind in KINDS:
            if not KINDS[kind].fullmatch(text):
                yield f"{tag}: {text}"
        elif not 0 < len(text) <= int(kind):
            yield f"{tag}: {len(text)} characters"


def written(books: Books, span: Span = YEAR, *, with_texts: bool = True) -> ET.Element:
    with books.extract(span, with_texts=with_texts) as extract:
        told = extract._replace(contact="Kari <Nordmann>")
        saft.check(told)
        text = "".join(saft.write(told))
    return ET.fromstring(text)  # noqa: S314 -- our own


def texts(root: ET.Element, path: str) -> list[str]:
    found = root.findall("/".join(f"{NAMESPACE}{name}" for name in path.split("/")))
    return [one.text or "" for one in found]


def side(element: ET.Element, which: str) -> Decimal:
    debit = element.find(f"{NAMESPACE}{which}DebitBalance")
    credit = element.find(f"{NAMESPACE}{which}CreditBalance")
    found = debit if debit is not None else credit
    assert found is not None
    amount = Decimal(found.text or "")
    return amount if debit is not None else -amount


@pytest.mark.parametrize(
    "span", [YEAR, Span(date(2025, 1, 1), date(2025, 12, 31)), Span(date(2025, 6, 1), date.max)]
)
def test_the_structure_is_the_schemas(books: Books, span: Span) -> None:
    assert list(wrong(written(books, span))) == []


def test_the_structure_test_finds_what_is_wrong(books: Books) -> None:
    root = written(books)
    header = root[0]
    header.remove(header[0])
    header[0].text = "Norway"
    assert len(list(wrong(root))) == 2


def test_opening_and_lines_make_the_closing_balances(books: Books) -> None:
    root = written(books)
    moved: dict[str, Decimal] = {}
    for line in root.iter(f"{NAMESPACE}Line"):
        (number,) = texts(line, "AccountID")
        debit, credit = texts(line, "DebitAmount/Amount"), texts(line, "CreditAmount/Amount")
        amount = Decimal(debit[0]) if debit else -Decimal(credit[0])
        moved[number] = moved.get(number, Decimal()) + amount
    accounts = list(root.iter(f"{NAMESPACE}Account"))
    assert len(accounts) == 13
    for account in accounts:
        (number,) = texts(account, "AccountID")
        assert side(account, "Opening") + moved.get(number, Decimal()) == side(account, "Closing")
    assert sum(side(account, "Closing") for account in accounts) == 0


def test_totals_count_every_transaction(books: Books) -> None:
    root = written(books)
    entries = root.find(f"{NAMESPACE}GeneralLedgerEntries")
    assert entries is not None
    lines = "Journal/Transaction/Line"
    assert texts(entries, "NumberOfEntries") == [str(len(texts(entries, "Journal/Transaction")))]
    for which in ("Debit", "Credit"):
        amounts = texts(entries, f"{lines}/{which}Amount/Amount")
        assert texts(entries, f"Total{which}") == [str(sum(map(Decimal, amounts)))]
    assert texts(entries, "Journal/JournalID") == ["AUTH", "GEN", "SAL"]
    assert "USD" in texts(entries, f"{lines}/DebitAmount/CurrencyCode")
    assert texts(entries, f"{lines}/Quantity") == ["3.1250", "3.1250", "0.125", "0.125"]


def test_texts_that_xml_can_not_hold(books: Books) -> None:
    root = written(books, Span(date(2025, 1, 1), date(2025, 12, 31)))
    said = texts(root, "GeneralLedgerEntries/Journal/Transaction/Description")
    assert any("]]>&<b>\ufffd\x85€" in one for one in said)
    assert texts(root, "Header/Company/Name") == ["Société & Fils <SARL>"]
    bare = written(books, Span(date(2025, 1, 1), date(2025, 12, 31)), with_texts=False)
    assert "HYPERLINK" not in ET.tostring(bare, encoding="unicode")


def test_what_the_ledger_lacks_is_listed(books: Books) -> None:
    with books.extract(YEAR) as extract, pytest.raises(ExportIncomplete) as raised:
        saft.check(extract)
    assert raised.value.missing == ["the name of a contact person (--contact)"]


def test_a_file_is_called_as_the_tax_administration_asks(books: Books) -> None:
    with books.extract(YEAR) as extract:
        assert saft.file_name(extract) == "SAF-T Financial_732829320_20260331140000.xml"


def test_journals_with_long_codes_are_told_apart() -> None:
    names = {saft.journal_id(f"A-journal-with-a-code-{n}") for n in range(9)}
    assert len(names) == 9
    assert {len(name) for name in names} == {18}
