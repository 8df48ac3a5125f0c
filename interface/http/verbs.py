"""What a client may do by one route each: how its body is read, and how its answer is made."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from application.outcomes import Outcome
from application.private import PrivateText
from domain.accounts import AccountOpened
from domain.commands import Command
from domain.entries import EntryPosted
from domain.freezes import AccountFrozen, AccountUnfrozen
from interface.http.accounts import account_shown, fold_account
from interface.http.authorizations import authorization_shown, read_history
from interface.http.baselines import baseline_shown
from interface.http.books import asset_shown, journal_shown, ledger_shown
from interface.http.door import Door
from interface.http.entries import entry_shown
from interface.http.exchange import asked_for, rate_shown
from interface.http.limits import limit_shown
from interface.http.loading import Loader
from interface.http.periods import period_changed
from interface.http.schemas import (
    AmendAccountBody,
    Body,
    CloseAccountBody,
    CreateLedgerBody,
    LockBooksBody,
    OpenAccountBody,
    OpenJournalBody,
    RegisterAssetBody,
    StateAccountBody,
)
from interface.http.schemas_authorizations import (
    AuthorizeBody,
    ChargebackBody,
    IncrementBody,
    ReduceBody,
    RefundBody,
    ReleaseBody,
    RepresentmentBody,
    SettleBody,
    SettleMandatoryBody,
    VoidBody,
)
from interface.http.schemas_baselines import ApproveBaselineBody, SetBaselineBody
from interface.http.schemas_erasures import (
    EraseAccountBody,
    EraseAuthorizationBody,
    EraseEntryBody,
    EraseEventBody,
)
from interface.http.schemas_periods import (
    ClosePeriodBody,
    FilePeriodBody,
    ReopenPeriodBody,
    SoftClosePeriodBody,
)
from interface.http.schemas_postings import AdjustBody, PostBody, ReverseBody
from interface.http.schemas_rates import RecordRateBody, RevalueBody
from interface.http.schemas_stops import FreezeAccountBody, SetLimitBody, UnfreezeAccountBody
from interface.http.streams import TEXTS, Stored, has_texts, read_stream, read_texts
from interface.http.viewing import read_own

Shown = dict[str, Any]


class Written(NamedTuple):
    """The records of a command that was done in a ledger, now or before.

    `before`: what came before on their hold, None where that is to be read. `is_judgement`: they
    are what would be recorded.
    """

    door: Door
    ledger: str
    stored: Sequence[Stored]
    before: Sequence[Stored] | None = None
    is_judgement: bool = False

    @property
    def event(self) -> Any:
        """The first of its events."""
        return self.stored[0].record.payload


Show = Callable[[Written], Shown]
"""Makes the body of the answer, to which the receipt comes."""


def _reads(outcome: Outcome) -> bool:
    return outcome.code is None


def _never_reads(_: Outcome) -> bool:
    return False


def _reads_stream(outcome: Outcome) -> bool:
    """False where the thing is new: its stream has nothing else."""
    return outcome.code is None and outcome.stored[-1].version > 1


def _reads_hold(outcome: Outcome) -> bool:
    """False where the whole history of the hold is at hand, and came without texts, which may be
    erased at any time."""
    if outcome.before is None and _reads_stream(outcome):
        return True
    states = (outcome.stored[-1].state, *(outcome.before or ())) if outcome.code is None else ()
    return any(TEXTS in state for state in states)


class Verb(NamedTuple):
    """What a client may do by one route: how its body is read, and its answer made."""

    loader: Loader
    status: int
    show: Show
    conditional: bool = False
    """The command may depend on the version that If-Match names."""
    reads: Callable[[Outcome], bool] = _reads
    """Whether the answer may have to be read from the database."""


def _show_ledger(written: Written) -> Shown:
    return ledger_shown(written.event)


def _show_lock(written: Written) -> Shown:
    return {"through": written.event.through, "before": written.event.before}


def _show_period(written: Written) -> Shown:
    # Of several that are open again, the one that was asked for is the last.
    event = written.stored[-1].record.payload
    with written.door.ledgers.reader(written.ledger) as connection:
        return period_changed(read_own(connection), event)


def _show_asset(written: Written) -> Shown:
    return asset_shown(written.event)


def _show_journal(written: Written) -> Shown:
    return journal_shown(written.event)


def _show_account(written: Written) -> Shown:
    event = written.event
    code = event.code if isinstance(event, AccountOpened) else event.account
    shown = account_shown(fold_account(_history(written), code))
    if isinstance(event, AccountFrozen | AccountUnfrozen):
        shown["freeze_id"] = event.freeze_id
    return shown


def _show_limit(written: Written) -> Shown:
    return limit_shown(written.event)


def _show_stated(written: Written) -> Shown:
    event = written.event
    return {
        "account": event.account,
        "asset": event.asset,
        "lines": event.lines,
        "balance": event.balance,
    }


def _show_baseline(written: Written) -> Shown:
    return baseline_shown([stored.record for stored in _history(written)])


def _show_rate(written: Written) -> Shown:
    return rate_shown(written.stored[0].record.stream, written.event)


def _show_revaluation(written: Written) -> Shown:
    return asked_for(written.stored[0].record.stream, written.event)


def _show_entry(written: Written) -> Shown:
    return entry_shown(written.stored[0])


def _show_erased(written: Written) -> Shown:
    return {"erased": written.event.erased}


def _show_adjustment(written: Written) -> Shown:
    reversal, replacement, *_ = written.stored
    return {
        **entry_shown(replacement),
        "reversal": reversal.record.stream,
        "replacement": replacement.record.stream,
    }


def _show_authorization(written: Written) -> Shown:
    last = written.stored[-1]
    history = [*(written.before or ()), last]
    if len(history) < last.record.version:
        with written.door.ledgers.reader(written.ledger) as connection:
            history = read_history(connection, last.record.stream, up_to=last)
    texts = {}
    # At the position of what would be recorded another command's record may stand by now.
    recorded = history[:-1] if written.is_judgement else history
    if has_texts(recorded):
        with written.door.ledgers.reader(written.ledger) as connection:
            texts = read_texts(connection, recorded)
    if written.is_judgement:
        texts[last.record.position] = PrivateText()  # not written, so not gone
    shown = authorization_shown(history, texts)
    if isinstance(written.event, EntryPosted):
        shown["entry"] = written.stored[0].record.stream
    return shown


def _history(written: Written) -> list[Stored]:
    """Returns the stream of the command's last record up to it, so that a replay shows what was
    shown first."""
    last = written.stored[-1]
    version = last.record.version
    if version == 1:
        return [last]
    with written.door.ledgers.reader(written.ledger) as connection:
        return [*read_stream(connection, last.record.stream, before_version=version), last]


def _verb(
    body: type[Body],
    status: int,
    show: Show,
    *,
    conditional: bool = False,
    reads: Callable[[Outcome], bool] = _reads,
) -> tuple[type[Command], Verb]:
    return body.makes, Verb(Loader(body), status, show, conditional, reads)


VERBS: dict[type[Command], Verb] = dict(
    (
        _verb(CreateLedgerBody, 201, _show_ledger),
        _verb(LockBooksBody, 200, _show_lock),
        _verb(SoftClosePeriodBody, 200, _show_period),
        _verb(ClosePeriodBody, 200, _show_period),
        _verb(ReopenPeriodBody, 200, _show_period),
        _verb(FilePeriodBody, 200, _show_period),
        _verb(RegisterAssetBody, 201, _show_asset),
        _verb(OpenJournalBody, 201, _show_journal),
        _verb(OpenAccountBody, 201, _show_account, reads=_reads_stream),
        _verb(AmendAccountBody, 200, _show_account, conditional=True),
        _verb(CloseAccountBody, 200, _show_account, conditional=True),
        _verb(FreezeAccountBody, 200, _show_account),
        _verb(UnfreezeAccountBody, 200, _show_account),
        _verb(SetLimitBody, 200, _show_limit),
        _verb(StateAccountBody, 200, _show_stated),
        _verb(SetBaselineBody, 200, _show_baseline),
        _verb(ApproveBaselineBody, 200, _show_baseline),
        _verb(EraseEntryBody, 200, _show_erased),
        _verb(EraseAuthorizationBody, 200, _show_erased),
        _verb(EraseAccountBody, 200, _show_erased),
        _verb(EraseEventBody, 200, _show_erased),
        _verb(RecordRateBody, 200, _show_rate),
        _verb(RevalueBody, 200, _show_revaluation),
        _verb(PostBody, 201, _show_entry, reads=_never_reads),
        _verb(ReverseBody, 201, _show_entry, reads=_never_reads),
        _verb(AdjustBody, 201, _show_adjustment, reads=_never_reads),
        _verb(AuthorizeBody, 201, _show_authorization, reads=_reads_hold),
        _verb(IncrementBody, 200, _show_authorization, reads=_reads_hold),
        _verb(ReduceBody, 200, _show_authorization, reads=_reads_hold),
        _verb(SettleBody, 201, _show_authorization, reads=_reads_hold),
        _verb(VoidBody, 200, _show_authorization, reads=_reads_hold),
        _verb(ReleaseBody, 200, _show_authorization, reads=_reads_hold),
        _verb(RefundBody, 201, _show_authorization, reads=_reads_hold),
        _verb(ChargebackBody, 201, _show_authorization, reads=_reads_hold),
        _verb(RepresentmentBody, 201, _show_authorization, reads=_reads_hold),
        _verb(SettleMandatoryBody, 201, _show_authorization, reads=_reads_hold),
    )
)
"""The command of each single route, and its answer."""
