"""The reports by name: what each takes and how it is made."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.calendar import ONE_DAY
from interface.reports.periods import RESTATED, WITH_PERIOD
from projections.account_statement import account_statement
from projections.ageing import ageing, open_items
from projections.balance_sheet import balance_sheet, first_of_year, income_statement
from projections.baselines import baseline
from projections.cash_flow import by_dimension, cash_flow
from projections.completeness import completeness
from projections.general_ledger import general_ledger, journal
from projections.lead_schedules import lead_schedules
from projections.moments import position_before, start_of
from projections.open_holds import open_holds
from projections.refusals import corrections, refusals
from projections.report import NeedsMore, Report, Source, Span
from projections.restatement import restatement
from projections.roll_forward import cut_off, roll_forward
from projections.statements import LINES_MAX, assets_of, by_booking, by_effective_day
from projections.trial_balance import WITHOUT, trial_balance

Query = dict[str, Any]

BASES = tuple(WITHOUT)


class Named(NamedTuple):
    """`views`: what must show the position that is asked for. `takes`: parameters beside those
    that all reports take."""

    title: str
    views: tuple[str, ...]
    takes: frozenset[str]
    make: Callable[[Source, Query], Report]
    bases: tuple[str, ...] = ()
    """What `basis` may be; the last one without it."""


def today(source: Source) -> date:
    """Returns the day that it is now in the ledger's time zone."""
    return datetime.now(UTC).astimezone(ZoneInfo(source.ledger.timezone)).date()


def _day(source: Source, query: Query) -> date:
    """The day that is asked for. Without one: the day on which what is to be known was recorded,
    so that the same question has the same answer for ever; or else today."""
    day: date | None = query.get("effective_on") or query.get("to")
    if day is None and query.keys() & {"known_at", "known_position"}:
        return source.known_on
    return day or today(source)


def _trial_balance(source: Source, query: Query) -> Report:
    return trial_balance(
        source,
        effective_on=_day(source, query),
        basis=query.get("basis", "post-closing"),
        depth=query.get("depth"),
    )


def _restatement(source: Source, query: Query) -> Report:
    if "period" not in query:
        raise NeedsMore("period", "Name a period that was closed.")
    return restatement(
        source,
        effective_on=query["to"],
        closed_at=query["closed_at"],
        basis=query.get("basis", "adjusted"),
    )


def _balance_sheet(source: Source, query: Query) -> Report:
    return balance_sheet(source, effective_on=_day(source, query), depth=query.get("depth"))


def _income_statement(source: Source, query: Query) -> Report:
    span = _span(source, query)
    return income_statement(source, span=span, compared=year_before(span), depth=query.get("depth"))


def _general_ledger(source: Source, query: Query) -> Report:
    return general_ledger(
        source,
        span=_span(source, query),
        account=query.get("account"),
        basis=query.get("basis", "post-closing"),
    )


def _journal(source: Source, query: Query) -> Report:
    return journal(source, span=_span(source, query), account=query.get("account"))


def _roll_forward(source: Source, query: Query) -> Report:
    return roll_forward(source, span=_span(source, query))


def _completeness(source: Source, query: Query) -> Report:
    """Of all days where none are named."""
    if "from_" in query:
        _span(source, query)
    return completeness(source, from_=query.get("from_"), to=query.get("to"))


def _cut_off(source: Source, query: Query) -> Report:
    day = _day(source, query)
    return cut_off(source, effective_on=day, cut=_recorded(source, None, day)[1])


def _ageing(source: Source, query: Query) -> Report:
    return ageing(source, effective_on=_day(source, query), account=query.get("account"))


def _open_items(source: Source, query: Query) -> Report:
    return open_items(source, effective_on=_day(source, query), account=query.get("account"))


def _holds(source: Source, query: Query) -> Report:
    day = _day(source, query)
    return open_holds(source, effective_on=day, cut=_recorded(source, None, day)[1])


def _lead_schedules(source: Source, query: Query) -> Report:
    return lead_schedules(source, effective_on=_day(source, query))


def _cash_flow(source: Source, query: Query) -> Report:
    return cash_flow(source, span=_span(source, query), depth=query.get("depth"))


def _dimension(source: Source, query: Query) -> Report:
    return by_dimension(
        source,
        dimension=query.get("dimension", "cost_centre"),
        span=_span(source, query),
        depth=query.get("depth"),
    )


def _baseline(source: Source, query: Query) -> Report:
    """No month is over that has not come."""
    to = min(_span(source, query).to, today(source))
    first = query.get("from_") or first_of_year(to, start=source.ledger.fiscal_year_start)
    return baseline(source, span=Span(first, to), account=query.get("account"))


def _corrections(source: Source, query: Query) -> Report:
    return corrections(source, span=_span(source, query))


def _refusals(source: Source, query: Query) -> Report:
    """Refusals count on the day on which they were recorded."""
    from_, to = query.get("from_"), query.get("to")
    first, last = _recorded(source, from_, to)
    return refusals(source, first=first, last=last, from_=from_, to=to)


