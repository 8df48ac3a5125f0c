"""Trial balance: each account's balance on the side on which it stands; both sides are even, in
each asset and in the functional one."""

from collections import defaultdict
from collections.abc import Collection
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
What earlier years ended with was carried forward with all of them, so what corrects an entry of an
earlier year stays: the reversal of last year's revaluation or accrual belongs to the books with
which the new year begins, not to its own adjustments."""

NOTHING = 0, 0
"""Net and worth of what does not stand in a trial balance."""

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
    nets: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for account, asset, debits, credits, worth in read_without(
        source.connection,
        WITHOUT[basis],
        position=source.known,
        effective_on=source.through(effective_on),
        since=left_out_since(source, effective_on or date.max),
    ):
        of_asset = nets[asset]
        group = account if depth is None else source.group(account, depth)
        net, functional = of_asset.get(group, NOTHING)
        of_asset[group] = net + debits - credits, functional + worth
    worths: list[int] = []
    for asset in sorted(nets):
        of_asset = nets[asset]
        lines = sorted((code, *both) for code, both in of_asset.items() if both != NOTHING)
        if lines:
            _add_asset(report, source, asset, lines)
            worths += [functional for _, _, functional in lines]
    report.totals["functional"] = _sides(source, worths, None)
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
    nothing, worthless = source.shown(0, asset), source.shown(0)
    for account, net, functional in lines:
        # There may be ten thousand of them; most are worth in the books what they are.
        amount = source.shown(abs(net), asset)
        is_same = net == functional and asset == source.ledger.functional_asset
        worth = amount if is_same else source.shown(abs(functional))
        found = source.accounts.get(account)
        number = report.add(
            account=account,
            name="" if found is None else found.name,
            type="" if found is None else found.type,
            asset=asset,
            debit=amount if net > 0 else nothing,
            credit=amount if net < 0 else nothing,
            functional_debit=worth if functional > 0 else worthless,
            functional_credit=worth if functional < 0 else worthless,
        )
        numbers.append((number, 1))
    total = _sides(source, [net for _, net, _ in lines], asset)
    worth_total = _sides(source, [functional for _, _, functional in lines], None)
    report.total(
        numbers,
        account="Total",
        asset=asset,
        **total,
        **{f"functional_{side}": amount for side, amount in worth_total.items()},
    )
    report.totals[asset] = total


def _sides(source: Source, nets: Collection[int], asset: str | None) -> dict[str, str]:
    debit = sum(net for net in nets if net > 0)
    credit = debit - sum(nets)
    return {"debit": source.shown(debit, asset), "credit": source.shown(credit, asset)}
