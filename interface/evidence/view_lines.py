"""The journal lines as they follow from the records: what the tables of the view `lines` must hold.

Each line has the running totals of its account and asset; the lines of an account and asset form
runs of 128, and the last line of each gives the totals, up to there, of every day, month and year
in the run. For the chart as a whole there is what each 100,000 positions add to each account and
day, and all of that added up by month and by year. Memory grows with accounts and the days on which
they moved.
"""

from datetime import date

from psycopg import Connection
from psycopg.rows import DictRow

from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.passbook import Totals, minor_of
from interface.evidence.plain import Entry, Leg
from interface.evidence.view_tables import Appended, Columns, difference, row_text

PLACES = 128
"""A line's place is its entry's position times this, and the number of its leg."""

RUN = 128

STRETCH = 100_000
"""Positions; the first entry after them ends it."""

MONTHS = 10_000
"""The period that is a month is this, and the year times twelve, and the months before it."""

DAYS = 1_000_000
"""The period that is a day is this, and the days from the first one of the year 1 to it."""

LINES = Columns(
    "lines",
    (
        "place",
        "run",
        "number",
        "key",
        "effective_on",
        "is_debit",
        "amount",
        "functional",
        "all_debits",
        "all_credits",
        "all_functional",
    ),
    places=PLACES,
)
PERIODS = Columns(
    "line_periods",
    ("place", "key", "period", "debits", "credits", "functional", "places"),
    naming=3,
    places=PLACES,
)
KEYS = Columns("line_keys", ("id", "account", "asset", "since"))
STRETCHES = Columns(
    "chart_stretches",
    ("before", "effective_on", "key", "debits", "credits", "functional"),
    naming=3,
    places=PLACES,
)
TOTALS = Columns("chart_totals", ("period", "key", "debits", "credits", "functional"), naming=2)
_TOTALS_THAT_FOLLOW = f"""
    SELECT {MONTHS} + extract(year FROM effective_on)::integer * 12
        + extract(month FROM effective_on)::integer - 1, key, sum(debits), sum(credits),
        sum(functional)
    FROM chart_stretches GROUP BY 1, 2
    UNION ALL
    SELECT extract(year FROM effective_on)::integer, key, sum(debits), sum(credits),
        sum(functional)
    FROM chart_stretches GROUP BY 1, 2
"""  # noqa: S608 -- this file's words


class _Key:
    """An account and an asset: its running totals, and its open run's."""

    __slots__ = (
        "credits",
        "credits_text",
        "day",
        "day_credits",
        "day_debits",
        "debits",
        "debits_text",
        "functional",
        "id",
        "is_valued",
        "of_day",
        "of_stretch",
        "periods",
        "run",
        "run_days",
        "since",
        "stretch_days",
    )

    def __init__(self, id: int, *, since: int, is_valued: bool) -> None:
        self.id = str(id)
        self.since = since
        """The place of its first line."""
        self.is_valued = is_valued
        self.run = ""
        """The place of its open run's first line, as rows have it."""
        self.debits = self.credits = self.functional = 0
        self.debits_text = self.credits_text = "0"
        self.periods: dict[int, list[int]] = {}
        """Debits, credits, functional of days, months and years, as of the last full run."""
        self.run_days: dict[str, list[int]] = {}
        """The same of the open run, by day; after them, the places of the lines."""
        self.stretch_days: dict[str, list[int]] = {}
        """The same of the open stretch, without places."""
        self.day = ""
        """The last line's; most are of the same one."""
        self.day_debits = self.day_credits = 0
        """The totals as they were before the first line in a row of that day."""
        self.of_day = self.of_stretch = [0, 0, 0]

    def turn_to(self, day: str) -> None:
        """Makes `of_day` and `of_stretch` those of a day."""
        self.settle()
        self.day = day
        self.of_day = self.run_days.setdefault(day, [0, 0, 0])
        self.of_stretch = self.stretch_days.setdefault(day, [0, 0, 0])

    def settle(self) -> None:
        """Adds to the day what its lines in a row came to: once for all of them."""
        if moved := self.debits - self.day_debits:
            self.day_debits = self.debits
            self.of_day[0] += moved
            self.of_stretch[0] += moved
        if moved := self.credits - self.day_credits:
            self.day_credits = self.credits
            self.of_day[1] += moved
            self.of_stretch[1] += moved


