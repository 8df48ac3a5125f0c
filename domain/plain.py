"""The plain entry, decided in a straight line.

Nearly all entries are alike: two legs, one asset, two open accounts, nothing optional but a date.
For those `decide` comes to what `entries.post` and `evolve_posted` come to, several times faster;
for anything else, refusals included, it answers None, and those decide. By test: plain = post.
"""

from datetime import date
from typing import NamedTuple

from domain.accounts import Account
from domain.balances import EMPTY, Balance, posted
from domain.books import Books
from domain.calendar import fiscal_year
from domain.commands import At
from domain.entries import Post
from domain.journals import GENERAL
from domain.legs import LegAsked
from domain.money import format_amount

_MOST_DIGITS = 18
"""So many characters, the point included, are below 10^18 minor units at any scale."""


class PlainEntry(NamedTuple):
    """What a plain entry's record says, and the balances that it leaves."""

    voucher_no: int
    fiscal_year: int
    effective_on: date
    first: LegAsked
    first_balance: str
    second_balance: str
    first_after: Balance
    second_after: Balance
    second: LegAsked


def decide(books: Books, command: Post, at: At) -> PlainEntry | None:
    """Returns what a plain entry comes to, or None where `entries.post` must decide."""
    legs = command.legs
    if len(legs) != 2 or _has_more(command):
        return None
    first, second = legs
    code, amount = first.asset, first.amount
    if (
        second.asset != code
        or second.amount != amount
        or first.side == second.side
        or first.account == second.account
        or _leg_has_more(first)
        or _leg_has_more(second)
    ):
        return None
    asset = books.assets.get(code)
    one, two = books.accounts.get(first.account), books.accounts.get(second.account)
    if asset is None or one is None or two is None:
        return None
    minor = _plain_minor(amount, asset.scale)
    if minor is None or not (_takes(one, code) and _takes(two, code)):
        return None
    ledger = books.ledger
    day = command.effective_on or at.today
    if day > at.today or (ledger.locked_through is not None and day <= ledger.locked_through):
        return None
    balances = books.balances.get
    first_after = _after(one, balances((one.code, code)) or EMPTY, first.side == "debit", minor)
    second_after = _after(two, balances((two.code, code)) or EMPTY, second.side == "debit", minor)
    if first_after is None or second_after is None or books.journals.get(GENERAL) is None:
        return None
    year = fiscal_year(day, start=ledger.fiscal_year_start)
    return PlainEntry(
        (books.vouchers.get((GENERAL, year)) or 0) + 1,
        year,
        day,
        first,
        format_amount(posted(one, first_after), asset.scale),
        format_amount(posted(two, second_after), asset.scale),
        first_after,
        second_after,
        second,
    )


def evolve(books: Books, entry: PlainEntry) -> None:
    """Puts on the books what `entries.evolve_posted` would, the entry itself apart.

    Requires that no group is being decided and that no command of this commit asks for the entry.
    """
    asset = entry.first.asset
    one, two = entry.first.account, entry.second.account
    balances, versions, vouchers = books.balances, books.versions, books.vouchers
    first, second, numbers = (one, asset), (two, asset), (GENERAL, entry.fiscal_year)
    balances.now[first] = balances.changed[first] = entry.first_after
    balances.now[second] = balances.changed[second] = entry.second_after
    versions.now[one] = versions.changed[one] = (versions.get(one) or 0) + 1
    versions.now[two] = versions.changed[two] = (versions.get(two) or 0) + 1
    vouchers.now[numbers] = vouchers.changed[numbers] = entry.voucher_no


def _has_more(command: Post) -> bool:
    return (
        command.id is not None
        or command.narrative is not None
        or command.reference is not None
        or command.metadata is not None
        or command.reason is not None
        or command.correlation_id is not None
        or command.on_behalf_of is not None
        or command.journal is not None
        or command.class_ is not None
        or command.value_on is not None
        or command.document is not None
        or command.source is not None
        or command.original is not None
        or command.links is not None
        or command.attachments is not None
    )


def _leg_has_more(leg: LegAsked) -> bool:
    return (
        leg.functional_amount is not None
        or leg.party is not None
        or leg.dimensions is not None
        or leg.narrative is not None
        or leg.due_on is not None
        or leg.matches is not None
    )


def _plain_minor(amount: str, scale: int) -> int | None:
    """The minor units where the text shows exactly the scale's decimals, as the record does."""
    whole, _, fraction = amount.partition(".")
    if len(fraction) != scale or len(amount) > _MOST_DIGITS or (whole[0] == "0" and len(whole) > 1):
        return None
    return int(whole + fraction) or None


def _takes(account: Account, asset: str) -> bool:
    return (
        account.postable
        and not account.closed
        and not account.freezes
        and (account.asset == asset or account.asset is None)
    )


def _after(account: Account, old: Balance, debit: bool, minor: int) -> Balance | None:  # noqa: FBT001 -- a keyword costs too much here
    """The balance after the leg, or None where it would fall below the account's floor."""
    debits, credits, pending_debits, pending_credits = (
        old.debits,
        old.credits,
        old.pending_debits,
        old.pending_credits,
    )
    if debit:
        debits += minor
    else:
        credits += minor
    floor = account.floor_minor
    if floor is not None and debit != account.debit_normal:
        left = (
            debits - credits - pending_credits
            if account.debit_normal
            else credits - debits - pending_debits
        )
        if left < floor:
            return None
    return Balance(debits, credits, pending_debits, pending_credits, old.lines + 1)
