"""hledger journals, read by hledger itself: `hledger print -O json`, amounts filled in.

Needs the program `hledger` in the search path. A journal that it does not accept is not taken.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

import msgspec

from interface.importing.chart import ACCOUNT_TYPES
from interface.importing.lines import CLASSES, Body, Noticed, Unreadable
from interface.importing.transactions import (
    ASSET_CODE,
    Amount,
    Journal,
    Opened,
    Posting,
    Transaction,
    known_id,
)

TYPES = {
    "A": "asset",
    "C": "asset",
    "L": "liability",
    "E": "equity",
    "V": "equity",
    "R": "revenue",
    "X": "expense",
}
SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP"}
"""What amounts are usually written with; `--map $=CAD` says otherwise."""

CONVERSION = "equity:conversion"
SECONDS_MAX = 600
REFERENCE_MAX = 140
_TYPED = re.compile(r"(?P<name>.*?)\s+; type: (?P<type>[A-Z]?)\s*")
_FUNCTIONAL = re.compile(r"(?P<number>-?[0-9]+(?:\.[0-9]+)?) .*")


def read_hledger(path: Path, *, mapping: Sequence[str] = ()) -> Journal:
    """Reads a journal with what it includes. `mapping`: COMMODITY=ASSET. Raises Unreadable."""
    program = shutil.which("hledger")
    if program is None:
        raise Unreadable("reading it needs the program hledger, which is not in the search path")
    # The prefix says the format, whatever the file is called.
    source = f"journal:{path.resolve(strict=True)}"
    told = msgspec.json.decode(_run(program, source, "print", "-O", "json"))
    typed = _run(program, source, "accounts", "--types").decode()
    return journal_of(told, typed.splitlines(), mapping=mapping)


def _run(program: str, source: str, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            [program, "-f", source, *arguments],
            capture_output=True,
            check=False,
            timeout=SECONDS_MAX,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"hledger has not read it after {SECONDS_MAX} seconds") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise Unreadable(f"hledger does not accept it: {said}")
    return done.stdout


def journal_of(
    told: Sequence[Mapping[str, Any]], typed: Sequence[str], *, mapping: Sequence[str] = ()
) -> Journal:
    """Returns hledger's JSON, and its list of accounts with types, as a journal.

    Raises Unreadable.
    """
    commodities = _Commodities(mapping)
    seen: set[str] = set()
    transactions = [_transaction(one, commodities, seen) for one in told]
    remarks = [
        Noticed(
            _line(one),
            one["tcode"] or None,
            "virtual_posting",
            "an unbalanced virtual posting is left out",
        )
        for one in told
        for posting in one["tpostings"]
        if posting["ptype"] == "VirtualPosting"
    ]
    used = {posting.account for one in transactions for posting in one.postings}
    priced = {
        asset
        for one in transactions
        for posting in one.postings
        if posting.weight is not None
        for asset in (posting.units.asset, posting.weight.asset)
    }
    accounts = list(_accounts(typed, used))
    if CONVERSION in used:
        accounts = [
            one._replace(body={**one.body, "purpose": "conversion"})
            if one.name == CONVERSION
            else one
            for one in accounts
        ]
    return Journal(
        "hledger",
        transactions,
        accounts,
        frozenset(),
        frozenset(priced),
        CONVERSION,
        lambda *_: None,
        remarks,
    )


class _Commodities:
    """The asset for each commodity of a journal: never one for two, unless it is asked for."""

    def __init__(self, mapping: Sequence[str]) -> None:
        self._asked = {}
        for pair in mapping:
            commodity, sign, asset = pair.rpartition("=")
            if not sign or not ASSET_CODE.fullmatch(asset):
                raise Unreadable(f"--map {pair}: a journal's commodities are mapped as $=USD")
            self._asked[commodity] = asset
        self._taken: dict[str, str] = {}

    def asset(self, commodity: str) -> str:
        """Returns the asset's code. Raises Unreadable."""
        if commodity in self._asked:
            return self._asked[commodity]
        code = SYMBOLS.get(commodity) or commodity.upper()
        if not ASSET_CODE.fullmatch(code):
            raise Unreadable(f"say which asset {commodity!r} is: --map {commodity}=CODE")
        if self._taken.setdefault(code, commodity) != commodity:
            raise Unreadable(
                f"{commodity!r} and {self._taken[code]!r} would both be {code}: say it with --map"
            )
        return code


