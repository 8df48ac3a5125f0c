"""From a figure to what it is made of: lines, then entries, then the records.

Each row of a report in JSON has `links`: paths under the service's address, with the position that
the report shows, so that what is followed comes to the same figure for ever.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from psycopg.rows import tuple_row

from domain.calendar import ONE_DAY, first_of_fiscal_year
from projections.balance_sheet import RESULT_OF_YEAR, first_of_year
from projections.baselines import last_day
from projections.report import Report, Source
from projections.trial_balance import WITHOUT, left_out_since

Values = Mapping[str, Any]
Links = dict[str, str]


class Drill:
    """Finds what lies below the rows of one report."""

    def __init__(self, report: Report, source: Source) -> None:
        self._report = report
        self._source = source
        self._base = f"/v1/ledgers/{source.ledger.id}"
        self._entries = _entries(source, report)

    def links(self, values: Values) -> Links:
        """Returns the links of a row by what they lead to; none where nothing lies below."""
        position = values.get("position")
        if position is None:
            below = _BELOW.get(self._report.name)
            return {} if below is None else below(self, values)
        found = {"event": self._path("events", from_position=position, to_position=position)}
        if "authorization" in values:
            found["authorization"] = f"{self._base}/authorizations/{values['authorization']}"
        elif position in self._entries:
            found["entry"] = f"{self._base}/entries/{self._entries[position]}"
        return found

    # -- what lies below a row of which report

    def balance(self, values: Values) -> Links:
        """The lines that made a balance: from the first one on, or where a basis leaves some out,
        the fiscal year's, below what was carried forward."""
        asked = self._report.asked
        day = asked.get("effective_on") or self._source.known_on
        if values.get("account") == RESULT_OF_YEAR:
            first = first_of_year(day, start=self._source.ledger.fiscal_year_start)
            days = {"from": first, "to": day, "known_position": self._source.known}
            return {"report": self._path("reports/income-statement", **days)}
        basis = asked.get("basis")
        leaves_out = basis is not None and WITHOUT[basis]
        first = left_out_since(self._source, day) if leaves_out else date.min
        return self._lines(values, first, day, basis)

    def movement(self, values: Values) -> Links:
        """The lines of some days, and those of the days that are beside them."""
        asked = self._report.asked
        without_closing = self._report.name in ("income-statement", "cash-flow")
        basis = "adjusted" if without_closing else None
        found = self._lines(values, asked["from"], asked["to"], basis)
        if found and "compared_from" in asked:
            compared = self._lines(values, asked["compared_from"], asked["compared_to"], basis)
            found["comparative"] = compared["lines"]
        return found

    def counted(self, values: Values) -> Links:
        """Every line of an account, every entry of a series of vouchers."""
        asked = self._report.asked
        first, last = asked["from"] or date.min, asked["to"] or self._source.known_on
        if "journal" not in values:
            return self._lines(values, first, last, None)
        start, year = self._source.ledger.fiscal_year_start, values["fiscal_year"]
        days = {
            "from": first_of_fiscal_year(year, start=start),
            "to": first_of_fiscal_year(year + 1, start=start) - ONE_DAY,
        }
        return {"entries": self._path("entries", journal=values["journal"], **days)}

    def dimension(self, values: Values) -> Links:
        """The entries with a value of the dimension."""
        asked = self._report.asked
        dimensions = {asked["dimension"]: values["value"]}
        return self._found(values, asked["from"], asked["to"], dimensions)

    def month(self, values: Values) -> Links:
        """The entries of a month that a baseline is held against."""
        if "version" not in values:
            return {}
        first = date.fromisoformat(f"{values['month']}-01")
        found = self._found(values, first, last_day(first), values["dimensions"])
        return found | {"baseline": f"{self._base}/baselines/{values['baseline_id']}"}

    def items(self, values: Values) -> Links:
        """The open items of an account, those of the party among them."""
        asked = {
            "account": values["account"],
            "effective_on": self._report.asked["effective_on"],
            "known_position": self._source.known,
        }
        return {"items": self._path("reports/open-items", **asked)}

    def corrections(self, values: Values) -> Links:
        """The entries that correct others for a reason."""
        asked = self._report.asked
        wanted = {"reason": values["reason"], "actor": values["actor"]}
        return {
            "entries": self._path("entries", **wanted, **{"from": asked["from"], "to": asked["to"]})
        }

    def refusals(self, values: Values) -> Links:
        """The records of what an actor was refused, from the first to the last of the row."""
        asked = {"type": "CommandRefused", "actor": values["actor"]}
        positions = {"from_position": values["first"], "to_position": values["last"]}
        return {"events": self._path("events", **asked, **positions)}

    def _lines(self, values: Values, first: date, last: date, basis: str | None) -> Links:
        account = values.get("account")
        if account is None or not self._source.has_place(account):
            return {}
        asked = {"account": account, "from": first, "to": last, "basis": basis}
        return {"lines": self._path("reports/general-ledger", **asked, **self._known)}

    def _found(
        self, values: Values, first: date, last: date, dimensions: Mapping[str, str]
    ) -> Links:
        pairs = [f"{name}={value}" for name, value in dimensions.items()]
        asked = {"account": values["account"], "from": first, "to": last, "dimension": pairs}
        return {"entries": self._path("entries", **asked)}

    @property
    def _known(self) -> dict[str, int]:
        return {"known_position": self._source.known}

    def _path(self, path: str, **query: Any) -> str:
        given = {name: value for name, value in query.items() if value is not None}
        return f"{self._base}/{path}?{urlencode(given, doseq=True, quote_via=quote, safe=':')}"


_BELOW: dict[str, Callable[[Drill, Values], Links]] = {
    "trial-balance": Drill.balance,
    "balance-sheet": Drill.balance,
    "income-statement": Drill.movement,
    "cash-flow": Drill.movement,
    "roll-forward": Drill.movement,
    "completeness": Drill.counted,
    "dimension": Drill.dimension,
    "baseline": Drill.month,
    "ageing": Drill.items,
    "corrections": Drill.corrections,
    "refusals": Drill.refusals,
}


def _entries(source: Source, report: Report) -> dict[int, str]:
    """The entries whose lines the report shows, by position."""
    positions = {row.values["position"] for row in report.rows if "position" in row.values}
    rows = (
        source.connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT notification_id, originator_id::text FROM events"
            " WHERE notification_id = ANY(%s) AND topic = 'EntryPosted'",
            [list(positions)],
        )
        .fetchall()
    )
    return dict(rows)
