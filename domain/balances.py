"""What an account holds of an asset: posted totals, pending totals, what is available.

Floors are judged here, on the net effect of a whole command: money may always come in, and a
command that does not lower an account's available never fails for funds.
"""

from collections.abc import Iterable

from domain.accounts import Account
from domain.assets import find_asset
from domain.books import Books
from domain.money import format_amount, minor_units
from domain.pages import EMPTY, Balance
from domain.refusals import Refusal


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
    """The posted balance less what holds reserve and liens keep of it.

    An account with a lien has one asset.
    """
    if account.debit_normal:
        return balance.debits - balance.credits - balance.pending_credits - account.lien_minor
    return balance.credits - balance.debits - balance.pending_debits - account.lien_minor


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
            raise _insufficient(books, account, have, -change)


def check_legal_liens(books: Books, account: Account, minor: int) -> None:
    """Raises InsufficientFunds where settling a hold takes what a legal lien keeps.

    The hold itself is no funds here: it is what is settled. Liens of the firm's own give way.
    """
    legal = [one.amount for one in account.freezes if one.basis == "legal" and one.amount]
    if not legal:
        return
    code, floor = account.asset, account.floor_minor
    assert floor is not None
    assert code is not None
    balance = books.balances.get((account.code, code)) or EMPTY
    have = posted(account, balance) - sum(map(minor_units, legal))
    if have - minor < floor:
        raise _insufficient(books, account, have, minor)


def _insufficient(books: Books, account: Account, have: int, asked: int) -> InsufficientFunds:
    assert account.floor_minor is not None
    assert account.asset is not None
    scale = find_asset(books, account.asset).scale
    return InsufficientFunds(
        account=account.code,
        asset=account.asset,
        available=format_amount(have, scale),
        floor=format_amount(account.floor_minor, scale),
        asked=format_amount(asked, scale),
    )
