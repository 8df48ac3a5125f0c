"""A fiscal year as the French tax administration's FEC (fichier des écritures comptables).

Source: article A47 A-1 of the Livre des procédures fiscales, general rules: 18 fields, tabs, the
opening first, in the order of recording, without the entries that close the accounts, entries
numbered without a break. Amounts are in the functional currency, which has to be the euro.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import count, islice

from domain.accounts import Account
from domain.entries import Document
from domain.legs import Leg
from domain.money import format_amount
from interface.exporting.extract import LISTED_MAX, Entry, ExportIncomplete, Extract, fiscal_span

FIELDS = (
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
)
OPENING_JOURNAL = ("AN", "À nouveaux")
SCHEME = "fec"
"""Of an account's statutory codes: its number in the French chart, where `number` is another."""

CURRENCY = "EUR"
_NUMBER = re.compile(r"[0-9]{3}[A-Za-z0-9]*")
_SIREN = re.compile(r"[0-9]{9}")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_RESULT_TYPES = ("revenue", "expense")


def file_name(extract: Extract) -> str:
    """Returns the name that the law gives the file. Requires that `check` passed."""
    return f"{_siren(extract)}FEC{extract.span.to:%Y%m%d}.txt"


def check(extract: Extract) -> None:
    """Raises ExportIncomplete with all that the ledger lacks."""
    missing = []
    ledger = extract.ledger
    year = fiscal_span(extract.span.from_, ledger.fiscal_year_start)
    if extract.span != year:
        missing.append(f"a whole fiscal year: --from {year.from_} --to {year.to}")
    if not _SIREN.fullmatch(_siren(extract)):
        missing.append("the SIREN, nine digits, as the entity's registration_number")
    if ledger.functional_asset != CURRENCY:
        missing.append(f"books kept in euro (they are kept in {ledger.functional_asset})")
    missing += [
        f"a number that begins with three digits for the account {account.code}"
        f" (number, or statutory code {SCHEME})"
        for account in extract.accounts_used()
        if not _NUMBER.fullmatch(_account_number(account))
    ]
    if OPENING_JOURNAL[0] in extract.journals:
        missing.append(f"another code for the journal {OPENING_JOURNAL[0]}: the export makes it")
    missing += islice(extract.unvalued(without=("closing",)), LISTED_MAX)
    if _result_before(extract) and len(_retained(extract)) != 1:
        missing.append(
            "one account of purpose retained_earnings, for results of earlier years that no"
            " closing entry has moved"
        )
    if missing:
        raise ExportIncomplete(missing)


def write(extract: Extract) -> Iterator[str]:
    """Yields the file line by line. Requires that `check` passed."""
    yield _line(FIELDS)
    numbers = count(1)
    opening = _opening(extract)
    if opening:
        number = next(numbers)
        for account, functional in opening:
            yield _opening_line(extract, number, account, functional)
    for entry in extract.entries(only=("opening",)):
        yield from _lines(extract, entry, next(numbers), *OPENING_JOURNAL)
    for entry in extract.entries(without=("opening", "closing")):
        journal = extract.journals[entry.posted.journal]
        yield from _lines(extract, entry, next(numbers), journal.code, journal.name)


def _lines(extract: Extract, entry: Entry, number: int, journal: str, name: str) -> Iterator[str]:
    posted = entry.posted
    document = posted.document or Document()
    recorded_on = datetime.fromisoformat(entry.record.recorded_at).astimezone(extract.zone).date()
    said = entry.texts.narrative or posted.reference or entry.voucher
    piece = document.number or posted.reference or entry.voucher
    for _, leg, narrative in entry.legs:
        account = extract.source.accounts[leg.account]
        is_foreign = leg.asset != CURRENCY
        yield _line(
            (
                journal,
                name,
                str(number),
                _day(posted.effective_on),
                _account_number(account),
                account.name,
                leg.party or "",
                leg.party or "",
                piece,
                _day(document.date or posted.effective_on),
                narrative or said,
                *_sides(_worth(leg), is_debit=leg.side == "debit"),
                "",
                "",
                _day(recorded_on),
                _comma(leg.amount) if is_foreign else "",
                leg.asset if is_foreign else "",
            )
        )


def _opening(extract: Extract) -> list[tuple[Account, int]]:
    """Returns the balances in euro that open the year; earlier results on retained earnings."""
    accounts = extract.source.accounts
    sums: dict[str, int] = {}
    for one in extract.opening():
        code = one.account
        if one.functional and accounts[code].type in _RESULT_TYPES:
            code = _retained(extract)[0]
        sums[code] = sums.get(code, 0) + one.functional
    return [(accounts[code], functional) for code, functional in sorted(sums.items()) if functional]


def _opening_line(extract: Extract, number: int, account: Account, functional: int) -> str:
    first = _day(extract.span.from_)
    scale = extract.source.assets[CURRENCY].scale
    amount = format_amount(abs(functional), scale)
    journal, name = OPENING_JOURNAL
    return _line(
        (
            journal,
            name,
            str(number),
            first,
            _account_number(account),
            account.name,
            "",
            "",
            journal,
            first,
            name,
            *_sides(amount, is_debit=functional > 0),
            "",
            "",
            first,
            "",
            "",
        )
    )


def _result_before(extract: Extract) -> bool:
    """True where results of earlier years still stand on accounts of revenue and expense."""
    accounts = extract.source.accounts
    return any(
        one.functional for one in extract.opening() if accounts[one.account].type in _RESULT_TYPES
    )


def _retained(extract: Extract) -> list[str]:
    accounts = extract.source.accounts.values()
    return [one.code for one in accounts if one.purpose == "retained_earnings"]


def _worth(leg: Leg) -> str:
    worth = leg.amount if leg.asset == CURRENCY else leg.functional_amount
    assert worth is not None, "check was passed"
    return worth


def _account_number(account: Account) -> str:
    return (account.statutory_codes or {}).get(SCHEME) or account.number or account.code


def _siren(extract: Extract) -> str:
    entity = extract.ledger.entity
    return re.sub(r"\s", "", (entity and entity.registration_number) or "")


def _sides(amount: str, *, is_debit: bool) -> tuple[str, str]:
    return (_comma(amount), "0,00") if is_debit else ("0,00", _comma(amount))


def _comma(amount: str) -> str:
    return amount.replace(".", ",")


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def _line(cells: Sequence[str]) -> str:
    """Tabs and line ends within a cell become blanks: the file has no quotes and no escapes."""
    return "\t".join(_BREAKS.sub(" ", cell).strip() for cell in cells) + "\r\n"
