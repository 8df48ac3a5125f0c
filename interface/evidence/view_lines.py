"""The journal lines as they follow from the records: what the tables of the view `lines` must hold.

Each line has the running totals of its account and asset, of everything and of its day; the lines
of an account and asset form runs of 128, and the last line of each gives the totals, up to there,
of every month and year in the run. Memory grows with accounts and the days on which they moved.
"""

from psycopg import Connection
from psycopg.rows import DictRow

from interface.evidence.divergence import Divergence
from interface.evidence.fold import Fold
from interface.evidence.passbook import minor_of
from interface.evidence.shapes import Entry
from interface.evidence.view_tables import Appended, Columns, difference, row_text

PLACES = 128
"""A line's place is its entry's position times this, and the number of its leg."""

RUN = 128

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
        "day_debits",
        "day_credits",
        "day_functional",
    ),
    places=PLACES,
)
PERIODS = Columns(
    "line_periods",
    ("place", "key", "period", "debits", "credits", "functional"),
    naming=3,
    places=PLACES,
)
KEYS = Columns("line_keys", ("id", "account", "asset"))


class _Key:
    """An account and an asset: its running totals, and its open run's."""

    __slots__ = (
        "credits",
        "days",
        "debits",
        "functional",
        "id",
        "is_valued",
        "number",
        "periods",
        "run",
        "run_months",
        "scale",
    )

    def __init__(self, id: int, scale: int, *, is_valued: bool) -> None:
        self.id = id
        self.scale = scale
        self.is_valued = is_valued
        self.number = self.debits = self.credits = self.functional = self.run = 0
        self.days: dict[str, list[int]] = {}
        self.periods: dict[int, list[int]] = {}
        """Debits, credits, functional of months and years, as of the last full run."""
        self.run_months: dict[str, list[int]] = {}
        """The same of the open run, by the month's first seven characters."""


class LineRows:
    """What follows for `lines`, `line_periods` and `line_keys`, up to the position shown."""

    def __init__(self, *, shown: int) -> None:
        self.lines = Appended(LINES, shown=shown)
        self.periods = Appended(PERIODS, shown=shown)
        self._keys: dict[tuple[str, str], _Key] = {}

    @property
    def tables(self) -> tuple[Appended, ...]:
        """Those that are compared as records pass."""
        return self.lines, self.periods

    def post(self, position: int, entry: Entry, fold: Fold) -> None:
        """Works out the rows of an entry."""
        keys, due = self._keys, self.lines.due
        day, month = entry.effective_on, entry.effective_on[:7]
        place = position * PLACES
        text, scale, minor = "", -1, 0
        for leg in entry.legs:
            place += 1
            key = keys.get((leg.account, leg.asset)) or self._new_key(leg.account, leg.asset, fold)
            if leg.amount != text or key.scale != scale:
                text, scale = leg.amount, key.scale
                minor = minor_of(text, scale)
            of_day = key.days.get(day)
            if of_day is None:
                of_day = key.days[day] = [0, 0, 0]
            of_month = key.run_months.get(month)
            if of_month is None:
                of_month = key.run_months[month] = [0, 0, 0]
            if leg.side == "debit":
                is_debit = "t"
                key.debits += minor
                of_day[0] += minor
                of_month[0] += minor
            else:
                is_debit = "f"
                key.credits += minor
                of_day[1] += minor
                of_month[1] += minor
            number = key.number
            key.number = number + 1
            if not number % RUN:
                key.run = place
            if key.is_valued:
                value = (
                    minor_of(leg.functional_amount, fold.chart.functional_scale)
                    if leg.functional_amount
                    else 0
                )
                if is_debit == "f":
                    value = -value
                key.functional += value
                of_day[2] += value
                of_month[2] += value
                due.append(
                    f"({place},{key.run},{number + 1},{key.id},{day},{is_debit},{minor},{value},"
                    f"{key.debits},{key.credits},{key.functional},{of_day[0]},{of_day[1]},"
                    f"{of_day[2]})"
                )
            else:
                due.append(
                    f"({place},{key.run},{number + 1},{key.id},{day},{is_debit},{minor},,"
                    f"{key.debits},{key.credits},,{of_day[0]},{of_day[1]},)"
                )
            if number % RUN == RUN - 1:
                self._end_run(key, place)

    def end(self, connection: Connection[DictRow], *, has_moved: bool) -> None:
        """Compares the keys. `has_moved`: the view shows more by now. Raises Divergence."""
        follows = {
            row_text(str(key.id), account, asset) for (account, asset), key in self._keys.items()
        }
        rows = connection.execute("SELECT id, ROW(id, account, asset)::text AS row FROM line_keys")
        found = {row["row"] for row in rows if not has_moved or row["id"] <= len(follows)}
        if found != follows:
            raise Divergence(difference(KEYS, found - follows, follows - found))

    def _new_key(self, account: str, asset: str, fold: Fold) -> _Key:
        key = _Key(
            len(self._keys) + 1,
            fold.chart.scales[asset],
            is_valued=asset != fold.chart.functional_asset,
        )
        self._keys[account, asset] = key
        return key

    def _end_run(self, key: _Key, place: int) -> None:
        touched: dict[int, None] = {}
        for month, added in key.run_months.items():
            year = int(month[:4])
            for period in (10_000 + year * 12 + int(month[5:]) - 1, year):
                totals = key.periods.setdefault(period, [0, 0, 0])
                for index, minor in enumerate(added):
                    totals[index] += minor
                touched[period] = None
        for period in touched:
            debits, credits, functional = key.periods[period]
            self.periods.due.append(
                f"({place},{key.id},{period},{debits},{credits},"
                f"{functional if key.is_valued else ''})"
            )
        key.run_months = {}
