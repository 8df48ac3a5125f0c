"""Conditions: what must be so right before a command, or it is refused.

They are compared with the books as the commands before it left them, in the same commit.
"""

import operator
from collections.abc import Callable

from domain.accounts import find_account
from domain.assets import find_asset
from domain.balances import available, posted
from domain.books import Books
from domain.commands import Command, Comparison, Condition
from domain.money import format_amount, parse_balance
from domain.pages import EMPTY
from domain.refusals import Refusal

COMPARED: dict[str, Callable[[int, int], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "lte": operator.le,
    "lt": operator.lt,
}


class ConditionFailed(Refusal):
    """`found` and `asked` are amounts, or versions of the account."""

    code = "condition_failed"
    sentence = "{what} of {account} is {found}; {comparison} {asked} was the condition."


def check_known(books: Books, command: Command) -> None:
    """Raises AccountNotFound, AssetNotFound for what a condition names and is not there."""
    for condition in command.if_ or ():
        find_account(books, condition.account)
        if condition.asset is not None:
            find_asset(books, condition.asset)


def check_conditions(books: Books, command: Command) -> None:
    """Requires that all that the conditions name is there.

    Raises ConditionFailed with what was found, for the first one that does not hold; AmountTooFine,
    BalanceTooLarge.
    """
    for condition in command.if_ or ():
        if condition.version is not None:
            version = books.version_of(condition.account)
            if version != condition.version:
                raise ConditionFailed(
                    account=condition.account,
                    what="version",
                    comparison="eq",
                    asked=condition.version,
                    found=version,
                )
        else:
            _check_balance(books, condition)


def _check_balance(books: Books, condition: Condition) -> None:
    assert condition.asset is not None, "the contract's schema asks for it"
    account = find_account(books, condition.account)
    asset = find_asset(books, condition.asset)
    balance = books.balances.get((account.code, asset.code)) or EMPTY
    if condition.available is not None:
        what, wanted, found = "available", condition.available, available(account, balance)
    else:
        assert condition.posted is not None, "the contract's schema asks for one of the three"
        what, wanted, found = "posted", condition.posted, posted(account, balance)
    for comparison, text in _asked(wanted):
        asked = parse_balance(text, scale=asset.scale, asset=asset.code)
        if not COMPARED[comparison](found, asked):
            raise ConditionFailed(
                account=account.code,
                asset=asset.code,
                what=what,
                comparison=comparison,
                asked=format_amount(asked, asset.scale),
                found=format_amount(found, asset.scale),
            )


def _asked(wanted: Comparison) -> list[tuple[str, str]]:
    return [(name, text) for name in COMPARED if (text := getattr(wanted, name)) is not None]
