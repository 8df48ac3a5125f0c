"""Days and times of a file: how a column writes them is learnt from the whole column.

2026-03-31, 20260331, 2026/3/31, 31-Mar-2026 and March 31, 2026 say themselves what they mean.
03/04/2026 does not: one value of the column with a number above 12 decides for all of it, and a
column without one is refused unless a format is given. Nothing is guessed.
"""

import re
from calendar import month_name
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial

from interface.importing.lines import Unreadable
from interface.importing.remembered import Remembered

_TAIL = r"(?:[T ]\s*(?P<time>[0-9:., APMapm]+?)\s*(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
# Without signs between them month and day have two digits each.
_YEAR_FIRST = re.compile(
    r"(?=[0-9]{4}[-/.]|[0-9]{8}(?![0-9]))"
    r"(?P<y>[0-9]{4})([-/.]?)(?P<m>[0-9]{1,2})\2(?P<d>[0-9]{1,2})" + _TAIL,
    re.ASCII,
)
_YEAR_LAST = re.compile(
    r"(?P<a>[0-9]{1,2})([./-])(?P<b>[0-9]{1,2})\2(?P<y>[0-9]{4})" + _TAIL, re.ASCII
)
_NAMED = re.compile(
    r"(?P<d>[0-9]{1,2})[- ](?P<name>[A-Za-z]{3,9})[- ](?P<y>[0-9]{4})" + _TAIL, re.ASCII
)
_NAME_FIRST = re.compile(
    r"(?P<name>[A-Za-z]{3,9})[- ](?P<d>[0-9]{1,2})(?:, ?|[- ])(?P<y>[0-9]{4})" + _TAIL, re.ASCII
)
_MONTHS = tuple(name.casefold() for name in month_name)

_LETTERS = re.compile(r"YYYY|YY|MON|MM|M|DD|D|.", re.DOTALL)
_TOKENS = {
    "YYYY": r"(?P<y>[0-9]{4})",
    "YY": r"(?P<y>[0-9]{2})",
    "MON": r"(?P<name>[A-Za-z]{3,9})",
    "MM": r"(?P<m>[0-9]{1,2})",
    "M": r"(?P<m>[0-9]{1,2})",
    "DD": r"(?P<d>[0-9]{1,2})",
    "D": r"(?P<d>[0-9]{1,2})",
}
_STRFTIME = {"%Y": "YYYY", "%y": "YY", "%m": "MM", "%d": "DD", "%b": "MON", "%B": "MON"}
_CLOCK = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?\s*([AaPp][Mm])?", re.ASCII
)


class AmbiguousDays(Unreadable):
    """A column whose days can be read in two ways, or in none for all of them."""


class NotADay(ValueError):
    """A cell that is no day in any form that its column allows."""


class NotATime(ValueError):
    """A cell that is no time of day."""


_MIDNIGHT = time()

Whole = tuple[date, time | None, timedelta | None, tzinfo]
"""All that a cell says: its day, the time of day in it if any, the offset from UTC if that is the
same all day, and the zone."""


class Days:
    """How one column writes its days. `learn` all of it, then `settle`, then `read`."""

    def __init__(self, column: str, *, pattern: str | None = None) -> None:
        self._column = column
        self._pattern = None if pattern is None else _compile(pattern)
        self._day_first: str | None = None
        self._month_first: str | None = None
        self._undecided: str | None = None
        self.iso: Remembered[str, str] = Remembered(self.read)

    def learn(self, values: Iterable[str]) -> None:
        """Takes in values of the column, in any order, repeated or not."""
        for value in values:
            match = _YEAR_LAST.fullmatch(value.strip())
            if match is None:
                continue
            first, second = int(match["a"]), int(match["b"])
            if first > 12 >= second:
                self._day_first = value
            elif second > 12 >= first:
                self._month_first = value
            else:
                self._undecided = value

    def settle(self) -> None:
        """Raises AmbiguousDays."""
        if self._pattern is not None:
            return
        if self._day_first and self._month_first:
            raise AmbiguousDays(
                f"{self._column} has {self._day_first} and {self._month_first}: say which form "
                "is right (--date-format)"
            )
        if self._undecided and not self._day_first and not self._month_first:
            raise AmbiguousDays(
                f"{self._column}: no value of the column shows whether {self._undecided} begins "
                "with the day or the month; say it (--date-format DD/MM/YYYY or MM/DD/YYYY)"
            )

    def read(self, text: str) -> str:
        """Returns the day as `2026-03-31`. Raises NotADay. `iso` remembers it."""
        return self._day(self._match(text)).isoformat()

    def in_zone(self, zone: tzinfo) -> Remembered[str, Whole]:
        """Returns the readings of cells as moments in a time zone, for `moment`.

        Each raises NotADay.
        """
        return Remembered(partial(self._read_whole, zone))

    def _read_whole(self, zone: tzinfo, text: str) -> Whole:
        match = self._match(text)
        day, tail = self._day(match), match["time"]
        try:
            inner = read_clock(tail) if tail else None
        except NotATime as error:
            raise NotADay(str(error)) from error
        if match["zone"]:
            zone = UTC if match["zone"] == "Z" else _offset(match["zone"])
        first = datetime.combine(day, _MIDNIGHT, zone).utcoffset()
        last = datetime.combine(day, time.max, zone).utcoffset()
        return day, inner, first if first == last else None, zone

    def _match(self, text: str) -> re.Match[str]:
        """Returns the match of the form that the cell has. Raises NotADay."""
        stripped = text.strip()
        match = self._pattern.fullmatch(stripped) if self._pattern is not None else None
        match = match or _YEAR_FIRST.fullmatch(stripped) or _NAMED.fullmatch(stripped)
        match = match or _NAME_FIRST.fullmatch(stripped)
        if match is None and self._pattern is None:
            match = _YEAR_LAST.fullmatch(stripped)
        if match is None:
            raise NotADay(
                f"{self._column} {text!r} is not a day in a form that is known here "
                "(--date-format says another)"
            )
        return match

    def _day(self, match: re.Match[str]) -> date:
        parts = match.groupdict()
        year = int(parts["y"])
        if len(parts["y"]) == 2:
            year += 1900 if year > 68 else 2000
        month = parts.get("m")
        if "a" in parts:
            month, day = parts["a"], parts["b"]
            if self._day_first:
                month, day = day, month
        else:
            day = parts["d"]
        try:
            return date(year, int(month or _month(parts["name"])), int(day))
        except ValueError as error:
            raise NotADay(f"{self._column} {match[0]!r} is not a day") from error


