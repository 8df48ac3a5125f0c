"""The tables of the domain: which decision a command takes, which event has which name and effect.

To add a command: its Struct and decision in the file of its noun, a row in `DECISIONS`. To add an
event: its Struct and evolve function there, rows in `EVENTS` and `EVOLVE`. An event's name is
permanent, its version counts its released shapes.
"""

from collections.abc import Callable
from typing import Any

from domain import (
    access,
    accounts,
    amendments,
    assets,
    authorizations,
    baselines,
    closes,
    corrections,
    entries,
    erasures,
    freezes,
    hold_ends,
    holds,
    increments,
    journals,
    ledgers,
    limits,
    mandatory_settlements,
    periods,
    rates,
    refunds,
    revaluations,
    signing_keys,
    statements,
)
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream


class CommandRefused(Event, frozen=True, kw_only=True):
    """A refusal is an event too, in a stream of its own: what was asked, why it was turned down."""

    do: str
    code: str
    detail: str
    facts: dict[str, str | int | bool | None]


Decision = Callable[[Books, Any, At, NewStream], Decided]
Evolve = Callable[[Books, str, Any], None]

DECISIONS: dict[type[Command], Decision] = {
    ledgers.CreateLedger: ledgers.create,
    ledgers.LockBooks: ledgers.lock,
    closes.SoftClosePeriod: closes.soft_close,
    closes.ClosePeriod: closes.close,
    closes.ConcludeClose: closes.conclude,
    closes.AbandonClose: closes.abandon,
    closes.ReopenPeriod: closes.reopen,
    closes.FilePeriod: closes.file,
    assets.RegisterAsset: assets.register,
    journals.OpenJournal: journals.open_journal,
    accounts.OpenAccount: accounts.open_account,
    amendments.AmendAccount: amendments.amend,
    accounts.CloseAccount: accounts.close,
    freezes.FreezeAccount: freezes.freeze,
    freezes.UnfreezeAccount: freezes.unfreeze,
    limits.SetLimit: limits.set_limit,
    statements.StateAccount: statements.state,
    baselines.SetBaseline: baselines.set_baseline,
    baselines.ApproveBaseline: baselines.approve,
    entries.Post: entries.post,
    rates.RecordRate: rates.record,
    revaluations.Revalue: revaluations.revalue,
    revaluations.PostRevaluation: revaluations.post_revaluation,
    revaluations.AbandonRevaluation: revaluations.abandon,
    corrections.Reverse: corrections.reverse,
    corrections.Adjust: corrections.adjust,
    authorizations.Authorize: authorizations.authorize,
    authorizations.Settle: authorizations.settle,
    increments.Increment: increments.increment,
    increments.Reduce: increments.reduce,
    hold_ends.Void: hold_ends.void,
    hold_ends.Release: hold_ends.release,
    hold_ends.ExpireHold: hold_ends.expire_hold,
    mandatory_settlements.SettleMandatory: mandatory_settlements.settle_mandatory,
    refunds.Refund: refunds.refund,
    refunds.Chargeback: refunds.charge_back,
    refunds.Representment: refunds.represent,
    erasures.EraseEntryTexts: erasures.erase_entry,
    erasures.EraseAuthorizationTexts: erasures.erase_authorization,
    erasures.EraseAccountTexts: erasures.erase_account,
    erasures.EraseEventTexts: erasures.erase_event,
    access.ListLedger: access.list_ledger,
    access.RecordActor: access.record_actor,
    access.IssueKey: access.issue_key,
    access.RevokeKey: access.revoke_key,
    signing_keys.AddSigningKey: signing_keys.add_signing_key,
    signing_keys.RetireSigningKey: signing_keys.retire_signing_key,
    signing_keys.AddWitness: signing_keys.add_witness,
    signing_keys.ContinueLedger: signing_keys.continue_ledger,
}


def _no_effect(books: Books, stream: str, event: Event) -> None:
    """A refusal changes nothing."""


