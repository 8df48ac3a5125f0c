"""The states that a bundle states, against what this software makes of the same records.

A bundle has them where its export was asked to: what the exporting software's replay came to, at
the last position and at some on the way there. Every record is checked too, so a history that this
software reads otherwise shows at its first record.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.replay import state_of


class Difference(NamedTuple):
    """A row of a section of the state that is not the same; None: there is none."""

    section: str
    name: str
    stated: Any
    now: Any


def full_state_of(fold: Fold) -> dict[str, Any]:
    """Returns all that follows from the records, by section: all that the service has a row for."""
    chart, worth = fold.chart, fold.worth
    found = state_of(fold)
    found["accounts"] = [account.document() for _, account in sorted(chart.accounts.items())]
    return {
        **found,
        "ledger_document": chart.ledger,
        "assets": [chart.assets[code] for code in sorted(chart.assets)],
        "journals": [chart.journals[code] for code in sorted(chart.journals)],
        "vouchers": [
            {"journal": journal, "fiscal_year": year, "last_no": number}
            for (journal, year), number in sorted(fold.passbook.vouchers.items())
        ],
        "limits": [
            {
                "limit": id,
                "account": usage.account,
                "starts_on": usage.starts_on,
                "minor": str(usage.minor),
                "count": usage.count,
            }
            for id, usage in sorted(fold.limits.usages.items())
        ],
        "baselines": [chart.baselines[id] for id in sorted(chart.baselines)],
        "periods": [
            {"name": name, **document} for name, document in sorted(fold.periods.rows.items())
        ],
        "rates": [
            {"about": list(about), **document} for about, document in sorted(worth.rates.items())
        ],
        "open_items": [
            {"about": list(about), "open": list(item.columns())}
            for about, item in sorted(worth.items.items())
        ],
        "revaluations": [
            {"id": id, **document} for id, document in sorted(worth.revaluations.items())
        ],
        "due_reversals": [
            {"entry": entry, "reverse_on": day} for entry, day in sorted(worth.reversals.items())
        ],
        "access": [
            {"shelf": shelf, "name": name, **document}
            for shelf, documents in sorted(fold.access.items())
            for name, document in sorted(documents.items())
        ],
    }


_NAMED_BY = {
    "accounts": ("code",),
    "balances": ("account", "asset"),
    "holds": ("id",),
    "assets": ("code",),
    "journals": ("code",),
    "vouchers": ("journal", "fiscal_year"),
    "limits": ("limit",),
    "baselines": ("id",),
    "periods": ("name",),
    "rates": ("about",),
    "open_items": ("about",),
    "revaluations": ("id",),
    "due_reversals": ("entry",),
    "access": ("shelf", "name"),
}


def differences(stated: dict[str, Any], now: dict[str, Any]) -> Iterator[Difference]:
    """Yields what is not the same, section by section.

    Requires states as JSON has them. What only one of them has a section for is a difference.
    Raises Divergence where one can't be read.
    """
    for section in sorted({*stated, *now}):
        one, other = _rows(section, stated), _rows(section, now)
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name):
                yield Difference(section, name, one.get(name), other.get(name))


def _rows(section: str, state: dict[str, Any]) -> dict[str, Any]:
    if section not in state:
        return {}
    rows = state[section]
    naming = _NAMED_BY.get(section)
    if naming is None:
        return {"": rows}
    try:
        return {" ".join(str(row[member]) for member in naming): row for row in rows}
    except (LookupError, TypeError) as error:
        raise Divergence(f"what is stated of {section} can't be read: {error}") from error
