"""Certified reports made again from the records alone, as docs/evidence-format.md describes them.

Shares no code with the views and the reports that the service makes. Each takes the records in
order up to the position that it is as of, and gives the report's canonical form as a document.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.remade_balances import RollForward, TrialBalance
from interface.evidence.remade_lines import GeneralLedger, Journal
from interface.evidence.remade_statement import Statement
from interface.evidence.remaking import Made, Parameters
from interface.evidence.shapes import Entry, Envelope

REMADE: dict[str, Callable[[Parameters], Made]] = {
    "trial-balance": TrialBalance,
    "statement": Statement,
    "general-ledger": GeneralLedger,
    "journal": Journal,
    "roll-forward": RollForward,
}

_decode_entry = msgspec.json.Decoder(Entry).decode


class Recomputation:
    """Makes a report again as of a position. Raises Divergence for one that is not known here."""

    def __init__(self, *, report: str, parameters: Parameters, position: int) -> None:
        self._report = report
        self._parameters = parameters
        self._position = position
        self._recorded_at = ""
        self._ledger = ""
        self.chart = Chart()
        if report not in REMADE:
            raise Divergence(f"reports of the kind {report!r} can't be made again here")
        self._made = REMADE[report](parameters)
        self.statement = self._made if isinstance(self._made, Statement) else None

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