class Clock:
    """How one column writes its times of day: with colons, or as bare digits.

    Bare digits have lost their leading zeros where they were a number once (84733 is 08:47:33).
    One value with more than four of them shows that seconds are there.
    """

    def __init__(self) -> None:
        self._longest = 0
        self.times: Remembered[str, time] = Remembered(self.read)

    def learn(self, values: Iterable[str]) -> None:
        """Takes in values of the column, in any order, repeated or not."""
        self._longest = max(
            self._longest, max((len(value) for value in values if value.isdigit()), default=0)
        )

    def read(self, text: str) -> time:
        """Returns the time of day. Raises NotATime. `times` remembers it."""
        stripped = text.strip()
        if stripped.isascii() and stripped.isdigit() and len(stripped) <= 6:
            digits = stripped.zfill(6) if self._longest > 4 else stripped.zfill(4) + "00"
            return _time(int(digits[:2]), int(digits[2:4]), int(digits[4:]), 0, text)
        return read_clock(stripped)


def moment(whole: Whole, clock: time | None) -> str:
    """Returns a day's cell and a time of day as a moment in UTC: `2026-03-31T14:05:09Z`.

    A time within the cell itself counts first; without any it is the beginning of the day.
    Raises NotADay.
    """
    day, inner, offset, zone = whole
    try:
        if offset is None:
            local = datetime.combine(day, inner or clock or _MIDNIGHT, zone)
            found = local.astimezone(UTC).replace(tzinfo=None)
        else:
            found = datetime.combine(day, inner or clock or _MIDNIGHT) - offset
    except OverflowError as error:
        raise NotADay(f"{day} has no moment in UTC") from error
    return found.isoformat() + "Z"


def read_clock(text: str) -> time:
    """Returns the time of day of `8:47`, `08:47:33.5` or `8:47 PM`. Raises NotATime."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise NotATime(f"{text!r} is not a time of day")
    hours, minutes, seconds, fraction, half = match.groups()
    hour = int(hours)
    if half:
        if not 1 <= hour <= 12:
            raise NotATime(f"{text!r} is not a time of day")
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    microseconds = int((fraction or "0")[:6].ljust(6, "0"))
    return _time(hour, int(minutes), int(seconds or 0), microseconds, text)


def _time(hour: int, minute: int, second: int, microsecond: int, text: str) -> time:
    try:
        return time(hour, minute, second, microsecond)
    except ValueError as error:
        raise NotATime(f"{text!r} is not a time of day") from error


def _offset(text: str) -> tzinfo:
    parsed = datetime.fromisoformat(f"2000-01-01T00:00:00{text}").tzinfo
    assert parsed is not None
    return parsed


def _month(name: str) -> int:
    lowered = name.casefold()
    return next(
        (n for n, month in enumerate(_MONTHS) if lowered in (month, month[:3]) and lowered), 0
    )


def _compile(pattern: str) -> re.Pattern[str]:
    """Returns the expression for `DD.MM.YYYY`, `MM/DD/YY`, `%d-%b-%Y`. Raises AmbiguousDays."""
    letters = pattern
    for code, token in _STRFTIME.items():
        letters = letters.replace(code, token)
    tokens = _LETTERS.findall(letters.upper())
    names = sorted(token[0] for token in tokens if token in _TOKENS)
    if names != ["D", "M", "Y"]:
        raise AmbiguousDays(f"{pattern!r} does not name day, month and year once each")
    body = "".join(_TOKENS.get(token, re.escape(token)) for token in tokens)
    return re.compile(body + _TAIL, re.ASCII)
