"""Restatement: what a period's figures were when it was closed, what they are by a later close or
now, and which entries that were recorded in between changed each of them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from psycopg.rows import tuple_row

from projections.balances import Past, read_without
from projections.entries import LEFT_OUT, VOUCHER
from projections.lines import LINES_OF_ENTRY, PLACES
from projections.report import Column, Report, Source, TooLarge
from projections.trial_balance import WITHOUT, Basis, left_out_since

LINES_MAX = 50_000

COLUMNS = (
    Column("account", "Account"),
    Column("name", "Name"),
    Column("asset", "Asset"),
    Column("effective_on", "Effective on", "day"),
    Column("voucher", "Voucher"),
    Column("position", "Position", "number"),
    Column("class", "Class"),
    Column("reference", "Reference"),
    Column("actor", "Actor"),
    Column("reason", "Reason"),
    Column("closed", "As closed", "amount"),
    Column("difference", "Difference", "amount"),
    Column("restated", "Restated", "amount"),
    Column("functional_difference", "Functional difference", "amount"),
)

Figure = tuple[str, str]
"""An account and an asset."""


class Unexplained(Exception):
    """A figure is not what it was and what the entries since add to it: the view is damaged."""


class Change(NamedTuple):
    """A leg of an entry: debits are above zero. Amounts in minor units."""

    account: str
    asset: str
    position: int
    effective_on: date
    voucher: str
    class_: str
    reference: str | None
    actor: str
    reason: str | None
    minor: int
    functional: int


def restatement(source: Source, *, effective_on: date, closed_at: int, basis: Basis) -> Report:
    """Returns each figure as of a day that is another one as known at `source.known` than it was as
    known at the position `closed_at`, with the entries that made it so. Balances are on each
    account's normal side.

    Raises TooLarge, Unexplained.
    """
    report = Report(
        name="restatement",
        title="Restatement",
        asked={"effective_on": effective_on, "basis": basis, "closed_at": closed_at},
        columns=COLUMNS,
    )
    then, now = (
        _figures(source, effective_on, position, basis) for position in (closed_at, source.known)
    )
    changes: dict[Figure, list[Change]] = defaultdict(list)
    for change in _read_changes(source, effective_on, closed_at, basis):
        changes[change.account, change.asset].append(change)
    entries: set[int] = set()
    even = 0
    for figure in sorted({*then, *now, *changes}):
        was, is_now = then.get(figure, (0, 0)), now.get(figure, (0, 0))
        made = changes[figure]
        if is_now[0] - was[0] != sum(one.minor for one in made) or is_now[1] - was[1] != sum(
            one.functional for one in made
        ):
            raise Unexplained(f"{figure}: {was} and {made} do not make {is_now}")
        if was == is_now:
            even += bool(made)
            continue
        entries.update(one.position for one in made)
        _add(report, source, figure, made, was[0], is_now[0])
    if even:
        report.notes.append(
            f"{even} more accounts have later entries that leave their figure as it was."
        )
    report.totals = {"figures": sum(row.kind == "total" for row in report.rows)}
    report.totals["entries"] = len(entries)
    return report


def _add(
    report: Report, source: Source, figure: Figure, made: Iterable[Change], was: int, is_now: int
) -> None:
    account, asset = figure
    sign = 1 if source.accounts[account].debit_normal else -1

    def shown(minor: int) -> str:
        return source.shown(sign * minor, asset)

    report.add("heading", account=account, name=source.name_of(account), asset=asset)
    numbers = []
    functional = 0
    for one in made:
        functional += one.functional
        values = {
            "account": account,
            "asset": asset,
            "effective_on": one.effective_on,
            "voucher": one.voucher,
            "position": one.position,
            "class": one.class_,
            "reference": one.reference,
            "actor": one.actor,
            "reason": one.reason,
            "difference": shown(one.minor),
            "functional_difference": source.shown(sign * one.functional),
        }
        numbers.append((report.add(**values), 1))
    report.total(
        numbers,
        account=account,
        name="Restated",
        asset=asset,
        closed=shown(was),
        difference=shown(is_now - was),
        restated=shown(is_now),
        functional_difference=source.shown(sign * functional),
    )


def _figures(
    source: Source, effective_on: date, position: int, basis: Basis
) -> dict[Figure, tuple[int, int]]:
    found: list[Past] = read_without(
        source.connection,
        WITHOUT[basis],
        position=position,
        effective_on=source.through(effective_on),
        since=left_out_since(source, effective_on),
    )
    return {
        (one.account, one.asset): (one.net, one.functional)
        for one in found
        if one.net or one.functional
    }


_CHANGES = f"""
SELECT k.account, k.asset, p.position, p.effective_on, {VOUCHER},
    p.class, p.reference, p.actor, p.reason,
    CASE WHEN l.is_debit THEN l.amount ELSE -l.amount END,
    CASE WHEN l.functional IS NOT NULL THEN l.functional
        WHEN l.is_debit THEN l.amount ELSE -l.amount END
FROM posted_entries AS p {LINES_OF_ENTRY}
WHERE p.position > %(closed_at)s AND p.position <= %(known)s AND p.effective_on <= %(day)s
    AND NOT ({LEFT_OUT})
ORDER BY l.place LIMIT %(limit)s
"""  # noqa: S608 -- words of these files


def _read_changes(source: Source, effective_on: date, closed_at: int, basis: Basis) -> list[Change]:
    parameters = {
        "places": PLACES,
        "closed_at": closed_at,
        "known": source.known,
        "day": effective_on,
        "without": sorted(WITHOUT[basis]),
        "since": left_out_since(source, effective_on),
        "limit": LINES_MAX + 1,
    }
    cursor = source.connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(_CHANGES, parameters).fetchall()
    if len(rows) > LINES_MAX:
        raise TooLarge(f"More than {LINES_MAX:,} lines were changed since.")
    return [Change._make([*row[:-2], int(row[-2]), int(row[-1])]) for row in rows]
