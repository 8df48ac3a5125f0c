"""The second fold's holds: what each event of an authorization leaves, and makes pending."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from interface.evidence.chart import Chart
from interface.evidence.divergence import Divergence
from interface.evidence.limits import Limits, Uses
from interface.evidence.passbook import Passbook, Totals, amount_of, shown
from interface.evidence.shapes import Envelope, Held, Hold

_decode = msgspec.json.Decoder(Held).decode


Reference = tuple[str, str, str, str]
"""Scheme ("" where none), reference, entry, authorization of a mandatory settlement."""


class Amounts(NamedTuple):
    """An authorization's amounts in minor units."""

    authorized: int
    settled: int
    refunded: int
    charged_back: int
    represented: int
    held: int


class Left(NamedTuple):
    """What an event leaves: the authorization, its amounts, and the totals of its accounts."""

    hold: Hold
    amounts: Amounts
    debited: Totals
    credited: Totals


class Holds:
    """Open authorizations by id. Closed ones are forgotten: they hold nothing any more."""

    kinds = (
        "AuthorizationOpened",
        "AuthorizationSettled",
        "AuthorizationForceSettled",
        "AuthorizationIncremented",
        "AuthorizationReduced",
        "AuthorizationRefunded",
        "AuthorizationChargedBack",
        "AuthorizationRepresented",
        "AuthorizationCorrected",
        "AuthorizationVoided",
        "AuthorizationReleased",
        "AuthorizationExpired",
    )

    def __init__(self, chart: Chart, passbook: Passbook, limits: Limits) -> None:
        self._chart = chart
        self._passbook = passbook
        self._limits = limits
        self.open: dict[str, Hold] = {}
        self._amounts: dict[str, Amounts] = {}
        """Of the open ones."""
        self.after: Left | None = None
        """What the last event left."""
        self._uses: dict[str, Uses] = {}
        """What closed ones took of limits: a late settlement may take more."""
        self.references: list[Reference] = []
        """What networks have cleared since somebody took these away."""

    def apply(self, record: Envelope) -> None:
        """Checks one event and takes it in. Raises Divergence."""
        event = _decode(record.payload)
        after = event.authorization
        before = self.open.get(record.stream)
        scale = self._chart.scales.get(after.asset)
        if scale is None:
            raise Divergence(f"the asset {after.asset} was never registered")
        now = _amounts(after, scale)
        if min(now) < 0 or (after.closed_as is not None and now.held):
            raise Divergence(f"the authorization {record.stream} is left in an impossible state")
        was = self._amounts.get(record.stream)
        if before is not None and (before.debit, before.credit, before.asset) != (
            after.debit,
            after.credit,
            after.asset,
        ):
            raise Divergence(f"the authorization {record.stream} moved to other accounts")
        amount = amount_of(event.amount, scale)
        if record.version == 1 or was is not None:
            start = was or Amounts(0, 0, 0, 0, 0, 0)
            self._check_step(record, event, start, now, amount)
        elif now.held:
            raise Divergence(f"the closed authorization {record.stream} holds again")
        change = now.held - (0 if was is None else was.held)
        debited = self._passbook.totals_of(after.debit, after.asset)
        credited = self._passbook.totals_of(after.credit, after.asset)
        debited.pending_debits += change
        credited.pending_credits += change
        debited.account.touched += 1
        credited.account.touched += 1
        self.after = Left(after, now, debited, credited)
        network = event.network
        if record.type == "AuthorizationForceSettled" and network and network.reference:
            self.references.append(
                (network.scheme or "", network.reference, event.entry or "", record.stream)
            )
        self._limits.move(
            self._uses.pop(record.stream, None) if before is None else before.limits, after.limits
        )
        if after.closed_as is None:
            self.open[record.stream] = after
            self._amounts[record.stream] = now
            return
        self.open.pop(record.stream, None)
        self._amounts.pop(record.stream, None)
        if after.limits:
            self._uses[record.stream] = after.limits

    def _check_step(
        self, record: Envelope, event: Held, was: Amounts, now: Amounts, amount: int
    ) -> None:
        """The amounts after an event must be those before it and what it says."""
        kind = record.type.removeprefix("Authorization")
        step = _STEPS.get(kind)
        expected = now if step is None else step(was, amount)
        if kind == "Settled" and event.released is not None:
            expected = expected._replace(held=0)
        if expected != now:
            scale = self._chart.scales[event.authorization.asset]
            said, follows = (
                ", ".join(
                    f"{name} {shown(minor, scale)}"
                    for name, minor in zip(Amounts._fields, one, strict=True)
                )
                for one in (now, expected)
            )
            raise Divergence(f"the authorization is left with {said}; it follows {follows}")


def _amounts(hold: Hold, scale: int) -> Amounts:
    # What never happened is left out, and "0".
    return Amounts(
        amount_of(hold.authorized, scale),
        amount_of(hold.settled, scale),
        0 if hold.refunded == "0" else amount_of(hold.refunded, scale),
        0 if hold.charged_back == "0" else amount_of(hold.charged_back, scale),
        0 if hold.represented == "0" else amount_of(hold.represented, scale),
        amount_of(hold.held, scale),
    )


def _settled(was: Amounts, amount: int) -> Amounts:
    authorized, settled, refunded, charged_back, represented, held = was
    held = max(0, held - amount)
    return Amounts(authorized, settled + amount, refunded, charged_back, represented, held)


def _opened(_was: Amounts, amount: int) -> Amounts:
    return Amounts(amount, 0, 0, 0, 0, amount)


def _ended(was: Amounts, amount: int) -> Amounts:
    # What is given back is what was held.
    return was._replace(held=was.held - amount)


def _incremented(was: Amounts, amount: int) -> Amounts:
    # What was settled beyond the hold is not held again.
    authorized = was.authorized + amount
    room = max(was.held, authorized - was.settled)
    return was._replace(authorized=authorized, held=min(was.held + amount, room))


_STEPS: dict[str, Callable[[Amounts, int], Amounts]] = {
    "Opened": _opened,
    "Settled": _settled,
    "Voided": _ended,
    "Released": _ended,
    "Expired": _ended,
    "Incremented": _incremented,
    "Reduced": lambda was, amount: was._replace(
        authorized=was.authorized - amount, held=max(0, was.held - amount)
    ),
    "Refunded": lambda was, amount: was._replace(refunded=was.refunded + amount),
    "ChargedBack": lambda was, amount: was._replace(charged_back=was.charged_back + amount),
    "Represented": lambda was, amount: was._replace(represented=was.represented + amount),
}
"""ForceSettled and Corrected have rules of their own, and are held to possible states only."""
