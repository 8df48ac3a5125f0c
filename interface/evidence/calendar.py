"""Months of fiscal years, worked out apart from the service."""

from calendar import monthrange
from datetime import date, timedelta


def fiscal_year(day: str, start: str) -> int:
    """Returns the calendar year in which the fiscal year of a day ends."""
    year = int(day[:4])
    return year if start == "01-01" else year + (day[5:] >= start)


def month(name: str, *, start: str) -> tuple[str, str]:
    """Returns the first and the last day of a month of a fiscal year that starts on `MM-DD`."""
    year, number = int(name[:4]), int(name[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)

    def first(year: int, number: int) -> date:
        return date(year, number, min(int(start[3:]), monthrange(year, number)[1]))

    last_on = first(*following) - timedelta(days=1)
    return first(year, number).isoformat(), last_on.isoformat()


def month_of(day: str, *, start: str) -> tuple[str, str]:
    """Returns the first and the last day of the month that a day is in."""
    found = month(day[:7], start=start)
    if day >= found[0]:
        return found
    year, number = int(day[:4]), int(day[5:7]) - 1
    return month(f"{year:04}-{number:02}" if number else f"{year - 1:04}-12", start=start)
