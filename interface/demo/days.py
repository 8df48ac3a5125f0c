"""The days of 2025, and those on which banks work."""

from collections.abc import Iterator
from datetime import date, timedelta

YEAR = 2025
MONTHS = range(1, 13)

# The Federal Reserve's holidays of the year.
BANK_HOLIDAYS = frozenset(
    date(YEAR, month, day)
    for month, day in (
        (1, 1), (1, 20), (2, 17), (5, 26), (6, 19), (7, 4),
        (9, 1), (10, 13), (11, 11), (11, 27), (12, 25),
    )
)  # fmt: skip


def days_of_the_year() -> Iterator[date]:
    """Yields every day, from the first to the last."""
    first = date(YEAR, 1, 1)
    return (first + timedelta(days=n) for n in range(365))


def is_business_day(day: date) -> bool:
    """Whether banks work."""
    return day.weekday() < 5 and day not in BANK_HOLIDAYS


def is_month_end(day: date) -> bool:
    """Whether the next day is in another month."""
    return (day + timedelta(days=1)).month != day.month


def last_business_day(month: int) -> date:
    """Returns the last day of the month on which banks work."""
    day = date(YEAR + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    while not is_business_day(day):
        day -= timedelta(days=1)
    return day


def business_day_on_or_after(day: date) -> date:
    """Returns the day, or the next one on which banks work."""
    while not is_business_day(day):
        day += timedelta(days=1)
    return day
