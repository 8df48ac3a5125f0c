"""Trial balance: each account's balance on the side on which it stands; both sides are even, in
each asset and in the functional one."""

from collections import defaultdict
from datetime import date
from typing import Literal

from projections.balance_sheet import first_of_year
from projections.balances import read_without
from projections.report import Column, Report, Source

Basis = Literal["unadjusted", "adjusted", "post-closing"]

WITHOUT: dict[Basis, frozenset[str]] = {
    "unadjusted": frozenset(
        {"adjusting", "reclassification", "audit_adjustment", "revaluation", "closing"}
    ),
    "adjusted": frozenset({"closing"}),
    "post-closing": frozenset(),
}
"""Which classes of entries each basis leaves out: those of the fiscal year that is asked about.
What earlier years ended with was carried forward with all of them."""

COLUMNS = (
    Column("account", "Account"),
    Column("name", "Name"),
    Column("type", "Type"),
    Column("asset", "Asset"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("functional_debit", "Functional debit", "amount"),
    Column("functional_credit", "Functional credit", "amount"),
)


def trial_balance(
    source: Source, *, effective_on: date | None, basis: Basis, depth: int | None
) -> Report:
    """Returns the trial balance at the end of a day (None: of all that is on record), an asset
    after another, with a total for each."""
    report = Report(
        name="trial-balance",
        title=f"Trial balance, {basis}",
        asked={"effective_on": effective_on, "basis": basis, "depth": depth},
        columns=COLUMNS,
    )
    nets: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for one in read_without(
        source.connection,
        WITHOUT[basis],
        position=source.known,
        effective_on=source.through(effective_on),
        since=left_out_since(source, effective_on or date.max),
    ):
        net = nets[one.asset, source.group(one.account, depth)]
        net[0] += one.net
        net[1] += one.functional
    by_asset: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for (asset, account), (net_minor, functional) in sorted(nets.items()):
        if net_minor or functional:
            by_asset[asset].append((account, net_minor, functional))
    for asset, lines in by_asset.items():
        _add_asset(report, source, asset, lines)
    report.totals["functional"] = _sides(
        source,
        sum(max(f, 0) for a in by_asset.values() for _, _, f in a),
        sum(max(-f, 0) for a in by_asset.values() for _, _, f in a),
        None,
    )
    return report


def left_out_since(source: Source, day: date) -> date:
    """Returns the first day of the fiscal year that a day is in: from then on a basis leaves
    classes out."""
    if day.year == date.min.year:
        return date.min  # its fiscal year may have begun in the year before, which is none
    return first_of_year(day, start=source.ledger.fiscal_year_start)


def _add_asset(
    report: Report, source: Source, asset: str, lines: list[tuple[str, int, int]]
) -> None:
    numbers = []
    for account, net, functional in lines:
        found = source.accounts.get(account)
        numbers.append(
            report.add(
                account=account,
                name=source.name_of(account),
                type="" if found is None else found.type,
                asset=asset,
                **_sides(source, max(net, 0), max(-net, 0), asset),
                **_functional(_sides(source, max(functional, 0), max(-functional, 0), None)),
            )
        )
    total = _sides(
        source,
        sum(max(net, 0) for _, net, _ in lines),
        sum(max(-net, 0) for _, net, _ in lines),
        asset,
    )
    functional_total = _sides(
        source,
        sum(max(functional, 0) for *_, functional in lines),
        sum(max(-functional, 0) for *_, functional in lines),
        None,
    )
    report.total(
        [(number, 1) for number in numbers],
        account="Total",
        asset=asset,
        **total,
        **_functional(functional_total),
    )
    report.totals[asset] = total


def _sides(source: Source, debit: int, credit: int, asset: str | None) -> dict[str, str]:
    return {"debit": source.shown(debit, asset), "credit": source.shown(credit, asset)}


def _functional(sides: dict[str, str]) -> dict[str, str]:
    return {f"functional_{side}": amount for side, amount in sides.items()}
