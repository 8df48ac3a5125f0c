"""What corrections do to an authorization whose entries they take back or replace.

An entry counts in its authorization as a settlement, a refund, a chargeback or a representment.
Taken back, it counts no more; replaced, it counts what its replacement moves. What was refunded or
charged back never passes what is settled, and a hold comes back only where that is asked for.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from domain.accounts import find_account
from domain.assets import Asset, find_asset
from domain.authorizations import (
    OverSettlement,
    check_still_open,
    find_authorization,
)
from domain.books import Books
from domain.entries import EntryPosted, Movement, MovementKind
from domain.holds import Authorization, AuthorizationCorrected
from domain.legs import Line
from domain.money import format_amount, minor_units
from domain.refunds import RefundTooLarge
from domain.refusals import Refusal

COUNTERS: dict[MovementKind, str] = {
    "settlement": "settled",
    "refund": "refunded",
    "chargeback": "charged_back",
    "representment": "represented",
}


class NotReversible(Refusal):
    code = "not_reversible"
    sentence = (
        "The entry {entry} can't be taken back: {returned} {asset} of the authorization"
        " {authorization} were returned, and {settled} would be settled."
    )


class ChargebackWonBack(Refusal):
    code = "not_reversible"
    sentence = (
        "The entry {entry} can't be taken back: {represented} {asset} of the chargebacks of the"
        " authorization {authorization} were represented, and {charged_back} would be left of them."
    )


class NoHoldToRestore(Refusal):
    code = "not_reversible"
    sentence = "The entry {entry} settled no hold that could be restored."


class Recount(Struct, frozen=True):
    """An authorization before and after one of its entries was corrected."""

    authorization: str
    before: Authorization
    after: Authorization
    asset: Asset
    movement: Movement
    replaced_minor: int | None
    restored_minor: int

    def freed(self, books: Books) -> dict[str, int]:
        """Returns by how much the change of the hold alone raises what accounts have available."""
        change = minor_units(self.before.held) - minor_units(self.after.held)
        debit = find_account(books, self.before.debit)
        credit = find_account(books, self.before.credit)
        freed = {}
        if not debit.debit_normal:
            freed[debit.code] = change
        if credit.debit_normal:
            freed[credit.code] = change
        return freed

    def event(
        self, *, corrects: str, reversal: str, replacement: str | None
    ) -> AuthorizationCorrected:
        """Returns what goes to the authorization's stream."""
        scale, replaced, restored = self.asset.scale, self.replaced_minor, self.restored_minor
        return AuthorizationCorrected(
            amount=self.movement.amount,
            entry=reversal,
            corrects=corrects,
            authorization=self.after,
            replacement=replacement,
            replacement_amount=None if replaced is None else format_amount(replaced, scale),
            restored=format_amount(restored, scale) if restored else None,
        )

    @property
    def replacement(self) -> Movement | None:
        """What the replacement counts as."""
        if self.replaced_minor is None:
            return None
        amount = format_amount(self.replaced_minor, self.asset.scale)
        return Movement(self.movement.kind, amount)


def check_restorable(books: Books, entry: str, posted: EntryPosted) -> None:
    """Raises NoHoldToRestore, AuthorizationIsClosed, AuthorizationHasExpired."""
    movement, authorization = posted.movement, posted.authorization
    if authorization is None or movement is None or movement.kind != "settlement":
        raise NoHoldToRestore(entry=entry)
    check_still_open(find_authorization(books, authorization), authorization)


def recount(
    books: Books,
    entry: str,
    posted: EntryPosted,
    *,
    lines: Sequence[Line] | None = None,
    restore_hold: bool = False,
) -> Recount | None:
    """Returns what the correction of an entry leaves of its authorization; None where it has none.

    `lines`: of the replacement. Raises OverSettlement, RefundTooLarge, NotReversible.
    """
    authorization, movement = posted.authorization, posted.movement
    if authorization is None or movement is None:
        return None
    before = find_authorization(books, authorization)
    asset = find_asset(books, before.asset)
    replaced = None if lines is None else _moved(before, movement.kind, lines)
    counter = COUNTERS[movement.kind]
    change = (replaced or 0) - minor_units(movement.amount)
    total = minor_units(getattr(before, counter)) + change
    after = replace(before, **{counter: format_amount(total, asset.scale)})
    _check_counters(entry, authorization, before, after, asset, change)
    restored = 0
    if movement.kind == "settlement":
        room = max(0, minor_units(after.authorized) - minor_units(after.settled))
        held = minor_units(before.held)
        if restore_hold:
            restored = min(-change, max(0, room - held))
        # A larger settlement takes what it needs out of the hold.
        held = min(held + restored, room)
        after = replace(after, held=format_amount(held, asset.scale))
    return Recount(authorization, before, after, asset, movement, replaced, restored)


def _moved(state: Authorization, kind: MovementKind, lines: Sequence[Line]) -> int:
    """What lines count: what they move on the account that pays, or where they do not touch it
    (another payer, suspense) all that they debit in the asset."""
    out = kind in ("settlement", "representment")
    ours = [line for line in lines if line.asset.code == state.asset]
    paying = [line for line in ours if line.account.code == state.debit]
    if paying:
        return max(0, sum(line.minor if line.debit == out else -line.minor for line in paying))
    return sum(line.minor for line in ours if line.debit)


def _check_counters(
    entry: str,
    authorization: str,
    before: Authorization,
    after: Authorization,
    asset: Asset,
    change: int,
) -> None:
    settled = minor_units(after.settled)
    if after.settled != before.settled and change > 0 and settled > after.ceiling_minor:
        remaining = max(0, after.ceiling_minor - minor_units(before.settled))
        raise OverSettlement(
            remaining=format_amount(remaining, asset.scale),
            asked=format_amount(change, asset.scale),
            asset=asset.code,
        )
    lost = minor_units(after.charged_back) < minor_units(after.represented)
    if after.returned_minor <= settled and not lost:
        return
    if change > 0:
        left = minor_units(before.settled) - before.returned_minor
        if after.represented != before.represented:
            left = minor_units(before.charged_back) - minor_units(before.represented)
        raise RefundTooLarge(
            returnable=format_amount(left, asset.scale),
            asked=format_amount(change, asset.scale),
            asset=asset.code,
        )
    if lost:
        raise ChargebackWonBack(
            entry=entry,
            authorization=authorization,
            represented=after.represented,
            charged_back=after.charged_back,
            asset=asset.code,
        )
    raise NotReversible(
        entry=entry,
        authorization=authorization,
        returned=format_amount(after.returned_minor, asset.scale),
        settled=after.settled,
        asset=asset.code,
    )
