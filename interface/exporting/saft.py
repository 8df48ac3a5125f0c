"""Some days of a ledger as SAF-T Financial, version 1.30 of the Norwegian tax administration.

Source: Norwegian SAF-T Financial data 1.30 (based on OECD SAF-T 2.00). What stands in an element
and how long it may be follows its schema: longer texts are cut. Amounts are in the functional
currency; accounts carry the grouping category and code that they have as statutory codes.
"""

import hashlib
import html
import re
from collections.abc import Iterator
from datetime import date, datetime
from importlib.metadata import version
from itertools import islice

from psycopg.rows import tuple_row

from domain.entries import Document
from domain.legs import Leg
from interface.exporting.ads import account_numbers
from interface.exporting.extract import (
    LISTED_MAX,
    Entry,
    ExportIncomplete,
    Extract,
    fiscal_span,
    period_of,
)
from projections.lines import PLACES

NAMESPACE = "urn:StandardAuditFile-Taxation-Financial:NO"
VERSION = "1.30"
CATEGORY, CODE = "saft.category", "saft.code"
"""Of an account's statutory codes: its grouping category and code."""

SHORT, MIDDLE_1, MIDDLE_2, LONG = 18, 35, 70, 256
"""How many characters the schema's texts may have."""

MONETARY_SCALE, QUANTITY_SCALE = 2, 6
YEARS = range(1970, 2101)
SOFTWARE = "backoffice-ledger"

_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NAME_SIGNS = re.compile(r"[^0-9A-Za-z]")

_TOTALS = """
SELECT (SELECT count(*) FROM posted_entries WHERE position <= %(known)s
        AND effective_on BETWEEN %(from_)s AND %(to)s),
    coalesce(sum(coalesce(functional, amount)) FILTER (WHERE is_debit), 0),
    coalesce(sum(coalesce(-functional, amount)) FILTER (WHERE NOT is_debit), 0)
FROM lines WHERE place < %(end)s AND effective_on BETWEEN %(from_)s AND %(to)s
"""


def file_name(extract: Extract) -> str:
    """Returns the name that the tax administration asks for."""
    entity = extract.ledger.entity
    number = _NAME_SIGNS.sub("", (entity and entity.registration_number) or "")
    return f"SAF-T Financial_{number}_{extract.known_at.astimezone(extract.zone):%Y%m%d%H%M%S}.xml"


def check(extract: Extract) -> None:
    """Raises ExportIncomplete with all that the ledger lacks."""
    missing = []
    ledger = extract.ledger
    if not (ledger.entity and ledger.entity.registration_number):
        missing.append("the entity's registration_number")
    if not (ledger.entity and ledger.entity.legal_name):
        missing.append("the entity's legal_name")
    if not extract.contact:
        missing.append("the name of a contact person (--contact)")
    functional = extract.source.assets[ledger.functional_asset]
    if not _CURRENCY.fullmatch(functional.code) or functional.scale > MONETARY_SCALE:
        missing.append(f"books in a currency of three letters and up to {MONETARY_SCALE} decimals")
    if {extract.first_day().year, extract.last_day.year} - set(YEARS):
        missing.append(f"days in the years {YEARS[0]} to {YEARS[-1]}")
    missing += islice(extract.unvalued(), LISTED_MAX)
    # Last, as there may be very many.
    numbers = account_numbers(extract.source.accounts)
    for account in extract.accounts_used():
        codes = account.statutory_codes or {}
        lacking = " and ".join(scheme for scheme in (CATEGORY, CODE) if not codes.get(scheme))
        if lacking:
            missing.append(f"{lacking}, as statutory codes of the account {account.code}")
        if len(numbers[account.code]) > MIDDLE_2:
            missing.append(f"a number of up to {MIDDLE_2} characters for {account.code}")
    if missing:
        raise ExportIncomplete(missing)


def write(extract: Extract) -> Iterator[str]:
    """Yields the file piece by piece. Requires that `check` passed."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<AuditFile xmlns="{NAMESPACE}">\n'
    yield from _header(extract)
    yield from _accounts(extract)
    yield from _entries(extract)
    yield "</AuditFile>\n"


def element(name: str, value: object, longest: int = LONG) -> str:
    """Returns an element; nothing for None or "". A sign that XML can't hold becomes U+FFFD."""
    if value is None or value == "":
        return ""
    text = html.escape(_UNFIT.sub("\ufffd", str(value)[:longest]), quote=False)
    return f"<{name}>{text}</{name}>\n"


def group(name: str, *parts: str) -> str:
    """Returns an element of others; nothing where all of them are."""
    inner = "".join(parts)
    return f"<{name}>\n{inner}</{name}>\n" if inner else ""


def _header(extract: Extract) -> Iterator[str]:
    ledger = extract.ledger
    entity = ledger.entity
    assert entity is not None, "check was passed"
    country = entity.country if entity.country and len(entity.country) == 2 else None
    yield group(
        "Header",
        element("AuditFileVersion", VERSION),
        element("AuditFileCountry", "NO"),
        # Of what is known, not of the file's making: the same question gives the same file.
        element("AuditFileDateCreated", extract.source.known_on),
        element("SoftwareCompanyName", SOFTWARE, MIDDLE_2),
        element("SoftwareID", SOFTWARE),
        element("SoftwareVersion", version(SOFTWARE), SHORT),
        group(
            "Company",
            element("RegistrationNumber", entity.registration_number, MIDDLE_1),
            element("Name", entity.legal_name),
            group("Address", element("StreetName", entity.address), element("Country", country)),
            group(
                "Contact",
                group(
                    "ContactPerson",
                    element("FirstName", "NotUsed", MIDDLE_1),
                    element("LastName", extract.contact, MIDDLE_2),
                ),
            ),
            group("TaxRegistration", element("TaxRegistrationNumber", entity.tax_id, MIDDLE_1)),
        ),
        element("DefaultCurrencyCode", ledger.functional_asset),
        group(
            "SelectionCriteria",
            element("SelectionStartDate", max(extract.span.from_, extract.first_day())),
            element("SelectionEndDate", min(extract.span.to, _end(extract))),
        ),
        element("HeaderComment", f"{ledger.id} as known at position {extract.source.known}"),
        element("TaxAccountingBasis", "A"),
    )


