"""Posts: a journal of the file as one `post` command, or why it is none."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from msgspec import Struct

from interface.importing.amounts import SCALE, NotAnAmount
from interface.importing.columns import Layout
from interface.importing.days import NotADay
from interface.importing.files import ChangedWhileRead, SourceFile
from interface.importing.journals import ROWS_KEPT, Journal
from interface.importing.lines import (
    CLASSES,
    VALUED_CLASSES,
    Body,
    Line,
    Noticed,
    Refused,
)
from interface.importing.origins import Origins, first_cell
from interface.importing.survey import Survey

LEGS_MAX = 100
KEY_LENGTH = 255
REFERENCE_LENGTH = 140


class Terms(Struct, frozen=True):
    """What every journal of a file is told with.

    `codes`: a cell with an account's number to its code, "" for a blank one; `assets`: a cell
    with a currency to its asset.
    """

    source: SourceFile
    layout: Layout
    survey: Survey
    codes: Mapping[str, str]
    assets: Mapping[str, str]
    functional_asset: str
    zone: tzinfo
    system: str | None
    journal: str | None


class _Unfit(Exception):
    """A journal that can't be posted: the line at fault, a code of the contract, the reason."""

    def __init__(self, line: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.line = line
        self.code = code
        self.detail = detail


def command_key(journal_id: str, *, system: str | None) -> str:
    """Returns the idempotency key of a journal: it follows from its id and system alone.

    So the same file adds nothing when it comes again, and a journal that changed is a conflict.
    """
    prefix = f"ads/{system}:" if system else "ads:"
    visible = journal_id.isascii() and journal_id.isprintable() and " " not in journal_id
    if visible and len(prefix) + len(journal_id) <= KEY_LENGTH:
        return prefix + journal_id
    return f"{prefix}sha256:{hashlib.sha256(journal_id.encode()).hexdigest()}"


class Posts:
    """Tells the journals of one file."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._origins = Origins(terms.layout, terms.survey, terms.zone)
        self._account = terms.layout.positions["GL_Account_Number"]
        self._effective = terms.layout.positions["Effective_Date"]
        self._currency = terms.layout.positions.get("Amount_Currency")
        self._header_narrative = self._written("JE_Header_Description")
        self._narrative = self._written("JE_Line_Description")
        self._number = self._written("Journal_ID_Line_Number")
        self._value = self._written("Functional_Amount")
        self._party = self._written("Party")
        self._class = self._written("Class")
        self._dimensions = [
            (name, column)
            for name, column in terms.layout.dimensions.items()
            if column not in terms.survey.blank
        ]
        self._more = bool(self._dimensions) or self._value is not None or self._party is not None
        self._source: Body = {"file": terms.source.name, "sha256": terms.source.sha256}
        if terms.system:
            self._source = {"system": terms.system, **self._source}

    def tell(self, journal: Journal) -> Iterator[Line | Refused | Noticed]:
        """Yields what is noticed about a journal and then its command, or its refusal alone."""
        notices: list[Noticed] = []
        try:
            command = self._command(journal, notices)
        except _Unfit as unfit:
            yield Refused(unfit.line, journal.id, unfit.code, unfit.detail)
            return
        yield from notices
        yield Line(journal.lines[0], command, journal.id)

    def _written(self, field: str) -> int | None:
        """Returns the column of a field, if anything stands in it."""
        column = self._terms.layout.positions.get(field)
        return None if column in self._terms.survey.blank else column

    def _command(self, journal: Journal, notices: list[Noticed]) -> Body:
        rows, terms, first_line = journal.rows, self._terms, journal.lines[0]
        self._check(journal)
        command: Body = {
            "do": "post",
            "key": command_key(journal.id, system=terms.system),
            "effective_on": self._effective_on(journal, notices),
            "legs": self._legs(journal, notices),
            "source": {**self._source, "line": first_line},
        }
        if len(journal.id) <= REFERENCE_LENGTH:
            command["reference"] = journal.id
        if terms.journal:
            command["journal"] = terms.journal
        if class_ := self._class_of(journal):
            command["class"] = class_
        if self._header_narrative is not None:
            narrative = first_cell(rows, self._header_narrative).strip()
            if narrative:
                command["narrative"] = narrative
        for field, text in self._origins.add(command, rows).items():
            detail = f"{field} {text!r} can't be read; it is kept as metadata"
            notices.append(Noticed(first_line, journal.id, "not_understood", detail))
        return command

    def _class_of(self, journal: Journal) -> str | None:
        """Returns the entry's class; what is none of the contract's is an ordinary one."""
        if self._class is None:
            return None
        found = first_cell(journal.rows, self._class).strip()
        return found if found in CLASSES else None

    def _check(self, journal: Journal) -> None:
        line, broken = journal.lines[0], self._terms.survey.broken
        if broken and journal.id in broken:
            raise _Unfit(line, "invalid_request", broken[journal.id])
        if journal.size > ROWS_KEPT:
            raise _Unfit(line, "too_many_legs", f"{journal.size} rows; {LEGS_MAX} legs go")
        if self._number is not None:
            number = self._number
            if len({row[number] for row in journal.rows}) != len(journal.rows):
                _check_numbers(journal, number)

    def _legs(self, journal: Journal, notices: list[Noticed]) -> list[Body]:
        terms, account_column, currency = self._terms, self._account, self._currency
        measure = terms.survey.measure
        narrative, more = self._narrative, self._more
        is_valued = self._class_of(journal) in VALUED_CLASSES
        legs: list[Body] = []
        nets: dict[str, int] = {}
        for line, row in zip(journal.lines, journal.rows, strict=True):
            try:
                side, amount, scaled = measure(row)
                asset = terms.functional_asset if currency is None else terms.assets[row[currency]]
                account = terms.codes[row[account_column]]
            except NotAnAmount as error:
                raise _Unfit(line, error.code, f"line {line}: {error}") from error
            except KeyError as error:
                raise ChangedWhileRead(f"line {line} was not there before: {error}") from error
            if not account:
                raise _Unfit(line, "invalid_request", f"line {line}: no GL_Account_Number")
            if not scaled and not (is_valued and self._is_worth_something(row)):
                detail = f"line {line}: {account} moves 0 {asset} and is left out"
                notices.append(Noticed(line, journal.id, "amount_not_positive", detail))
                continue
            nets[asset] = nets.get(asset, 0) + (scaled if side == "debit" else -scaled)
            leg = {"account": account, "side": side, "amount": amount, "asset": asset}
            if narrative is not None and row[narrative] and not row[narrative].isspace():
                leg["narrative"] = row[narrative].strip()
            if more:
                self._complete(leg, line, row)
            legs.append(leg)
        _check_legs(journal.lines[0], legs, nets)
        return legs

    def _is_worth_something(self, row: list[str]) -> bool:
        return self._value is not None and any(sign in "123456789" for sign in row[self._value])

    def _complete(self, leg: Body, line: int, row: list[str]) -> None:
        for name, column in self._dimensions:
            value = row[column]
            if value and not value.isspace():
                leg.setdefault("dimensions", {})[name] = value.strip()
        if self._party is not None and row[self._party].strip():
            leg["party"] = row[self._party].strip()
        if self._value is None or leg["asset"] == self._terms.functional_asset:
            return
        if row[self._value].strip():
            try:
                leg["functional_amount"] = self._terms.survey.amounts.known[row[self._value]][1]
            except NotAnAmount as error:
                raise _Unfit(line, error.code, f"line {line}: {error}") from error

    def _effective_on(self, journal: Journal, notices: list[Noticed]) -> str:
        rows, column = journal.rows, self._effective
        line, cell = journal.lines[0], rows[0][column]
        iso = self._terms.survey.days["Effective_Date"].iso
        try:
            if cell and len({row[column] for row in rows}) == 1:
                return iso[cell]
            days = [iso[row[column]] for row in rows if row[column].strip()]
        except NotADay as error:
            raise _Unfit(line, "invalid_request", str(error)) from error
        if not days:
            raise _Unfit(line, "invalid_request", "no row of it has an Effective_Date")
        if len(set(days)) > 1:
            detail = f"its rows are dated {', '.join(sorted(set(days)))}; it takes {days[0]}"
            notices.append(Noticed(line, journal.id, "effective_dates", detail))
        return days[0]


def _check_legs(line: int, legs: Sequence[Body], nets: Mapping[str, int]) -> None:
    if not legs:
        raise _Unfit(line, "amount_not_positive", "no row of it moves anything")
    if len(legs) > LEGS_MAX:
        raise _Unfit(line, "too_many_legs", f"{len(legs)} legs; {LEGS_MAX} are the most")
    if any(nets.values()):
        uneven = ", ".join(f"{_plain(net)} {asset}" for asset, net in nets.items() if net)
        raise _Unfit(line, "unbalanced", f"debits less credits are {uneven}")


def _check_numbers(journal: Journal, column: int) -> None:
    """A line number that comes again means two journals under one id, not to be merged."""
    seen: set[str] = set()
    for line, row in zip(journal.lines, journal.rows, strict=True):
        number = row[column]
        if number in seen and number.strip():
            raise _Unfit(
                line,
                "invalid_request",
                f"line {line}: Journal_ID_Line_Number {number} comes again: if Journal_ID "
                "alone is not unique, join columns (--map Journal_ID=A+B)",
            )
        seen.add(number)


def _plain(net: int) -> str:
    digits = str(abs(net)).zfill(SCALE + 1)
    fraction = digits[-SCALE:].rstrip("0")
    return ("-" if net < 0 else "") + digits[:-SCALE] + (f".{fraction}" if fraction else "")
