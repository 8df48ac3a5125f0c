"""A ledger as a beancount file (syntax of version 3), which `bean-check` accepts.

Every entry balances by itself in each asset, so amounts stand in their units, without cost or
price; what a leg is worth in the functional asset is its metadata. At the end a `balance` for
each account and asset: the file itself shows that it adds up to what the ledger knows.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

import msgspec
from msgspec import Struct

from domain.accounts import Account, Type
from domain.legs import Leg
from domain.money import minor_units
from interface.exporting.extract import Entry, Extract
from projections.balances import Past

ROOTS: Mapping[Type, str] = {
    "asset": "Assets",
    "liability": "Liabilities",
    "equity": "Equity",
    "revenue": "Income",
    "expense": "Expenses",
}
ROOT_WORDS: Mapping[Type, frozenset[str]] = {
    "asset": frozenset({"asset", "assets"}),
    "liability": frozenset({"liability", "liabilities"}),
    "equity": frozenset({"equity"}),
    "revenue": frozenset({"revenue", "revenues", "income"}),
    "expense": frozenset({"expense", "expenses"}),
}
"""First segments of codes that say no more than the root does."""

DIGEST_DIGITS = 10
RESERVED = frozenset({"TRUE", "FALSE", "NULL"})

_FOREIGN = re.compile(r"[^A-Za-z0-9-]")
_COMMODITY = re.compile(r"[A-Z](?:[A-Z0-9'._-]*[A-Z0-9])?")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_encode = msgspec.json.Encoder().encode


def account_names(accounts: Iterable[Account]) -> dict[str, str]:
    """Returns beancount's name for each account's code.

    `assets:client_money` is `Assets:Client-money`: the root is the account's type, segments begin
    with a capital, signs that beancount does not know become hyphens. Where that makes two
    accounts one, each of them gets ten digits of its code's SHA-256, but for one whose code is
    the name. So no two names are the same; each `open` tells the code.
    """
    shared: dict[str, list[str]] = defaultdict(list)
    for account in accounts:
        shared[_account_name(account)].append(account.code)
    names = {}
    for name, codes in shared.items():
        for code in codes:
            alone = len(codes) == 1 or code == name
            names[code] = name if alone else f"{name}-{_digits(code)}"
    return names


def _account_name(account: Account) -> str:
    segments = account.code.split(":")
    if len(segments) > 1 and segments[0].lower() in ROOT_WORDS[account.type]:
        segments = segments[1:]
    return ":".join([ROOTS[account.type], *map(_segment, segments)])


def _segment(text: str) -> str:
    plain = _FOREIGN.sub("-", text)
    return plain[0].upper() + plain[1:] if plain[0] != "-" else f"X{plain}"


def commodity_names(assets: Iterable[str]) -> dict[str, str]:
    """Returns beancount's name for each asset's code: the same, but for a few that it would not
    read; those get an X and ten digits of their code's SHA-256."""
    return {code: code if _reads(code) else f"{code}X{_digits(code).upper()}" for code in assets}


def _reads(code: str) -> bool:
    return _COMMODITY.fullmatch(code) is not None and code not in RESERVED


def _digits(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:DIGEST_DIGITS]


def text(value: str) -> str:
    """Returns a string as beancount writes it, on one line."""
    return '"' + "".join(_ESCAPES.get(sign, sign) for sign in value) + '"'


class Names:
    """What accounts and assets of one ledger are called in the file."""

    def __init__(self, extract: Extract) -> None:
        self._extract = extract
        self.used = extract.accounts_used()
        self.accounts = account_names(extract.source.accounts.values())
        self.commodities = commodity_names(extract.source.assets)

    def amount(self, minor: int, asset: str) -> str:
        """Returns an amount of minor units, signed."""
        return f"{self._extract.source.shown(minor, asset)} {self.commodities[asset]}"

    def leg_amount(self, amount: str, asset: str, *, is_debit: bool) -> str:
        """Returns a record's amount, negative for a credit."""
        return f"{'' if is_debit else '-'}{amount} {self.commodities[asset]}"


def write(extract: Extract) -> Iterator[str]:
    """Yields the file piece by piece."""
    names = Names(extract)
    first = extract.first_day()
    yield from _head(extract, names, first)
    opening = [one for one in extract.opening() if one.net]
    if opening:
        yield from _opening(extract, names, opening)
    for entry in extract.entries():
        yield "".join(_transaction(entry, extract, names))
    yield from _balances(extract, names)


