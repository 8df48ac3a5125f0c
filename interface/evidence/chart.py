"""The second fold's ledger, assets, journals and accounts: rarely changed, always needed.

`document`s are what the service's rows must hold, member by member.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import UNSET

from interface.evidence import shapes
from interface.evidence.divergence import Divergence
from interface.evidence.shapes import Envelope

_ESCAPED = re.compile(r'[^ -~]|["\\]')


SCALES = range(13)
"""Decimals that an asset may have."""

TYPES = {"asset", "liability", "equity", "revenue", "expense"}


class Account:
    """One place of the chart. `version` counts its own events, `touched` those of others."""

    __slots__ = (
        "asset",
        "closed",
        "code",
        "debit_normal",
        "floor",
        "freezes",
        "limits",
        "opened",
        "stream",
        "touched",
        "version",
    )

    def __init__(self, stream: str, opened: shapes.AccountOpened) -> None:
        self.stream = stream
        self.opened = opened
        self.code = opened.code
        self.version = 1
        self.touched = 0
        self.freezes: list[shapes.Frozen] = []
        self.limits: list[shapes.LimitSet] = []
        self.closed = False
        self.settle()

    def settle(self) -> None:
        """Works out what follows from the account's members."""
        opened = self.opened
        if opened.type not in TYPES:
            raise Divergence(f"an account of the type {opened.type}")
        self.asset = opened.asset
        self.debit_normal = (opened.type in ("asset", "expense")) != opened.contra
        self.floor = None if opened.floor is None else int(opened.floor.replace(".", ""))

    def document(self) -> dict[str, Any]:
        """Returns what the account's row holds."""
        opened = msgspec.to_builtins(self.opened)
        found: dict[str, Any] = {"stream": self.stream, "version": self.version, **opened}
        if self.debit_normal:
            found["debit_normal"] = True
        lien = sum(int(each.amount.replace(".", "")) for each in self.freezes if each.amount)
        if lien:
            found["lien_minor"] = lien
        if self.floor is not None or lien:
            found["floor_minor"] = self.floor or 0
        if self.freezes:
            found["freezes"] = [_without_account(each) for each in self.freezes]
        if self.limits:
            found["limits"] = [_without_account(each) for each in self.limits]
        if self.closed:
            found["closed"] = True
        takes = self.opened.postable and self.status == "open"
        if not takes:
            found["takes_postings"] = False
        if not takes or self.freezes or self.limits or _ESCAPED.search(self.code):
            found["takes_plain"] = False
        return found

    @property
    def status(self) -> str:
        if self.closed:
            return "closed"
        # With an amount it is a lien, which stops nothing.
        return "frozen" if any(each.amount is None for each in self.freezes) else "open"


