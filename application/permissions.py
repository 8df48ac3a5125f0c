"""Which role may do what: the one table."""

from collections.abc import Iterable

from application.outcomes import Caller
from domain.access import IssueKey, ListLedger, RecordActor, RevokeKey
from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.assets import RegisterAsset
from domain.authorizations import Authorize, Settle
from domain.baselines import ApproveBaseline, SetBaseline
from domain.closes import (
    AbandonClose,
    ClosePeriod,
    ConcludeClose,
    FilePeriod,
    ReopenPeriod,
    SoftClosePeriod,
)
from domain.commands import Command, Standing
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.erasures import (
    EraseAccountTexts,
    EraseAuthorizationTexts,
    EraseEntryTexts,
    EraseEventTexts,
)
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import ExpireHold, Release, Void
from domain.increments import Increment, Reduce
from domain.journals import OpenJournal
from domain.ledgers import CreateLedger, LockBooks
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from domain.rates import RecordRate
from domain.refunds import Chargeback, Refund, Representment
from domain.refusals import Forbidden
from domain.revaluations import AbandonRevaluation, PostRevaluation, Revalue
from domain.signing_keys import AddSigningKey, AddWitness, ContinueLedger, RetireSigningKey
from domain.statements import StateAccount

ROLES = ("operator", "controller", "clerk", "approver", "compliance", "auditor")

READ_LEDGER = frozenset(ROLES)
READ_EVENTS = frozenset({"auditor", "compliance", "controller"})

_OPERATOR = frozenset({"operator"})
_CONTROLLER = frozenset({"controller"})
_CLERK = frozenset({"clerk", "controller"})
_WATCH = frozenset({"compliance", "controller"})

MAY: dict[type[Command], frozenset[str]] = {
    CreateLedger: _OPERATOR,
    ListLedger: _OPERATOR,
    RecordActor: _OPERATOR,
    IssueKey: _OPERATOR,
    RevokeKey: _OPERATOR,
    ExpireHold: _OPERATOR,
    AddSigningKey: _OPERATOR,
    RetireSigningKey: _OPERATOR,
    AddWitness: _OPERATOR,
    ContinueLedger: _OPERATOR,
    ConcludeClose: _OPERATOR,
    AbandonClose: _OPERATOR,
    LockBooks: _CONTROLLER,
    SoftClosePeriod: _CONTROLLER,
    ClosePeriod: _CONTROLLER,
    ReopenPeriod: _CONTROLLER | {"approver"},
    FilePeriod: _CONTROLLER,
    PostRevaluation: _OPERATOR,
    AbandonRevaluation: _OPERATOR,
    RecordRate: _CONTROLLER,
    Revalue: _CONTROLLER,
    RegisterAsset: _CONTROLLER,
    OpenJournal: _CONTROLLER,
    OpenAccount: _CONTROLLER,
    AmendAccount: _CONTROLLER,
    CloseAccount: _CONTROLLER,
    FreezeAccount: _CONTROLLER,
    UnfreezeAccount: _CONTROLLER,
    SetLimit: _CONTROLLER,
    StateAccount: _CONTROLLER,
    SetBaseline: _WATCH,
    ApproveBaseline: _WATCH | {"approver"},
    EraseEntryTexts: _WATCH,
    EraseAuthorizationTexts: _WATCH,
    EraseAccountTexts: _WATCH,
    EraseEventTexts: _WATCH,
    Post: _CLERK,
    Reverse: _CLERK,
    Adjust: _CLERK,
    Authorize: _CLERK,
    Increment: _CLERK,
    Reduce: _CLERK,
    Settle: _CLERK,
    Void: _CLERK,
    Release: _CLERK,
    SettleMandatory: _CONTROLLER,
    Refund: _CLERK,
    Chargeback: _CLERK,
    Representment: _CLERK,
}


def check(command: Command, by: Caller) -> None:
    """Raises Forbidden where none of the caller's roles may send the command.

    A network's own feed may send mandatory settlements whatever its roles are; who else may, says
    why. Nobody asks themselves to approve a baseline.
    """
    needed = MAY[type(command)]
    if isinstance(command, SettleMandatory):
        if by.network_feed:
            return
        if command.reason is None:
            raise Forbidden(do=_tag(command), needed="a network feed's key, or a reason")
    if by.roles.isdisjoint(needed):
        raise Forbidden(do=_tag(command), needed=one_of(needed))
    if (
        isinstance(command, SetBaseline)
        and command.approver is not None
        and command.approver in (by.actor, command.on_behalf_of)
    ):
        raise Forbidden(do=_tag(command), needed="an approver who is not its author")


def standing_of(by: Caller) -> Standing:
    """Returns which shut days are open to the caller."""
    if "controller" not in by.roles:
        return "clerk"
    return "closing" if by.channel == "worker" else "controller"


def _tag(command: Command) -> str:
    return str(command.__struct_config__.tag)


def one_of(roles: Iterable[str]) -> str:
    """Returns the roles as a sentence has them: `clerk or controller`."""
    return " or ".join(sorted(roles))
