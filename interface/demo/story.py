"""The year, day by day, and what of it is turned down on purpose."""

from collections.abc import Iterator

from interface.demo import firm, housing
from interface.demo.cards import Cards
from interface.demo.days import MONTHS, days_of_the_year
from interface.demo.entries import Body
from interface.demo.numbers import Numbers
from interface.demo.wallets import Wallets

SEED = 2025

REFUSALS = {
    **{f"demo:declined:{month:02}": "insufficient_funds" for month in MONTHS},
    **{f"demo:greedy:{month}:refused": "over_settlement" for month in ("02", "06", "10")},
    **{f"demo:late:{month}:refused": "authorization_closed" for month in ("03", "09")},
    "demo:again:refused": "nothing_to_settle",
    "demo:undelivered:refused": "settlement_exists",
    "demo:payin:0211:010:again:reverse:twice": "already_reversed",
    "demo:unbalanced": "unbalanced",
}
"""Keys of the commands that are refused, and their codes. All others succeed."""

REPLAYED = frozenset(f"demo:card:{month:02}01:1" for month in MONTHS)
"""Keys of the commands that come twice, the same to the letter: the second one is a replay."""


def commands() -> Iterator[Body]:
    """Yields the year's commands, in the order in which they are to be done."""
    numbers = Numbers(SEED)
    wallets = Wallets(numbers)
    cards = Cards(numbers, wallets)
    for day in days_of_the_year():
        yield from firm.on(day)
        yield from wallets.on(day)
        yield from cards.on(day)
        yield from wallets.fees_on(day)
        yield from housing.on(day)
