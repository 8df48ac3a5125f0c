"""The one way to a decision: what all commands have in common, around what each decides itself.

Precedence: what is not found, state and shape are each decision's own; then come the texts, then
the conditions. Limits and funds are told last.
"""

from domain.balances import InsufficientFunds
from domain.books import Books
from domain.card_numbers import CardNumberRefused
from domain.catalogue import DECISIONS
from domain.commands import At, Command, Decided, NewStream
from domain.conditions import check_conditions, check_known
from domain.limits import LimitExceeded
from domain.refusals import Refusal

TOLD_LAST = (LimitExceeded, InsufficientFunds)
"""Refusals for which the conditions are judged first."""


def decide(
    books: Books, command: Command, at: At, new: NewStream, *, card_number_in: str | None
) -> Decided:
    """Returns the events that the command comes to; the books stay as they are.

    `card_number_in`: what domain/card_numbers.py says of the command. It is asked beforehand: long
    texts take their time, and the ledger must not wait for it.
    Raises what the command's own decision raises, CardNumberRefused, what `check_known` and
    `check_conditions` raise.
    """
    check_known(books, command)
    told_last: Refusal | None = None
    decided: Decided = []
    try:
        decided = DECISIONS[type(command)](books, command, at, new)
    except TOLD_LAST as refusal:
        told_last = refusal
    if card_number_in is not None:
        raise CardNumberRefused(member=card_number_in)
    check_conditions(books, command)
    if told_last is not None:
        raise told_last
    return decided
