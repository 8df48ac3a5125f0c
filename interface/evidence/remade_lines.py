"""Reports of many accounts' lines, made again from records: general ledger, journal."""

from collections import defaultdict
from typing import Any, NamedTuple

from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import shown
from interface.evidence.remade_balances import LEFT_OUT, LeftOut
from interface.evidence.remaking import (
    Parameters,
    Row,
    check_taken,
    is_below,
    name_of,
    side_of,
    signed,
)
from interface.evidence.shapes import Entry, Envelope


class Line(NamedTuple):
    """A leg, with what its entry says of it. `minor`: debits less credits."""

    effective_on: str
    position: int
    leg: int
    account: str
    asset: str
    minor: int
    journal: str
    class_: str
    reference: str | None
    actor: str
    side: str


class _Lines:
    """The lines of some days, of an account or branch or of all, in the order of the log."""

    takes: tuple[str, ...] = ("account",)

    def __init__(self, parameters: Parameters) -> None:
        check_taken(parameters, days=("from", "to"), texts=self.takes, needed=("from", "to"))
        basis = parameters.get("basis", "post-closing")
        if basis not in LEFT_OUT:
            raise Divergence(f"a general ledger on the basis {basis!r} is not known here")
        self._first, self._last = str(parameters["from"]), str(parameters["to"])
        self._left_out = LeftOut(LEFT_OUT[str(basis)], self._first)
        self._branch = parameters.get("account")
        self._lines: list[Line] = []
        self._opening: defaultdict[tuple[str, str], int] = defaultdict(int)

    def take(self, record: Envelope, entry: Entry, chart: Chart) -> None:
        """Takes in the entry's lines, or counts them where they are of earlier days."""
        day = entry.effective_on
        if self._left_out.has(record, entry, chart) or day > self._last:
            return
        for number, leg in enumerate(entry.legs, start=1):
            if not is_below(leg.account, self._branch):
                continue
            minor = signed(leg, chart)
            if day < self._first:
                self._opening[leg.account, leg.asset] += minor
                continue
            self._lines.append(
                Line(
                    day,
                    record.position,
                    number,
                    leg.account,
                    leg.asset,
                    minor,
                    entry.journal,
                    entry.class_,
                    entry.reference,
                    record.actor,
                    leg.side,
                )
            )


class GeneralLedger(_Lines):
    """Each account: the balance before some days, its lines by day, the balance then."""

    takes = ("account", "basis")

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns heading, lines and total of each account that has a balance or lines."""
        lines: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in sorted(self._lines):
            lines[line.account, line.asset].append(line)
        rows: list[Row] = []
        for key in sorted(lines.keys() | {key for key, net in self._opening.items() if net}):
            rows += _account(chart, key, self._opening.get(key, 0), lines.get(key, []))
        return {"rows": rows, "totals": {}}


class Journal(_Lines):
    """Each entry's lines in the order of the log."""

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns a row for each line, and a total for each asset."""
        rows: list[Row] = []
        sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        for line in self._lines:
            sums[line.asset][0 if line.minor > 0 else 1] += abs(line.minor)
            row: Row = {
                "kind": "line",
                "effective_on": line.effective_on,
                "journal": line.journal,
                "position": line.position,
                "class": line.class_,
                "actor": line.actor,
                "account": line.account,
                "name": name_of(line.account, chart),
                "asset": line.asset,
                **side_of(line.side, line.minor, chart.scales[line.asset]),
            }
            if line.reference is not None:
                row["reference"] = line.reference
            rows.append(row)
        totals = {}
        for asset, both in sorted(sums.items()):
            debit, credit = (shown(minor, chart.scales[asset]) for minor in both)
            totals[asset] = {"debit": debit, "credit": credit}
            rows.append({"kind": "total", "account": "Total", "asset": asset, **totals[asset]})
        return {"rows": rows, "totals": totals}


def _account(chart: Chart, key: tuple[str, str], opening: int, lines: list[Line]) -> list[Row]:
    account, asset = key
    scale = chart.scales[asset]
    named: Row = {"account": account, "asset": asset}
    rows: list[Row] = [{"kind": "heading", **named, "balance": shown(opening, scale)}]
    balance = opening
    for line in lines:
        balance += line.minor
        row: Row = {
            "kind": "line",
            **named,
            "effective_on": line.effective_on,
            "journal": line.journal,
            "position": line.position,
            "leg": line.leg,
            **side_of(line.side, line.minor, scale),
            "balance": shown(balance, scale),
        }
        rows.append(row)
    total: Row = {
        "kind": "total",
        **named,
        "debit": shown(sum(line.minor for line in lines if line.minor > 0), scale),
        "credit": shown(sum(-line.minor for line in lines if line.minor < 0), scale),
        "balance": shown(balance, scale),
    }
    return [*rows, total]
