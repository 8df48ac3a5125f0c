"""Legs: what an entry moves, checked for shape, balance and funds, and written in the passbook.

The checks stand in their order of precedence: what is not found, state, shape, funds. Each leg in
an event carries its account's and asset's running number and the balance that it leaves, like a
line in a passbook: a missing line shows.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from domain.accounts import (
    Account,
    AccountNotPostable,
    AssetNotAllowed,
    Side,
    check_not_closed,
    check_not_frozen,
    find_account,
)
from domain.assets import Asset, find_asset
from domain.balances import check_floors, posted
from domain.books import Books
from domain.items import Opening, Relief, Taken, relief
from domain.money import format_amount, minor_units, parse_amount, parse_value
from domain.pages import EMPTY, Balance
from domain.rates import RateUsed
from domain.refusals import Refusal

MAX_LEGS = 100

WORTH_ONLY = ("revaluation", "fx_difference")
"""Classes of entries whose legs may have a worth and no amount."""


class LegAsked(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A leg as a client asks for it."""

    account: str
    side: Side
    amount: str
    asset: str
    functional_amount: str | None = None
    party: str | None = None
    dimensions: dict[str, str] | None = None
    narrative: str | None = None
    due_on: date | None = None
    matches: str | None = None


class Revalued(Struct, frozen=True):
    """What was revalued at a rate: debits less credits, and what they were worth before."""

    balance: str
    functional_amount: str


class Leg(Struct, frozen=True, omit_defaults=True, gc=False):
    """A leg as it was posted: `line` and `balance` (normal side) are its account's passbook.

    `rate`: by which its worth was worked out. `relieves`, `opens`: what it does to open items.
    """

    account: str
    side: Side
    amount: str
    asset: str
    line: int
    balance: str
    functional_amount: str | None = None
    party: str | None = None
    dimensions: dict[str, str] | None = None
    due_on: date | None = None
    matches: str | None = None
    rate: RateUsed | None = None
    relieves: list[Relief] | None = None
    opens: Opening | None = None
    revalues: Revalued | None = None


class Line(Struct, frozen=True, gc=False):
    """A leg with its account and asset found and its amounts in minor units.

    `item`: the line of the item that it relieves before others; `joined`: of the one that it adds
    to.
    """

    account: Account
    asset: Asset
    debit: bool
    minor: int
    functional_minor: int | None
    asked: LegAsked
    rate: RateUsed | None = None
    relieves: list[Taken] | None = None
    opened_minor: int = 0
    opened_worth: int = 0
    joined: int | None = None
    item: int | None = None
    revalues: Revalued | None = None


class TooManyLegs(Refusal):
    code = "too_many_legs"
    sentence = "An entry has up to {limit} legs, not {asked}."


class Unbalanced(Refusal):
    code = "unbalanced"
    sentence = "Debits and credits of {asset} differ by {difference}."


class UnvaluedLeg(Refusal):
    code = "unvalued_leg"
    sentence = "Leg {leg} on {account} in {asset} needs a functional_amount in {functional_asset}."


class UnbalancedFunctional(Refusal):
    code = "unbalanced_functional"
    sentence = "Debits and credits differ by {difference} in the functional {asset}."


def resolve(books: Books, legs: Sequence[LegAsked]) -> list[tuple[Account, Asset]]:
    """Returns each leg's account and asset. Raises AccountNotFound, AssetNotFound.

    Of an entry with too many legs it looks at the first ones only: it will be refused anyway.
    """
    return [
        (find_account(books, leg.account), find_asset(books, leg.asset)) for leg in legs[:MAX_LEGS]
    ]


def check_open_accounts(
    resolved: Sequence[tuple[Account, Asset]], sides: Sequence[Side] = ("debit", "credit")
) -> None:
    """Judges accounts by what is to happen on this side of each; of two, the first is debited.

    Raises AccountIsFrozen, AccountIsClosed, AccountNotPostable, whichever account it is of.
    """
    stopped = [
        (account, side)
        for (account, _), side in zip(resolved, sides, strict=False)
        if not account.takes_postings
    ]
    for account, side in stopped:
        check_not_frozen(account, side)
    for account, _ in stopped:
        check_not_closed(account)
    for account, _ in stopped:
        if not account.postable:
            raise AccountNotPostable(account=account.code)


def shape(
    books: Books,
    legs: Sequence[LegAsked],
    resolved: Sequence[tuple[Account, Asset]],
    *,
    class_: str | None = None,
) -> list[Line]:
    """Returns the lines of an entry that balances in each asset. Requires two legs or more.

    Raises TooManyLegs, AssetNotAllowed, AmountNotPositive, AmountTooFine, AmountTooLarge,
    Unbalanced.
    """
    assert len(legs) >= 2
    if len(legs) > MAX_LEGS:
        raise TooManyLegs(limit=MAX_LEGS, asked=len(legs))
    functional = books.ledger.functional_asset
    for account, asset in resolved:
        check_asset_allowed(account, asset)
    lines = []
    for leg, (account, asset) in zip(legs, resolved, strict=True):
        value = None
        if leg.functional_amount is not None:
            scale = find_asset(books, functional).scale
            value = parse_value(leg.functional_amount, scale=scale, asset=functional)
        parse = parse_value if value and class_ in WORTH_ONLY else parse_amount
        minor = parse(leg.amount, scale=asset.scale, asset=asset.code)
        lines.append(Line(account, asset, leg.side == "debit", minor, value, leg))
    check_balanced(books, lines)
    return lines


