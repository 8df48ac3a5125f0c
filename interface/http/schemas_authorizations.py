"""Bodies of commands about authorizations: from the hold to what is charged back."""

from domain.authorizations import Authorize, Settle
from domain.commands import REASONS
from domain.hold_ends import Release, Void
from domain.holds import Network
from domain.increments import Increment, Reduce
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Chargeback, Refund, Representment
from interface.http.fields import Amount, Choice, Day, Flag, Moment, Part, Text, Uuid, Whole
from interface.http.schemas import (
    ACCOUNT_CODE_MAX,
    ASSET_CODE_MAX,
    ID_MAX,
    Body,
    Errors,
    Member,
)

HUNDRED_YEARS_SECONDS = 3_155_760_000
PERCENT = r"[0-9]{1,4}(\.[0-9]{1,4})?"


class NetworkMember(Member):
    """What the payment network says of an authorization."""

    makes = Network

    scheme = Text(ID_MAX, allow_none=True)
    reference = Text(ID_MAX, allow_none=True)
    approval_code = Text(ID_MAX, allow_none=True)
    merchant_id = Text(ID_MAX, allow_none=True)
    mcc = Text(ID_MAX, allow_none=True)


class AuthorizeBody(Body):
    """A hold: it reserves funds and moves none. It never expires where nothing says when."""

    makes = Authorize

    debit = Text(ACCOUNT_CODE_MAX, required=True)
    credit = Text(ACCOUNT_CODE_MAX, required=True)
    amount = Amount(required=True)
    asset = Text(ASSET_CODE_MAX, required=True)
    id = Uuid(allow_none=True)
    expires_in_seconds = Whole(-HUNDRED_YEARS_SECONDS, HUNDRED_YEARS_SECONDS, allow_none=True)
    expires_at = Moment(allow_none=True)
    over_settle_percent = Text(9, pattern=PERCENT, allow_none=True)
    network = Part(NetworkMember, allow_none=True)

    @staticmethod
    def rule(command: Authorize) -> Errors | None:
        """There is one moment at which it expires."""
        if command.expires_in_seconds is not None and command.expires_at is not None:
            return {"expires_at": ["Give this or expires_in_seconds."]}
        return None


class IncrementBody(Body):
    """Adds to a hold, which is checked like a new one."""

    makes = Increment
    target = "authorization"

    amount = Amount(required=True)


class ReduceBody(Body):
    """Takes a part of a hold back; to zero, with nothing settled, it is a void."""

    makes = Reduce
    target = "authorization"

    amount = Amount(required=True)


class SettleBody(Body):
    """Posts a part of a hold; without `amount` all that remains of it."""

    makes = Settle
    target = "authorization"

    amount = Amount(allow_none=True)
    final = Flag(allow_none=True)
    effective_on = Day(allow_none=True)


class VoidBody(Body):
    """Takes a hold back of which nothing was settled."""

    makes = Void
    target = "authorization"


class ReleaseBody(Body):
    """Gives back what remains held."""

    makes = Release
    target = "authorization"


class SettleMandatoryBody(Body):
    """Posts what a network has cleared, whatever stands in the way, and lists what did.

    Accounts and asset may be left out where an authorization says them.
    """

    makes = SettleMandatory

    amount = Amount(required=True)
    debit = Text(ACCOUNT_CODE_MAX, allow_none=True)
    credit = Text(ACCOUNT_CODE_MAX, allow_none=True)
    asset = Text(ASSET_CODE_MAX, allow_none=True)
    authorization = Uuid(allow_none=True)
    effective_on = Day(allow_none=True)
    network = Part(NetworkMember, allow_none=True)

    @staticmethod
    def rule(command: SettleMandatory) -> Errors | None:
        """Something says from where to where."""
        if command.authorization is not None:
            return None
        missing = [name for name in ("debit", "credit", "asset") if getattr(command, name) is None]
        return {name: ["Needed without an authorization."] for name in missing} or None


class _ReturnBody(Body):
    target = "authorization"

    amount = Amount(required=True)
    reason = Choice(REASONS, required=True)  # type: ignore[assignment]  # narrower


class RefundBody(_ReturnBody):
    """The merchant gives back a part of what was settled."""

    makes = Refund


class ChargebackBody(_ReturnBody):
    """The network takes back a part of what was settled."""

    makes = Chargeback


class RepresentmentBody(_ReturnBody):
    """What was charged back is won back, in part or all."""

    makes = Representment
