"""A fiscal year as the French tax administration's FEC (fichier des écritures comptables).

Source: article A47 A-1 of the Livre des procédures fiscales, general rules: 18 fields, tabs, the
opening first, in the order of recording, without the entries that close the accounts, entries
numbered without a break. Amounts are in the functional currency, which has to be the euro.

Lines that settle each other have the same letters (interface/exporting/letters.py). So that those
find their counterparts that settle something of an earlier year, the opening has a line for each
open item.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import count, islice
from typing import NamedTuple

from domain.accounts import Account
from domain.entries import Document
from domain.legs import Leg
from domain.money import format_amount
from interface.exporting.extract import LISTED_MAX, Entry, ExportIncomplete, Extract, fiscal_span
from interface.exporting.letters import Letters, read_letters
from projections.lettering import Carried
from projections.lines import PLACES

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
    if OPENING_JOURNAL[0] in extract.journals:
        missing.append(f"another code for the journal {OPENING_JOURNAL[0]}: the export makes it")
    missing += islice(extract.unvalued(without=("closing",)), LISTED_MAX)
    if _result_before(extract) and len(_retained(extract)) != 1:
        missing.append(
            "one account of purpose retained_earnings, for results of earlier years that no"
            " closing entry has moved"
        )
    # Last, as there may be very many.
    missing += [
        f"a number that begins with three digits for the account {account.code}"
        f" (number, or statutory code {SCHEME})"
        for account in extract.accounts_used()
        if not _NUMBER.fullmatch(_account_number(account))
    ]
    if missing:
        raise ExportIncomplete(missing)


def write(extract: Extract) -> Iterator[str]:
    """Yields the file line by line. Requires that `check` passed.

    Raises ExportIncomplete where too many lines would have to be held against each other.
    """
    letters = read_letters(extract, number_of=_account_number)
    yield _line(FIELDS)
    numbers = count(1)
    opening = _opening(extract, letters.carried)
    if opening:
        number = next(numbers)
        for balance in opening:
            yield _opening_line(extract, number, balance, letters)
    for entry in extract.entries(only=("opening",)):
        yield from _lines(extract, entry, next(numbers), OPENING_JOURNAL, letters)
    for entry in extract.entries(without=("opening", "closing")):
        journal = extract.journals[entry.posted.journal]
        yield from _lines(extract, entry, next(numbers), (journal.code, journal.name), letters)


def _lines(
    extract: Extract, entry: Entry, number: int, journal: tuple[str, str], letters: Letters
) -> Iterator[str]:
    posted = entry.posted
    document = posted.document or Document()
    recorded_on = datetime.fromisoformat(entry.record.recorded_at).astimezone(extract.zone).date()
    said = entry.texts.narrative or posted.reference or entry.voucher
    piece = document.number or posted.reference or entry.voucher
    for place, leg, narrative in entry.legs:
        account = extract.source.accounts[leg.account]
        is_foreign = leg.asset != CURRENCY
        yield _line(
            (
                *journal,
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
                *_lettered(letters, entry.record.position * PLACES + place),
                _day(recorded_on),
                _comma(leg.amount) if is_foreign else "",
                leg.asset if is_foreign else "",
            )
        )


class Balance(NamedTuple):
    """A line of the opening, in cents: debits less credits; `item`: what it is what is left of."""

    account: Account
    functional: int
    item: Carried | None = None


def _opening(extract: Extract, carried: Iterable[Carried]) -> list[Balance]:
    """Returns the balances in euro that open the year, item by item where there are items; earlier
    results on retained earnings."""
    accounts = extract.source.accounts
    sums: dict[str, int] = {}
    for one in extract.opening():
        code = one.account
        if one.functional and accounts[code].type in _RESULT_TYPES:
            code = _retained(extract)[0]
        sums[code] = sums.get(code, 0) + one.functional
    items = []
    for item in carried:
        code = item.leg.account
        if item.leg.asset == CURRENCY and accounts[code].type not in _RESULT_TYPES:
            minor = item.minor if item.is_debit else -item.minor
            items.append(Balance(accounts[code], minor, item))
            sums[code] -= minor
    rest = [Balance(accounts[code], functional) for code, functional in sums.items() if functional]
    return sorted([*items, *rest], key=lambda one: one.account.code)


def _opening_line(extract: Extract, number: int, balance: Balance, letters: Letters) -> str:
    first = _day(extract.span.from_)
    scale = extract.source.assets[CURRENCY].scale
    amount = format_amount(abs(balance.functional), scale)
    journal, name = OPENING_JOURNAL
    account, leg = balance.account, balance.item and balance.item.leg
    party = (leg and leg.party) or ""
    return _line(
        (
            journal,
            name,
            str(number),
            first,
            _account_number(account),
            account.name,
            party,
            party,
            (leg and (leg.document or leg.reference)) or journal,
            _day(leg.effective_on) if leg else first,
            name,
            *_sides(amount, is_debit=balance.functional > 0),
            *_lettered(letters, leg.place if leg else 0),
            first,
            "",
            "",
        )
    )


def _lettered(letters: Letters, place: int) -> tuple[str, str]:
    found = letters.at.get(place)
    return ("", "") if found is None else (found.letters, _day(found.day))


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
