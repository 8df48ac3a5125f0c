"""Bodies of commands that stop an account, and of those that bound what it may give away."""

from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.limits import SetLimit
from interface.http.fields import POSITION_MAX, Amount, Choice, Text, Uuid, Whole
from interface.http.schemas import ACCOUNT_CODE_MAX, ASSET_CODE_MAX, ID_MAX, Body, Errors

PERS = ("authorization", "day", "month")


class FreezeAccountBody(Body):
    """Stops one side of an account or both; with an amount it is a lien, which stops nothing and
    keeps so much from being available."""

    makes = FreezeAccount
    target = "account"

    scope = Choice(("all", "debits", "credits"), allow_none=True)
    basis = Choice(("administrative", "legal"), allow_none=True)
    amount = Amount(allow_none=True)
    authority_reference = Text(ID_MAX, allow_none=True)


class UnfreezeAccountBody(Body):
    """Lifts a freeze; its id may be left out while one stands."""

    makes = UnfreezeAccount
    target = "account"

    freeze_id = Uuid(allow_none=True)


class SetLimitBody(Body):
    """How much of an asset, or how often, an account may give: an authorization (an amount), a day
    or a month. What stands is replaced and counts on; without amount and count it is lifted."""

    makes = SetLimit

    account = Text(ACCOUNT_CODE_MAX, required=True)
    per = Choice(PERS, required=True)
    asset = Text(ASSET_CODE_MAX, allow_none=True)
    amount = Amount(allow_none=True)
    count = Whole(0, POSITION_MAX, allow_none=True)

    @staticmethod
    def rule(command: SetLimit) -> Errors | None:
        """Of one authorization there is nothing to count."""
        if command.per == "authorization" and command.count is not None:
            return {"count": ["Goes with day or month."]}
        return None
