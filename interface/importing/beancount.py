"""beancount files, read by beancount itself (the extra `beancount`): amounts filled in, lots
booked, pads made into transactions. A file that it finds an error in is not taken."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

from interface.importing.lines import CLASSES, Body, Unreadable
from interface.importing.transactions import (
    Amount,
    Journal,
    Opened,
    Posting,
    Stated,
    Transaction,
    known_id,
)

TYPE_OF_ROOT = {
    "name_assets": "asset",
    "name_liabilities": "liability",
    "name_equity": "equity",
    "name_income": "revenue",
    "name_expenses": "expense",
}
KINDS = ("currency", "security", "unit")
OWN_PLUGINS = "beancount.plugins."
ERRORS_SHOWN = 3
REFERENCE_MAX = 140
PURPOSES = frozenset(
    {
        "cash",
        "bank",
        "physical_currency",
        "suspense",
        "conversion",
        "control",
        "retained_earnings",
        "client_money",
    }
)


def read_beancount(path: Path) -> Journal:
    """Reads a file with what it includes. Raises Unreadable, OSError."""
    try:
        from beancount import loader
        from beancount.parser import parser
    except ImportError as error:
        raise Unreadable(
            "reading it needs beancount: pip install 'backoffice-ledger[beancount]'"
        ) from error
    absolute = path.resolve(strict=True)
    _, _, options = parser.parse_file(str(absolute))
    _check_runs_nothing(options)
    # Its cache is a pickle beside the file: whoever writes there would have us run it.
    loader.initialize(use_cache=False)
    entries, errors, options = loader.load_file(str(absolute))
    if errors:
        shown = "; ".join(
            f"{PurePath(error.source['filename']).name}:{error.source['lineno']}: {error.message}"
            for error in errors[:ERRORS_SHOWN]
        )
        raise Unreadable(f"beancount finds {len(errors)} errors in it: {shown}")
    return journal_of(entries, options)


def _check_runs_nothing(options: Mapping[str, Any]) -> None:
    """A plugin is a program that the file names: only beancount's own are run."""
    named = [plugin for plugin, _ in options["plugin"]]
    foreign = [plugin for plugin in named if not plugin.startswith(OWN_PLUGINS)]
    if foreign:
        raise Unreadable(
            f"it would run the program {foreign[0]} (plugin), which is not beancount's"
        )


def journal_of(entries: Sequence[Any], options: Mapping[str, Any]) -> Journal:
    """Returns what `beancount.loader` gave without errors as a journal. Raises Unreadable."""
    from beancount.core import data, prices

    market = prices.build_price_map(entries)  # type: ignore[no-untyped-call]

    def rate(base: str, quote: str, on: date) -> Decimal | None:
        found: Decimal | None = prices.get_price(market, (base, quote), on)[1]  # type: ignore[no-untyped-call]
        return found

    booked: list[Any] = [entry for entry in entries if isinstance(entry, data.Transaction)]
    commodities: list[Any] = [entry for entry in entries if isinstance(entry, data.Commodity)]
    assets = {one.currency: _said(one.meta.get("code")) or one.currency for one in commodities}
    postings = [posting for entry in booked for posting in entry.postings]
    priced = [posting for posting in postings if posting.cost or posting.price]
    currencies = {posting.units.currency for posting in priced}
    currencies |= {_weight(posting).currency for posting in priced}
    seen: set[str] = set()
    return Journal(
        "beancount",
        [_transaction(entry, number, assets, seen) for number, entry in enumerate(booked, 1)],
        list(_accounts(entries, options, assets)),
        frozenset(assets.get(p.units.currency, p.units.currency) for p in postings if p.cost),
        frozenset(assets.get(code, code) for code in currencies),
        f"{options['name_equity']}:{options['account_current_conversions']}",
        rate,
        stated={
            assets[one.currency]: Stated(int(scale), kind)
            for one in commodities
            if isinstance(scale := one.meta.get("scale"), Decimal)
            and (kind := one.meta.get("kind")) in KINDS
        },
    )


def _transaction(entry: Any, number: int, assets: Mapping[str, str], seen: set[str]) -> Transaction:
    metadata = {
        "payee": entry.payee,
        "tags": " ".join(sorted(entry.tags)),
        "links": " ".join(sorted(entry.links)),
    }
    meta = entry.meta
    reference, class_ = meta.get("reference"), meta.get("class")
    return Transaction(
        number,
        meta["lineno"],
        PurePath(meta["filename"]).name,
        entry.date,
        entry.narration or "",
        {name: text for name, text in metadata.items() if text},
        [_posting(posting, assets) for posting in entry.postings],
        known_id(meta.get("id"), seen),
        reference[:REFERENCE_MAX] if isinstance(reference, str) else None,
        class_ if class_ in CLASSES else None,
    )


def _posting(posting: Any, assets: Mapping[str, str]) -> Posting:
    """What an exported posting says of its worth is its metadata `functional`."""
    units, weight = posting.units, None
    if posting.cost or posting.price:
        found = _weight(posting)
        weight = Amount(found.number, assets.get(found.currency, found.currency))
    worth = (posting.meta or {}).get("functional")
    number = getattr(worth, "number", None)
    return Posting(
        posting.account,
        Amount(units.number, assets.get(units.currency, units.currency)),
        weight,
        number if isinstance(number, Decimal) and (number >= 0 or not units.number) else None,
        _lot(posting) or _said((posting.meta or {}).get("narrative")),
    )


def _accounts(
    entries: Iterable[Any], options: Mapping[str, Any], assets: Mapping[str, str]
) -> Iterable[Opened]:
    from beancount.core import data

    types = {options[root]: account_type for root, account_type in TYPE_OF_ROOT.items()}
    for entry in entries:
        if not isinstance(entry, data.Open):
            continue
        root, _, name = entry.account.partition(":")
        body: Body = {"type": types[root], "name": name.replace(":", " ") or root}
        # One currency pins the account to it; several can't be said, none means any.
        if len(entry.currencies or ()) == 1:
            body["asset"] = assets.get(entry.currencies[0], entry.currencies[0])
        said = {key: _said(entry.meta.get(key)) for key in ("name", "number", "purpose")}
        if said["purpose"] not in PURPOSES:
            said["purpose"] = ""
        body |= {key: value for key, value in said.items() if value}
        yield Opened(entry.account, body, _said(entry.meta.get("code")) or None)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _lot(posting: Any) -> str:
    """Returns cost and price as beancount writes them, `{44.08 USD, 2018-06-25} @ 45 USD`."""
    from beancount.core import position
    from beancount.core.display_context import DEFAULT_FORMATTER

    cost = price = ""
    if posting.cost:
        text = position.cost_to_str(posting.cost, DEFAULT_FORMATTER)  # type: ignore[no-untyped-call]
        cost = f"{{{text}}}"
    if posting.price:
        price = f"@ {posting.price.to_string()}"
    return f"{cost} {price}".strip()


def _weight(posting: Any) -> Any:
    """Returns the amount that counts for the transaction's balance: at cost, at price or as is."""
    from beancount.core import convert

    return convert.get_weight(posting)  # type: ignore[no-untyped-call]