def _head(extract: Extract, names: Names, first: date) -> Iterator[str]:
    ledger, source = extract.ledger, extract.source
    yield f";; Ledger {ledger.id} as known at position {source.known}\n"
    yield f'option "title" {text(ledger.name)}\n'
    yield f'option "operating_currency" "{names.commodities[ledger.functional_asset]}"\n\n'
    for code in sorted(source.assets):
        asset = source.assets[code]
        yield f"{first} commodity {names.commodities[code]}\n"
        yield f"  code: {text(code)}\n  kind: {text(asset.kind)}\n  scale: {asset.scale}\n"
    for account in names.used:
        yield f"{first} open {names.accounts[account.code]}\n"
        yield f"  code: {text(account.code)}\n  name: {text(account.name)}\n"
        more = {"number": account.number, "purpose": account.purpose, "owner": account.owner}
        for key, value in more.items():
            if value is not None:
                yield f"  {key}: {text(value)}\n"
    for day, base, quote, rate in extract.prices():
        yield f"{day} price {names.commodities[base]}  {rate} {names.commodities[quote]}\n"


def _opening(extract: Extract, names: Names, opening: Iterable[Past]) -> Iterator[str]:
    functional = extract.ledger.functional_asset
    yield f'\n{extract.span.from_} * "Opening balances" #opening\n'
    for one in opening:
        yield f"  {names.accounts[one.account]}  {names.amount(one.net, one.asset)}\n"
        if one.asset != functional:
            # As of every leg: unsigned, on the side of the units.
            worth = one.functional if one.net > 0 else -one.functional
            yield f"    functional: {names.amount(worth, functional)}\n"


def _transaction(entry: Entry, extract: Extract, names: Names) -> Iterator[str]:
    posted = entry.posted
    yield f"\n{posted.effective_on} * {text(entry.texts.narrative or '')}\n"
    for key, value in facts(entry):
        yield f"  {key}: {value if isinstance(value, int) else text(str(value))}\n"
    functional = names.commodities[extract.ledger.functional_asset]
    for _, leg, narrative in entry.legs:
        amount = names.leg_amount(leg.amount, leg.asset, is_debit=leg.side == "debit")
        yield f"  {names.accounts[leg.account]}  {amount}\n"
        if leg.functional_amount is not None:
            yield f"    functional: {worth_of(leg)} {functional}\n"
        for key, said in (*leg_facts(leg), ("narrative", narrative)):
            if said is not None:
                yield f"    {key}: {text(said)}\n"


def facts(entry: Entry) -> Iterator[tuple[str, str | int]]:
    """Yields what an entry says of itself beside day, narrative and legs, each with its name."""
    record, posted = entry.record, entry.posted
    yield from (("id", entry.id), ("position", record.position), ("voucher", entry.voucher))
    document, source = posted.document, posted.source
    said = {
        "class": posted.class_ if posted.class_ != "ordinary" else None,
        "recorded-at": record.recorded_at,
        "actor": record.actor,
        "reason": record.reason,
        "reference": posted.reference,
        "value-on": posted.value_on,
        "document": document and " ".join(filter(None, (document.type, document.number))),
        "source": source and source.system,
        "corrects": posted.corrects,
        "correction": posted.correction,
        "reversed-by": entry.reversal,
        "authorization": posted.authorization,
        "metadata": entry.texts.metadata and _encode(entry.texts.metadata).decode(),
    }
    for name, value in said.items():
        if value:
            yield name, str(value)


def worth_of(leg: Leg) -> str:
    """Returns a leg's functional amount: unsigned, on the side of its units; where it has no units,
    negative for a credit. Requires that it is valued."""
    assert leg.functional_amount is not None
    is_bare_credit = leg.side == "credit" and not minor_units(leg.amount)
    return f"{'-' if is_bare_credit else ''}{leg.functional_amount}"


def leg_facts(leg: Leg) -> Iterator[tuple[str, str | None]]:
    """Yields what a leg says beside account and amounts, each with its name; None: nothing."""
    for name in ("party", "due_on", "matches", "dimensions", "rate"):
        value = getattr(leg, name)
        if isinstance(value, dict | Struct):
            value = _encode(value).decode()
        yield name.replace("_", "-"), None if value is None else str(value)


def _balances(extract: Extract, names: Names) -> Iterator[str]:
    """An assertion counts what is below an account too, as of the day's beginning."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    stated = []
    for one in extract.closing():
        name = names.accounts[one.account]
        stated.append((name, one.asset))
        segments = name.split(":")
        for length in range(1, len(segments) + 1):
            sums[":".join(segments[:length]), one.asset] += one.net
    if not stated or extract.last_day >= date.max:
        return
    day = extract.last_day + timedelta(days=1)
    yield "\n"
    for name, asset in sorted(stated):
        shown = extract.source.shown(sums[name, asset], asset)
        yield f"{day} balance {name}  {shown} ~ 0 {names.commodities[asset]}\n"
