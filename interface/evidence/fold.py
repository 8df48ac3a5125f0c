"""The second fold: what follows from a ledger's records, worked out apart from the service.

It shares no code with the domain. Each record is checked against all before it; the first one that
does not follow raises Divergence. What it knows afterwards is compared with the rows (rows.py).
Memory grows with accounts, balances and open holds, not with records.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from interface.evidence import shapes
from interface.evidence.chart import Chart
from interface.evidence.divergence import UNREADABLE, Divergence, unreadable
from interface.evidence.holds import Holds
from interface.evidence.limits import Limits
from interface.evidence.passbook import Passbook, shown
from interface.evidence.periods import Periods
from interface.evidence.plain import Entry, PlainEntry
from interface.evidence.shapes import Envelope
from interface.evidence.worth import Worth

FORMAT = 1

NEWEST = {
    "AccountOpened": 2,
    "AccountAmended": 2,
    "BaselineSet": 3,
    "BaselineApproved": 2,
    "PeriodReopenAsked": 2,
    "PeriodReopened": 2,
    "EntryPosted": 4,
    "AuthorizationOpened": 3,
    "AuthorizationSettled": 3,
    "AuthorizationVoided": 3,
    "AuthorizationReleased": 3,
    "AuthorizationExpired": 3,
    "AuthorizationForceSettled": 2,
    "AuthorizationIncremented": 2,
    "AuthorizationReduced": 2,
    "AuthorizationRefunded": 2,
    "AuthorizationChargedBack": 2,
    "AuthorizationRepresented": 2,
    "AuthorizationCorrected": 2,
}
"""Up to which version of its payload each event is known; 1 of all others."""

_OF_A_COPY = re.compile(r"/log/[0-9]+/[0-9a-f]+\Z")

Handler = Callable[[Envelope], None]


class Fold:
    """The state of one ledger after the records so far."""

    def __init__(self, ledger: str) -> None:
        self.ledger = ledger
        self.position = 0
        self.incarnation = 1
        self.recorded_at = ""
        self.chart = Chart()
        self.passbook = Passbook(self.chart)
        self.periods = Periods(self.chart, self.passbook)
        self.limits = Limits(self.chart)
        self.worth = Worth(self.chart)
        self.holds = Holds(self.chart, self.passbook, self.limits)
        self.ends: list[int] = []
        """The sizes at which the log of a copy went on under a name of its own."""
        self.access: dict[str, dict[str, dict[str, Any]]] = {
            "listings": {},
            "actors": {},
            "keys": {},
        }
        self.entry: Entry | None = None
        """The last entry."""
        self._posted: dict[str, Entry] = {}
        self._command_id: str | None = None
        self._handlers: dict[str, Handler] = {
            "EntryPosted": self._entry_posted,
            "EntryReversed": self._entry_marked,
            "EntryAdjusted": self._entry_marked,
            "CommandRefused": self._nothing,
            "PrivateTextErased": self._nothing,
            "AccountStated": self._account_stated,
            "LedgerListed": self._listed,
            "ActorRecorded": self._actor,
            "KeyIssued": self._key_issued,
            "KeyRevoked": self._key_revoked,
            "LedgerContinued": self._continued,
            **dict.fromkeys(self.holds.kinds, self.holds.apply),
            **self.limits.handlers,
            **self.worth.handlers,
        }
        for name, handler in {**self.chart.handlers, **self.periods.handlers}.items():
            self._handlers[name] = self._turning(handler)
        self._handlers["LedgerCreated"] = self._created
        self._handlers["AccountAmended"] = self._turning(self._amended)
        self._newest = {name: NEWEST.get(name, 1) for name in self._handlers}

    @property
    def known(self) -> frozenset[str]:
        """The events that this fold has a rule for."""
        return frozenset(self._handlers)

    def apply(self, record: Envelope) -> None:
        """Checks one more record and takes it in. Raises Divergence."""
        position = self.position + 1
        if record.position != position:
            raise Divergence(f"position {position} is missing: {record.position} follows")
        self.position = position
        if (
            record.format != FORMAT
            or record.ledger != self.ledger
            or record.recorded_at < self.recorded_at
            or record.incarnation != self.incarnation
        ):
            self._check_place(record)
        self.recorded_at = record.recorded_at
        if record.command_id != self._command_id:
            if self._posted:
                self._end_command()
            self._command_id = record.command_id
        handler = self._handlers.get(record.type)
        if handler is None:
            raise Divergence(f"{record.type} is an event that this verifier has no rule for")
        if not 0 < record.schema_version <= self._newest[record.type]:
            raise Divergence(
                f"version {record.schema_version} of {record.type} is none that this verifier knows"
            )
        try:
            handler(record)
        except UNREADABLE as error:
            raise unreadable(record.type, error) from error

    def _check_place(self, record: Envelope) -> None:
        """Says what is wrong with a record that does not belong here."""
        if record.format != FORMAT:
            raise Divergence(f"format {record.format} is none that this verifier knows")
        if record.ledger != self.ledger:
            raise Divergence(f"a record of the ledger {record.ledger}")
        if record.recorded_at < self.recorded_at:
            raise Divergence(f"recorded at {record.recorded_at}, before the record in front of it")
        if record.type != "LedgerContinued":
            raise Divergence(
                f"incarnation {record.incarnation} without a record that opens it; it was"
                f" {self.incarnation}"
            )

    def end(self) -> None:
        """Checks what only the end of the records can tell. Raises Divergence."""
        if self._posted:
            self._end_command()

    def _turning(self, handler: Handler) -> Handler:
        """Has the passbook ask the chart again after each event that may change it."""

        def turning(record: Envelope) -> None:
            handler(record)
            self.passbook.turn()

        return turning

    # -- entries

    def _entry_posted(self, record: Envelope) -> None:
        entry = self.entry = self.passbook.post(record)
        if type(entry) is PlainEntry:
            return
        self.worth.post(record.stream, entry)
        if entry.limits:
            self.limits.move(None, entry.limits)
        if entry.corrects is not None:
            self._posted[record.stream] = entry

    def _entry_marked(self, record: Envelope) -> None:
        """The mark in a corrected entry's stream names entries of the same command."""
        mark = msgspec.json.decode(record.payload, type=shapes.Mark)
        self.worth.reversals.pop(record.stream, None)
        wanted = {"reversal": mark.reversal}
        if mark.replacement is not None:
            wanted["replacement"] = mark.replacement
        for correction, id in wanted.items():
            entry = self._posted.pop(id, None)
            if entry is None or (entry.corrects, entry.correction) != (record.stream, correction):
                raise Divergence(f"the {correction} {id} was not posted with its mark")

    def _end_command(self) -> None:
        raise Divergence(f"the entry {next(iter(self._posted))} corrects one without a mark")

    def _amended(self, record: Envelope) -> None:
        """What a balance means is fixed by an account's first line."""
        event = msgspec.json.decode(record.payload, type=shapes.AccountAmended)
        account = self.chart.account(event.account)
        before = (account.debit_normal, account.opened.type, account.asset)
        self.chart.handlers[record.type](record)
        after = (account.debit_normal, account.opened.type, account.asset)
        if before != after and self.passbook.has_lines(account.code):
            raise Divergence(f"{account.code} has lines, and is made an account of another kind")

    def _account_stated(self, record: Envelope) -> None:
        """What is certified of an account is what its lines came to."""
        stated = msgspec.json.decode(record.payload, type=shapes.Stated)
        account = self.chart.own_account(record, stated.account)
        scale = self.chart.scales.get(stated.asset)
        if scale is None:
            raise Divergence(f"the asset {stated.asset} was never registered")
        totals = self.passbook.totals.get((stated.account, stated.asset))
        net = 0 if totals is None else totals.debits - totals.credits
        follows = (
            0 if totals is None else totals.lines,
            shown(net if account.debit_normal else -net, scale),
        )
        if (stated.lines, stated.balance) != follows:
            raise Divergence(
                f"{stated.account} is stated with {stated.lines} lines and {stated.balance}"
                f" {stated.asset}; it follows {follows[0]} and {follows[1]}"
            )

    # -- the rest

    def _nothing(self, record: Envelope) -> None:
        """A refusal changes nothing; an erasure only texts (verification.py)."""

    def _created(self, record: Envelope) -> None:
        if record.position != 1:
            raise Divergence("a ledger is created by its first record only")
        self.chart.created(record)

    def _continued(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.LogKey)
        if (event.old_incarnation, record.incarnation) != (
            self.incarnation,
            self.incarnation + 1,
        ):
            raise Divergence("a new incarnation does not follow the one before it")
        self.incarnation = record.incarnation
        if _OF_A_COPY.search(event.origin or "") is not None:
            self.ends.append(event.old_size or 0)
        self.chart.continued(event, record.incarnation, record.position)

    def _listed(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.Listed)
        self._take("listings", event.id, {"id": event.id})

    def _actor(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.Actor)
        owner = {} if event.owner is None else {"owner": event.owner}
        self._take("actors", event.actor, {"actor": event.actor, "kind": event.kind, **owner})

    def _key_issued(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.ApiKey)
        document = {"stream": record.stream, **msgspec.to_builtins(event)}
        if event.ledger is None:
            del document["ledger"]
        if not event.network_feed:
            del document["network_feed"]
        self._take("keys", event.key_id, document)

    def _key_revoked(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.ApiKey)
        key = self.access["keys"].get(event.key_id)
        if key is None or "revoked" in key:
            raise Divergence(f"the key {event.key_id} was not valid")
        key["revoked"] = True

    def _take(self, shelf: str, name: str, document: dict[str, Any]) -> None:
        if name in self.access[shelf]:
            raise Divergence(f"{name} is in the {shelf} twice")
        self.access[shelf][name] = document
