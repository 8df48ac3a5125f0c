"""A ledger as an hledger journal, which `hledger check --strict` accepts.

Codes of accounts and assets are hledger's names as they are. Amounts stand in their units; what a
leg is worth in the functional asset is a tag. hledger has no escapes: a description is made one
line without semicolons, and a tag's value that hledger would read otherwise stands as a JSON
string whose signs are escaped. The last transaction asserts every balance.
"""

import re
from collections.abc import Iterator

import msgspec

from domain.accounts import Type
from domain.assets import Asset
from interface.exporting.beancount import facts, leg_facts, worth_of
from interface.exporting.extract import Entry, Extract

TYPES: dict[Type, str] = {
    "asset": "A",
    "liability": "L",
    "equity": "E",
    "revenue": "R",
    "expense": "X",
}
_PLAIN = re.compile(r"[\w./+@#-]+(?: [\w./+@#-]+)*|[0-9-]+T[0-9:.]+Z")
_LETTERS = re.compile(r"[A-Za-z]+")
_NOT_DESCRIPTION = re.compile(r"[\s;\x00-\x1f\x7f-\x9f]+")
# A comma ends a tag, a colon names one, a bracket may hold a posting's date, a semicolon a comment.
_ACTIVE = re.compile(r"[,:;\[\]\x7f-\x9f\u2028\u2029]")
_encode = msgspec.json.Encoder().encode


def commodity(code: str) -> str:
    """Returns an asset's code, in quotes where it is not all letters."""
    return code if _LETTERS.fullmatch(code) else f'"{code}"'


def description(narrative: str) -> str:
    """Returns a narrative as one line: white space is a blank, and so is a semicolon."""
    # A bang or a star, or a code in parentheses, would be read as such at the line's beginning.
    return _NOT_DESCRIPTION.sub(" ", narrative).strip()


def tag_value(value: str) -> str:
    """Returns a tag's value: as it is where nothing in it means anything, else a JSON string."""
    if _PLAIN.fullmatch(value):
        return value
    return _ACTIVE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", _encode(value).decode())


def write(extract: Extract) -> Iterator[str]:
    """Yields the journal piece by piece."""
    yield from _head(extract)
    opening = [one for one in extract.opening() if one.net]
    if opening:
        yield f"\n{extract.span.from_} * opening balances\n"
        for one in opening:
            shown = extract.source.shown(one.net, one.asset)
            yield f"    {one.account}  {shown} {commodity(one.asset)}\n"
            if one.asset != extract.ledger.functional_asset:
                worth = extract.functional(one.functional if one.net > 0 else -one.functional)
                worth = f"{worth} {commodity(extract.ledger.functional_asset)}"
                yield f"        ; functional:{tag_value(worth)}\n"
    for entry in extract.entries():
        yield "".join(_transaction(entry, extract))
    yield from _assertions(extract)


def _head(extract: Extract) -> Iterator[str]:
    ledger, source = extract.ledger, extract.source
    yield f"; Ledger {ledger.id} as known at position {source.known}\n"
    yield "decimal-mark .\n\n"
    for code in sorted(source.assets):
        yield f"commodity {_model(source.assets[code])}\n"
    yield "\n"
    for account in extract.accounts_used():
        yield f"account {account.code}  ; type:{TYPES[account.type]}\n"
        more = {"name": account.name, "number": account.number, "purpose": account.purpose}
        for key, value in more.items():
            if value is not None:
                yield f"    ; {key}:{tag_value(value)}\n"
    for day, base, quote, rate in extract.prices():
        yield f"P {day} {commodity(base)} {rate} {commodity(quote)}\n"


def _model(asset: Asset) -> str:
    """How amounts of an asset look. A point ends a number without decimals."""
    return f"1000.{'0' * asset.scale} {commodity(asset.code)}"


def _transaction(entry: Entry, extract: Extract) -> Iterator[str]:
    posted = entry.posted
    said = description(entry.texts.narrative or "")
    yield f"\n{posted.effective_on} * ({entry.voucher}) {said}".rstrip() + "\n"
    for key, value in facts(entry):
        yield f"    ; {key}:{tag_value(str(value))}\n"
    if entry.texts.narrative is not None and said != entry.texts.narrative:
        yield f"    ; narrative:{tag_value(entry.texts.narrative)}\n"
    functional = commodity(extract.ledger.functional_asset)
    for _, leg, narrative in entry.legs:
        sign = "" if leg.side == "debit" else "-"
        yield f"    {leg.account}  {sign}{leg.amount} {commodity(leg.asset)}\n"
        if leg.functional_amount is not None:
            worth = f"{worth_of(leg)} {functional}"
            yield f"        ; functional:{tag_value(worth)}\n"
        for key, text in (*leg_facts(leg), ("narrative", narrative)):
            if text is not None:
                yield f"        ; {key}:{tag_value(text)}\n"


def _assertions(extract: Extract) -> Iterator[str]:
    closing = extract.closing()
    if not closing:
        return
    yield f"\n{extract.last_day} * closing balances\n"
    for one in closing:
        zero, shown = (extract.source.shown(minor, one.asset) for minor in (0, one.net))
        yield f"    {one.account}  {zero} {commodity(one.asset)} = {shown} {commodity(one.asset)}\n"