def _line(one: Mapping[str, Any]) -> int:
    line: int = _position(one)["sourceLine"]
    return line


def _position(one: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one["tsourcepos"][0]
    return found


def _transaction(one: Mapping[str, Any], commodities: _Commodities, seen: set[str]) -> Transaction:
    tags = dict(one["ttags"])
    metadata = {"code": one["tcode"], "comment": one["tcomment"].strip()}
    if "id" in tags:
        # Of our own export: its tags say what the command says elsewhere.
        metadata.pop("comment")
    postings = [
        posting
        for each in one["tpostings"]
        if each["ptype"] != "VirtualPosting"
        for posting in _postings(each, commodities)
    ]
    reference, class_ = _tag(tags, "reference"), _tag(tags, "class")
    return Transaction(
        one["tindex"],
        _line(one),
        PurePath(_position(one)["sourceName"]).name,
        date.fromisoformat(one["tdate"]),
        _tag(tags, "narrative") or one["tdescription"],
        {name: text for name, text in metadata.items() if text},
        postings,
        known_id(tags.get("id"), seen),
        reference[:REFERENCE_MAX] or None,
        class_ if class_ in CLASSES else None,
    )


def _postings(each: Mapping[str, Any], commodities: _Commodities) -> Iterable[Posting]:
    tags = dict(each["ptags"])
    worth = _FUNCTIONAL.fullmatch(_tag(tags, "functional"))
    text = _tag(tags, "narrative") or ("" if worth else each["pcomment"].strip())
    for amount in each["pamount"]:
        number, asset = _number(amount), commodities.asset(amount["acommodity"])
        told = Decimal(worth["number"]) if worth else None
        yield Posting(
            each["paccount"],
            Amount(number, asset),
            _weight(number, amount, commodities),
            None if told is None or (told < 0 and number) else told,
            text,
        )


def _weight(number: Decimal, amount: Mapping[str, Any], commodities: _Commodities) -> Amount | None:
    # Later versions call a price a cost.
    price = amount.get("aprice") or amount.get("acost")
    if price is None:
        return None
    contents = price["contents"]
    each = _number(contents)
    total = each if price["tag"].startswith("Total") else number * each
    return Amount(total, commodities.asset(contents["acommodity"]))


def _number(amount: Mapping[str, Any]) -> Decimal:
    quantity = amount["aquantity"]
    return Decimal(quantity["decimalMantissa"]).scaleb(-quantity["decimalPlaces"])


def _tag(tags: Mapping[str, str], name: str) -> str:
    """Returns a tag's value; one of our own exports may be a JSON string."""
    value = tags.get(name, "")
    if value.startswith('"') and value.endswith('"'):
        try:
            return msgspec.json.decode(value, type=str)
        except msgspec.MsgspecError:
            return value
    return value


def _accounts(typed: Sequence[str], used: set[str]) -> Iterable[Opened]:
    types = {}
    for line in typed:
        if match := _TYPED.fullmatch(line):
            types[match["name"]] = match["type"]
    for name in sorted(used):
        kind = TYPES.get(types.get(name, ""))
        if kind is None:
            raise Unreadable(
                f"hledger knows no type of the account {name}: add `account {name}  ; type:A`"
                f" (A, L, E, R, X: {', '.join(ACCOUNT_TYPES)})"
            )
        body: Body = {"type": kind, "name": name.rpartition(":")[2] or name}
        if types[name] == "V":
            body["purpose"] = "conversion"
        yield Opened(name, body)
