"""The second fold's periods: which days are shut to whom, who opened them again, and what the books
showed when they were closed."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from interface.evidence import shapes
from interface.evidence.calendar import month
from interface.evidence.chart import Chart, one_person
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import Passbook, shown
from interface.evidence.shapes import Envelope


class Periods:
    """Rows of periods, and the marks in the ledger's own."""

    def __init__(self, chart: Chart, passbook: Passbook) -> None:
        self.chart = chart
        self.passbook = passbook
        self.rows: dict[str, dict[str, Any]] = {}
        self._closing_at = 0
        self.handlers: dict[str, Callable[[Envelope], None]] = {
            "PeriodSoftClosed": self._soft_closed,
            "PeriodClosing": self._closing,
            "PeriodClosed": self._closed,
            "CloseAbandoned": self._abandoned,
            "PeriodReopenAsked": self._reopen_asked,
            "PeriodReopened": self._reopened,
            "PeriodFiled": self._filed,
        }

    def _soft_closed(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.PeriodEvent)
        row = self._row(record, event)
        if event.last_on <= self.chart.ledger.get("soft_closed_through", ""):
            raise Divergence(f"{event.period} was soft-closed before")
        self._mark(soft_closed_through=row["last_on"])

    def _closing(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.PeriodEvent)
        chart = self.chart
        if chart.closing_before is not None:
            raise Divergence(f"{event.period} is being closed beside another period")
        if event.last_on <= max(chart.closed_through, chart.locked_through):
            raise Divergence(f"{event.period} was closed before")
        if (event.before or "") != chart.closed_through:
            raise Divergence(f"the close of {event.period} does not follow the one before it")
        row = self._row(record, event)
        row.pop("abandoned", None)
        row.pop("reopening", None)
        before = {} if event.before is None else {"before": event.before}
        row |= before
        chart.closing_before = event.before or ""
        self._closing_at = record.position
        self._mark(closed_through=event.last_on, closing={"period": event.period, **before})

    def _closed(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.PeriodEvent)
        row = self._ended(record, event)
        if not self._closing_at <= event.position < record.position:
            raise Divergence(f"{event.period} was closed as known at {event.position}")
        digest = self._digest(row["last_on"])
        if event.digest != digest:
            raise Divergence(
                f"{event.period} was closed on a trial balance of {event.digest}; it follows"
                f" {digest}"
            )
        close: dict[str, Any] = {"position": event.position, "digest": event.digest}
        if event.entries:
            close["entries"] = event.entries
        row.setdefault("closes", []).append(close)

    def _abandoned(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.PeriodEvent)
        row = self._ended(record, event)
        if event.closed_through != row.pop("before", None):
            raise Divergence(f"{event.period} is not put back as it was")
        row["abandoned"] = {"why": event.why, "detail": event.detail}
        self._mark(closed_through=event.closed_through)

    def _ended(self, record: Envelope, event: shapes.PeriodEvent) -> dict[str, Any]:
        closing = self.chart.ledger.get("closing")
        if closing is None or closing["period"] != event.period:
            raise Divergence(f"{event.period} was not being closed")
        self.chart.closing_before = None
        self._mark(closing=None)
        return self._row(record, event)

    def _reopen_asked(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.PeriodEvent)
        row = self._row(record, event)
        if event.asked_by != record.actor:
            raise Divergence(f"{record.actor} asked to reopen, the event says {event.asked_by}")
        if "reopening" in row or not row.get("closes"):
            raise Divergence(f"{event.period} can't be reopened")
        if event.on_behalf_of != record.on_behalf_of:
            raise Divergence(f"{event.period} was not asked for {event.on_behalf_of}")
        wish = {"asked_by": event.asked_by, "why": event.why}
        wish |= {"person": event.person, "on_behalf_of": event.on_behalf_of}
        row["reopening"] = {name: value for name, value in wish.items() if value is not None}

    def _reopened(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.PeriodEvent)
        row = self._row(record, event)
        after = event.closed_through or ""
        if after > self.chart.closed_through or row["last_on"] <= self.chart.locked_through:
            raise Divergence(f"{event.period} was not to be reopened")
        if row["first_on"] <= self.chart.closed_through:
            self._check_two(record, event, row["first_on"])
        if row["first_on"] <= after:
            raise Divergence(f"{event.period} stays closed")
        row.pop("before", None)
        row.pop("reopening", None)
        self._mark(
            closed_through=event.closed_through,
            soft_closed_through=event.soft_closed_through,
        )

    def _check_two(self, record: Envelope, event: shapes.PeriodEvent, first_on: str) -> None:
        """Raises Divergence where who confirms is not another person than who asked."""
        asked = [
            one["reopening"]
            for one in self.rows.values()
            if "reopening" in one and one["first_on"] <= first_on
        ]
        wish = next((one for one in asked if one["asked_by"] == event.asked_by), None)
        if wish is None:
            raise Divergence(f"{event.asked_by} did not ask to reopen {event.period}")
        names = [wish.get(name) for name in ("asked_by", "person", "on_behalf_of")]
        if event.confirmed_by != record.actor or one_person(record, event.person, names):
            raise Divergence(f"{event.period} was reopened by one person")

    def _filed(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.PeriodEvent)
        chart = self.chart
        row = self._row(record, event)
        if event.through != row["last_on"] or not (
            chart.locked_through < row["last_on"] <= chart.closed_through
        ):
            raise Divergence(f"{event.period} was not to be filed")
        if (event.before or "") != chart.locked_through:
            raise Divergence(f"the lock of {event.period} does not follow the one before it")
        row.pop("reopening", None)
        self._mark(locked_through=event.through)

    # -- what they have in common

    def _row(self, record: Envelope, event: shapes.PeriodEvent) -> dict[str, Any]:
        """Returns the period's row with one more event counted. Raises Divergence where it is in
        another's stream, or its days are not those of the calendar."""
        first_on, last_on = month(event.period, start=self.chart.fiscal_year_start)
        if event.first_on not in ("", first_on) or event.last_on not in ("", last_on):
            raise Divergence(f"{event.period} goes from {first_on} to {last_on}")
        row = self.rows.get(event.period)
        if row is None:
            row = self.rows[event.period] = {
                "stream": record.stream,
                "version": 0,
                "name": event.period,
                "first_on": first_on,
                "last_on": last_on,
            }
        if row["stream"] != record.stream:
            raise Divergence(f"an event of {event.period} in another thing's stream")
        row["version"] += 1
        return row

    def _mark(self, **marks: Any) -> None:
        ledger = self.chart.ledger
        for name, value in marks.items():
            if value is None:
                ledger.pop(name, None)
            else:
                ledger[name] = value
        self.chart.closed_through = ledger.get("closed_through", "")
        self.chart.locked_through = ledger.get("locked_through", "")

    def _digest(self, last_on: str) -> str:
        """The digest of the trial balance of all entries that are effective through a day."""
        chart = self.chart
        digest = hashlib.sha256()
        for (account, asset), totals in sorted(self.passbook.totals.items()):
            months = [moved for day, moved in totals.months().items() if day <= last_on]
            net = sum(moved[0] for moved in months)
            functional = sum(moved[1] for moved in months)
            if asset == chart.functional_asset:
                functional = net
            if net or functional:
                amount = shown(net, chart.scales[asset])
                worth = shown(functional, chart.scales[chart.functional_asset])
                digest.update(f"{account}\t{asset}\t{amount}\t{worth}\n".encode())
        return digest.hexdigest()
