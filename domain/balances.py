"""What an account holds of an asset: posted totals, pending totals, what is available.

Floors are judged here, on the net effect of a whole command: money may always come in, and a
command that does not lower an account's available never fails for funds.
"""

from collections.abc import Iterable

from msgspec import Struct

from domain.accounts import Account
from domain.assets import find_asset
from domain.books import Books
from domain.money import format_amount
from domain.refusals import Refusal


class Balance(Struct, frozen=True, gc=False):
    """Totals in minor units; `lines` is the running number of the last leg."""

    debits: int = 0
    credits: int = 0
    pending_debits: int = 0
    pending_credits: int = 0
    lines: int = 0


EMPTY = Balance()


class InsufficientFunds(Refusal):
    code = "insufficient_funds"
    sentence = (
        "{account} has {available} {asset} available and a floor of {floor}; {asked} was asked."
    )


def posted(account: Account, balance: Balance) -> int:
    """The posted balance, positive on the account's normal side."""
    if account.debit_normal:
        return balance.debits - balance.credits
    return balance.credits - balance.debits


def available(account: Account, balance: Balance) -> int:
    """The posted balance less what holds reserve of it."""
    if account.debit_normal:
        return balance.debits - balance.credits - balance.pending_credits
    return balance.credits - balance.debits - balance.pending_debits


def check_floors(books: Books, changes: Iterable[tuple[Account, int]]) -> None:
    """Raises InsufficientFunds for the first account that a change leaves below its floor.

    `changes` are (account with a floor, net change of its available in minor units), one for each
    account. An account with a floor has one asset.
    """
    for account, change in changes:
        floor, code = account.floor_minor, account.asset
        assert floor is not None
        assert code is not None
        if change >= 0:
            continue
        have = available(account, books.balances.get((account.code, code)) or EMPTY)
        if have + change < floor:
            scale = find_asset(books, code).scale
            raise InsufficientFunds(
                account=account.code,
                asset=code,
                available=format_amount(have, scale),
                floor=format_amount(floor, scale),
                asked=format_amount(-change, scale),
            )
