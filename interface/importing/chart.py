"""Charts of accounts: the standard's Chart_Of_Accounts as bodies of POST accounts.

Account numbers of other systems hold signs that an account code may not have. `account_code`
maps them so that the same number gives the same code in every file, and two numbers never one.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from interface.importing.columns import CHART_OF_ACCOUNTS, find_layout, normal, take_apart
from interface.importing.files import Table, fingerprint
from interface.importing.lines import Body, Noticed, Refused, Unreadable

ACCOUNT_TYPES = ("asset", "liability", "equity", "revenue", "expense")
ACCOUNTS_MAX = 200_000
"""A chart is kept in memory; more accounts than this are a mapping gone wrong."""

CODE_LENGTH = 120
_CODE = re.compile(r"[A-Za-z0-9._-]+(?::[A-Za-z0-9._-]+){0,7}")
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")
_READABLE_LENGTH = 100

# A word of the first kind says it all, whatever stands beside it: an income tax expense is an
# expense. One of the second kind only where no other contradicts it.
_PLAIN_WORDS = {
    "asset": ("asset", "assets"),
    "liability": ("liability", "liabilities"),
    "equity": ("equity",),
    "expense": ("expense", "expenses", "cost", "costs", "cogs"),
}
_HINTS = {
    "asset": ("cash", "bank", "receivable", "receivables", "inventory"),
    "liability": ("payable", "payables", "debt"),
    "equity": ("capital", "retained"),
    "revenue": ("revenue", "revenues", "income", "sales", "turnover", "gain", "gains"),
    "expense": ("loss", "losses", "expenditure"),
}
_TWO_THINGS = re.compile(r"[/&]|\band\b|\bor\b")


class Account(Struct, frozen=True):
    """An account to open and the chart's line that it stands on."""

    line: int
    body: Body


class UnknownType(ValueError):
    """A word for an account's type that means none of the five, or more than one."""


def account_code(number: str) -> str:
    """Returns the account code for another system's account number.

    A number that is a code already stays as it is. Otherwise other signs become `-`, letters
    lose their accents, and `.x` with ten digits of the number's SHA-256 keeps it apart from the
    others: `1000/20` is `1000-20.x` and its digits.
    """
    number = number.strip()
    if len(number) <= CODE_LENGTH and _CODE.fullmatch(number):
        return number
    plain = unicodedata.normalize("NFKD", number).encode("ascii", "ignore").decode()
    readable = _FOREIGN.sub("-", plain).strip("-")[:_READABLE_LENGTH]
    digest = hashlib.sha256(number.encode()).hexdigest()[:10]
    return f"{readable or 'account'}.x{digest}"


def account_type(words: str) -> tuple[str, bool]:
    """Returns (type, contra) for what a chart calls an account's type.

    `Current Assets` and `Contra Asset` are understood, `Balance sheet` is not.
    Raises UnknownType.
    """
    text = unicodedata.normalize("NFKC", words).casefold()
    parts = set(re.findall(r"[a-z]+", text))
    plain, hints = _named(parts, _PLAIN_WORDS), _named(parts, _HINTS)
    if {"net", "assets"} <= parts:
        plain = {"equity"}
    found = plain | hints if _TWO_THINGS.search(text) else plain or hints
    if len(found) != 1:
        raise UnknownType(f"{words!r} is none of {', '.join(ACCOUNT_TYPES)}")
    return found.pop(), "contra" in parts


def read_chart(
    path: str | Path, *, mapping: Sequence[str] = (), encoding: str | None = None
) -> Iterator[Account | Refused | Noticed]:
    """Yields an account for each row, or why it is none.

    `mapping`: `FIELD=HEADING` of the standard's Chart_Of_Accounts.
    Raises Unreadable, OSError.
    """
    source = fingerprint(path, encoding=encoding)
    layout = find_layout(
        source,
        asked=take_apart(mapping, fields=CHART_OF_ACCOUNTS),
        fields=CHART_OF_ACCOUNTS,
        required=("GL_Account_Number", "Account_Type"),
    )
    opened: dict[str, Body] = {}
    for line, row in Table(source, layout.delimiter).numbered():
        yield from _read(row, line, layout.positions, opened)
        if len(opened) > ACCOUNTS_MAX:
            raise Unreadable(f"{source.name} has more than {ACCOUNTS_MAX:,} accounts")


def _read(
    row: Sequence[str], line: int, positions: dict[str, int], opened: dict[str, Body]
) -> Iterator[Account | Refused | Noticed]:
    cells = {
        field: row[index].strip() if index < len(row) else "" for field, index in positions.items()
    }
    number = cells["GL_Account_Number"]
    if not any(cells.values()):
        return
    if not number:
        yield Refused(line, None, "invalid_request", "the row has no GL_Account_Number")
        return
    try:
        kind, contra = account_type(cells["Account_Type"])
    except UnknownType as error:
        yield Refused(line, None, "invalid_request", f"account {number}: Account_Type {error}")
        return
    body = _body(cells, kind, contra=contra)
    code = body["code"]
    if code in opened:
        if opened[code] != body:
            detail = f"account {number} stands in the chart before, otherwise; the first counts"
            yield Noticed(line, None, "already_exists", detail)
        return
    opened[code] = body
    if code != number:
        yield Noticed(line, None, "account_code", f"account {number} is {code} here")
    yield Account(line, body)


def _body(cells: dict[str, str], kind: str, *, contra: bool) -> Body:
    number = cells["GL_Account_Number"]
    body: Body = {
        "code": account_code(number),
        "type": kind,
        "name": cells.get("GL_Account_Name") or number,
        "number": number,
    }
    if contra:
        body["contra"] = True
    if cells.get("FS_Caption"):
        body["statement_line"] = cells["FS_Caption"]
    subtype = normal(cells.get("Account_Subtype", ""))
    if subtype.startswith("current"):
        body["current"] = True
    elif subtype.startswith(("noncurrent", "longterm")):
        body["current"] = False
    return body


def _named(parts: set[str], words: dict[str, tuple[str, ...]]) -> set[str]:
    return {kind for kind, named in words.items() if not parts.isdisjoint(named)}
