"""What a plain-text journal's file says, whichever program it was written for."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from interface.importing.lines import Body, Noticed, Refused

ASSET_CODE = re.compile(r"[A-Z][A-Z0-9'._-]{0,23}")
KEY_LENGTH = 200

Rate = Callable[[str, str, date], Decimal | None]
"""The market's price of an asset in another on a day."""


class Amount(NamedTuple):
    number: Decimal
    asset: str


class Posting(NamedTuple):
    """`weight`: what the units cost or are priced at, all of them; `worth`: in the functional
    asset, unsigned, where the file says it (of no units: negative for a credit); `text` becomes
    the leg's narrative."""

    account: str
    units: Amount
    weight: Amount | None = None
    worth: Decimal | None = None
    text: str = ""


class Transaction(NamedTuple):
    """`id`: what it is known by when the file comes again, in place of its `number`."""

    number: int
    line: int
    file: str
    day: date
    narrative: str
    metadata: Mapping[str, str]
    postings: Sequence[Posting]
    id: str | None = None
    reference: str | None = None
    class_: str | None = None


class Opened(NamedTuple):
    """An account as the file knows it; `body`: what the file says for POST accounts, code apart."""

    name: str
    body: Body
    code: str | None = None


class Stated(NamedTuple):
    """What a file says of an asset."""

    scale: int
    kind: str


class Journal(NamedTuple):
    """A file's contents. `securities`, `currencies`: its assets of these kinds, as far as postings
    show it; `conversion`: the name of the account to make where the file has none of that purpose.
    """

    system: str
    transactions: Sequence[Transaction]
    accounts: Sequence[Opened]
    securities: frozenset[str]
    currencies: frozenset[str]
    conversion: str
    rate: Rate
    remarks: Sequence[Refused | Noticed] = ()
    stated: Mapping[str, Stated] = MappingProxyType({})


def known_id(value: Any, seen: set[str]) -> str | None:
    """Returns what a transaction's metadata gives as its id, where it can be part of a key and no
    other has it."""
    if not isinstance(value, str) or not re.fullmatch(f"[!-~]{{1,{KEY_LENGTH}}}", value):
        return None
    if value in seen:
        return None
    seen.add(value)
    return value
