"""A beancount ledger told as commands of this service.

Pure: entries in, bodies of the HTTP contract out. docs/beancount.md says it at length:

- a transaction is one `post`, with all its postings that are not zero, in their order;
- a positive posting is a debit, a negative one a credit, both in units, whatever they cost;
- a posting at a cost or a price leaves its units unmatched: a leg on the account of purpose
  `conversion` mirrors it, and what the other postings lack in the cost's currency stands there
  too, so that each asset balances by itself;
- every leg of another asset than the functional one carries its worth in it: its cost, else its
  price, else the market's price of the day, else zero (hours of holiday have no price);
- a difference that beancount tolerates lies between the two sides of the conversion account.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import PurePath
from typing import Any, NamedTuple

from beancount.core import convert, data, position, prices
from beancount.core.amount import Amount
from beancount.core.display_context import DEFAULT_FORMATTER

TYPE_OF_ROOT = {
    "name_assets": "asset",
    "name_liabilities": "liability",
    "name_equity": "equity",
    "name_income": "revenue",
    "name_expenses": "expense",
}
ASSET_CODE = re.compile(r"[A-Z][A-Z0-9'._-]{0,23}")
ACCOUNT_CODE = re.compile(r"[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+){0,7}")
LEGS_MAX = 100
SCALE_MAX = 12
ZERO = Decimal(0)

Body = dict[str, Any]


class Told(NamedTuple):
    """Bodies of POST assets, of POST accounts, and elements of POST batch, to be sent in order."""

    assets: list[Body]
    accounts: list[Body]
    commands: list[Body]


class Untold(ValueError):
    """Something that the contract can't take: a code, a scale, a number of legs."""


class Line(NamedTuple):
    """A leg to be: `number` is above zero for a debit, `worth` is unsigned and rounded."""

    account: str
    number: Decimal
    asset: str
    worth: Decimal
    narrative: str


class Book(NamedTuple):
    """What every transaction of one beancount ledger is told with."""

    functional: str
    conversion: str
    scales: Mapping[str, int]
    market: Any

    def text(self, number: Decimal, asset: str) -> str:
        """Returns a number, 0 or more, with the asset's decimals. Raises Untold if it is finer."""
        amount = number.quantize(Decimal(1).scaleb(-self.scales[asset]))
        if amount != number:
            raise Untold(f"{number} {asset} is finer than {self.scales[asset]} decimals")
        return format(amount, "f")

    def worth(self, weight: Any, on: date) -> Decimal:
        """Returns an amount's worth in the functional asset, exact and unsigned; unpriced, zero."""
        number: Decimal = abs(weight.number)
        if weight.currency == self.functional:
            return number
        pair = weight.currency, self.functional
        _, rate = prices.get_price(self.market, pair, on)  # type: ignore[no-untyped-call]
        return number * (rate if rate is not None else ZERO)

    def rounded(self, worth: Decimal) -> Decimal:
        """Returns a worth at the functional asset's scale, half to even."""
        return worth.quantize(Decimal(1).scaleb(-self.scales[self.functional]), ROUND_HALF_EVEN)


def commands(
    entries: Sequence[Any], options: Mapping[str, Any], *, functional_scale: int = 2
) -> Told:
    """Returns what builds the same balances through the API.

    `entries` and `options` are what `beancount.loader` gives without errors: booked, interpolated,
    padded. The functional asset is the first operating currency; the ledger has it from its making.
    A transaction with nothing but zero postings has no command. Raises Untold.
    """
    functional = options["operating_currency"][0]
    scales = scales_of(entries) | {functional: functional_scale}
    conversion = f"{options['name_equity']}:{options['account_current_conversions']}"
    book = Book(functional, conversion, scales, prices.build_price_map(entries))  # type: ignore[no-untyped-call]
    told = (post(book, number, entry) for number, entry in enumerate(transactions(entries), 1))
    return Told(
        assets=list(assets(entries, book)),
        accounts=list(accounts(entries, options, conversion)),
        commands=[command for command in told if command["legs"]],
    )


def transactions(entries: Iterable[Any]) -> list[Any]:
    """Returns the transactions among the entries, those that fill a pad included."""
    return [entry for entry in entries if isinstance(entry, data.Transaction)]


def scales_of(entries: Iterable[Any]) -> dict[str, int]:
    """Returns for each asset posted the most decimals that any of its postings needs."""
    scales: dict[str, int] = defaultdict(int)
    for entry in transactions(entries):
        for posting in entry.postings:
            exponent = posting.units.number.normalize().as_tuple().exponent
            scales[posting.units.currency] = max(scales[posting.units.currency], -exponent)
    return dict(scales)


def assets(entries: Iterable[Any], book: Book) -> Iterator[Body]:
    """Yields the body for each asset but the functional one.

    What is held at a cost is a security; what has a price, or is what others are priced in, a
    currency; all else is counted in units.
    """
    postings = [posting for entry in transactions(entries) for posting in entry.postings]
    securities = {posting.units.currency for posting in postings if posting.cost}
    priced = [posting for posting in postings if posting.cost or posting.price]
    currencies = {posting.units.currency for posting in priced}
    currencies |= {weight_of(posting).currency for posting in priced}
    for code in sorted(book.scales.keys() - {book.functional}):
        if not ASSET_CODE.fullmatch(code) or book.scales[code] > SCALE_MAX:
            raise Untold(f"asset {code} with {book.scales[code]} decimals")
        kind = "security" if code in securities else "currency" if code in currencies else "unit"
        yield {"code": code, "scale": book.scales[code], "kind": kind}