def check_asset_allowed(account: Account, asset: Asset) -> None:
    """Raises AssetNotAllowed."""
    if account.asset is not None and account.asset != asset.code:
        raise AssetNotAllowed(account=account.code, allowed=account.asset, asset=asset.code)


def check_balanced(books: Books, lines: Sequence[Line]) -> None:
    """Raises Unbalanced."""
    nets: dict[str, int] = {}
    for line in lines:
        code, minor = line.asset.code, line.minor
        nets[code] = nets.get(code, 0) + (minor if line.debit else -minor)
    for code, net in nets.items():
        if net:
            scale = find_asset(books, code).scale
            raise Unbalanced(asset=code, difference=format_amount(abs(net), scale))


def check_funds(
    books: Books, lines: Sequence[Line], *, freed: Mapping[str, int] | None = None
) -> None:
    """Judges the floors on the net effect of all lines together, and of what a hold frees by
    account. Raises InsufficientFunds."""
    changes: dict[str, tuple[Account, int]] = {}
    for line in lines:
        account = line.account
        if account.floor_minor is not None:
            change = line.minor if line.debit == account.debit_normal else -line.minor
            if account.code in changes:
                change += changes[account.code][1]
            changes[account.code] = (account, change)
    for code, minor in (freed or {}).items():
        held = find_account(books, code)
        if held.floor_minor is not None:
            change = changes[code][1] if code in changes else 0
            changes[code] = (held, change + minor)
    if changes:
        check_floors(books, changes.values())


class Passbook:
    """Writes legs after one another, each on top of what the one before it left.

    Lives for one decision; the books change only when the events are folded.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._balances: dict[tuple[str, str], Balance] = {}
        self._vouchers: dict[tuple[str, int], int] = {}

    def voucher_no(self, journal: str, fiscal_year: int) -> int:
        """Returns the next voucher number of the journal in that year."""
        key = (journal, fiscal_year)
        last = self._vouchers.get(key) or self._books.vouchers.get(key) or 0
        self._vouchers[key] = last + 1
        return last + 1

    def write(self, lines: Sequence[Line]) -> list[Leg]:
        """Returns the legs with running numbers and balances."""
        legs = []
        balances = self._balances
        for line in lines:
            account, asset, asked, value = (
                line.account,
                line.asset,
                line.asked,
                line.functional_minor,
            )
            key = (account.code, asset.code)
            old = balances.get(key) or self._books.balances.get(key) or EMPTY
            new = balances[key] = add_leg(old, debit=line.debit, minor=line.minor)
            scale = asset.scale
            legs.append(
                Leg(
                    account.code,
                    asked.side,
                    format_amount(line.minor, scale),
                    asset.code,
                    new.lines,
                    format_amount(posted(account, new), scale),
                    None if value is None else format_amount(value, self._functional_scale),
                    asked.party,
                    asked.dimensions,
                    asked.due_on,
                    asked.matches,
                    line.rate,
                    self._relieved(line) if line.relieves else None,
                    self._opening(line) if line.opened_minor else None,
                    line.revalues,
                )
            )
        return legs

    @property
    def _functional_scale(self) -> int:
        books = self._books
        return find_asset(books, books.ledger.functional_asset).scale

    def _relieved(self, line: Line) -> list[Relief]:
        scale, functional_scale = line.asset.scale, self._functional_scale
        return [
            relief(part, scale=scale, functional_scale=functional_scale)
            for part in line.relieves or ()
        ]

    def _opening(self, line: Line) -> Opening:
        return Opening(
            format_amount(line.opened_minor, line.asset.scale),
            format_amount(line.opened_worth, self._functional_scale),
            line.joined,
        )


def add_leg(balance: Balance, *, debit: bool, minor: int) -> Balance:
    """Returns the balance after one more leg."""
    if debit:
        return Balance(
            balance.debits + minor,
            balance.credits,
            balance.pending_debits,
            balance.pending_credits,
            balance.lines + 1,
        )
    return Balance(
        balance.debits,
        balance.credits + minor,
        balance.pending_debits,
        balance.pending_credits,
        balance.lines + 1,
    )


def fold_legs(books: Books, legs: Sequence[Leg]) -> None:
    """Adds posted legs to the balances and counts one touch for each account among them."""
    change = books.balances.change
    touched = set()
    for leg in legs:
        page = change((leg.account, leg.asset))
        minor = minor_units(leg.amount)
        page.balance = add_leg(page.balance, debit=leg.side == "debit", minor=minor)
        # One touch an account, through the first of its legs.
        if leg.account not in touched:
            touched.add(leg.account)
            page.touches += 1