class Chart:
    """Everything of a ledger that is not counted."""

    def __init__(self) -> None:
        self.ledger: dict[str, Any] = {}
        self.retired_at: dict[str, int] = {}
        """By verifier key, the position of the record since which it signs no more."""
        self.locked_through = ""
        self.closed_through = ""
        self.closing_before: str | None = None
        """What was closed through before the close that is under way; None: none is."""
        self.fiscal_year_start = "01-01"
        self.functional_asset = ""
        self.scales: dict[str, int] = {}
        self.assets: dict[str, dict[str, Any]] = {}
        self.journals: dict[str, dict[str, Any]] = {}
        self.baselines: dict[str, dict[str, Any]] = {}
        self._baseline_versions: dict[tuple[str, bytes], int] = {}
        self.accounts: dict[str, Account] = {}
        self.handlers: dict[str, Callable[[Envelope], None]] = {
            "BooksLocked": self._locked,
            "AssetRegistered": self._asset,
            "JournalOpened": self._journal,
            "BaselineSet": self._baseline,
            "BaselineApproved": self._baseline_approved,
            "AccountOpened": self._opened,
            "AccountAmended": self._amended,
            "AccountClosed": self._closed,
            "AccountFrozen": self._frozen,
            "AccountUnfrozen": self._unfrozen,
            "SigningKeyAdded": self._key_added,
            "SigningKeyRetired": self._key_retired,
            "WitnessAdded": self._witness_added,
        }

    @property
    def functional_scale(self) -> int:
        """Of the ledger's own asset."""
        return self.scales[self.functional_asset]

    def account(self, code: str) -> Account:
        """Raises Divergence where the account was not opened."""
        found = self.accounts.get(code)
        if found is None:
            raise Divergence(f"the account {code} was never opened")
        return found

    def is_shut(self, day: str, channel: str) -> bool:
        """True for a day in which a close leaves no entry but the worker's own."""
        if day > self.closed_through:
            return False
        before = self.closing_before
        return before is None or day <= before or channel != "worker"

    def created(self, record: Envelope) -> None:
        """Takes in the ledger itself."""
        event = msgspec.json.decode(record.payload, type=shapes.LedgerCreated)
        if event.id != record.ledger:
            raise Divergence(f"the ledger {event.id} was created in {record.ledger}")
        self.ledger = {"stream": record.stream, **msgspec.to_builtins(event)}
        if event.entity is None:
            del self.ledger["entity"]
        self.fiscal_year_start = event.fiscal_year_start
        self.functional_asset = event.functional_asset

    def continued(self, event: shapes.LogKey, incarnation: int, position: int) -> None:
        """Takes in a new incarnation."""
        self._moved()
        retired = [*self.ledger.get("retired_keys", []), *self.ledger.get("verifier_keys", [])]
        for key in self.ledger.get("verifier_keys", []):
            self.retired_at[key] = position
        self.ledger |= {
            "incarnation": incarnation,
            "origin": event.origin,
            "verifier_keys": [event.verifier_key],
        }
        if retired:
            self.ledger["retired_keys"] = retired

    def _moved(self) -> None:
        """The ledger's own stream has one more event."""
        self.ledger["version"] = self.ledger.get("version", 1) + 1

    def _locked(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.BooksLocked)
        if event.through <= self.locked_through or (event.before or "") != self.locked_through:
            raise Divergence(f"the lock through {event.through} does not follow the one before it")
        self.locked_through = event.through
        self._moved()
        self.ledger["locked_through"] = event.through

    def _asset(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.AssetRegistered)
        if event.code in self.assets:
            raise Divergence(f"the asset {event.code} is registered twice")
        if event.scale not in SCALES:
            raise Divergence(f"the asset {event.code} has {event.scale} decimals")
        self.assets[event.code] = msgspec.to_builtins(event)
        self.scales[event.code] = event.scale

    def _journal(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.JournalOpened)
        if event.code in self.journals:
            raise Divergence(f"the journal {event.code} is opened twice")
        self.journals[event.code] = msgspec.to_builtins(event)

    def _baseline(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.BaselineSet)
        self.account(event.account)
        about = (event.account, msgspec.json.encode(event.dimension, order="sorted"))
        if event.version <= self._baseline_versions.get(about, 0):
            raise Divergence(f"version {event.version} of the baseline of {event.account} is old")
        self._baseline_versions[about] = event.version
        if event.author is None and event.approver is None:
            raise Divergence(f"nobody is named who approved the baseline of {event.account}")
        if event.author is not None and event.author != record.actor:
            raise Divergence(f"{event.author} did not propose the baseline of {event.account}")
        self.baselines[record.stream] = {"id": record.stream, **msgspec.to_builtins(event)}

    def _baseline_approved(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.BaselineApproved)
        found = self.baselines.get(record.stream, {})
        names = ("account", "dimension", "version", "author")
        if [found.get(name) for name in names] != [getattr(event, name) for name in names]:
            raise Divergence(f"what {event.approver} approved of {event.account} was not proposed")
        authors = (event.author, found.get("person"), found.get("on_behalf_of"))
        if event.approver != record.actor or one_person(record, event.person, authors):
            raise Divergence(f"the baseline of {event.account} was approved by its author")
        may = (record.actor, record.on_behalf_of)
        if "approval" in found or found.get("approver", record.actor) not in may:
            raise Divergence(f"{event.approver} was not to approve the baseline of {event.account}")
        found["approval"] = event.approver

    def _opened(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.AccountOpened)
        if event.code in self.accounts:
            raise Divergence(f"the account {event.code} is opened twice")
        self.accounts[event.code] = Account(record.stream, event)

    def own_account(self, record: Envelope, code: str) -> Account:
        """Returns the account whose own stream this is, with one more event counted in it.

        Raises Divergence where it is another's stream."""
        account = self.account(code)
        if account.stream != record.stream:
            raise Divergence(f"an event of {code} in another thing's stream")
        account.version += 1
        return account

    def _amended(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.AccountAmended)
        account = self.own_account(record, event.account)
        for name in event.__struct_fields__:
            value = getattr(event, name)
            if name != "account" and value is not UNSET:
                setattr(account.opened, name, value)
        account.settle()

    def _closed(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.AccountEvent)
        self.own_account(record, event.account).closed = True

    def _frozen(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.Frozen)
        self.own_account(record, event.account).freezes.append(event)

    def _unfrozen(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.Frozen)
        account = self.own_account(record, event.account)
        left = [each for each in account.freezes if each.freeze_id != event.freeze_id]
        if len(left) == len(account.freezes):
            raise Divergence(f"the freeze {event.freeze_id} did not stand")
        account.freezes = left

    def _key_added(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.LogKey)
        if self.ledger.get("origin", event.origin) != event.origin:
            raise Divergence("a signing key for another origin")
        self._moved()
        self.ledger["origin"] = event.origin
        self.ledger.setdefault("verifier_keys", []).append(event.verifier_key)

    def _key_retired(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.LogKey)
        keys = self.ledger.get("verifier_keys", [])
        if event.verifier_key not in keys:
            raise Divergence("a key is retired that did not sign")
        self._moved()
        keys.remove(event.verifier_key)
        self.retired_at[event.verifier_key] = record.position
        self.ledger.setdefault("retired_keys", []).append(event.verifier_key)

    def _witness_added(self, record: Envelope) -> None:
        event = msgspec.json.decode(record.payload, type=shapes.LogKey)
        self._moved()
        self.ledger.setdefault("witnesses", []).append(event.verifier_key)


def one_person(record: Envelope, person: str | None, others: Iterable[str | None]) -> bool:
    """True where who sent a record, `person` who answers for that actor, or on whose behalf it was,
    is one of the others."""
    names = {record.actor, person, record.on_behalf_of}
    return not names.isdisjoint(name for name in others if name is not None)


def _without_account(each: shapes.Frozen | shapes.LimitSet) -> dict[str, Any]:
    return {k: value for k, value in msgspec.to_builtins(each).items() if k != "account"}