class LineRows:
    """What follows for the view's tables, up to the position shown."""

    def __init__(self, *, shown: int) -> None:
        self.lines = Appended(LINES, shown=shown)
        self.periods = Appended(PERIODS, shown=shown)
        self.stretches = Appended(STRETCHES, shown=shown)
        self._keys: dict[Totals, _Key] = {}
        self._stretch: int | None = None

    @property
    def tables(self) -> tuple[Appended, ...]:
        """Those that are compared as records pass."""
        return self.lines, self.periods, self.stretches

    def post(self, position: int, entry: Entry, fold: Fold) -> None:
        """Works out the rows of an entry. Requires that it was the fold's last one."""
        stretch = (position - 1) // STRETCH
        if stretch != self._stretch:
            self._end_stretch(position * PLACES)
            self._stretch = stretch
        due = self.lines.due
        last, amount = 0, "0"
        day = entry.effective_on
        place = position * PLACES
        for totals, change, number, debits, credits in fold.passbook.legs:
            place += 1
            key = totals.kept or self._new_key(totals, place, fold)
            if key.day != day:
                key.turn_to(day)
            key.of_day.append(place)
            of_run = number % RUN
            if of_run == 1:
                key.run = str(place)
            if change > 0:
                key.debits = debits
                key.debits_text = str(debits)
                side, size = "t", change
            else:
                key.credits = credits
                key.credits_text = str(credits)
                side, size = "f", -change
            if size != last:
                # Mostly the same on both sides.
                last, amount = size, str(size)
            if key.is_valued or not size:
                leg = entry.legs[place - position * PLACES - 1]
                scale = fold.chart.functional_scale
                due.append(_valued_line(key, leg, place, number, size, scale))
            else:
                due.append(
                    f"({place},{key.run},{number},{key.id},{day},{side},{amount},,"
                    f"{key.debits_text},{key.credits_text},)"
                )
            if not of_run:
                self._end_run(key, place)

    def end(self, connection: Connection[DictRow], *, has_moved: bool) -> None:
        """Compares the keys, and what all stretches add up to. `has_moved`: the view shows more by
        now. Raises Divergence."""
        follows = {
            row_text(key.id, totals.account.code, totals.asset, str(key.since))
            for totals, key in self._keys.items()
        }
        rows = connection.execute(
            "SELECT id, ROW(id, account, asset, since)::text AS row FROM line_keys"
        )
        listed = [row["row"] for row in rows if not has_moved or row["id"] <= len(follows)]
        found = {*listed}
        if len(listed) != len(found):
            raise Divergence("the table line_keys has a row several times")
        if found != follows:
            raise Divergence(difference(KEYS, found - follows, follows - found))
        self._compare_totals(connection)

    def _compare_totals(self, connection: Connection[DictRow]) -> None:
        """The totals against the table of stretches, each row of which follows from the records:
        they add up at any position."""
        columns = ", ".join(TOTALS.columns)
        rows = connection.execute(
            f"WITH t AS (SELECT {columns} FROM chart_totals),"  # noqa: S608 -- this file's words
            f" f ({columns}) AS ({_TOTALS_THAT_FOLLOW})"
            " SELECT true AS there, x::text AS row FROM (TABLE t EXCEPT ALL TABLE f) AS x"
            " UNION ALL"
            " SELECT false, x::text FROM (TABLE f EXCEPT ALL TABLE t) AS x"
        ).fetchall()
        if rows:
            found = {row["row"] for row in rows if row["there"]}
            follows = {row["row"] for row in rows if not row["there"]}
            raise Divergence(difference(TOTALS, found, follows))

    def _new_key(self, totals: Totals, place: int, fold: Fold) -> _Key:
        is_valued = totals.asset != fold.chart.functional_asset
        key = _Key(len(self._keys) + 1, since=place, is_valued=is_valued)
        self._keys[totals] = totals.kept = key
        return key

    def _end_run(self, key: _Key, place: int) -> None:
        key.settle()
        touched: dict[int, str] = {}
        for day, (debits, credits, functional, *places) in key.run_days.items():
            ordinal = DAYS + date.fromisoformat(day).toordinal()
            for period in (ordinal, _period_of(day), int(day[:4])):
                totals = key.periods.setdefault(period, [0, 0, 0])
                totals[0] += debits
                totals[1] += credits
                totals[2] += functional
                touched[period] = ""
            numbers = ",".join(map(str, places))
            touched[ordinal] = f'"{{{numbers}}}"' if "," in numbers else f"{{{numbers}}}"
        for period, text in touched.items():
            debits, credits, functional = key.periods[period]
            self.periods.due.append(
                f"({place},{key.id},{period},{debits},{credits},"
                f"{functional if key.is_valued else ''},{text})"
            )
        key.run_days = {}
        key.day = ""

    def _end_stretch(self, place: int) -> None:
        """`place`: of the entry that is the first after it."""
        for key in self._keys.values():
            key.settle()
            for day, (debits, credits, functional) in key.stretch_days.items():
                self.stretches.due.append(
                    f"({place},{day},{key.id},{debits},{credits},"
                    f"{functional if key.is_valued else ''})"
                )
            key.stretch_days = {}
            key.day = ""


def _period_of(day: str) -> int:
    """The period that is the day's month."""
    return MONTHS + int(day[:4]) * 12 + int(day[5:7]) - 1


def _valued_line(
    key: _Key, leg: Leg, place: int, number: int, size: int, functional_scale: int
) -> str:
    """The row of a line that may be worth something other than its amount."""
    is_debit = leg.side == "debit"
    worth, sum = "", ""
    if key.is_valued:
        text = leg.functional_amount
        value = minor_of(text, functional_scale) if text else 0
        value = value if is_debit else -value
        key.functional += value
        key.of_day[2] += value
        key.of_stretch[2] += value
        worth, sum = str(value), str(key.functional)
    return (
        f"({place},{key.run},{number},{key.id},{key.day},{'t' if is_debit else 'f'},"
        f"{size},{worth},{key.debits},{key.credits},{sum})"
    )
