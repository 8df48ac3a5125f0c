"""A ledger's state as of a position or a moment, from its records alone."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from interface.evidence import shapes
from interface.evidence.divergence import UNREADABLE, Divergence
from interface.evidence.fold import Fold
from interface.evidence.passbook import minor_of, shown
from interface.evidence.shapes import Envelope, decode_envelope
from interface.evidence.verification import Stored


class Until:
    """Where a replay ends: after a position, or after the last record of a moment."""

    def __init__(self, text: str | None) -> None:
        """Raises ValueError where the text is neither a position nor a moment in RFC 3339."""
        self.position: int | None = None
        self.moment: str | None = None
        if text is None:
            return
        if text.isascii() and text.isdecimal():
            self.position = int(text)
            return
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("a moment needs its offset, such as 2026-03-31T12:00:00Z")
        self.moment = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def is_past(self, record: Envelope) -> bool:
        """True for the first record that is not replayed any more."""
        if self.position is not None:
            return record.position > self.position
        return self.moment is not None and record.recorded_at > self.moment


def replay(fold: Fold, batches: Iterable[list[Stored]], until: Until) -> Iterator[Envelope]:
    """Yields each record after the fold took it in. Raises Divergence."""
    for batch in batches:
        for one in batch:
            try:
                record = decode_envelope(one.state)
            except UNREADABLE as error:
                raise Divergence(
                    f"this is no record: {error}", position=fold.position + 1
                ) from error
            if until.is_past(record):
                return
            try:
                fold.apply(record)
            except Divergence as divergence:
                raise Divergence(divergence.message, position=fold.position) from divergence
            yield record


def state_of(fold: Fold) -> dict[str, Any]:
    """Returns chart, balances and open holds, amounts as records have them."""
    return {
        "ledger": fold.ledger,
        "position": fold.position,
        "recorded_at": fold.recorded_at,
        "locked_through": fold.chart.locked_through or None,
        "closed_through": fold.chart.closed_through or None,
        "accounts": [
            {
                "code": account.code,
                "type": account.opened.type,
                "name": account.opened.name,
                "status": account.status,
            }
            for _, account in sorted(fold.chart.accounts.items())
        ],
        "balances": [_balance(fold, *key) for key in sorted(fold.passbook.totals)],
        "holds": [
            {
                "id": id,
                "debit": hold.debit,
                "credit": hold.credit,
                "asset": hold.asset,
                "held": hold.held,
                "expires_at": hold.expires_at,
            }
            for id, hold in sorted(fold.holds.open.items())
            if minor_of(hold.held, fold.chart.scales[hold.asset])
        ],
    }


def changes_of(fold: Fold, record: Envelope) -> list[dict[str, Any]]:
    """Returns the balances that a record touched, as it left them."""
    if record.type == "EntryPosted":
        entry = msgspec.json.decode(record.payload, type=shapes.Entry)
        keys = dict.fromkeys((leg.account, leg.asset) for leg in entry.legs)
    elif record.type in fold.holds.kinds:
        hold = msgspec.json.decode(record.payload, type=shapes.Held).authorization
        keys = dict.fromkeys([(hold.debit, hold.asset), (hold.credit, hold.asset)])
    else:
        return []
    return [_balance(fold, *key) for key in keys]


def _balance(fold: Fold, account: str, asset: str) -> dict[str, Any]:
    totals = fold.passbook.totals[account, asset]
    scale = totals.scale
    balance = totals.debits - totals.credits
    return {
        "account": account,
        "asset": asset,
        "debits": shown(totals.debits, scale),
        "credits": shown(totals.credits, scale),
        "balance": shown(balance if totals.account.debit_normal else -balance, scale),
        "pending_debits": shown(totals.pending_debits, scale),
        "pending_credits": shown(totals.pending_credits, scale),
        "lines": totals.lines,
    }
