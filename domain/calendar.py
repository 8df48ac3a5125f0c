"""Days, fiscal years and the first open day of a ledger."""

from datetime import date, timedelta

from domain.refusals import Refusal


class PeriodClosed(Refusal):
    code = "period_closed"
    sentence = "The books are locked through {locked_through}; {effective_on} is not open."


class EffectiveInFuture(Refusal):
    code = "effective_in_future"
    sentence = "{effective_on} is later than today in this ledger, {today}."


def fiscal_year(day: date, *, start: str) -> int:
    """Returns the calendar year in which the fiscal year of `day` ends.

    `start` is the fiscal year's first day, `MM-DD`: `(2025-05-01, "04-01") -> 2026`.
    """
    if start == "01-01":
        return day.year
    return day.year + (day.strftime("%m-%d") >= start)


def first_open_day(day: date, *, locked_through: date | None) -> date:
    """Returns `day`, or the day after the lock when `day` is locked."""
    if locked_through is None or day > locked_through:
        return day
    return locked_through + timedelta(days=1)


def check_open(effective_on: date, *, today: date, locked_through: date | None) -> None:
    """Raises PeriodClosed, EffectiveInFuture."""
    if locked_through is not None and effective_on <= locked_through:
        raise PeriodClosed(
            effective_on=effective_on.isoformat(), locked_through=locked_through.isoformat()
        )
    if effective_on > today:
        raise EffectiveInFuture(effective_on=effective_on.isoformat(), today=today.isoformat())
