"""The books as a clerk would keep them who has nothing but the records, and no hurry.

Reads JSON only and shares no code with what it checks: amounts are fractions, holds and vouchers
are counted again from the amounts that the events name, and each line of the passbook must follow
from the one before it. Used wherever rows or balances must equal the fold of the log.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

WORTH_ONLY = ("revaluation", "fx_difference")
"""Classes of entries whose legs may have a worth and no amount."""

Key = tuple[str, str]
Record = dict[str, Any]
Use = tuple[Fraction, int]
"""An amount, and a number of times."""


@dataclass
class Totals:
    """Of one account and asset, in the asset's own units."""

    debits: Fraction = Fraction(0)
    credits: Fraction = Fraction(0)
    pending_debits: Fraction = Fraction(0)
    pending_credits: Fraction = Fraction(0)
    lines: int = 0


@dataclass
class Hold:
    """Every amount that ever changed it, one after another."""

    debit: str
    credit: str
    asset: str
    authorized: Fraction
    settled: Fraction = Fraction(0)
    released: Fraction = Fraction(0)
    held: Fraction = Fraction(0)
    refund: Fraction = Fraction(0)
    chargeback: Fraction = Fraction(0)
    representment: Fraction = Fraction(0)
    settlements: int = 0
    open: bool = True
    expires_at: str | None = None


