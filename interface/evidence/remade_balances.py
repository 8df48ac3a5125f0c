"""Reports of accounts' balances, made again from records: trial balance, roll-forward."""

from collections import defaultdict
from typing import Any

from interface.evidence.calendar import fiscal_year
from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import minor_of, shown
from interface.evidence.remaking import Parameters, Row, check_taken, name_of, signed
from interface.evidence.shapes import Entry, Envelope

LEFT_OUT = {
    "unadjusted": {"adjusting", "reclassification", "audit_adjustment", "revaluation", "closing"},
    "adjusted": {"closing"},
    "post-closing": set[str](),
}
"""Classes of entries that a report on each basis leaves out of the fiscal year that it is about."""


class LeftOut:
    """Entries of some classes in the fiscal year that a day is in, or later; but for those that
    correct one of an earlier year, or what corrects it. Sees each entry once, in order."""

    def __init__(self, classes: set[str], day: str) -> None:
        self._classes, self._day = classes, day
        self._years: dict[str, int] = {}

    def has(self, record: Envelope, entry: Entry, chart: Chart) -> bool:
        """True for an entry that is left out."""
        if entry.class_ not in self._classes:
            return False
        start = chart.fiscal_year_start
        year = fiscal_year(entry.effective_on, start)
        if entry.corrects is not None:
            year = min(year, self._years.get(entry.corrects, year))
        self._years[record.stream] = year
        return year >= fiscal_year(self._day, start)


class TrialBalance:
    """Each account on its side, an asset after another."""

    def __init__(self, parameters: Parameters) -> None:
        check_taken(parameters, days=("effective_on",), texts=("basis",), numbers=("depth",))
        self._through = str(parameters.get("effective_on", "9999-12-31"))
        basis = parameters.get("basis")
        if basis not in LEFT_OUT:
            raise Divergence(f"a trial balance on the basis {basis!r} is not known here")
        self._left_out = LeftOut(LEFT_OUT[str(basis)], self._through)
        self._depth = parameters.get("depth")
        self._nets: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])

    def take(self, record: Envelope, entry: Entry, chart: Chart) -> None:
        """Counts an entry, unless its class or day is left out."""
        if self._left_out.has(record, entry, chart) or entry.effective_on > self._through:
            return
        for leg in entry.legs:
            minor = value = signed(leg, chart)
            if leg.asset != chart.functional_asset:
                text = leg.functional_amount
                scale = chart.scales[chart.functional_asset]
                value = 0 if text is None else minor_of(text, scale)
                # An amount of zero stands on a side, too, and may be worth something.
                value = value if leg.side == "debit" else -value
            net = self._nets[leg.asset, self._place(leg.account)]
            net[0] += minor
            net[1] += value

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns a row for each account that stands on a side, and a total for each asset."""
        rows: list[Row] = []
        totals: dict[str, Any] = {}
        both = [0, 0]
        found: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)
        for (asset, place), (net, value) in sorted(self._nets.items()):
            if net or value:
                found[asset].append((place, net, value))
        for asset, lines in found.items():
            sums = [0, 0, 0, 0]
            for place, net, value in lines:
                sides = [max(net, 0), max(-net, 0), max(value, 0), max(-value, 0)]
                sums = [a + b for a, b in zip(sums, sides, strict=True)]
                known = chart.accounts.get(place)
                named = {
                    "account": place,
                    "name": name_of(place, chart),
                    "type": "" if known is None else known.opened.type,
                }
                rows.append(
                    {"kind": "line", **named, "asset": asset, **_sides(chart, asset, sides)}
                )
            total = {"account": "Total", "asset": asset, **_sides(chart, asset, sums)}
            rows.append({"kind": "total", **total})
            totals[asset] = {"debit": total["debit"], "credit": total["credit"]}
            both = [both[0] + sums[2], both[1] + sums[3]]
        scale = chart.scales[chart.functional_asset]
        totals["functional"] = {"debit": shown(both[0], scale), "credit": shown(both[1], scale)}
        return {"rows": rows, "totals": totals}

    def _place(self, account: str) -> str:
        if self._depth is None:
            return account
        return ":".join(account.split(":")[: int(self._depth)])


class RollForward:
    """Each account's balance before some days, what moved it on them, and its balance then."""

    def __init__(self, parameters: Parameters) -> None:
        check_taken(parameters, days=("from", "to"), needed=("from", "to"))
        self._first, self._last = str(parameters["from"]), str(parameters["to"])
        self._sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])

    def take(self, _record: Envelope, entry: Entry, chart: Chart) -> None:
        """Counts an entry that is not of a later day."""
        if entry.effective_on > self._last:
            return
        for leg in entry.legs:
            minor = signed(leg, chart)
            sums = self._sums[leg.account, leg.asset]
            if entry.effective_on < self._first:
                sums[0] += minor
            else:
                sums[1 if minor > 0 else 2] += abs(minor)

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns a row for each account that had a balance or was moved."""
        rows: list[Row] = []
        for (account, asset), (opening, debits, credits) in sorted(self._sums.items()):
            if not (opening or debits or credits):
                continue
            scale = chart.scales[asset]
            rows.append(
                {
                    "kind": "line",
                    "account": account,
                    "name": name_of(account, chart),
                    "asset": asset,
                    "opening": shown(opening, scale),
                    "debits": shown(debits, scale),
                    "credits": shown(credits, scale),
                    "closing": shown(opening + debits - credits, scale),
                }
            )
        return {"rows": rows, "totals": {}}


def _sides(chart: Chart, asset: str, minor: list[int]) -> dict[str, str]:
    scale, functional = chart.scales[asset], chart.scales[chart.functional_asset]
    return {
        "debit": shown(minor[0], scale),
        "credit": shown(minor[1], scale),
        "functional_debit": shown(minor[2], functional),
        "functional_credit": shown(minor[3], functional),
    }
