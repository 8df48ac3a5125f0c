"""A household's books as beancount has them, told as commands, and what both come to."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from beancount import loader
from beancount.core import data, realization

from interface.importing.beancount import journal_of
from interface.importing.lines import Body, Line, Unreadable
from interface.importing.plain_text import PlainText

CONVERSIONS = "Equity:Conversions:Current"

Balances = dict[tuple[str, str], Decimal]


class Told(NamedTuple):
    """Bodies of POST assets, of POST accounts, and elements of POST batch, to be sent in order."""

    assets: list[Body]
    accounts: list[Body]
    commands: list[Body]


class Untold(Exception):
    """Something that the contract can't take."""


def tell(entries: list[Any], options: dict[str, Any]) -> Told:
    """Raises Untold."""
    functional = options["operating_currency"][0]
    try:
        told = PlainText(
            journal_of(entries, options), functional=functional, scales={functional: 2}
        )
        setup = list(told.setup())
    except Unreadable as error:
        raise Untold from error
    lines = list(told.lines())
    if not all(isinstance(line, Line) for line in lines):
        raise Untold
    return Told(
        [body for kind, body in setup if kind == "asset"],
        [body for kind, body in setup if kind == "account"],
        [line.command for line in lines if isinstance(line, Line)],
    )


class Household(NamedTuple):
    entries: list[Any]
    told: Told

    @property
    def transactions(self) -> list[Any]:
        return [entry for entry in self.entries if isinstance(entry, data.Transaction)]


def loaded(entries: list[Any], errors: list[Any], options: dict[str, Any]) -> Household:
    assert not errors
    return Household(entries, tell(entries, options))


def written(text: str) -> Household:
    """Returns a small ledger of dollars, with its accounts opened."""
    opened = ["Assets:Bank", "Assets:Shares", "Assets:Old", "Income:Pay", "Equity:Opening-Balances"]
    lines = ['option "operating_currency" "USD"', *(f"2018-01-01 open {code}" for code in opened)]
    return loaded(*loader.load_string("\n".join([*lines, textwrap.dedent(text)])))


def computed_by_beancount(entries: list[Any]) -> Balances:
    """Returns units by account and asset, zeros left out, from beancount's own realization."""
    root = realization.realize(entries)  # type: ignore[no-untyped-call]
    balances: Balances = defaultdict(Decimal)
    for account in realization.iter_children(root):  # type: ignore[no-untyped-call]
        for lot in account.balance:
            balances[account.account, lot.units.currency] += lot.units.number
    return {key: number for key, number in balances.items() if number}


def folded(commands: Iterable[Body]) -> Balances:
    """Returns debits less credits by account and asset, zeros left out, by adding up the legs."""
    balances: Balances = defaultdict(Decimal)
    for command in commands:
        for leg in command["legs"]:
            balances[leg["account"], leg["asset"]] += signed(leg, Decimal(leg["amount"]))
    return {key: number for key, number in balances.items() if number}


def without_conversions(balances: Balances) -> Balances:
    return {key: number for key, number in balances.items() if key[0] != CONVERSIONS}


def signed(leg: Body, number: Decimal) -> Decimal:
    return number if leg["side"] == "debit" else -number


def worth(leg: Body) -> Decimal:
    """Returns what a leg counts in dollars; requires that a leg of another asset says it."""
    return Decimal(leg["amount"] if leg["asset"] == "USD" else leg["functional_amount"])


def assert_keeps_the_rules(told: Told) -> None:
    """Asserts what the contract asks of an entry, and of the codes and decimals in it."""
    scales = {"USD": 2} | {asset["code"]: asset["scale"] for asset in told.assets}
    codes = {account["code"] for account in told.accounts}
    for command in told.commands:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        assert 2 <= len(command["legs"]) <= 100
        for leg in command["legs"]:
            assert leg["account"] in codes
            assert Decimal(leg["amount"]) > 0
            assert decimals(leg["amount"]) <= scales[leg["asset"]]
            assert decimals(leg.get("functional_amount", "0")) <= scales["USD"]
            sums[leg["asset"]] += signed(leg, Decimal(leg["amount"]))
            sums["worth"] += signed(leg, worth(leg))
        assert not any(sums.values()), command


def decimals(amount: str) -> int:
    return len(amount.partition(".")[2])
