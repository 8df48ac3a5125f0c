"""Certified reports made again from the records alone, as docs/evidence-format.md describes them.

Shares no code with the views and the reports that the service makes. Each takes the records in
order up to the position that it is as of, and gives the report's canonical form as a document.
"""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from interface.evidence import shapes
from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import minor_of, shown
from interface.evidence.shapes import Entry, Envelope

Parameters = dict[str, str | int]
Row = dict[str, str | int]

_FIRST, _LAST = "1900-01-01T00:00:00.000000Z", "9000-01-01T00:00:00.000000Z"
_LEFT_OUT = {
    "unadjusted": {"adjusting", "reclassification", "audit_adjustment", "revaluation", "closing"},
    "adjusted": {"closing"},
    "post-closing": set[str](),
}

_decode_entry = msgspec.json.Decoder(Entry).decode


class Numbered(NamedTuple):
    """A line of an account, as its record has it. `minor`: debits less credits."""

    number: int
    effective_on: str
    position: int
    leg: int
    minor: int
    recorded_at: str


class Stated(NamedTuple):
    """An `AccountStated`, and where it stands."""

    position: int
    event: shapes.Stated


class Made(Protocol):
    """A report that is being made again."""

    def take(self, record: Envelope, entry: Entry, chart: Chart, /) -> None:
        """Takes in an entry."""

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns `rows` and `totals`. Raises Divergence where the parameters ask for nothing."""


class Recomputation:
    """Makes a report again as of a position. Raises Divergence for one that is not known here."""

    def __init__(self, *, report: str, parameters: Parameters, position: int) -> None:
        self._report = report
        self._parameters = parameters
        self._position = position
        self._recorded_at = ""
        self._ledger = ""
        self.chart = Chart()
        self.statement: Statement | None = None
        self._made: Made
        if report == "trial-balance":
            self._made = TrialBalance(parameters)
        elif report == "statement":
            self._made = self.statement = Statement(parameters)
        else:
            raise Divergence(f"reports of the kind {report!r} can't be made again here")

    def take(self, record: Envelope) -> None:
        """Takes in a record; those after the position say nothing. Requires that the records
        before it were verified."""
        if record.position > self._position:
            return
        self._recorded_at, self._ledger = record.recorded_at, record.ledger
        if record.type == "LedgerCreated":
            self.chart.created(record)
        elif record.type == "EntryPosted":
            self._made.take(record, _decode_entry(record.payload), self.chart)
        elif record.type == "AccountStated" and self.statement is not None:
            self.statement.state(record)
        elif record.type in ("AssetRegistered", "AccountOpened", "AccountAmended"):
            self.chart.handlers[record.type](record)

    def model(self) -> dict[str, Any]:
        """Returns the certified form. Raises Divergence where the parameters ask for nothing."""
        return {
            "report": self._report,
            "ledger": self._ledger,
            "functional_asset": self.chart.functional_asset,
            "parameters": self._parameters,
            "position": self._position,
            "known_at": self._recorded_at,
            **self._made.figures(self.chart),
        }


class TrialBalance:
    """Each account on its side, an asset after another."""

    def __init__(self, parameters: Parameters) -> None:
        _check_taken(parameters, days=("effective_on",), texts=("basis",), numbers=("depth",))
        self._through = str(parameters.get("effective_on", "9999-12-31"))
        basis = parameters.get("basis")
        if basis not in _LEFT_OUT:
            raise Divergence(f"a trial balance on the basis {basis!r} is not known here")
        self._left_out = _LEFT_OUT[str(basis)]
        self._depth = parameters.get("depth")
        self._nets: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])

    def take(self, _record: Envelope, entry: Entry, chart: Chart) -> None:
        """Counts an entry, unless its class or day is left out."""
        if entry.effective_on > self._through or entry.class_ in self._left_out:
            return
        for leg in entry.legs:
            sign = 1 if leg.side == "debit" else -1
            minor = minor_of(leg.amount, chart.scales[leg.asset])
            value = minor
            if leg.asset != chart.functional_asset:
                text = leg.functional_amount
                scale = chart.scales[chart.functional_asset]
                value = 0 if text is None else minor_of(text, scale)
            net = self._nets[leg.asset, self._place(leg.account)]
            net[0] += sign * minor
            net[1] += sign * value

    def figures(self, chart: Chart) -> dict[str, Any]:
        """Returns a row for each account that stands on a side, and a total for each asset."""
        rows: list[Row] = []
        totals: dict[str, Any] = {}
        both = [0, 0]
        found: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)
        for (asset, place), (net, value) in sorted(self._nets.items()):
            if net or value:
                found[asset].append((place, net, value))
        for asset, lines in found.items():
            sums = [0, 0, 0, 0]
            for place, net, value in lines:
                sides = [max(net, 0), max(-net, 0), max(value, 0), max(-value, 0)]
                sums = [a + b for a, b in zip(sums, sides, strict=True)]
                opened = chart.accounts[place].opened if place in chart.accounts else None
                named = {
                    "account": place,
                    "name": "" if opened is None else opened.name,
                    "type": "" if opened is None else opened.type,
                }
                rows.append(
                    {"kind": "line", **named, "asset": asset, **_sides(chart, asset, sides)}
                )
            total = {"account": "Total", "asset": asset, **_sides(chart, asset, sums)}
            rows.append({"kind": "total", **total})
            totals[asset] = {"debit": total["debit"], "credit": total["credit"]}
            both = [both[0] + sums[2], both[1] + sums[3]]
        scale = chart.scales[chart.functional_asset]
        totals["functional"] = {"debit": shown(both[0], scale), "credit": shown(both[1], scale)}
        return {"rows": rows, "totals": totals}

    def _place(self, account: str) -> str:
        if self._depth is None:
            return account
        return ":".join(account.split(":")[: int(self._depth)])


class Statement:
    """An account's lines; and what was certified of them."""

    def __init__(self, parameters: Parameters) -> None:
        _check_taken(parameters, days=("from", "to"), texts=("account", "asset", "basis"))
        self._parameters = parameters
        self._key = (parameters.get("account"), parameters.get("asset"))
        self.lines: list[Numbered] = []
        self.stated: list[Stated] = []

    def take(self, record: Envelope, entry: Entry, chart: Chart) -> None:
        """Counts the account's lines in an entry."""
        for number, leg in enumerate(entry.legs, start=1):
            if (leg.account, leg.asset) == self._key:
                minor = minor_of(leg.amount, chart.scales[leg.asset])
                self.lines.append(
                    Numbered(
                        leg.line,
                        entry.effective_on,
                        record.position,
                        number,
                        minor if leg.side == "debit" else -minor,
                        record.recorded_at,
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
                    "debit" if line.minor > 0 else "credit": shown(abs(line.minor), scale),
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


def _check_taken(
    parameters: Parameters,
    *,
    days: tuple[str, ...],
    texts: tuple[str, ...],
    numbers: tuple[str, ...] = (),
) -> None:
    """Raises Divergence for a parameter that the report does not take."""
    for name, value in parameters.items():
        if name in days:
            fits = _is_day(value)
        else:
            fits = type(value) is (str if name in texts else int if name in numbers else None)
        if not fits:
            raise Divergence(f"the report does not take {name} = {value!r}")


def _is_day(value: str | int) -> bool:
    try:
        return date.fromisoformat(str(value)).isoformat() == value
    except ValueError:
        return False


def _sides(chart: Chart, asset: str, minor: list[int]) -> dict[str, str]:
    scale, functional = chart.scales[asset], chart.scales[chart.functional_asset]
    return {
        "debit": shown(minor[0], scale),
        "credit": shown(minor[1], scale),
        "functional_debit": shown(minor[2], functional),
        "functional_credit": shown(minor[3], functional),
    }


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