EVOLVE: dict[type[Event], Evolve] = {
    CommandRefused: _no_effect,
    ledgers.LedgerCreated: ledgers.evolve_created,
    ledgers.BooksLocked: ledgers.evolve_locked,
    periods.PeriodSoftClosed: periods.evolve_soft_closed,
    periods.PeriodClosing: periods.evolve_closing,
    periods.PeriodClosed: periods.evolve_closed,
    periods.CloseAbandoned: periods.evolve_abandoned,
    periods.PeriodReopenAsked: periods.evolve_reopen_asked,
    periods.PeriodReopened: periods.evolve_reopened,
    periods.PeriodFiled: periods.evolve_filed,
    assets.AssetRegistered: assets.evolve,
    journals.JournalOpened: journals.evolve,
    accounts.AccountOpened: accounts.evolve_opened,
    amendments.AccountAmended: amendments.evolve_amended,
    accounts.AccountClosed: accounts.evolve_closed,
    freezes.AccountFrozen: freezes.evolve_frozen,
    freezes.AccountUnfrozen: freezes.evolve_unfrozen,
    limits.LimitSet: limits.evolve_set,
    limits.LimitLifted: limits.evolve_lifted,
    statements.AccountStated: statements.evolve,
    baselines.BaselineSet: baselines.evolve_set,
    baselines.BaselineApproved: baselines.evolve_approved,
    rates.RateRecorded: rates.evolve,
    revaluations.RevaluationAsked: revaluations.evolve_asked,
    revaluations.RevaluationPosted: revaluations.evolve_ended,
    revaluations.RevaluationAbandoned: revaluations.evolve_ended,
    entries.EntryPosted: entries.evolve_posted,
    entries.EntryReversed: entries.evolve_reversed,
    entries.EntryAdjusted: entries.evolve_adjusted,
    holds.AuthorizationOpened: holds.evolve,
    holds.AuthorizationSettled: holds.evolve,
    holds.AuthorizationForceSettled: mandatory_settlements.evolve,
    holds.AuthorizationIncremented: holds.evolve,
    holds.AuthorizationReduced: holds.evolve,
    holds.AuthorizationRefunded: holds.evolve,
    holds.AuthorizationChargedBack: holds.evolve,
    holds.AuthorizationRepresented: holds.evolve,
    holds.AuthorizationCorrected: holds.evolve,
    holds.AuthorizationVoided: holds.evolve,
    holds.AuthorizationReleased: holds.evolve,
    holds.AuthorizationExpired: holds.evolve,
    erasures.PrivateTextErased: erasures.evolve,
    access.LedgerListed: access.evolve_listed,
    access.ActorRecorded: access.evolve_recorded,
    access.KeyIssued: access.evolve_issued,
    access.KeyRevoked: access.evolve_revoked,
    signing_keys.SigningKeyAdded: signing_keys.evolve_added,
    signing_keys.SigningKeyRetired: signing_keys.evolve_retired,
    signing_keys.WitnessAdded: signing_keys.evolve_witness,
    signing_keys.LedgerContinued: signing_keys.evolve_continued,
}

EVENTS: dict[type[Event], int] = dict.fromkeys(EVOLVE, 1) | {
    accounts.AccountOpened: 2,
    amendments.AccountAmended: 2,
    baselines.BaselineSet: 3,
    baselines.BaselineApproved: 2,
    periods.PeriodReopenAsked: 2,
    periods.PeriodReopened: 2,
    entries.EntryPosted: 4,
    holds.AuthorizationOpened: 3,
    holds.AuthorizationSettled: 3,
    holds.AuthorizationVoided: 3,
    holds.AuthorizationReleased: 3,
    holds.AuthorizationExpired: 3,
    holds.AuthorizationForceSettled: 2,
    holds.AuthorizationIncremented: 2,
    holds.AuthorizationReduced: 2,
    holds.AuthorizationRefunded: 2,
    holds.AuthorizationChargedBack: 2,
    holds.AuthorizationRepresented: 2,
    holds.AuthorizationCorrected: 2,
}
"""The current version of each event; its permanent name is the name of its Struct."""
