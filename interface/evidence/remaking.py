"""What reports that are made again from records have in common (recomputed.py)."""

from datetime import date
from typing import Any, Protocol

from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import minor_of, shown
from interface.evidence.shapes import Entry, Envelope, Leg

Parameters = dict[str, str | int]
Row = dict[str, str | int]


class Made(Protocol):
    """A report that is being made again."""

    def take(self, record: Envelope, entry: Entry, chart: Chart, /) -> None:
        """Takes in an entry."""

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns `rows` and `totals`. Raises Divergence where the parameters ask for nothing."""


def check_taken(
    parameters: Parameters,
    *,
    days: tuple[str, ...] = (),
    texts: tuple[str, ...] = (),
    numbers: tuple[str, ...] = (),
    needed: tuple[str, ...] = (),
) -> None:
    """Raises Divergence for a parameter that the report does not take, or is not made without."""
    for name in needed:
        if name not in parameters:
            raise Divergence(f"the report is not made without {name}")
    for name, value in parameters.items():
        if name in days:
            fits = _is_day(value)
        else:
            fits = type(value) is (str if name in texts else int if name in numbers else None)
        if not fits:
            raise Divergence(f"the report does not take {name} = {value!r}")


def _is_day(value: str | int) -> bool:
    try:
        return date.fromisoformat(str(value)).isoformat() == value
    except ValueError:
        return False


def is_below(account: str, branch: str | int | None) -> bool:
    """True for an account of a branch of the chart; None: of all."""
    return branch is None or account == branch or account.startswith(f"{branch}:")


def signed(leg: Leg, chart: Chart) -> int:
    """Returns a leg's minor units, debits above zero."""
    minor = minor_of(leg.amount, chart.scales[leg.asset])
    return minor if leg.side == "debit" else -minor


def side_of(side: str, minor: int, scale: int) -> dict[str, str]:
    """Returns an amount under the side that it stands on, which may be zero."""
    return {side: shown(abs(minor), scale)}


def name_of(account: str, chart: Chart) -> str:
    """Returns an account's name, empty where there is no such account."""
    found = chart.accounts.get(account)
    return "" if found is None else found.opened.name
