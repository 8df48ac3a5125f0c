"""Entries and their legs as the contract's commands."""

from datetime import date
from typing import Any

from interface.demo.numbers import amount

Body = dict[str, Any]


def debit(account: str, cents: int, **more: Any) -> Body:
    """Returns a debit in dollars, with what else the leg says."""
    return {"account": account, "side": "debit", "amount": amount(cents), "asset": "USD", **more}


def credit(account: str, cents: int, **more: Any) -> Body:
    """Returns a credit in dollars, with what else the leg says."""
    return {"account": account, "side": "credit", "amount": amount(cents), "asset": "USD", **more}


def post(name: str, day: date, *legs: Body, **more: Any) -> Body:
    """Returns the command that posts an entry; `name` makes its key."""
    return {
        "do": "post",
        "key": f"demo:{name}",
        "effective_on": day.isoformat(),
        **more,
        "legs": list(legs),
    }


def verb(do: str, name: str, **members: Any) -> Body:
    """Returns a command about something that stands already; `name` makes its key."""
    return {"do": do, "key": f"demo:{name}", **members}
