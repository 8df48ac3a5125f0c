"""An account's statement made again from records, and what was certified of its lines."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from interface.evidence import shapes
from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import shown
from interface.evidence.remaking import Parameters, Row, check_taken, side_of, signed
from interface.evidence.shapes import Entry, Envelope

_FIRST, _LAST = "1900-01-01T00:00:00.000000Z", "9000-01-01T00:00:00.000000Z"


class Numbered(NamedTuple):
    """A line of an account, as its record has it. `minor`: debits less credits."""

    number: int
    effective_on: str
    position: int
    leg: int
    minor: int
    recorded_at: str
    side: str


class Stated(NamedTuple):
    """An `AccountStated`, and where it stands."""

    position: int
    event: shapes.Stated


class Statement:
    """An account's lines; and what was certified of them."""

    def __init__(self, parameters: Parameters) -> None:
        check_taken(parameters, days=("from", "to"), texts=("account", "asset", "basis"))
        self._parameters = parameters
        self._key = (parameters.get("account"), parameters.get("asset"))
        self.lines: list[Numbered] = []
        self.stated: list[Stated] = []

    def take(self, record: Envelope, entry: Entry, chart: Chart) -> None:
        """Counts the account's lines in an entry."""
        for number, leg in enumerate(entry.legs, start=1):
            if (leg.account, leg.asset) == self._key:
                self.lines.append(
                    Numbered(
                        leg.line,
                        entry.effective_on,
                        record.position,
                        number,
                        signed(leg, chart),
                        record.recorded_at,
                        leg.side,
                    )
                )

    def state(self, record: Envelope) -> None:
        """Takes in what was certified, where it is of this account and asset."""
        event = msgspec.json.decode(record.payload, type=shapes.Stated)
        if (event.account, event.asset) == self._key:
            self.stated.append(Stated(record.position, event))

    def inside(self, chart: Chart) -> list[Numbered]:
        """Returns the lines that the statement shows, in its order. Raises Divergence."""
        basis, timezone = self._parameters.get("basis"), chart.ledger["timezone"]
        first, last = self._days()
        if basis == "effective":
            meant = [line for line in self.lines if first <= line.effective_on <= last]
            return sorted(meant, key=lambda line: (line.effective_on, line.position, line.leg))
        if basis == "booking":
            begin, end = _start_of(first, timezone), _start_of(_next(last), timezone)
            return [line for line in self.lines if begin <= line.recorded_at < end]
        raise Divergence(f"a statement on the basis {basis!r} is not known here")

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns opening, lines and closing."""
        code, asset = map(str, self._key)
        if code not in chart.accounts or asset not in chart.scales:
            raise Divergence(f"there is no account {code}, or no asset {asset}")
        sign, scale = 1 if chart.accounts[code].debit_normal else -1, chart.scales[asset]
        inside = self.inside(chart)
        opening = balance = sum(line.minor for line in self._before(chart))
        rows: list[Row] = [{"kind": "heading", "balance": shown(sign * opening, scale)}]
        for line in inside:
            balance += line.minor
            rows.append(
                {
                    "kind": "line",
                    "line": line.number,
                    "effective_on": line.effective_on,
                    "position": line.position,
                    "leg": line.leg,
                    **side_of(line.side, line.minor, scale),
                    "balance": shown(sign * balance, scale),
                }
            )
        debits = sum(line.minor for line in inside if line.minor > 0)
        credits = sum(-line.minor for line in inside if line.minor < 0)
        closing = {
            "debit": shown(debits, scale),
            "credit": shown(credits, scale),
            "balance": shown(sign * balance, scale),
        }
        rows.append({"kind": "total", **closing})
        return {"rows": rows, "totals": {}}

    def _before(self, chart: Chart) -> list[Numbered]:
        """The lines in front of the statement's first day."""
        first, _ = self._days()
        if self._parameters.get("basis") == "effective":
            return [line for line in self.lines if line.effective_on < first]
        begin = _start_of(first, chart.ledger["timezone"])
        return [line for line in self.lines if line.recorded_at < begin]

    def _days(self) -> tuple[str, str]:
        parameters = self._parameters
        return str(parameters.get("from", "0001-01-01")), str(parameters.get("to", "9999-12-31"))


def _next(day: str) -> str:
    if day == "9999-12-31":
        return day
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _start_of(day: str, timezone: str) -> str:
    """The first moment of a day in a time zone, as records write moments."""
    if not _FIRST[:10] < day < _LAST[:10]:
        return _FIRST if day <= _FIRST[:10] else _LAST
    moment = datetime.combine(date.fromisoformat(day), time(), ZoneInfo(timezone))
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
