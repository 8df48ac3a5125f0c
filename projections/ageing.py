"""Ageing: open items by party and by how long they are overdue, and the items one by one.

Amounts are of their own asset, on the account's normal side: what is owed to the firm on its
assets, what it owes on its liabilities. Each account's total is its balance.
"""

from collections import defaultdict
from datetime import date

from projections.items import Item, read_open_items
from projections.lines import PLACES
from projections.report import Column, Report, Source, TooLarge

LINES_MAX = 50_000

BUCKETS = (
    ("current", "Current", 0),
    ("days_1_30", "1-30", 30),
    ("days_31_60", "31-60", 60),
    ("days_61_90", "61-90", 90),
)
"""Each with the days overdue that it takes at most."""

OLDEST = ("over_90", "90+")

AGEING_COLUMNS = (
    Column("account", "Account"),
    Column("name", "Name"),
    Column("asset", "Asset"),
    Column("party", "Party"),
    *(Column(name, title, "amount") for name, title, _ in BUCKETS),
    Column(*OLDEST, "amount"),
    Column("total", "Total", "amount"),
)
ITEM_COLUMNS = (
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("party", "Party"),
    Column("item", "Item"),
    Column("effective_on", "Date", "day"),
    Column("due_on", "Due", "day"),
    Column("days_overdue", "Days overdue", "number"),
    Column("position", "Position", "number"),
    Column("leg", "Leg", "number"),
    Column("amount", "Amount", "amount"),
    Column("open", "Open", "amount"),
)
NOTE = "Overdue by due day; an item without one is due on its own day."

Sums = dict[str, int]


def ageing(source: Source, *, effective_on: date, account: str | None) -> Report:
    """Returns what is open at the end of a day, by party. Raises TooLarge."""
    report = Report(
        name="ageing",
        title="Ageing of open items",
        asked={"effective_on": effective_on, "account": account},
        columns=AGEING_COLUMNS,
        notes=[NOTE],
    )
    by_party: dict[tuple[str, str], dict[str, Sums]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(int))
    )
    for item in read_open_items(source, effective_on=effective_on, account=account):
        sums = by_party[item.source.account, item.source.asset][item.party]
        minor = _signed(source, item, item.open)
        sums[bucket_of((effective_on - item.due_on).days)] += minor
        sums["total"] += minor
    totals: dict[str, Sums] = defaultdict(lambda: defaultdict(int))
    for (code, asset), parties in by_party.items():
        heads = {"account": code, "name": source.name_of(code), "asset": asset}
        numbers = [
            (report.add(**heads, party=party, **_shown(source, sums, asset)), 1)
            for party, sums in sorted(parties.items())
        ]
        of_account: Sums = defaultdict(int)
        for sums in parties.values():
            for name, minor in sums.items():
                of_account[name] += minor
        report.total(numbers, **heads, party="Total", **_shown(source, of_account, asset))
        totals[f"{code} {asset}"] = of_account
        _check_size(report)
    report.totals = {of: _shown(source, sums, of.rpartition(" ")[2]) for of, sums in totals.items()}
    return report


def open_items(source: Source, *, effective_on: date, account: str | None) -> Report:
    """Returns what is open at the end of a day, item by item. Raises TooLarge."""
    report = Report(
        name="open-items",
        title="Open items",
        asked={"effective_on": effective_on, "account": account},
        columns=ITEM_COLUMNS,
        notes=[NOTE],
    )
    by_account: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in read_open_items(source, effective_on=effective_on, account=account):
        by_account[item.source.account, item.source.asset].append(item)
    for (code, asset), items in by_account.items():
        items.sort(key=lambda one: (one.party, one.due_on, one.source.place))
        numbers = [(_add_item(report, source, item, effective_on), 1) for item in items]
        total = sum(_signed(source, item, item.open) for item in items)
        shown = source.shown(total, asset)
        report.total(numbers, account=code, asset=asset, party="Total", open=shown)
        report.totals[f"{code} {asset}"] = {"open": shown}
        _check_size(report)
    return report


def bucket_of(days_overdue: int) -> str:
    """Returns the name of the bucket for so many days."""
    return next((name for name, _, most in BUCKETS if days_overdue <= most), OLDEST[0])


def _add_item(report: Report, source: Source, item: Item, day: date) -> int:
    leg = item.source
    position, number = divmod(leg.place, PLACES)
    return report.add(
        account=leg.account,
        asset=leg.asset,
        party=item.party,
        item=item.name,
        effective_on=item.effective_on,
        due_on=leg.due_on,
        days_overdue=max(0, (day - item.due_on).days),
        position=position,
        leg=number,
        amount=source.shown(_signed(source, item, leg.amount), leg.asset),
        open=source.shown(_signed(source, item, item.open), leg.asset),
    )


def _signed(source: Source, item: Item, minor: int) -> int:
    """On the account's normal side."""
    return minor if item.is_debit == source.accounts[item.source.account].debit_normal else -minor


def _shown(source: Source, sums: Sums, asset: str) -> dict[str, str]:
    names = [*(name for name, _, _ in BUCKETS), OLDEST[0], "total"]
    return {name: source.shown(sums.get(name, 0), asset) for name in names}


def _check_size(report: Report) -> None:
    if len(report.rows) > LINES_MAX:
        raise TooLarge(f"More than {LINES_MAX:,} lines; ask for one account.")