def accounts(entries: Iterable[Any], options: Mapping[str, Any], conversion: str) -> Iterator[Body]:
    """Yields the body for each account opened, then for the conversion account, a new one."""
    types = {options[root]: account_type for root, account_type in TYPE_OF_ROOT.items()}
    for entry in entries:
        if not isinstance(entry, data.Open):
            continue
        if (
            not ACCOUNT_CODE.fullmatch(entry.account)
            or len(entry.account) > 120
            or entry.account == conversion
        ):
            raise Untold(f"account {entry.account}")
        root, _, name = entry.account.partition(":")
        body = {"code": entry.account, "type": types[root], "name": name.replace(":", " ") or root}
        # One currency pins the account to it; several can't be said, none means any.
        yield body | ({"asset": entry.currencies[0]} if len(entry.currencies or ()) == 1 else {})
    yield {"code": conversion, "type": "equity", "name": "Conversions", "purpose": "conversion"}


def post(book: Book, number: int, entry: Any) -> Body:
    """Returns the command for transaction `number`; without legs if all its postings are zero."""
    lines = list(told_lines(book, entry))
    if len(lines) > LEGS_MAX:
        raise Untold(f"{len(lines)} legs on {entry.date}: {entry.narration}")
    metadata = {
        "payee": entry.payee,
        "tags": " ".join(sorted(entry.tags)),
        "links": " ".join(sorted(entry.links)),
    }
    optional = {
        "narrative": entry.narration,
        "metadata": {name: text for name, text in metadata.items() if text},
    }
    return {
        "do": "post",
        # A transaction has no id. Its place among the others is one, in a file that only grows.
        "key": f"beancount-{number}",
        "effective_on": entry.date.isoformat(),
        "legs": [leg(book, line) for line in lines],
        "source": {
            "system": "beancount",
            "file": PurePath(entry.meta["filename"]).name,
            "line": entry.meta["lineno"],
        },
    } | {name: value for name, value in optional.items() if value}


def told_lines(book: Book, entry: Any) -> Iterator[Line]:
    """Yields a line for each posting that is not zero, then those of the conversion account."""
    postings = [posting for posting in entry.postings if posting.units.number]
    gaps: dict[str, Decimal] = defaultdict(Decimal)
    mirrors: dict[tuple[str, bool], Line] = {}
    worths = RunningWorths(book, entry.date)
    for posting in postings:
        units = posting.units
        if posting.cost or posting.price:
            worth = book.rounded(book.worth(weight_of(posting), entry.date))
            mirror = mirrors.get(
                (units.currency, units.number > 0),
                Line(book.conversion, ZERO, units.currency, ZERO, ""),
            )
            mirrors[units.currency, units.number > 0] = mirror._replace(
                number=mirror.number - units.number, worth=mirror.worth + worth
            )
        else:
            worth = worths.next(units)
            gaps[units.currency] -= units.number
        yield Line(posting.account, units.number, units.currency, worth, lot(posting))
    for asset, number in gaps.items():
        if number:
            yield Line(book.conversion, number, asset, worths.next(Amount(number, asset)), "")
    yield from mirrors.values()


class RunningWorths:
    """Rounded worths of a transaction's unpriced postings: an asset's two sides sum up alike.

    Each is the growth of its side's rounded total. (Rounded one by one, two halves of an amount
    may be worth a cent more or less than the whole.)
    """

    def __init__(self, book: Book, on: date) -> None:
        self._book = book
        self._on = on
        self._totals: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)

    def next(self, units: Any) -> Decimal:
        """Returns the worth of the next posting of these units."""
        side = units.currency, units.number > 0
        before = self._totals[side]
        self._totals[side] += self._book.worth(units, self._on)
        return self._book.rounded(self._totals[side]) - self._book.rounded(before)


def leg(book: Book, line: Line) -> Body:
    """Returns the leg for a line; with its worth unless it is of the functional asset."""
    worth = (
        {}
        if line.asset == book.functional
        else {"functional_amount": book.text(line.worth, book.functional)}
    )
    return (
        {
            "account": line.account,
            "side": "debit" if line.number > 0 else "credit",
            "amount": book.text(abs(line.number), line.asset),
            "asset": line.asset,
        }
        | worth
        | ({"narrative": line.narrative} if line.narrative else {})
    )


def lot(posting: Any) -> str:
    """Returns cost and price as beancount writes them, `{44.08 USD, 2018-06-25} @ 45 USD`."""
    cost = price = ""
    if posting.cost:
        text = position.cost_to_str(posting.cost, DEFAULT_FORMATTER)  # type: ignore[no-untyped-call]
        cost = f"{{{text}}}"
    if posting.price:
        price = f"@ {posting.price.to_string()}"
    return f"{cost} {price}".strip()


def weight_of(posting: Any) -> Any:
    """Returns the amount that counts for the transaction's balance: at cost, at price or as is."""
    return convert.get_weight(posting)  # type: ignore[no-untyped-call]
