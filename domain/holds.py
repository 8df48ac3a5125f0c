"""Holds: the state of an authorization and the events of its life.

Each event of its stream carries the whole state that it leaves, so the last one is enough to go on
from. While it is open it is pending on both accounts: debits on the one, credits on the other.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.books import Books
from domain.commands import Event
from domain.limits import LimitUse, fold_uses
from domain.money import minor_units
from domain.pages import Balance

ClosedAs = Literal["final", "voided", "released", "expired"]
Exceptional = Literal[
    "late",
    "over_ceiling",
    "unmatched",
    "below_floor",
    "account_frozen",
    "account_closed",
    "limit_exceeded",
    "period_moved",
    "unvalued",
]
"""What a mandatory settlement passed by that would have stopped another one."""


class Network(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the payment network says of it."""

    scheme: str | None = None
    reference: str | None = None
    approval_code: str | None = None
    merchant_id: str | None = None
    mcc: str | None = None


class Authorization(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of a hold, amounts as the record shows them.

    `authorized` counts increments and reductions; `limits` is what it takes of its accounts';
    `settlements` how many were ever posted, also
    those that were taken back.
    """

    debit: str
    credit: str
    asset: str
    authorized: str
    settled: str
    refunded: str
    charged_back: str
    represented: str
    held: str
    settlements: int = 0
    over_settle_percent: str = "0"
    expires_at: datetime | None = None
    closed_as: ClosedAs | None = None
    limits: list[LimitUse] | None = None

    @property
    def status(self) -> str:
        settled = minor_units(self.settled)
        if settled:
            return "settled" if settled >= minor_units(self.authorized) else "partially_settled"
        if self.closed_as == "final":
            return "released"  # what had been settled was taken back
        return self.closed_as or "authorized"

    @property
    def returned_minor(self) -> int:
        """What went back of what was settled: refunds, and chargebacks that were not won back."""
        charged_back = minor_units(self.charged_back) - minor_units(self.represented)
        return minor_units(self.refunded) + charged_back

    @property
    def ceiling_minor(self) -> int:
        """What may be settled in all: authorized x (1 + percent), rounded down."""
        whole, _, fraction = self.over_settle_percent.partition(".")
        hundred = 100 * int("1" + "0" * len(fraction))
        return minor_units(self.authorized) * (hundred + int(whole + fraction)) // hundred


class AuthorizationOpened(Event, frozen=True, kw_only=True):
    amount: str
    authorization: Authorization
    network: Network | None = None
    reference: str | None = None
    private: str | None = None


class AuthorizationSettled(Event, frozen=True, kw_only=True):
    """`released` is what `final` gave back beyond the settled amount."""

    amount: str
    entry: str
    authorization: Authorization
    final: bool = False
    released: str | None = None


class AuthorizationForceSettled(Event, frozen=True, kw_only=True):
    """A mandatory settlement. Without an authorization to match, it opens a closed one of its own,
    on which it can be refunded or charged back."""

    amount: str
    entry: str
    authorization: Authorization
    exceptions: list[Exceptional]
    network: Network | None = None


class AuthorizationIncremented(Event, frozen=True, kw_only=True):
    amount: str
    authorization: Authorization
    reference: str | None = None
    private: str | None = None


class AuthorizationReduced(Event, frozen=True, kw_only=True):
    amount: str
    authorization: Authorization
    reference: str | None = None
    private: str | None = None


class AuthorizationRefunded(Event, frozen=True, kw_only=True):
    amount: str
    entry: str
    authorization: Authorization


class AuthorizationChargedBack(Event, frozen=True, kw_only=True):
    amount: str
    entry: str
    authorization: Authorization


class AuthorizationRepresented(Event, frozen=True, kw_only=True):
    amount: str
    entry: str
    authorization: Authorization


class AuthorizationCorrected(Event, frozen=True, kw_only=True):
    """An entry of the authorization was taken back by `entry`, and perhaps replaced.

    `amount` is what it had counted, `replacement_amount` what its replacement counts, `restored`
    what is held again.
    """

    amount: str
    entry: str
    corrects: str
    authorization: Authorization
    replacement: str | None = None
    replacement_amount: str | None = None
    restored: str | None = None


class AuthorizationVoided(Event, frozen=True, kw_only=True):
    amount: str
    authorization: Authorization
    reference: str | None = None
    private: str | None = None


class AuthorizationReleased(Event, frozen=True, kw_only=True):
    amount: str
    authorization: Authorization
    reference: str | None = None
    private: str | None = None


class AuthorizationExpired(Event, frozen=True, kw_only=True):
    amount: str
    authorization: Authorization


Happened = (
    AuthorizationOpened
    | AuthorizationSettled
    | AuthorizationForceSettled
    | AuthorizationIncremented
    | AuthorizationReduced
    | AuthorizationRefunded
    | AuthorizationChargedBack
    | AuthorizationRepresented
    | AuthorizationCorrected
    | AuthorizationVoided
    | AuthorizationReleased
    | AuthorizationExpired
)


def evolve(books: Books, stream: str, event: Happened) -> None:
    """Replaces the state and moves what is pending on both accounts by the difference."""
    after = event.authorization
    before = books.authorizations.get(stream)
    change = minor_units(after.held) - (0 if before is None else minor_units(before.held))
    for account, debit in ((after.debit, True), (after.credit, False)):
        page = books.balances.change((account, after.asset))
        page.balance = _pend(page.balance, debit=debit, change=change)
        page.touches += 1
    fold_uses(books, None if before is None else before.limits, after.limits)
    books.authorizations.put(stream, after)


def _pend(balance: Balance, *, debit: bool, change: int) -> Balance:
    return Balance(
        balance.debits,
        balance.credits,
        balance.pending_debits + (change if debit else 0),
        balance.pending_credits + (0 if debit else change),
        balance.lines,
    )
