"""The second fold's exchange rates, open items and revaluations."""

from typing import Any

import msgspec

from interface.evidence import shapes
from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.passbook import minor_of, shown
from interface.evidence.plain import Entry, Leg
from interface.evidence.shapes import Envelope

Key = tuple[str, str, int]


class Item:
    """What is open of a line, in minor units of its asset and of the functional one."""

    __slots__ = ("day", "entry", "functional", "is_shared", "name", "remaining", "side")

    def __init__(self, leg: Leg, stream: str, day: str) -> None:
        self.side = leg.side
        self.day = day
        self.entry = stream
        self.name = leg.matches
        self.is_shared = leg.matches is None and leg.party is None and leg.due_on is None
        self.remaining = self.functional = 0

    def columns(self) -> tuple[Any, ...]:
        """Returns what its row holds beside its key."""
        return (
            self.side,
            self.day,
            str(self.remaining),
            str(self.functional),
            self.entry,
            self.name,
            self.is_shared,
        )


class Worth:
    """Rates by (base, quote, kind, day), items by (account, asset, line), revaluations and due
    reversals by id, as the rows hold them."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self.rates: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self.items: dict[Key, Item] = {}
        self.revaluations: dict[str, dict[str, Any]] = {}
        self.reversals: dict[str, str] = {}
        self.handlers = {
            "RateRecorded": self._recorded,
            "RevaluationAsked": self._asked,
            "RevaluationPosted": self._posted,
            "RevaluationAbandoned": self._abandoned,
        }

    def post(self, stream: str, entry: Entry) -> None:
        """Checks the worth of an entry's legs and what they do to items. Raises Divergence."""
        for leg in entry.legs:
            if leg.rate is not None:
                self._check_rate(leg, leg.rate)
            for part in leg.relieves or ():
                self._relieve(leg, part)
            if leg.opens is not None:
                self._open(leg, leg.opens, stream, entry.effective_on)
        if entry.reverse_on is not None:
            self.reversals[stream] = entry.reverse_on

    def _recorded(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.RateRecorded)
        key = (event.base, event.quote, event.kind, event.effective_on)
        known = self.rates.setdefault(key, {"stream": record.stream, "facts": []})
        before = known["facts"][-1]["rate"] if known["facts"] else None
        if known["stream"] != record.stream or before != event.replaces:
            raise Divergence(f"a rate of {event.effective_on} that does not follow what was known")
        source = {} if event.source is None else {"source": event.source}
        known["facts"].append({"rate": event.rate, **source})

    def _asked(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.Revaluation)
        self.revaluations[record.stream] = {"effective_on": event.effective_on}

    def _posted(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.Revaluation)
        waiting = self._waiting(record)
        if waiting["effective_on"] != event.effective_on:
            raise Divergence("a revaluation of another day than was asked for")
        waiting |= {"version": 2, "status": "posted", "known_position": event.known_position}
        if event.entries:
            waiting["entries"] = event.entries

    def _abandoned(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.Revaluation)
        waiting = self._waiting(record)
        waiting |= {"version": 2, "status": "abandoned", "code": event.code, "detail": event.detail}

    def _waiting(self, record: Envelope) -> dict[str, Any]:
        found = self.revaluations.get(record.stream)
        if found is None or "status" in found:
            raise Divergence(f"the revaluation {record.stream} did not wait for its end")
        return found

    def _check_rate(self, leg: Leg, used: shapes.RateUsed) -> None:
        """A leg is worth what it relieves, and the rest by a rate that was on record: where legs
        share an amount out, by less than one minor unit more or less."""
        known = self.rates.get((used.base, used.quote, used.kind, used.effective_on))
        source = {} if used.source is None else {"source": used.source}
        if known is None or known["facts"][-1] != {"rate": used.rate, **source}:
            raise Divergence(f"a leg on {leg.account} was valued by a rate that is not on record")
        own, functional = self._scales(leg)
        amount, worth = self._valued(leg, own, functional)
        digits, _, fraction = used.rate.partition(".")
        over, under = int(digits + fraction), 10 ** len(fraction)
        if used.base != leg.asset:
            over, under = under, over
        # In parts of a minor unit: no rounding here.
        if abs(worth * under * 10**own - amount * over * 10**functional) >= under * 10**own:
            raise Divergence(f"a leg on {leg.account} is not worth what its rate says")

    def _valued(self, leg: Leg, own: int, functional: int) -> tuple[int, int]:
        """The amount that the rate is for, and its worth: of a revaluation all that is held."""
        worth = minor_of(leg.functional_amount or "", functional)
        if leg.revalues is None:
            parts = leg.relieves or ()
            return (
                minor_of(leg.amount, own) - sum(minor_of(part.amount, own) for part in parts),
                worth - sum(minor_of(part.functional_amount, functional) for part in parts),
            )
        before = minor_of(leg.revalues.functional_amount, functional)
        change = worth if leg.side == "debit" else -worth
        return minor_of(leg.revalues.balance, own), before + change

    def _relieve(self, leg: Leg, part: shapes.Relief) -> None:
        key = (leg.account, leg.asset, part.line)
        item = self.items.get(key)
        if item is None or item.side == leg.side:
            raise Divergence(f"line {part.line} of {leg.account} in {leg.asset} has nothing open")
        own, functional = self._scales(leg)
        item.remaining -= minor_of(part.amount, own)
        item.functional -= minor_of(part.functional_amount, functional)
        if item.remaining < 0 or (item.remaining == 0 and item.functional):
            raise Divergence(
                f"line {part.line} of {leg.account} in {leg.asset} is left with"
                f" {shown(item.remaining, own)}, worth {shown(item.functional, functional)}"
            )
        if not item.remaining:
            del self.items[key]

    def _open(self, leg: Leg, opened: shapes.Opening, stream: str, day: str) -> None:
        key = (leg.account, leg.asset, opened.line or leg.line)
        item = self.items.get(key)
        if item is None:
            if opened.line is not None:
                raise Divergence(f"line {opened.line} of {leg.account} has nothing open to add to")
            item = self.items[key] = Item(leg, stream, day)
        elif (item.side, item.day, item.is_shared) != (leg.side, day, True):
            raise Divergence(f"line {opened.line} of {leg.account} is no item of that day")
        own, functional = self._scales(leg)
        item.remaining += minor_of(opened.amount, own)
        item.functional += minor_of(opened.functional_amount, functional)

    def _scales(self, leg: Leg) -> tuple[int, int]:
        chart = self._chart
        return chart.scales[leg.asset], chart.scales[chart.functional_asset]