def _statement(source: Source, query: Query) -> Report:
    account = query.get("account")
    if account is None or account not in source.accounts:
        raise NeedsMore("account", "Name an account that there is.")
    asset = query.get("asset") or _asset_of(source, account)
    if asset not in source.assets:
        raise NeedsMore("asset", "There is no such asset.")
    from_, to = query.get("from_"), query.get("to")
    basis = query.get("basis", "effective")
    asked = {"account": account, "asset": asset, "basis": basis, "from": from_, "to": to}
    if basis == "booking":
        first, last = _recorded(source, from_, to)
        found = by_booking(
            source.connection,
            account=account,
            asset=asset,
            first=first,
            last=last,
            after=None,
            limit=LINES_MAX,
        )
    else:
        found = by_effective_day(
            source.connection,
            account=account,
            asset=asset,
            from_=from_,
            to=to,
            known=source.known,
            after=None,
            limit=LINES_MAX,
        )
    return account_statement(source, found, account=account, asset=asset, asked=asked)


def _asset_of(source: Source, account: str) -> str:
    """The account's own asset, the only one that it has lines in, or the functional one."""
    if (own := source.accounts[account].asset) is not None:
        return own
    moved = assets_of(source.connection, account, known=source.known)
    return moved[0] if len(moved) == 1 else source.ledger.functional_asset


def _recorded(source: Source, from_: date | None, to: date | None) -> tuple[int, int]:
    """The first and the last position that were recorded on some days."""
    timezone = source.ledger.timezone
    first, last = 1, source.known
    if from_ is not None:
        # Days that begin after what is known have nothing in front of them but that.
        first = min(position_before(source.connection, start_of(from_, timezone)), last) + 1
    if to is not None and to < date.max:
        end = start_of(to + timedelta(days=1), timezone)
        last = min(last, position_before(source.connection, end))
    return first, last


def _span(source: Source, query: Query) -> Span:
    """The days that are asked for; without them, the fiscal year up to the last one.

    Raises NeedsMore where the first one is after the last one.
    """
    to = query.get("to") or _day(source, query)
    first = query.get("from_") or first_of_year(to, start=source.ledger.fiscal_year_start)
    if first > to:
        raise NeedsMore("from", f"Is after {to}, the last day that is asked for.")
    return Span(first, to)


def year_before(span: Span) -> Span:
    """Returns the same days a year earlier. What ends with February ends with it there, too: a year
    through 28 February follows one through the 29th."""
    last = _less_a_year(span.to)
    if last.month == 2 and (span.to + ONE_DAY).day == 1:
        last = date(last.year, 3, 1) - ONE_DAY
    return Span(_less_a_year(span.from_), last)


def _less_a_year(day: date) -> date:
    if day.year == date.min.year:
        return date.min
    # 29 February has no day of its own in the year before.
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


_DAYS = frozenset({"from_", "to", "effective_on"}) | WITH_PERIOD
_DAY = frozenset({"effective_on", "to"}) | WITH_PERIOD

REPORTS: dict[str, Named] = {
    "trial-balance": Named(
        "Trial balance",
        ("lines", "entries"),
        _DAY | {"basis", "depth"},
        _trial_balance,
        BASES,
    ),
    "general-ledger": Named(
        "General ledger",
        ("lines", "entries"),
        _DAYS | {"account", "basis"},
        _general_ledger,
        BASES,
    ),
    "balance-sheet": Named("Balance sheet", ("lines",), _DAY | {"depth"}, _balance_sheet),
    "income-statement": Named(
        "Income statement", ("lines", "entries"), _DAYS | {"depth"}, _income_statement
    ),
    "journal": Named("Journal", ("lines", "entries"), _DAYS | {"account"}, _journal),
    "statement": Named(
        "Statement of an account",
        ("lines",),
        frozenset({"account", "asset", "from_", "to", "basis"}) | WITH_PERIOD,
        _statement,
        ("booking", "effective"),
    ),
    "cut-off": Named("Cut-off", ("lines", "entries"), _DAY, _cut_off),
    "cash-flow": Named("Cash flow", ("lines", "entries"), _DAYS | {"depth"}, _cash_flow),
    "dimension": Named("By dimension", ("entries",), _DAYS | {"depth", "dimension"}, _dimension),
    "baseline": Named(
        "Baseline against actual", ("lines", "entries"), _DAYS | {"account"}, _baseline
    ),
    "corrections": Named("Corrections", ("entries",), _DAYS, _corrections),
    "refusals": Named("Refusals", ("refusals",), frozenset({"from_", "to"}), _refusals),
    "ageing": Named(
        "Ageing of open items", ("lines", "entries", "items"), _DAY | {"account"}, _ageing
    ),
    "open-items": Named(
        "Open items", ("lines", "entries", "items"), _DAY | {"account"}, _open_items
    ),
    "holds": Named("Open authorizations by age", ("holds",), _DAY, _holds),
    "lead-schedules": Named("Lead schedules", ("lines", "entries"), _DAY, _lead_schedules),
    "restatement": Named("Restatement", ("lines", "entries"), RESTATED, _restatement, BASES),
    "roll-forward": Named("Account roll-forward", ("lines",), _DAYS, _roll_forward),
    "completeness": Named(
        "Completeness", ("lines", "entries"), frozenset({"from_", "to"}), _completeness
    ),
}