@dataclass
class Naive:
    """Folds records in the order of the log. `balances` has only what was ever touched."""

    scales: dict[str, int] = field(default_factory=dict)
    functional: str | None = None
    debit_normal: dict[str, bool] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    frozen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    closed: set[str] = field(default_factory=set)
    balances: dict[Key, Totals] = field(default_factory=lambda: defaultdict(Totals))
    versions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    vouchers: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    holds: dict[str, Hold] = field(default_factory=dict)
    entries: dict[str, Record] = field(default_factory=dict)
    taken_back: dict[str, Record] = field(default_factory=dict)
    locked_through: str | None = None
    closed_through: str | None = None
    closing: bool = False
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    usages: dict[str, dict[str, Use]] = field(default_factory=dict)
    taken: dict[str, dict[tuple[str, str], Use]] = field(default_factory=dict)

    def fold_all(self, states: Iterable[bytes]) -> "Naive":
        """Folds records as they are stored."""
        for state in states:
            record = json.loads(state)
            self.fold(record["type"], record["stream"], record["payload"])
        return self

    def fold(self, type: str, stream: str, payload: dict[str, Any]) -> None:
        """Folds one event. Fails where it does not follow from those before it."""
        handler = getattr(self, f"_{type}", None)
        if handler is not None:
            handler(stream, payload)
        self._take(stream, payload.get("authorization", payload))

    def minor(self, amount: Fraction, asset: str) -> int:
        """The whole number of minor units."""
        minor = amount * 10 ** self.scales[asset]
        assert minor.denominator == 1
        return int(minor)

    # -- the chart

    def _LedgerCreated(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self.functional = payload["functional_asset"]

    def _AssetRegistered(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self.scales[payload["code"]] = payload["scale"]

    def _BooksLocked(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert self.locked_through is None or payload["through"] > self.locked_through
        assert payload.get("before") == self.locked_through
        self.locked_through = payload["through"]

    def _PeriodClosing(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload.get("before") == self.closed_through
        assert not self.closing
        self.closed_through, self.closing = payload["last_on"], True

    def _PeriodClosed(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert self.closing
        self.closing = False

    def _CloseAbandoned(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert self.closing
        self.closed_through, self.closing = payload.get("closed_through"), False

    def _PeriodReopened(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert not self.closing
        self.closed_through = payload.get("closed_through")

    def _PeriodFiled(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert payload["through"] <= (self.closed_through or "")
        self.locked_through = payload["through"]

    def _AccountOpened(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        code = payload["code"]
        assert code not in self.accounts
        self._amend(code, {name: value for name, value in payload.items() if name != "code"})

    def _AccountAmended(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self._amend(payload["account"], payload)

    def _amend(self, code: str, changes: dict[str, Any]) -> None:
        self.versions[code] += 1
        account = self.accounts[code] = {**self.accounts.get(code, {}), **changes}
        normal = account["type"] in ("asset", "expense")
        self.debit_normal[code] = normal != account.get("contra", False)

    def _AccountFrozen(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self.versions[payload["account"]] += 1
        if "amount" not in payload:
            self.frozen[payload["account"]].add(payload["freeze_id"])

    def _AccountUnfrozen(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self.versions[payload["account"]] += 1
        self.frozen[payload["account"]].discard(payload["freeze_id"])

    def _AccountClosed(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        code = payload["account"]
        self.versions[code] += 1
        self.closed.add(code)
        for (account, _), totals in self.balances.items():
            if account == code:
                assert totals.debits == totals.credits
                assert totals.pending_debits == totals.pending_credits == 0

    # -- limits: here the counters of all periods are kept, for ever

    def _LimitSet(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self.versions[payload["account"]] += 1
        self.limits[payload["limit_id"]] = payload
        self.usages.setdefault(payload["limit_id"], {})

    def _LimitLifted(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self.versions[payload["account"]] += 1
        del self.limits[payload["limit_id"]], self.usages[payload["limit_id"]]

    def _take(self, stream: str, says: dict[str, Any] | str) -> None:
        """What an entry or an authorization takes of limits, as its latest event says."""
        if isinstance(says, str) or "limits" not in says:
            return
        before = self.taken.setdefault(stream, {})
        for use in says["limits"]:
            key = use["limit"], use["starts_on"]
            amount, count = Fraction(use["amount"]), use.get("count", 0)
            was = before.get(key, (Fraction(0), 0))
            before[key] = amount, count
            if use["limit"] in self.usages:
                counters = self.usages[use["limit"]]
                old = counters.get(use["starts_on"], (Fraction(0), 0))
                new = old[0] + amount - was[0], old[1] + count - was[1]
                assert min(new) >= 0, "more was given back than taken"
                counters[use["starts_on"]] = new

    # -- entries

    def _EntryPosted(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert stream not in self.entries
        self.entries[stream] = payload
        self._check_balanced(payload["legs"], payload.get("class"))
        series = (payload["journal"], payload["fiscal_year"])
        assert payload["voucher_no"] == self.vouchers[series] + 1, "a voucher number is missing"
        self.vouchers[series] += 1
        assert self.locked_through is None or payload["effective_on"] > self.locked_through
        if not self.closing:
            assert self.closed_through is None or payload["effective_on"] > self.closed_through
        for leg in payload["legs"]:
            self._write(leg)
        for account in sorted({leg["account"] for leg in payload["legs"]}):
            self.versions[account] += 1
            late = payload.get("correction") == "reversal" or self._closes_year(payload)
            assert account not in self.closed or late

    def _closes_year(self, payload: dict[str, Any]) -> bool:
        return self.closing and payload.get("class") == "closing"

    def _check_balanced(self, legs: list[dict[str, Any]], class_: str | None) -> None:
        nets: dict[str, Fraction] = defaultdict(Fraction)
        value = Fraction(0)
        for leg in legs:
            sign = 1 if leg["side"] == "debit" else -1
            has_worth_only = class_ in WORTH_ONLY and Fraction(leg.get("functional_amount", "0"))
            assert Fraction(leg["amount"]) > 0 or has_worth_only
            nets[leg["asset"]] += sign * Fraction(leg["amount"])
            own = leg["amount"] if leg["asset"] == self.functional else "0"
            value += sign * Fraction(leg.get("functional_amount", own))
        assert not any(nets.values()), "an entry does not balance"
        if len(nets) > 1 or any("functional_amount" in leg for leg in legs):
            assert value == 0, "an entry does not balance in the functional asset"

    def _write(self, leg: dict[str, Any]) -> None:
        totals = self.balances[leg["account"], leg["asset"]]
        amount = Fraction(leg["amount"])
        if leg["side"] == "debit":
            totals.debits += amount
        else:
            totals.credits += amount
        totals.lines += 1
        assert leg["line"] == totals.lines, "a line of the passbook is missing"
        balance = totals.debits - totals.credits
        if not self.debit_normal[leg["account"]]:
            balance = -balance
        assert Fraction(leg["balance"]) == balance
        decimals = self.scales[leg["asset"]]
        for text in (leg["balance"], leg["amount"]):
            assert len(text.partition(".")[2]) == decimals

    def _EntryReversed(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self._take_back(stream, payload)

    def _EntryAdjusted(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self._take_back(stream, payload)
        assert self.entries[payload["replacement"]]["corrects"] == stream

    def _take_back(self, stream: str, payload: dict[str, Any]) -> None:
        assert stream not in self.taken_back, "an entry is taken back once"
        self.taken_back[stream] = payload
        reversal = self.entries[payload["reversal"]]
        assert reversal["corrects"] == stream
        swapped = {"debit": "credit", "credit": "debit"}
        assert [
            (leg["account"], swapped[leg["side"]], leg["amount"], leg.get("functional_amount"))
            for leg in reversal["legs"]
        ] == [
            (leg["account"], leg["side"], leg["amount"], leg.get("functional_amount"))
            for leg in self.entries[stream]["legs"]
        ]

    # -- holds

    def _AuthorizationOpened(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert stream not in self.holds
        says = payload["authorization"]
        amount = Fraction(payload["amount"])
        hold = Hold(says["debit"], says["credit"], says["asset"], amount, held=amount)
        hold.expires_at = says.get("expires_at")
        self.holds[stream] = hold
        self._pend(hold, amount)
        self._check_hold(stream, says)

    def _AuthorizationSettled(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        hold, amount = self.holds[stream], Fraction(payload["amount"])
        entry = self.entries[payload["entry"]]
        assert entry["authorization"] == stream
        self._check_moved(entry, "settlement", amount)
        hold.settled += amount
        hold.settlements += 1
        self._free(hold, min(amount, hold.held))
        self._release(hold, Fraction(payload.get("released", "0")), payload["authorization"])
        self._check_hold(stream, payload["authorization"])

    def _AuthorizationForceSettled(  # noqa: N802
        self, stream: str, payload: dict[str, Any]
    ) -> None:
        says, amount = payload["authorization"], Fraction(payload["amount"])
        unmatched = stream not in self.holds
        assert unmatched == ("unmatched" in payload["exceptions"])
        if unmatched:
            hold = Hold(says["debit"], says["credit"], says["asset"], Fraction(0), open=False)
            self.holds[stream] = hold
        hold = self.holds[stream]
        assert ("late" in payload["exceptions"]) == (not hold.open and not unmatched)
        entry = self.entries[payload["entry"]]
        assert entry["authorization"] == stream
        self._check_moved(entry, "settlement", amount)
        hold.settled += amount
        hold.settlements += 1
        self._free(hold, min(amount, hold.held))
        self._check_hold(stream, says)

    def _AuthorizationIncremented(  # noqa: N802
        self, stream: str, payload: dict[str, Any]
    ) -> None:
        hold, amount = self.holds[stream], Fraction(payload["amount"])
        assert hold.open
        hold.authorized += amount
        room = max(Fraction(0), hold.authorized - hold.settled)
        self._free(hold, -min(amount, room - hold.held))
        self._check_hold(stream, payload["authorization"])

    def _AuthorizationReduced(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        hold, amount = self.holds[stream], Fraction(payload["amount"])
        assert hold.open
        hold.authorized -= amount
        assert hold.authorized >= hold.settled
        freed = min(amount, hold.held)
        hold.released -= amount - freed
        self._free(hold, freed)
        hold.open = "closed_as" not in payload["authorization"]
        self._check_hold(stream, payload["authorization"])

    def _AuthorizationRefunded(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self._returned(stream, payload, "refund")

    def _AuthorizationChargedBack(  # noqa: N802
        self, stream: str, payload: dict[str, Any]
    ) -> None:
        self._returned(stream, payload, "chargeback")

    def _AuthorizationRepresented(  # noqa: N802
        self, stream: str, payload: dict[str, Any]
    ) -> None:
        self._returned(stream, payload, "representment")

    def _returned(self, stream: str, payload: dict[str, Any], kind: str) -> None:
        hold, amount = self.holds[stream], Fraction(payload["amount"])
        entry = self.entries[payload["entry"]]
        assert entry["authorization"] == stream
        self._check_moved(entry, kind, amount)
        setattr(hold, kind, getattr(hold, kind) + amount)
        self._check_hold(stream, payload["authorization"])

    def _AuthorizationCorrected(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        hold, says = self.holds[stream], payload["authorization"]
        assert self.taken_back[payload["corrects"]]["reversal"] == payload["entry"]
        movement = self.entries[payload["corrects"]]["movement"]
        assert movement["amount"] == payload["amount"]
        change = Fraction(payload.get("replacement_amount", "0")) - Fraction(payload["amount"])
        if movement["kind"] == "settlement":
            hold.settled += change
            restored = Fraction(payload.get("restored", "0"))
            assert restored <= max(Fraction(0), -change)
            assert hold.open or not restored
            room = max(Fraction(0), hold.authorized - hold.settled)
            self._free(hold, hold.held - min(hold.held + restored, room))
            hold.released = max(Fraction(0), hold.authorized - hold.settled - hold.held)
        else:
            kind = movement["kind"]
            setattr(hold, kind, getattr(hold, kind) + change)
        self._check_hold(stream, says)

    def _check_moved(self, entry: Record, kind: str, amount: Fraction) -> None:
        assert {Fraction(leg["amount"]) for leg in entry["legs"]} == {amount}
        assert entry["movement"]["kind"] == kind
        assert Fraction(entry["movement"]["amount"]) == amount

    def _AuthorizationVoided(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert self.holds[stream].settlements == 0
        self._ended(stream, payload)

    def _AuthorizationReleased(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        self._ended(stream, payload)

    def _AuthorizationExpired(self, stream: str, payload: dict[str, Any]) -> None:  # noqa: N802
        assert self.holds[stream].expires_at is not None
        self._ended(stream, payload)

    def _ended(self, stream: str, payload: dict[str, Any]) -> None:
        hold = self.holds[stream]
        assert Fraction(payload["amount"]) == hold.held
        self._release(hold, hold.held, payload["authorization"])
        assert not hold.open
        self._check_hold(stream, payload["authorization"])

    def _release(self, hold: Hold, amount: Fraction, says: dict[str, Any]) -> None:
        assert hold.open
        hold.released += amount
        self._free(hold, amount)
        hold.open = "closed_as" not in says

    def _free(self, hold: Hold, amount: Fraction) -> None:
        hold.held -= amount
        self._pend(hold, -amount)

    def _pend(self, hold: Hold, change: Fraction) -> None:
        self.balances[hold.debit, hold.asset].pending_debits += change
        self.balances[hold.credit, hold.asset].pending_credits += change

    def _check_hold(self, stream: str, says: dict[str, Any]) -> None:
        """held = authorized - reduced - settled - released, down to nothing."""
        hold = self.holds[stream]
        assert hold.held == max(Fraction(0), hold.authorized - hold.settled - hold.released)
        assert Fraction(says["held"]) == hold.held
        assert Fraction(says["settled"]) == hold.settled
        assert Fraction(says["authorized"]) == hold.authorized
        assert Fraction(says["refunded"]) == hold.refund
        assert Fraction(says["charged_back"]) == hold.chargeback
        assert Fraction(says["represented"]) == hold.representment
        assert says.get("settlements", 0) == hold.settlements
        assert hold.representment <= hold.chargeback
        assert hold.refund + hold.chargeback - hold.representment <= hold.settled
        self.versions[hold.debit] += 1
        self.versions[hold.credit] += 1

    def check_pending(self) -> None:
        """What is pending on an account is what the open holds on it hold."""
        pending: dict[Key, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
        for hold in self.holds.values():
            assert hold.open or hold.held == 0
            pending[hold.debit, hold.asset][0] += hold.held
            pending[hold.credit, hold.asset][1] += hold.held
        for key, totals in self.balances.items():
            assert [totals.pending_debits, totals.pending_credits] == pending[key]