def _end(extract: Extract) -> date:
    """The end of the fiscal year that the last day is in: beyond it nothing is known."""
    return fiscal_span(extract.last_day, extract.ledger.fiscal_year_start).to


def _accounts(extract: Extract) -> Iterator[str]:
    numbers = account_numbers(extract.source.accounts)
    opening = extract.functional_balances(extract.opening())
    closing = extract.functional_balances(extract.closing())
    used = extract.accounts_used()
    if not used:
        return
    yield "<MasterFiles>\n<GeneralLedgerAccounts>\n"
    for account in used:
        codes = account.statutory_codes or {}
        yield group(
            "Account",
            element("AccountID", numbers[account.code], MIDDLE_2),
            element("AccountDescription", account.name),
            element("GroupingCategory", codes[CATEGORY]),
            element("GroupingCode", codes[CODE], MIDDLE_1),
            element("AccountType", "GL"),
            _balance(extract, "Opening", opening.get(account.code, 0)),
            _balance(extract, "Closing", closing.get(account.code, 0)),
        )
    yield "</GeneralLedgerAccounts>\n</MasterFiles>\n"


def _balance(extract: Extract, which: str, minor: int) -> str:
    side = "Debit" if minor >= 0 else "Credit"
    return element(f"{which}{side}Balance", extract.functional(abs(minor)))


def _entries(extract: Extract) -> Iterator[str]:
    number, debits, credits = _totals(extract)
    numbers = account_numbers(extract.source.accounts)
    yield "<GeneralLedgerEntries>\n"
    yield element("NumberOfEntries", number)
    yield element("TotalDebit", extract.functional(debits))
    yield element("TotalCredit", extract.functional(credits))
    for code, journal in extract.journals.items():
        yield "<Journal>\n"
        yield element("JournalID", journal_id(code))
        yield element("Description", journal.name)
        yield element("Type", "GL")
        for entry in extract.entries(journal=code):
            yield _transaction(extract, entry, numbers)
        yield "</Journal>\n"
    yield "</GeneralLedgerEntries>\n"


def journal_id(code: str) -> str:
    """Returns a journal's code; the beginning of one that is too long, and digits that tell it from
    others."""
    if len(code) <= SHORT:
        return code
    return f"{code[: SHORT - 7]}-{hashlib.sha256(code.encode()).hexdigest()[:6]}"


def _totals(extract: Extract) -> tuple[int, int, int]:
    known = extract.source.known
    given = {**extract.span._asdict(), "known": known, "end": (known + 1) * PLACES}
    cursor = extract.source.connection.cursor(row_factory=tuple_row)
    row = cursor.execute(_TOTALS, given).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


def _transaction(extract: Extract, entry: Entry, numbers: dict[str, str]) -> str:
    record, posted = entry.record, entry.posted
    recorded_on = datetime.fromisoformat(record.recorded_at).astimezone(extract.zone).date()
    start = extract.ledger.fiscal_year_start
    year, period = period_of(posted.effective_on, start=start)
    said = entry.texts.narrative or posted.reference or entry.voucher
    return group(
        "Transaction",
        element("TransactionID", entry.voucher, MIDDLE_2),
        element("Period", period),
        element("PeriodYear", year),
        element("TransactionDate", posted.effective_on),
        element("SourceID", record.actor, MIDDLE_1),
        element("VoucherType", posted.class_, MIDDLE_2),
        element("Description", said),
        element("SystemEntryDate", recorded_on),
        element("GLPostingDate", recorded_on),
        element("SystemID", record.position, SHORT),
        *(
            _line(extract, entry, number, leg, narrative or said, numbers[leg.account])
            for number, leg, narrative in entry.legs
        ),
    )


def _line(extract: Extract, entry: Entry, number: int, leg: Leg, said: str, account_id: str) -> str:
    posted = entry.posted
    asset = extract.source.assets[leg.asset]
    functional = extract.ledger.functional_asset
    worth = leg.amount if leg.asset == functional else leg.functional_amount
    foreign = quantity = None
    if leg.asset != functional:
        if _CURRENCY.fullmatch(leg.asset) and asset.scale <= MONETARY_SCALE:
            foreign = leg.asset
        elif asset.scale <= QUANTITY_SCALE:
            quantity = leg.amount
    return group(
        "Line",
        element("RecordID", f"{entry.record.position}-{number}", SHORT),
        element("AccountID", account_id, MIDDLE_2),
        element("ValueDate", posted.value_on),
        element("SourceDocumentID", (posted.document or Document()).number, MIDDLE_1),
        element("Description", said),
        group(
            "DebitAmount" if leg.side == "debit" else "CreditAmount",
            element("Amount", worth),
            element("CurrencyCode", foreign),
            element("CurrencyAmount", foreign and leg.amount),
        ),
        element("ReferenceNumber", posted.reference, MIDDLE_1),
        element("DueDate", leg.due_on),
        element("Quantity", quantity),
    )
