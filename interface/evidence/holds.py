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


NOTHING = Amounts(0, 0, 0, 0, 0, 0)

Left = tuple[Hold, Amounts, Totals, Totals]
"""What an event leaves: the authorization, its amounts, and the totals of its accounts."""


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
        after, stream = event.authorization, record.stream
        asset, is_open = after.asset, after.closed_as is None
        before, was = self.open.get(stream), self._amounts.get(stream, NOTHING)
        scale = self._chart.scales.get(asset)
        if scale is None:
            raise Divergence(f"the asset {asset} was never registered")
        now = _amounts(after, scale)
        held = now[-1]
        if min(now) < 0 or (held and not is_open):
            raise Divergence(f"the authorization {stream} is left in an impossible state")
        if before is not None and (
            before.debit != after.debit or before.credit != after.credit or before.asset != asset
        ):
            raise Divergence(f"the authorization {stream} moved to other accounts")
        if record.version == 1 or before is not None:
            self._check_step(record, event, was, now, amount_of(event.amount, scale))
        elif held:
            raise Divergence(f"the closed authorization {stream} holds again")
        else:
            amount_of(event.amount, scale)
        change = held - was[-1]
        debited = self._passbook.totals_of(after.debit, asset)
        credited = self._passbook.totals_of(after.credit, asset)
        debited.pending_debits += change
        credited.pending_credits += change
        debited.account.touched += 1
        credited.account.touched += 1
        self.after = (after, now, debited, credited)
        network = event.network
        if network and network.reference and record.type == "AuthorizationForceSettled":
            self.references.append(
                (network.scheme or "", network.reference, event.entry or "", stream)
            )
        uses = self._uses.pop(stream, None) if before is None else before.limits
        if after.limits:
            self._limits.move(uses, after.limits)
        if is_open:
            self.open[stream] = after
            self._amounts[stream] = now
            return
        if before is not None:
            del self.open[stream], self._amounts[stream]
        if after.limits:
            self._uses[stream] = after.limits

    def _check_step(
        self, record: Envelope, event: Held, was: Amounts, now: Amounts, amount: int
    ) -> None:
        """The amounts after an event must be those before it and what it says."""
        step = _STEPS.get(record.type)
        expected = now if step is None else step(was, amount)
        if step is _settled and event.released is not None:
            expected = (*expected[:-1], 0)
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


Step = tuple[int, int, int, int, int, int]
"""Amounts, in their order: what is most often worked out is made in less time so."""


def _settled(was: Amounts, amount: int) -> Step:
    authorized, settled, refunded, charged_back, represented, held = was
    left = held - amount if held > amount else 0
    return authorized, settled + amount, refunded, charged_back, represented, left


def _opened(_was: Amounts, amount: int) -> Step:
    return amount, 0, 0, 0, 0, amount


def _ended(was: Amounts, amount: int) -> Step:
    authorized, settled, refunded, charged_back, represented, held = was
    # What is given back is what was held.
    return authorized, settled, refunded, charged_back, represented, held - amount


def _incremented(was: Amounts, amount: int) -> Step:
    # What was settled beyond the hold is not held again.
    authorized = was.authorized + amount
    room = max(was.held, authorized - was.settled)
    return was._replace(authorized=authorized, held=min(was.held + amount, room))


_STEPS: dict[str, Callable[[Amounts, int], Step]] = {
    "AuthorizationOpened": _opened,
    "AuthorizationSettled": _settled,
    "AuthorizationVoided": _ended,
    "AuthorizationReleased": _ended,
    "AuthorizationExpired": _ended,
    "AuthorizationIncremented": _incremented,
    "AuthorizationReduced": lambda was, amount: was._replace(
        authorized=was.authorized - amount, held=max(0, was.held - amount)
    ),
    "AuthorizationRefunded": lambda was, amount: was._replace(refunded=was.refunded + amount),
    "AuthorizationChargedBack": lambda was, amount: was._replace(
        charged_back=was.charged_back + amount
    ),
    "AuthorizationRepresented": lambda was, amount: was._replace(
        represented=was.represented + amount
    ),
}
"""ForceSettled and Corrected have rules of their own, and are held to possible states only."""
